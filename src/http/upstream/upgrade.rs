//! After a 101 both sides speak another protocol, WebSocket for instance: bytes are passed both ways until one side
//! ends.

use super::failure::Cause;
use super::link::Link;
use super::state::{Attempt, Stage, UpstreamState};
use crate::http::explain;
use crate::http::h1::io::Io;
use crate::http::request::Request;
use crate::net::stream::Stream;
use bytes::{Buf, Bytes};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use std::time::Duration;

/// What the engine finds in the request's extensions when it has sent the head of the 101.
pub struct Handover {
    /// The upstream's connection.
    pub link: Link,
    /// The attempt, for the accounts.
    pub state: UpstreamState,
    /// What came behind the upstream's head.
    pub rest: Bytes,
    /// How long the upstream may say nothing.
    pub read_timeout: Duration,
    /// How long the upstream may take nothing.
    pub send_timeout: Duration,
    /// How much is read at once in each direction.
    pub buffer_size: usize,
}

/// Passes bytes between the client and the upstream until one of them ends.
pub async fn tunnel(req: &mut Request, io: &Io) {
    let Some(Handover {
        link,
        state,
        rest,
        read_timeout,
        send_timeout,
        buffer_size,
    }) = req.extensions.remove::<Handover>()
    else {
        return;
    };
    link.conn.no_delay();
    io.stream.set_nodelay();
    let mut down = Direction::new(rest, buffer_size);
    let mut up = Direction::new(io.take_pending(), buffer_size);
    let (client, upstream) = (&*io.stream, &link.conn.stream);
    let timer = &link.conn.timer;
    timer.set(read_timeout);
    let mut blocked = false;
    let result = poll_fn(|cx| {
        let before = (down.read, up.written);
        let down_end = down.poll(cx, upstream, client);
        let up_end = up.poll(cx, client, upstream);
        if let (Err(e), _) | (_, Err(e)) = (&down_end, &up_end) {
            return Poll::Ready(Err(Some(io::Error::from(e.kind()))));
        }
        if matches!(down_end, Ok(true)) || matches!(up_end, Ok(true)) {
            return Poll::Ready(Ok(()));
        }
        if up.is_waiting() {
            if !blocked || up.written > before.1 {
                timer.set(send_timeout);
            }
            blocked = true;
        } else if blocked || down.read > before.0 {
            timer.set(read_timeout);
            blocked = false;
        }
        timer.poll(cx).map(|()| Err(None))
    })
    .await;
    if matches!(result, Err(None)) {
        let mut failure = state.why(Cause::TimedOut, Stage::Upgraded);
        failure.facts.waited = Some(if blocked { send_timeout } else { read_timeout });
        failure.facts.blocked = blocked;
        failure.facts.server = Some(link.lease.server());
        explain::failure(req, &failure);
        *state.failure.borrow_mut() = Some(Box::new(failure));
    }
    let written = down.written;
    req.bytes_sent
        .set(req.bytes_sent.get().saturating_add(written));
    req.body_bytes_sent
        .set(req.body_bytes_sent.get().saturating_add(written));
    let add = |counter: &std::cell::Cell<u64>, n: u64| counter.set(counter.get().saturating_add(n));
    add(&state.bytes_received, down.read);
    add(&state.response_length, down.read);
    link.count_sent(&state);
    add(&state.bytes_sent, up.written);
    Attempt::end(&state);
}

/// One direction.
struct Direction {
    waiting: Bytes,
    size: usize,
    ended: bool,
    read: u64,
    written: u64,
}

impl Direction {
    fn new(waiting: Bytes, size: usize) -> Self {
        Direction {
            waiting,
            size,
            ended: false,
            read: 0,
            written: 0,
        }
    }

    fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Passes on what there is; `true` when the source has ended and all of it was passed on.
    fn poll(&mut self, cx: &mut Context<'_>, from: &Stream, to: &Stream) -> io::Result<bool> {
        /// After so many rounds others get their turn.
        const TURN: usize = 16;
        for _ in 0..TURN {
            while !self.waiting.is_empty() {
                match to.poll_write_vectored(cx, &[IoSlice::new(&self.waiting)]) {
                    Poll::Pending => return Ok(false),
                    Poll::Ready(n) => {
                        let n = n?;
                        self.waiting.advance(n);
                        self.written = self.written.saturating_add(n as u64);
                    }
                }
            }
            if self.ended {
                return Ok(true);
            }
            if from.poll_readable(cx)?.is_pending() {
                return Ok(false);
            }
            let mut buf = Vec::with_capacity(self.size);
            match from.poll_read(cx, &mut buf)? {
                Poll::Pending => return Ok(false),
                Poll::Ready(0) => self.ended = true,
                Poll::Ready(n) => {
                    self.read = self.read.saturating_add(n as u64);
                    self.waiting = Bytes::from(buf);
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(false)
    }
}
