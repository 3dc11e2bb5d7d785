//! Reads a request's body from its stream. What is read makes room for more: a client is never let send more than
//! `http2_body_preread_size` ahead of whoever reads.

use super::control::{Announced, BadBody};
use super::stream::Gone;
use crate::http::body_in::BodyError;
use crate::http::timer::Timer;
use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Reads the body of one request.
pub struct Reader {
    stream: RecvStream,
    announced: Option<Rc<Announced>>,
    /// How much of what is there is put together to one piece.
    piece: usize,
    /// `client_body_timeout`: between two pieces.
    timeout: Duration,
    timer: Timer,
    waiting: bool,
}

impl Reader {
    /// Reads the body that comes on a stream.
    pub(super) fn new(
        stream: RecvStream,
        announced: Option<Rc<Announced>>,
        timeout: Duration,
        piece: usize,
    ) -> Self {
        Reader {
            stream,
            announced,
            piece,
            timeout,
            timer: Timer::default(),
            waiting: false,
        }
    }

    /// What is wrong with the body.
    pub(super) fn wrong(&self) -> Option<BadBody> {
        self.announced.as_ref()?.wrong()
    }

    /// What is wrong with the body, in nginx's words.
    pub fn complaint(&self) -> Option<String> {
        self.wrong().map(|wrong| wrong.to_string())
    }

    /// Whether all of it has been read.
    pub fn is_end(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// The next piece; `None` at the end.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        let first = loop {
            if self.is_wrong(cx) {
                return Poll::Ready(Err(BodyError::Malformed));
            }
            let Poll::Ready(data) = self.stream.poll_data(cx) else {
                if !self.waiting {
                    self.waiting = true;
                    self.timer.set(self.timeout);
                }
                ready!(self.timer.poll(cx));
                return Poll::Ready(Err(BodyError::TimedOut));
            };
            self.waiting = false;
            match data {
                None => return Poll::Ready(Ok(None)),
                Some(Err(e)) => return Poll::Ready(Err(BodyError::StreamClosed(self.gone(&e)))),
                Some(Ok(data)) => {
                    self.make_room(&data);
                    if !data.is_empty() {
                        break data;
                    }
                }
            }
        };
        Poll::Ready(Ok(Some(self.gather(cx, first))))
    }

    /// Puts what else is there behind a small piece: what clients cut to frames need not stay cut.
    fn gather(&mut self, cx: &mut Context<'_>, first: Bytes) -> Bytes {
        let mut all = BytesMut::new();
        while first.len().max(all.len()) < self.piece && !self.stream.is_end_stream() {
            let Poll::Ready(Some(Ok(data))) = self.stream.poll_data(cx) else {
                // An error comes again at the next call.
                break;
            };
            self.make_room(&data);
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
        match all.is_empty() {
            true => first,
            false => all.freeze(),
        }
    }

    fn gone(&self, error: &h2::Error) -> Gone {
        let by_client = error.is_reset() && error.is_remote();
        Gone {
            stream: self.stream.stream_id().as_u32(),
            reason: error.reason().filter(|_| by_client),
        }
    }

    fn make_room(&mut self, data: &Bytes) {
        // An error says that the stream is over, which the next call finds out.
        let _ = self.stream.flow_control().release_capacity(data.len());
    }

    /// Whether the body is not what the head says.
    fn is_wrong(&self, cx: &Context<'_>) -> bool {
        self.announced.as_ref().is_some_and(|announced| {
            announced.register(cx);
            announced.wrong().is_some()
        })
    }
}
