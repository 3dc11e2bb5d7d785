//! The loop of a connection: wait for a request, serve it, wait for the next. While it waits it holds no buffer, and
//! its future is small: ten thousand idle connections should cost little more than what the kernel keeps for them.

use super::exchange::{self, Next};
use super::idle::{self, Ended as How};
use super::io::{Io, IoError};
use super::linger;
use super::wait::{Wait, Waited};
use crate::boxed::boxed;
use crate::http::accept::{Arrival, Seat};
use crate::http::conf::Held;
use crate::http::connection::Client;
use crate::http::h2::{self, preface};
use crate::http::head::Head;
use crate::http::parking::State;
use crate::http::stats::{self, Doing};
use crate::http::turn::behind_the_others;
use crate::log::ErrorLogs;
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// A connection on which HTTP/1.x is spoken.
pub struct Connection {
    pub(super) seat: Seat,
    pub(super) client: Rc<Client>,
    pub(super) io: Rc<Io>,
    /// The configuration of the accept answers the first request if the one that is in force by then knows nothing of
    /// the address: who was let in is served.
    first: Cell<Option<Held>>,
    pub(super) wait: Wait,
}

/// Why a connection's task is not needed any more.
pub enum Pause {
    /// The connection has ended.
    End,
    /// It has waited for a while, and goes on to wait.
    Rest,
}

/// What remains of a connection that rests.
pub struct Resting {
    /// Its place.
    pub seat: Seat,
    /// Who is at the other end. Nobody else has the stream.
    pub client: Client,
    /// When it began to wait, as it was counted.
    pub waiting: u32,
    /// The configuration of the accept, if it has not made a request.
    pub first: Option<Held>,
    /// Those of the request before, if they are to be told how the connection ends.
    pub logs: Option<Box<ErrorLogs>>,
    /// When it ends.
    pub until: Option<Instant>,
}

impl Connection {
    /// Goes on with a connection that is about to make its first request.
    pub fn new(arrival: Arrival) -> Connection {
        let time = arrival.time_left();
        let first = Some(arrival.http);
        let connection = Connection::again(arrival.seat, arrival.client, first, None, time);
        if !arrival.read.is_empty() {
            connection.io.unread(&arrival.read);
        }
        connection
    }

    /// Goes on with a connection that has waited for its next request and may do so for some more time.
    pub fn again(
        seat: Seat,
        client: Rc<Client>,
        first: Option<Held>,
        logs: Option<Box<ErrorLogs>>,
        time: Duration,
    ) -> Connection {
        let io = Rc::new(Io::new(Rc::clone(&client.stream)));
        io.read_within(time);
        Connection {
            seat,
            client,
            io,
            first: Cell::new(first),
            wait: Wait::new(logs),
        }
    }

    /// Whether it can do without its task for now. It is watched by other means then.
    pub fn may_rest(&self) -> bool {
        // Its place knows it, and nobody else.
        let alone = Rc::strong_count(&self.client) == 2
            && Rc::strong_count(&self.io) == 1
            && Rc::strong_count(&self.io.stream) == 2;
        let (worker, place) = (&self.seat.worker, self.seat.number());
        let may = alone
            && self.io.pending.borrow().is_empty()
            && !self.client.dismissed.get()
            && worker.parking.watch(&*self.io.stream, place).is_ok();
        if !may {
            self.client.rest.set(State::Refused);
        }
        may
    }

    /// Takes it apart.
    pub fn rest(self) -> Option<Resting> {
        let Connection {
            seat,
            client,
            io,
            first,
            wait,
        } = self;
        let (until, waiting) = (io.read_until(), client.waiting.get());
        drop(io);
        seat.worker.connections.vacate(seat.number());
        Some(Resting {
            seat,
            client: Rc::into_inner(client)?,
            waiting,
            first: first.into_inner(),
            logs: wait.logs.into_inner(),
            until,
        })
    }

    /// Serves it until it closes or rests. Whatever is not needed while it waits is a call or a future of its own.
    pub async fn run(&self) -> Pause {
        loop {
            let waiting = stats::enter(Doing::Waiting);
            let waited = std::future::poll_fn(|cx| self.poll_wait(cx)).await;
            drop(waiting);
            let mut head = match self.begin(waited) {
                Begun::Request(head) => head,
                Begun::Nothing => continue,
                Begun::Pause(pause) => return pause,
            };
            if self.client.requests.get() == 0
                && (preface::may_be(&head.buf) || preface::is_agreed(&self.client))
            {
                match Box::pin(self.detect(head)).await {
                    Some(same) => head = same,
                    None => return Pause::End,
                }
            }
            match self.end(boxed(|| self.answer(head)).await) {
                Ended::Kept => {}
                Ended::Lingers(linger) => {
                    linger.await;
                    return Pause::End;
                }
                Ended::Closes => {
                    // Those that end now, too, share what writing their lines costs.
                    behind_the_others().await;
                    self.close();
                    return Pause::End;
                }
            }
        }
    }

    /// Reads the first bytes of a request.
    fn begin(&self, waited: Result<Waited, IoError>) -> Begun {
        match waited {
            Ok(Waited::Arrived) => {}
            Ok(Waited::Long) => return Begun::Pause(Pause::Rest),
            Err(e) => return self.gone(How::from(e)),
        }
        let mut head = self.seat.worker.take_head();
        let first = match Rc::get_mut(&mut head) {
            Some(head) => exchange::first_bytes(&self.io, head),
            None => return Begun::Pause(Pause::End),
        };
        match first {
            Ok(0) => self.gone(How::Closed),
            Ok(_) => Begun::Request(head),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                // A new connection counts as readable until it was tried.
                self.seat.worker.give_head(head);
                Begun::Nothing
            }
            Err(e) => self.gone(How::Broken(e)),
        }
    }

    fn gone(&self, how: How) -> Begun {
        idle::ended(&self.client, self.first.take(), self.wait.logs.take(), how);
        Begun::Pause(Pause::End)
    }

    /// Goes on with a request that may be the preface of HTTP/2; nothing if the connection has ended.
    async fn detect(&self, mut head: Rc<Head>) -> Option<Rc<Head>> {
        let read = Rc::get_mut(&mut head)?;
        if !preface::is_agreed(&self.client) {
            let first = self.first.take();
            let wanted = first
                .as_ref()
                .is_some_and(|http| preface::is_wanted(http, &self.client));
            self.first.set(first);
            if !wanted {
                return Some(head);
            }
            let how = match preface::read(&self.io, &mut read.buf).await {
                Ok(preface::Read::Preface) => None,
                Ok(preface::Read::Other) => return Some(head),
                Ok(preface::Read::Closed) => Some(How::Closed),
                Err(e) => Some(How::from(e)),
            };
            if let Some(how) = how {
                self.gone(how);
                return None;
            }
        }
        self.io.unread(&read.buf);
        read.buf.clear();
        let (worker, first) = (&self.seat.worker, self.first.take());
        Box::pin(h2::serve(worker, &self.client, &self.io, first)).await;
        None
    }

    fn answer(&self, head: Rc<Head>) -> impl Future<Output = Next> {
        let first = self.first.take();
        exchange::one(&self.seat.worker, &self.client, &self.io, head, first)
    }

    fn end(&self, next: Next) -> Ended<impl Future<Output = ()>> {
        match next {
            Next::Keep {
                timeout,
                least,
                logs,
            } => {
                self.wait.logs.set(logs);
                self.wait_within(timeout, least);
                Ended::Kept
            }
            Next::Linger { time, timeout } => {
                crate::log::flush_thread();
                Ended::Lingers(Box::pin(linger::linger(&self.io, time, timeout)))
            }
            Next::Close => Ended::Closes,
        }
    }

    /// Who has seen the end of an answer finds its line in the log.
    fn close(&self) {
        crate::log::flush_thread();
        if self.io.held_back.get() {
            // Now it leaves, even if there is something left to read, which makes the close a reset.
            self.io.stream.shutdown_write();
        }
    }
}

/// What the end of a wait was.
enum Begun {
    /// A request begins.
    Request(Rc<Head>),
    /// It has not ended.
    Nothing,
    /// The task is not needed any more.
    Pause(Pause),
}

/// What becomes of a connection after an answer.
enum Ended<F> {
    /// It waits for the next request.
    Kept,
    /// It is closed when the client has had time.
    Lingers(Pin<Box<F>>),
    /// It is closed.
    Closes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::accept;
    use crate::http::connection::{Front, Peer};
    use crate::http::open::Ended as Open;
    use crate::http::worker::Worker;
    use crate::net::stream::Stream;

    /// What a task is like from outside.
    fn size<F>(_: impl FnOnce(Rc<Worker>, Stream, Front, Peer, Open) -> F) -> usize {
        std::mem::size_of::<F>()
    }

    #[test]
    fn an_idle_connection_is_small() {
        let size = size(|worker, stream, front, peer, ended| {
            accept::serve(worker, stream, front, peer, ended)
        });
        assert!(size <= 152, "the future of a connection has {size} bytes");
    }
}
