//! Accepting connections on one socket, in one thread.

use crate::config::source::errno;
use crate::http::accept;
use crate::http::connection::{Front, Peer};
use crate::http::worker::Worker;
use crate::log::{self, Level};
use crate::net::address::Addr;
use crate::net::stream::Stream;
use crate::net::watched::Watched;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::Socket;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::Interest;
use tokio::sync::Notify;

/// How long a thread that has run out of descriptors waits for some to become free.
const PAUSE: Duration = Duration::from_millis(500);

/// A socket on which a thread accepts. Dropping it ends that, once what waits already has been accepted.
pub struct Acceptor {
    /// Tells sockets apart: two descriptors of one socket have the same number.
    pub inode: u64,
    /// What it accepts for: the cycle in force, or the last one in which its address was listened on.
    front: Rc<RefCell<Front>>,
    closing: Rc<Notify>,
}

impl Acceptor {
    /// Begins to accept.
    pub fn start(
        worker: Rc<Worker>,
        addr: &Addr,
        socket: &Socket,
        front: Front,
    ) -> io::Result<Acceptor> {
        let inode = inode(socket)?;
        let socket = socket.try_clone()?;
        let listener = Listener {
            socket: Watched::new(socket.into()),
            unix: matches!(addr, Addr::Unix(_)),
        };
        let (front, closing) = (Rc::new(RefCell::new(front)), Rc::new(Notify::new()));
        let task = Loop {
            worker,
            listener,
            front: Rc::clone(&front),
        };
        tokio::task::spawn_local(task.run(Rc::clone(&closing)));
        Ok(Acceptor {
            inode,
            front,
            closing,
        })
    }

    /// Sets what connections are accepted for from now on.
    pub fn serve_for(&self, front: Front) {
        self.front.replace(front);
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

/// A listening socket.
struct Listener {
    socket: Watched,
    unix: bool,
}

impl Listener {
    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        loop {
            ready!(self.socket.poll_readable(cx))?;
            let accept = || acceptfrom_with(&self.socket, flags);
            let (socket, from) = match self.socket.attempt(Interest::READABLE, accept) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
                accepted => accepted?,
            };
            let address = from.and_then(|from| SocketAddr::try_from(from).ok());
            let peer = match (self.unix, address) {
                (true, _) => Peer::Unix,
                (false, Some(address)) => Peer::Inet(address),
                // Rules about addresses must not take it for somebody else.
                (false, None) => return Poll::Ready(Err(Errno::CONNABORTED.into())),
            };
            return Poll::Ready(Ok((Stream::accepted(socket, self.unix), peer)));
        }
    }
}

struct Loop {
    worker: Rc<Worker>,
    listener: Listener,
    front: Rc<RefCell<Front>>,
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
                let room = &self.worker.room;
                let Some(place) = room.take(&self.worker.connections) else {
                    let most = room.most();
                    let message = format_args!("{most} worker_connections are not enough");
                    log::event(Level::Alert, message);
                    return Next::Accept;
                };
                let (worker, front) = (Rc::clone(&self.worker), self.front.borrow().clone());
                self.worker.open.spawn(place, |ended| {
                    accept::serve(worker, stream, front, peer, ended)
                });
                Next::Accept
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&self, error: &io::Error) -> Next {
        let (level, next) = match Errno::from_io_error(error) {
            Some(Errno::CONNABORTED) => (Level::Error, Next::Accept),
            Some(Errno::MFILE | Errno::NFILE) => {
                // Connections that only wait hold some of those that are missing.
                self.worker.connections.drain();
                (Level::Crit, Next::Pause)
            }
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
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
