//! The loop of a connection: wait for a request, serve it, wait for the next. While it waits it holds no buffer, and
//! its future is small: ten thousand idle connections should cost little more than what the kernel keeps for them.

use super::exchange::{self, Next};
use super::idle::{self, Ended};
use super::io::{Io, IoError};
use super::linger;
use crate::http::accept::{Arrival, Seat};
use crate::http::conf::Held;
use crate::http::connection::Client;
use crate::http::h2::{self, preface};
use crate::http::head::Head;
use crate::http::stats::{self, Doing};
use crate::http::turn::behind_the_others;
use crate::log::ErrorLogs;
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// A connection on which HTTP/1.x is spoken.
pub struct Connection {
    seat: Seat,
    client: Rc<Client>,
    io: Rc<Io>,
    /// The configuration of the accept answers the first request if the one that is in force by then knows nothing of
    /// the address: who was let in is served.
    first: Cell<Option<Held>>,
}

impl Connection {
    /// Goes on with a connection that is about to make its first request.
    pub fn new(arrival: Arrival) -> Connection {
        let io = Rc::new(Io::new(Rc::clone(&arrival.client.stream)));
        io.read_within(arrival.time_left());
        if !arrival.read.is_empty() {
            io.unread(&arrival.read);
        }
        Connection {
            seat: arrival.seat,
            client: arrival.client,
            io,
            first: Cell::new(Some(arrival.http)),
        }
    }

    /// Serves it until it closes.
    pub async fn run(&self) {
        let mut wait = Wait::default();
        loop {
            let waiting = stats::enter(Doing::Waiting);
            let readable = wait.for_request(self).await;
            drop(waiting);
            if let Err(e) = readable {
                return idle::ended(&self.client, self.first.take(), wait.logs, Ended::from(e));
            }
            let mut head = self.seat.worker.take_head();
            let first = match Rc::get_mut(&mut head) {
                Some(head) => exchange::first_bytes(&self.io, head),
                None => return,
            };
            match first {
                Ok(0) => {
                    let how = Ended::Closed;
                    return idle::ended(&self.client, self.first.take(), wait.logs, how);
                }
                Ok(_) if self.client.requests.get() == 0 && preface::may_be(&head.buf) => {
                    match Box::pin(self.detect(&mut head)).await {
                        Some(false) => {}
                        Some(true) => {
                            let (worker, client) = (&self.seat.worker, &self.client);
                            let first = self.first.take();
                            return Box::pin(h2::serve(worker, client, &self.io, first)).await;
                        }
                        None => return,
                    }
                }
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    // A new connection counts as readable until it was tried.
                    self.seat.worker.give_head(head);
                    continue;
                }
                Err(e) => {
                    let how = Ended::Broken(e);
                    return idle::ended(&self.client, self.first.take(), wait.logs, how);
                }
            }
            let first = self.first.take();
            let answered = exchange::one(&self.seat.worker, &self.client, &self.io, head, first);
            match Box::pin(answered).await {
                Next::Keep {
                    timeout,
                    least,
                    logs,
                } => {
                    wait = Wait {
                        least,
                        rest: timeout.saturating_sub(least),
                        logs,
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
                Next::Close => {
                    // Who has seen the end of an answer finds its line in the log. Those that end now, too, share
                    // what writing them costs.
                    behind_the_others().await;
                    crate::log::flush_thread();
                    if self.io.held_back.get() {
                        // Now it leaves, even if there is something left to read, which makes the close a reset.
                        self.io.stream.shutdown_write();
                    }
                    return;
                }
            }
        }
    }
}

impl Connection {
    /// Whether a connection that may begin with the preface of HTTP/2 speaks it; nothing if it ends. All that was read
    /// goes back then.
    async fn detect(&self, head: &mut Rc<Head>) -> Option<bool> {
        let first = self.first.take();
        let wanted = first
            .as_ref()
            .is_some_and(|http| preface::is_wanted(http, &self.client));
        self.first.set(first);
        let head = Rc::get_mut(head)?;
        if !wanted || !preface::read(&self.io, &mut head.buf).await.ok()? {
            return Some(false);
        }
        self.io.unread(&head.buf);
        head.buf.clear();
        Some(true)
    }
}

/// How long to wait for a request: first for certain, then unless the server stops.
#[derive(Default)]
struct Wait {
    least: Duration,
    rest: Duration,
    /// Those of the request before, if they are to be told how the connection ends.
    logs: Option<Box<ErrorLogs>>,
}

impl Wait {
    async fn for_request(&self, on: &Connection) -> Result<(), IoError> {
        if !self.least.is_zero() {
            let readable = std::future::poll_fn(|cx| on.io.poll_readable(cx)).await;
            let timed_out = matches!(readable, Err(IoError::TimedOut));
            if !timed_out || self.rest.is_zero() || on.seat.worker.is_shutting_down() {
                return readable;
            }
            on.io.read_within(self.rest);
        }
        on.seat.worker.connections.begin_wait(&on.client);
        let readable = std::future::poll_fn(|cx| on.io.poll_readable(cx)).await;
        on.seat.worker.connections.end_wait(&on.client);
        readable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::accept;
    use crate::http::connection::{Front, Peer};
    use crate::http::worker::Worker;
    use crate::net::stream::Stream;

    /// What a task is like from outside.
    fn size<F>(_: impl FnOnce(Rc<Worker>, Stream, Front, Peer) -> F) -> usize {
        std::mem::size_of::<F>()
    }

    #[test]
    fn an_idle_connection_is_small() {
        let size =
            size(|worker, stream, front, peer| accept::serve(worker, stream, front, peer, ()));
        assert!(size <= 256, "the future of a connection has {size} bytes");
    }
}
