//! Waiting for a request: first, if `keepalive_min_timeout` says so, as long as even a server that stops waits, then until
//! something arrives, the time is over, or the wait has been so long that the connection [parks](crate::http::parking).

use super::connection::Connection;
use super::io::IoError;
use crate::http::parking::{self, State};
use crate::log::ErrorLogs;
use std::cell::Cell;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What is to be known while a connection waits. How far it is with that is in the client's `rest`.
pub struct Wait {
    /// How long it waits unless the server stops, after the time for which it does in any case.
    after_least: Cell<Option<Box<Duration>>>,
    /// Those of the request before, if they are to be told how the connection ends.
    pub logs: Cell<Option<Box<ErrorLogs>>>,
}

/// How the wait has ended.
pub enum Waited {
    /// Something has arrived.
    Arrived,
    /// Nothing has, for a while.
    Long,
}

impl Wait {
    /// With the logs of the request before.
    pub fn new(logs: Option<Box<ErrorLogs>>) -> Wait {
        Wait {
            after_least: Cell::default(),
            logs: Cell::new(logs),
        }
    }
}

impl Connection {
    /// Starts the time for the next request: `least` of it passes even if the server stops.
    pub(super) fn wait_within(&self, timeout: Duration, least: Duration) {
        let after = (!least.is_zero()).then(|| Box::new(timeout.saturating_sub(least)));
        self.io.read_within(match &after {
            Some(_) => timeout.min(least),
            None => timeout,
        });
        self.wait.after_least.set(after);
    }

    /// Waits for a request. Not an `async fn`, whose state would be there once more for each connection.
    pub(super) fn poll_wait(&self, cx: &mut Context<'_>) -> Poll<Result<Waited, IoError>> {
        let rest = &self.client.rest;
        if matches!(rest.state(), State::Busy | State::Refused) {
            self.begin_wait();
        }
        if rest.state() == State::Least {
            let readable = ready!(self.io.poll_readable(cx));
            let after = self.wait.after_least.take();
            let time = after.as_deref().copied().unwrap_or_default();
            let timed_out = matches!(readable, Err(IoError::TimedOut));
            if !timed_out || time.is_zero() || self.seat.worker.is_shutting_down() {
                // What has arrived may turn out to be nothing.
                self.wait.after_least.set(after);
                rest.set(State::Busy);
                return Poll::Ready(readable.map(|()| Waited::Arrived));
            }
            self.io.read_within(time);
            self.begin_rest();
        }
        let waited = ready!(self.poll_rest(cx));
        rest.set(State::Busy);
        if !matches!(waited, Ok(Waited::Long)) {
            self.seat.worker.connections.end_wait(&self.client);
        }
        Poll::Ready(waited)
    }

    fn begin_wait(&self) {
        match self.wait.after_least.take() {
            None => self.begin_rest(),
            after => {
                self.wait.after_least.set(after);
                self.client.rest.set(State::Least);
            }
        }
    }

    fn begin_rest(&self) {
        let worker = &self.seat.worker;
        worker.connections.begin_wait(&self.client);
        let state = match self.may_park() && worker.parking.expect(worker) {
            true => State::Untimed,
            false => State::Timed,
        };
        self.client.rest.set(state);
    }

    fn poll_rest(&self, cx: &mut Context<'_>) -> Poll<Result<Waited, IoError>> {
        if self.client.rest.state() == State::Timed {
            return self.io.poll_readable(cx).map_ok(|()| Waited::Arrived);
        }
        // Whoever tells that it has been long sees to it that the wait ends.
        match self.io.poll_arrival(cx) {
            Poll::Ready(arrived) => Poll::Ready(arrived.map(|()| Waited::Arrived)),
            Poll::Pending => self.client.rest.poll(cx).map(|()| Ok(Waited::Long)),
        }
    }

    fn may_park(&self) -> bool {
        self.client.rest.state() != State::Refused
            && self.io.time_to_read() >= parking::SHORT
            && self.io.stream.is_plain()
            && self.client.security.get().is_none()
            && self.io.pending.borrow().is_empty()
    }
}
