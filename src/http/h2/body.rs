//! Reads a request's body from its stream. What is read makes room for more: a client is never let send more than
//! `http2_body_preread_size` ahead of whoever reads.

use crate::http::body_in::BodyError;
use crate::http::upstream::timer::Timer;
use bytes::Bytes;
use h2::RecvStream;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Reads the body of one request.
pub struct Reader {
    stream: RecvStream,
    /// `client_body_timeout`: between two pieces.
    timeout: Duration,
    timer: Timer,
    waiting: bool,
}

impl Reader {
    /// Reads the body that comes on a stream.
    pub fn new(stream: RecvStream, timeout: Duration) -> Self {
        Reader {
            stream,
            timeout,
            timer: Timer::default(),
            waiting: false,
        }
    }

    /// Whether all of it has been read.
    pub fn is_end(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// The next piece; `None` at the end.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
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
                Some(Err(_)) => return Poll::Ready(Err(BodyError::Closed)),
                Some(Ok(data)) => {
                    // An error says that the stream is over, which the next call finds out.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    if !data.is_empty() {
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
            }
        }
    }
}
