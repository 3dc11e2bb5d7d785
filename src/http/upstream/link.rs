//! A connection in use by a request, and what becomes of it afterwards.

use super::conf::Group;
use super::connect::Conn;
use super::outgoing::Outgoing;
use super::peers::Lease;
use super::pool::Place;
use super::state::UpstreamState;
use crate::http::body_in::{Lent, RequestBody};
use crate::http::worker::Worker;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

/// The connection. When it is dropped without [`Link::finish`], it closes.
pub struct Link {
    /// The connection itself.
    pub conn: Box<Conn>,
    /// The peer's place in the accounts; given back when this is dropped.
    pub lease: Lease,
    /// Whether the answer's head lets the connection be used again.
    pub keep: bool,
    /// Where it goes back to.
    pub place: Place,
    /// The group, whose rules say whether and how connections are kept.
    pub group: Arc<Group>,
    /// The thread.
    pub worker: Rc<Worker>,
    /// What was not sent of the request when the answer came, and the client's body that it comes from.
    pub rest: Option<Box<Rest>>,
    /// Bytes sent before that.
    pub sent: u64,
}

/// What is still to be sent of a request whose answer has begun.
pub struct Rest {
    /// What is sent.
    pub out: Outgoing,
    /// The client's body, if it is sent as it arrives.
    pub body: RequestBody,
    /// Where that goes back to: what is left of it must be read before the client's next request.
    pub back: Option<Lent>,
}

impl Drop for Rest {
    fn drop(&mut self) {
        if let Some(back) = &self.back {
            back.set(Some(Box::new(std::mem::take(&mut self.body))));
        }
    }
}

impl Link {
    /// Goes on sending what is left of the request. Failing is no news: the answer says how it went.
    pub fn poll_rest(&mut self, cx: &mut Context<'_>) {
        if let Some(rest) = &mut self.rest
            && !rest.out.is_done()
            && let std::task::Poll::Ready(Err(_)) =
                rest.out.poll_send(cx, &self.conn.stream, &mut rest.body)
        {
            self.rest = None;
            self.keep = false;
        }
    }

    /// Notes how much was sent.
    pub fn count_sent(&self, state: &UpstreamState) {
        let rest = self.rest.as_ref().map_or(self.sent, |rest| rest.out.sent);
        state.bytes_sent.set(rest);
    }

    /// The answer has been read to its end, and `clean`: to nothing else. The connection is kept if it may be.
    pub fn finish(self, state: &UpstreamState, clean: bool) {
        self.count_sent(state);
        let sent = self.rest.as_ref().is_none_or(|rest| rest.out.is_done());
        let Some(rules) = &self.group.keepalive else {
            return;
        };
        let age = state.ended_at_ms().saturating_sub(self.conn.started_ms);
        if clean
            && sent
            && self.keep
            && self.conn.requests < rules.requests
            && age <= rules.time_ms
            && !self.worker.is_shutting_down()
        {
            let pools = &self.worker.upstreams;
            pools.put(self.place, self.conn, rules.connections, rules.timeout);
        }
    }
}
