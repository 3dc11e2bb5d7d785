//! The body of a request: how it is framed, how it is read, where it is kept.

pub use super::body_keep::read_all;
use super::{h1, h2};
use bytes::Bytes;
use std::cell::Cell;
use std::fs::File;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Why a request body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The client closed the connection. As there is nobody to answer to, the 400 is for the log.
    Closed,
    /// The connection broke; the number is the system's. The same.
    Broken(i32),
    /// The client reset the stream, or closed the connection that it is on (499 in the log).
    StreamClosed(h2::Gone),
    /// Nothing came for `client_body_timeout` (408).
    TimedOut,
    /// Its framing is broken (400).
    Malformed,
    /// Larger than `client_max_body_size` (413).
    TooLarge,
    /// It could not be stored (500).
    Storage,
}

impl BodyError {
    /// The status to answer with.
    pub fn status(self) -> u16 {
        match self {
            BodyError::Closed | BodyError::Broken(_) | BodyError::Malformed => 400,
            BodyError::StreamClosed(_) => 499,
            BodyError::TimedOut => 408,
            BodyError::TooLarge => 413,
            BodyError::Storage => 500,
        }
    }
}

/// The body of a request.
#[derive(Default)]
pub struct RequestBody {
    /// Where it comes from; `None`: there is none, or it has been read to its end.
    pub source: Option<BodySource>,
    /// `Content-Length`, or the length once a chunked body has been read whole.
    pub length: Option<u64>,
    /// Whether it came chunked.
    pub chunked: bool,
    /// How long a chunked body turned out to be, as far as it was read, once nobody reads it any more: what
    /// `$content_length` tells of it.
    pub turned_out: Option<u64>,
    /// Bytes that came for it, framing included, since [`RequestBody::take_arrived`].
    pub arrived: u64,
    /// What has been read to be kept: set by [`read_all`](super::body_keep::read_all).
    pub kept: Kept,
    /// Whether `kept` holds all of it.
    pub complete: bool,
    /// Whether it is asked for before it is thrown away, as `return` does: a client that waits is told to go on.
    pub asked: bool,
    /// Whether an error came first: the client is not told to go on any more, whatever is the answer.
    pub unasked: bool,
    /// What is wrong with it, in nginx's words, if its stream knows (HTTP/2).
    pub complaint: Option<Box<str>>,
    /// Where it is while somebody else reads it: an upstream that has answered before it got all.
    pub lent: Option<Lent>,
}

/// A place to which a body that was lent comes back.
pub type Lent = Rc<Cell<Option<Box<RequestBody>>>>;

/// A body that has been read.
#[derive(Default, Clone)]
pub struct Kept {
    /// The first part, in memory.
    pub memory: Vec<Bytes>,
    /// What did not fit, in a temporary file, following `memory`; or all of it (`client_body_in_file_only`).
    pub file: Option<Rc<TempFile>>,
    /// How many bytes all in all.
    pub length: u64,
    /// Whether there was a body to read, be it an empty one.
    pub announced: bool,
}

/// A temporary file that is removed when nobody uses it any more.
pub struct TempFile {
    /// The open file.
    pub file: Rc<File>,
    /// Its name, for `$request_body_file`.
    pub path: std::path::PathBuf,
    /// Whether to leave it (`client_body_in_file_only on`).
    pub keep: bool,
    /// How many bytes were written.
    pub length: u64,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The protocol that a body comes over.
pub enum BodySource {
    /// HTTP/1.x.
    H1(h1::body::Reader),
    /// HTTP/2.
    H2(Box<h2::body::Reader>),
}

impl RequestBody {
    /// Whether the request has a body at all.
    pub fn is_present(&self) -> bool {
        self.chunked || self.length.is_some_and(|n| n > 0)
    }

    /// Whether all of it has been handed out, so that [`RequestBody::poll_data`] has nothing but the end.
    pub fn is_at_end(&self) -> bool {
        match &self.source {
            None => true,
            Some(BodySource::H1(reader)) => reader.is_end(),
            Some(BodySource::H2(reader)) => reader.is_end(),
        }
    }

    /// Somebody wants it, or throws it away. A client that waits is told to go on, also where the answer is an error.
    pub fn ask(&mut self) {
        self.asked |= !self.unasked;
    }

    /// An error came before anybody wanted it.
    pub fn give_up(&mut self) {
        self.unasked |= !self.asked;
    }

    /// Nobody is going to read it any more: to handlers the request has none. What still comes of it is thrown away.
    pub fn discard(&mut self) {
        if self.chunked && self.complete {
            // It has been read: `$content_length` goes on telling how long it was.
            self.turned_out = self.length.or(self.turned_out);
        }
        self.length = None;
        self.chunked = false;
        self.complete = true;
    }

    /// The next piece of the body as it arrives; `None` at its end.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        let Some(source) = &mut self.source else {
            return Poll::Ready(Ok(None));
        };
        let data = match source {
            BodySource::H1(reader) => {
                let before = reader.received();
                let data = reader.poll_data(cx);
                let more = reader.received().saturating_sub(before);
                self.arrived = self.arrived.saturating_add(more);
                if matches!(data, Poll::Ready(Err(_))) {
                    self.turned_out = reader.unpacked();
                }
                std::task::ready!(data)
            }
            BodySource::H2(reader) => {
                let data = std::task::ready!(reader.poll_data(cx));
                match &data {
                    Ok(Some(data)) => {
                        self.arrived = self.arrived.saturating_add(data.len() as u64);
                    }
                    Ok(None) => {}
                    Err(_) => self.complaint = reader.complaint().map(String::into_boxed_str),
                }
                data
            }
        };
        if matches!(data, Ok(None) | Err(_)) {
            self.source = None;
        }
        Poll::Ready(data)
    }

    /// Gives the body away, to come back to the place that goes with it.
    pub fn lend(&mut self) -> (RequestBody, Lent) {
        let body = std::mem::take(self);
        let place = Lent::default();
        self.lent = Some(Rc::clone(&place));
        (body, place)
    }

    /// Takes the body back that was lent, if it has come back.
    pub fn take_back(&mut self) {
        if let Some(body) = self.lent.as_ref().and_then(|place| place.take()) {
            *self = *body;
        }
    }

    /// How many bytes came for it since this was last asked.
    pub fn take_arrived(&mut self) -> u64 {
        std::mem::take(&mut self.arrived)
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// The body cannot be had; answer with [`BodyError::status`].
    pub async fn data(&mut self) -> Result<Option<Bytes>, BodyError> {
        std::future::poll_fn(|cx| self.poll_data(cx)).await
    }
}
