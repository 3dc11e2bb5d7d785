//! Sends a response on its stream: as much at a time as the client's windows and `http2_chunk_size` allow, and no more
//! in memory than that.

use super::control::Counted;
use super::response;
use super::stream::Gone;
use crate::http::body::{Body, Cut, FileRange, Part, Source};
use crate::http::pace::Pace;
use crate::http::request::Request;
use crate::http::response::Field;
use crate::http::timer::Timer;
use crate::http::{core, filter, response_fields, upstream};
use crate::log::{self, Level};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How sending ended.
pub enum Sent {
    /// All of it was written.
    Whole,
    /// The client does not get it all.
    Broken,
}

/// How much of a file is read at a time, in frames.
const READ_AT_ONCE: usize = 16 * 1024;

/// Sends the response of a request.
pub async fn response(req: &mut Request, mut respond: SendResponse<Bytes>, sent: &Counted) -> Sent {
    core::redirect::finish(req);
    let head_only = response_fields::settle(req);
    let head = response::head(req);
    req.response.head_sent = true;
    let body = match head_only {
        true => Body::Empty,
        false => std::mem::take(&mut req.response.body),
    };
    let trailers = req.response.want_trailers && !head_only;
    let ends = matches!(body, Body::Empty) && !trailers;
    let Ok(stream) = respond.send_response(head, ends) else {
        report(req, &Failure::Gone(Gone::default()));
        return Sent::Broken;
    };
    let http = Rc::clone(&req.http);
    let location = &http.location(req.location);
    let mut sender = Sender {
        stream,
        counted: Rc::clone(sent),
        chunk: location.conf.http2.chunk_size,
        timeout: location.core.send_timeout,
        timer: Timer::default(),
        pace: Pace::of(req, 0),
        queue: VecDeque::new(),
        queued: 0,
        given: 0,
    };
    let result = match ends {
        true => Ok(()),
        false => sender.body(req, body).await,
    };
    let result = match result {
        Ok(()) => sender.wait(sent).await,
        Err(failure) => Err(failure),
    };
    match result {
        Ok(()) => Sent::Whole,
        Err(failure) => {
            report(req, &failure);
            let reason = match failure {
                Failure::Gone(_) => return Sent::Broken,
                Failure::TimedOut => Reason::PROTOCOL_ERROR,
                _ => Reason::INTERNAL_ERROR,
            };
            sender.stream.send_reset(reason);
            Sent::Broken
        }
    }
}

/// Why a response was not sent whole.
enum Failure {
    /// The client has reset the stream, or the connection is gone.
    Gone(Gone),
    /// The client took nothing for too long.
    TimedOut,
    /// A file became shorter while it was sent.
    Truncated,
    /// A file could not be read.
    File(std::io::Error),
    /// The body ended before its end; whoever made it has said why.
    Source,
}

struct Sender {
    stream: SendStream<Bytes>,
    counted: Counted,
    /// `http2_chunk_size`
    chunk: usize,
    /// `send_timeout`
    timeout: Duration,
    timer: Timer,
    pace: Pace,
    /// What is to be sent next.
    queue: VecDeque<Part>,
    queued: u64,
    /// Bytes of the body that are on their way.
    given: u64,
}

impl Sender {
    async fn body(&mut self, req: &mut Request, body: Body) -> Result<(), Failure> {
        let mut source = match body {
            Body::Empty => None,
            Body::Parts(parts) => {
                parts.into_iter().for_each(|part| self.push(part));
                None
            }
            Body::Stream(source) => Some(source),
        };
        let mut more = match source {
            Some(_) => More::Yes,
            None => More::End(trailers(req, Vec::new())),
        };
        loop {
            if let (More::Yes, Some(source)) = (&more, &mut source) {
                match self.fill(req, &mut **source).await? {
                    Filled::Some => {}
                    Filled::Cut => more = More::Cut,
                    Filled::All => more = More::End(trailers(req, source.trailers())),
                }
            }
            let last = matches!(more, More::End(None));
            if self.queued > 0 {
                if self.some(req, source.as_deref_mut(), last).await? {
                    return Ok(());
                }
                continue;
            }
            return match more {
                More::Yes => continue,
                More::Cut => Err(Failure::Source),
                More::End(None) => self.give(Bytes::new(), true),
                More::End(Some(fields)) => {
                    self.counted.trailer.set(true);
                    let sent = self.stream.send_trailers(fields);
                    sent.map_err(|_| self.gone())
                }
            };
        }
    }

    fn push(&mut self, part: Part) {
        if !part.is_empty() {
            self.queued = self.queued.saturating_add(part.len());
            self.queue.push_back(part);
        }
    }

    /// Gathers what the source has. One byte more than goes into a frame shows that the frame is not the last.
    async fn fill(
        &mut self,
        req: &Request,
        source: &mut (dyn Source + 'static),
    ) -> Result<Filled, Failure> {
        poll_fn(|cx| {
            upstream::tell(req);
            while self.queued <= self.chunk as u64 {
                match source.poll_next(cx) {
                    Poll::Ready(Ok(Some(part))) => self.push(part),
                    Poll::Ready(Ok(None)) => return Poll::Ready(Ok(Filled::All)),
                    Poll::Ready(Err(Cut)) => return Poll::Ready(Ok(Filled::Cut)),
                    Poll::Pending if self.queued > 0 && source.flush() => break,
                    Poll::Pending => {
                        return self.poll_gone(cx).map(Err);
                    }
                }
            }
            Poll::Ready(Ok(Filled::Some))
        })
        .await
    }

    /// Sends one frame; `true` if it was the last one.
    async fn some(
        &mut self,
        req: &Request,
        source: Option<&mut (dyn Source + 'static)>,
        last: bool,
    ) -> Result<bool, Failure> {
        let budget = loop {
            match self.pace.budget(self.given) {
                Ok(budget) => break usize::try_from(budget).unwrap_or(usize::MAX),
                Err(wait) => self.rest(wait).await?,
            }
        };
        let queued = usize::try_from(self.queued).unwrap_or(usize::MAX);
        let want = queued.min(budget).min(self.chunk);
        let room = self.room(req, want, source).await?;
        let piece = self.take(room.min(want))?;
        let last = last && self.queued == 0;
        self.give(piece, last)?;
        Ok(last)
    }

    /// Waits until the client's windows let some of so many bytes through; lets the source read ahead meanwhile.
    async fn room(
        &mut self,
        req: &Request,
        want: usize,
        mut source: Option<&mut (dyn Source + 'static)>,
    ) -> Result<usize, Failure> {
        // What is asked for is taken from the window that all streams share: no more than goes out at once.
        self.stream.reserve_capacity(want);
        let room = self.stream.capacity();
        if room > 0 {
            return Ok(room);
        }
        self.timer.set(self.timeout);
        poll_fn(|cx| {
            match self.stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(room))) if room > 0 => return Poll::Ready(Ok(room)),
                Poll::Ready(Some(Ok(_))) => cx.waker().wake_by_ref(),
                Poll::Ready(_) => {
                    let gone = self.poll_gone(cx);
                    return Poll::Ready(Err(match gone {
                        Poll::Ready(failure) => failure,
                        Poll::Pending => self.gone(),
                    }));
                }
                Poll::Pending => {}
            }
            if self.timer.poll(cx).is_ready() {
                return Poll::Ready(Err(Failure::TimedOut));
            }
            if let Some(source) = &mut source {
                source.poll_ahead(cx);
                upstream::tell(req);
            }
            Poll::Pending
        })
        .await
    }

    /// Takes at most so many bytes from the queue.
    fn take(&mut self, most: usize) -> Result<Bytes, Failure> {
        let Some(part) = self.queue.pop_front() else {
            return Ok(Bytes::new());
        };
        let mut bytes = match part {
            Part::Bytes(bytes) => bytes,
            Part::File(mut range) => {
                let bytes = read_piece(&mut range, READ_AT_ONCE.max(self.chunk))?;
                if range.length > 0 {
                    self.queue.push_front(Part::File(range));
                }
                bytes
            }
        };
        let piece = bytes.split_to(most.min(bytes.len()));
        if !bytes.is_empty() {
            self.queue.push_front(Part::Bytes(bytes));
        }
        self.queued = self.queued.saturating_sub(piece.len() as u64);
        Ok(piece)
    }

    fn give(&mut self, piece: Bytes, last: bool) -> Result<(), Failure> {
        self.given = self.given.saturating_add(piece.len() as u64);
        let sent = self.stream.send_data(piece, last);
        sent.map_err(|_| self.gone())
    }

    /// Ready when the client does not want the rest.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Failure> {
        let reset = self.stream.poll_reset(cx);
        reset.map(|reason| {
            Failure::Gone(Gone {
                stream: self.stream.stream_id().as_u32(),
                reason: reason.ok(),
            })
        })
    }

    /// The stream takes nothing any more, for whatever reason.
    fn gone(&self) -> Failure {
        Failure::Gone(Gone::default())
    }

    /// Waits until more may be sent, unless the client goes away meanwhile.
    async fn rest(&mut self, time: Duration) -> Result<(), Failure> {
        self.stream.reserve_capacity(0);
        let mut sleep = pin!(tokio::time::sleep(time));
        poll_fn(|cx| {
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            self.poll_gone(cx).map(Err)
        })
        .await
    }

    /// Waits until the system has taken all.
    async fn wait(&mut self, sent: &Counted) -> Result<(), Failure> {
        poll_fn(|cx| match sent.poll_ended(cx) {
            Poll::Ready(true) => Poll::Ready(Ok(())),
            Poll::Ready(false) => Poll::Ready(Err(self.gone())),
            Poll::Pending => self.poll_gone(cx).map(Err),
        })
        .await
    }
}

/// What is known of the end of a body.
enum More {
    /// It has not been seen.
    Yes,
    /// The body was cut short.
    Cut,
    /// What is queued is all; trailer fields follow it.
    End(Option<http::HeaderMap>),
}

/// What came of asking for more.
enum Filled {
    Some,
    All,
    Cut,
}

/// The trailer fields, if there are any.
fn trailers(req: &mut Request, of_source: Vec<(Bytes, Bytes)>) -> Option<http::HeaderMap> {
    if !req.response.want_trailers && of_source.is_empty() {
        return None;
    }
    for (name, value) in of_source {
        req.response.trailers.push(Field::new(name, value));
    }
    if req.response.want_trailers {
        filter::trailers(req);
    }
    let fields = response::trailers(req, &req.response.trailers);
    Some(fields).filter(|fields| !fields.is_empty())
}

/// Reads the next piece of a file range, moving its start.
fn read_piece(range: &mut FileRange, most: usize) -> Result<Bytes, Failure> {
    use std::os::unix::fs::FileExt;
    let want = usize::try_from(range.length)
        .unwrap_or(usize::MAX)
        .min(most);
    let mut buf = vec![0; want];
    let n = range.file.read_at(&mut buf, range.offset);
    let n = n.map_err(Failure::File)?;
    if n == 0 {
        return Err(Failure::Truncated);
    }
    buf.truncate(n);
    range.offset += n as u64;
    range.length -= n as u64;
    Ok(Bytes::from(buf))
}

fn report(req: &Request, failure: &Failure) {
    let (level, text) = match failure {
        Failure::Gone(gone) => {
            let message = format_args!("{gone} while sending response to client");
            return log::request(req, Level::Info, message);
        }
        Failure::TimedOut => (
            Level::Info,
            "client timed out (110: Connection timed out) while sending response to client",
        ),
        Failure::Truncated => (Level::Alert, "file was truncated while it was sent"),
        Failure::File(e) => {
            let reason = crate::config::source::errno(e);
            return log::request(req, Level::Crit, format_args!("read() failed ({reason})"));
        }
        Failure::Source => return,
    };
    log::request(req, level, format_args!("{text}"));
}
