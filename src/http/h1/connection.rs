//! The loop of a connection: wait for a request, serve it, wait for the next. While it waits it holds no buffer, and
//! its future is small: ten thousand idle connections should cost little more than what the kernel keeps for them.

use super::exchange::{self, Next};
use super::io::{Io, IoError};
use super::linger;
use crate::clock;
use crate::http::conf::Held;
use crate::http::connection::{Client, Front, Peer};
use crate::http::router;
use crate::http::stats::{self, Doing};
use crate::http::worker::Worker;
use crate::net::stream::Stream;
use std::cell::{Cell, OnceCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Serves HTTP/1.x on a connection until it closes; then `guard` is dropped.
pub fn serve(
    worker: Rc<Worker>,
    stream: Stream,
    front: Front,
    peer: Peer,
    guard: impl Sized + 'static,
) -> impl Future<Output = ()> {
    let connection = Connection::new(worker, stream, front, peer);
    async move {
        let _guard = guard;
        if let Some(connection) = connection {
            connection.run().await;
        }
    }
}

struct Connection {
    worker: Rc<Worker>,
    client: Rc<Client>,
    io: Rc<Io>,
    place: usize,
    /// The configuration of the accept answers the first request if the one that is in force by then knows nothing of
    /// the address: who was let in is served.
    first: Cell<Option<Held>>,
    _counted: stats::Connection,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.worker.connections.leave(self.place);
    }
}

impl Connection {
    /// Takes a connection in; none if the address is no longer listened on.
    fn new(worker: Rc<Worker>, stream: Stream, front: Front, peer: Peer) -> Option<Connection> {
        let Front { http, listen } = front;
        let stream = Rc::new(stream);
        let mut peer_text = Vec::with_capacity(16);
        peer.write_ip(&mut peer_text);
        let client = Rc::new(Client {
            number: worker.connection_number(),
            requests: Cell::new(0),
            peer,
            peer_text: peer_text.into_boxed_slice(),
            listen,
            bound: http.router.bound(listen),
            local: OnceCell::new(),
            started_ms: clock::monotonic_ms(),
            watch: Cell::new(false),
            leaving: Cell::new(false),
            waiting: Cell::new(0),
            stream: Rc::clone(&stream),
        });
        let default = http.server(router::default_server(&http, &client)?);
        let io = Rc::new(Io::new(stream));
        io.read_within(default.core.client_header_timeout);
        let place = worker.connections.enter(&client);
        Some(Connection {
            worker,
            client,
            io,
            place,
            first: Cell::new(Some(http)),
            _counted: stats::connection(),
        })
    }

    async fn run(&self) {
        let mut wait = Wait::default();
        loop {
            let waiting = stats::enter(Doing::Waiting);
            let readable = wait.for_request(self).await;
            drop(waiting);
            if readable.is_err() {
                // Nobody asked for anything: no answer, no line in a log.
                return;
            }
            let mut head = self.worker.take_head();
            let first = match Rc::get_mut(&mut head) {
                Some(head) => exchange::first_bytes(&self.io, head),
                None => return,
            };
            match first {
                Ok(0) => return,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    // A new connection counts as readable until it was tried.
                    self.worker.give_head(head);
                    continue;
                }
                Err(_) => return,
            }
            let first = self.first.take();
            let answered = exchange::one(&self.worker, &self.client, &self.io, head, first);
            match Box::pin(answered).await {
                Next::Keep { timeout, least } => {
                    wait = Wait {
                        least,
                        rest: timeout.saturating_sub(least),
                    };
                    self.io.read_within(timeout.min(match least.is_zero() {
                        true => timeout,
                        false => least,
                    }));
                }
                Next::Linger { time, timeout } => {
                    crate::log::flush_thread();
                    return Box::pin(linger::linger(&self.io, time, timeout)).await;
                }
                Next::Close => return self.worker.close(&self.io.stream),
            }
        }
    }
}

/// How long to wait for a request: first for certain, then unless the server stops.
#[derive(Default)]
struct Wait {
    least: Duration,
    rest: Duration,
}

impl Wait {
    async fn for_request(&self, on: &Connection) -> Result<(), IoError> {
        if !self.least.is_zero() {
            let readable = std::future::poll_fn(|cx| on.io.poll_readable(cx)).await;
            let timed_out = matches!(readable, Err(IoError::TimedOut));
            if !timed_out || self.rest.is_zero() || on.worker.is_shutting_down() {
                return readable;
            }
            on.io.read_within(self.rest);
        }
        on.worker.connections.begin_wait(&on.client);
        let readable = std::future::poll_fn(|cx| on.io.poll_readable(cx)).await;
        on.worker.connections.end_wait(&on.client);
        readable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a task is like from outside.
    fn size<F>(_: impl FnOnce(Rc<Worker>, Stream, Front, Peer) -> F) -> usize {
        std::mem::size_of::<F>()
    }

    #[test]
    fn an_idle_connection_is_small() {
        let size = size(|worker, stream, front, peer| serve(worker, stream, front, peer, ()));
        assert!(size <= 256, "the future of a connection has {size} bytes");
    }
}
