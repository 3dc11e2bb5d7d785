//! Accepting connections on one socket, in one thread.

use crate::config::source::errno;
use crate::http::connection::{self, Peer};
use crate::http::worker::Worker;
use crate::log::{self, Level};
use crate::net::address::Addr;
use crate::net::stream::Stream;
use rustix::io::Errno;
use socket2::Socket;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// How long a thread that has run out of descriptors waits for some to become free.
const PAUSE: Duration = Duration::from_millis(500);

/// The connections of a thread.
#[derive(Default)]
pub struct Open {
    count: Cell<usize>,
    most: Cell<usize>,
    changed: Notify,
    /// Whether connections are kept track of one by one, so that they can be cut.
    tracked: Cell<bool>,
    next: Cell<u64>,
    tasks: RefCell<HashMap<u64, AbortHandle, foldhash::fast::FixedState>>,
}

impl Open {
    /// Sets how many there may be, and whether those to come shall be possible to cut.
    pub fn configure(&self, most: usize, tracked: bool) {
        self.most.set(most);
        self.tracked.set(tracked);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Returns when there are none.
    pub async fn none_left(&self) {
        while self.count.get() > 0 {
            self.changed.notified().await;
        }
    }

    /// The connections that there are now, to cut later whichever of them remain.
    pub fn all(&self) -> Vec<AbortHandle> {
        self.tasks.borrow().values().cloned().collect()
    }

    /// Runs a connection to its end.
    fn spawn<F>(self: &Rc<Self>, serve: impl FnOnce(Ended) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        let number = self.next.replace(self.next.get().wrapping_add(1));
        self.count.set(self.count.get().saturating_add(1));
        let ended = Ended {
            open: Rc::clone(self),
            number,
        };
        let task = tokio::task::spawn_local(serve(ended));
        if self.tracked.get() {
            self.tasks.borrow_mut().insert(number, task.abort_handle());
        }
    }
}

/// Counts a connection down however it ends.
struct Ended {
    open: Rc<Open>,
    number: u64,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let open = &self.open;
        open.count.set(open.count.get().saturating_sub(1));
        if open.tracked.get() || !open.tasks.borrow().is_empty() {
            open.tasks.borrow_mut().remove(&self.number);
        }
        if open.count.get() == 0 {
            open.changed.notify_waiters();
        }
    }
}

/// A socket on which a thread accepts. Dropping it ends that, once what waits already has been accepted.
pub struct Acceptor {
    /// Tells sockets apart: two descriptors of one socket have the same number.
    pub inode: u64,
    /// The number of the address in the cycle in force.
    listen: Rc<Cell<usize>>,
    closing: Rc<Notify>,
}

impl Acceptor {
    /// Begins to accept.
    pub fn start(
        worker: Rc<Worker>,
        open: Rc<Open>,
        addr: &Addr,
        socket: &Socket,
        listen: usize,
    ) -> io::Result<Acceptor> {
        let inode = inode(socket)?;
        let socket = socket.try_clone()?;
        let listener = match addr {
            Addr::Inet(_) => Listener::Tcp(TcpListener::from_std(socket.into())?),
            Addr::Unix(_) => Listener::Unix(UnixListener::from_std(socket.into())?),
        };
        let (listen, closing) = (Rc::new(Cell::new(listen)), Rc::new(Notify::new()));
        let task = Loop {
            worker,
            open,
            listener,
            listen: Rc::clone(&listen),
        };
        tokio::task::spawn_local(task.run(Rc::clone(&closing)));
        Ok(Acceptor {
            inode,
            listen,
            closing,
        })
    }

    /// Sets the number that connections are served with from now on.
    pub fn renumber(&self, listen: usize) {
        self.listen.set(listen);
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.closing.notify_one();
    }
}

/// What is the same for all descriptors of a socket.
pub fn inode(socket: &Socket) -> io::Result<u64> {
    Ok(rustix::fs::fstat(socket.as_fd())?.st_ino)
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok((Stream::Tcp(stream), Peer::Inet(peer)))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), Peer::Unix))
            }
        }
    }
}

struct Loop {
    worker: Rc<Worker>,
    open: Rc<Open>,
    listener: Listener,
    listen: Rc<Cell<usize>>,
}

impl Loop {
    async fn run(self, closing: Rc<Notify>) {
        let mut closed = pin!(closing.notified());
        loop {
            tokio::select! {
                biased;
                accepted = self.listener.accept() => {
                    if self.begin(accepted) == Next::Pause {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                () = &mut closed => break,
            }
        }
        // Clients that the kernel has let in already would otherwise see their connection reset.
        while let Some(accepted) = now(self.listener.accept()).await {
            if self.begin(accepted) == Next::Pause {
                break;
            }
        }
    }

    fn begin(&self, accepted: io::Result<(Stream, Peer)>) -> Next {
        match accepted {
            Ok((stream, peer)) => {
                let most = self.open.most.get();
                if self.open.count() >= most {
                    log::event(
                        Level::Alert,
                        format_args!("{most} worker_connections are not enough"),
                    );
                    return Next::Accept;
                }
                let worker = Rc::clone(&self.worker);
                let listen = self.listen.get();
                self.open
                    .spawn(|ended| connection::serve(worker, stream, listen, peer, ended));
                Next::Accept
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &io::Error) -> Next {
        let (level, next) = match Errno::from_io_error(error) {
            Some(Errno::CONNABORTED) => (Level::Error, Next::Accept),
            Some(Errno::MFILE | Errno::NFILE) => (Level::Crit, Next::Pause),
            _ => (Level::Alert, Next::Pause),
        };
        log::event(level, format_args!("accept4() failed ({})", errno(error)));
        next
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    Accept,
    Pause,
}

/// What a future has right now.
async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
