//! Reads a request's body from the connection (RFC 9112 sections 6 and 7).

use super::chunked::Chunked;
use super::io::{Io, IoError};
use crate::http::body::compact;
use crate::http::body_in::BodyError;
use bytes::Bytes;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Reads the body of one request and not a byte more.
pub struct Reader {
    io: Rc<Io>,
    framing: Framing,
    /// `client_body_timeout`: between two reads.
    timeout: Duration,
    /// How much is read at a time.
    piece: usize,
    /// Bytes of `100 Continue` that the client waits for and that are still to be sent.
    go_on: &'static [u8],
    reading: bool,
    received: u64,
    /// How much of it was the body's own, if it is chunked.
    unpacked: u64,
}

enum Framing {
    Length(u64),
    Chunked(Box<Chunked>),
}

/// The interim answer to a client that waits for it.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Reader {
    /// Reads a body of known length.
    pub fn with_length(io: Rc<Io>, length: u64, timeout: Duration, piece: usize) -> Self {
        Reader {
            io,
            framing: Framing::Length(length),
            timeout,
            piece,
            go_on: b"",
            reading: false,
            received: 0,
            unpacked: 0,
        }
    }

    /// Reads a chunked body.
    pub fn chunked(io: Rc<Io>, timeout: Duration, piece: usize) -> Self {
        let framing = Framing::Chunked(Box::new(Chunked::new()));
        Reader {
            io,
            framing,
            timeout,
            piece,
            go_on: b"",
            reading: false,
            received: 0,
            unpacked: 0,
        }
    }

    /// Says that the client waits for `100 Continue` before it sends the body.
    pub fn expect_continue(&mut self) {
        self.go_on = CONTINUE;
    }

    /// Whether the client still waits for `100 Continue`.
    pub fn awaits_continue(&self) -> bool {
        !self.go_on.is_empty()
    }

    /// Bytes received so far, framing included.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How much of a chunked body there was so far, without the framing.
    pub fn unpacked(&self) -> Option<u64> {
        matches!(self.framing, Framing::Chunked(_)).then_some(self.unpacked)
    }

    /// From now on the body is only discarded, with so much time between two reads. The response has been sent: it
    /// is too late for `100 Continue`.
    pub fn discard(&mut self, timeout: Duration) {
        self.go_on = b"";
        self.timeout = timeout;
        self.reading = false;
    }

    /// The next piece; `None` at the end.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            while !self.go_on.is_empty() {
                let slice = [std::io::IoSlice::new(self.go_on)];
                match ready!(self.io.stream.poll_write_vectored(cx, &slice)) {
                    Ok(n) => {
                        self.go_on = self.go_on.get(n..).unwrap_or_default();
                        self.io.interim.set(self.io.interim.get() + n as u64);
                    }
                    Err(_) => return Poll::Ready(Err(BodyError::Closed)),
                }
            }
            if self.is_end() {
                return Poll::Ready(Ok(None));
            }
            if !self.reading {
                self.io.read_within(self.timeout);
                self.reading = true;
            }
            let room = match self.framing {
                Framing::Length(left) => {
                    usize::try_from(left).unwrap_or(usize::MAX).min(self.piece)
                }
                Framing::Chunked(_) => self.piece,
            };
            let came_with_head = !self.io.pending.borrow().is_empty();
            let mut buf = Vec::with_capacity(room);
            let n = match ready!(self.io.poll_read(cx, &mut buf)) {
                Ok(0) => return Poll::Ready(Err(BodyError::Closed)),
                Err(IoError::Broken(e)) => return Poll::Ready(Err(self.broken(&e))),
                Err(IoError::TimedOut) => return Poll::Ready(Err(BodyError::TimedOut)),
                Ok(n) => n,
            };
            self.reading = false;
            self.received = self.received.saturating_add(n as u64);
            let data = self.take(buf).inspect_err(|_| {
                // What came along with the head is counted only if it is a body's.
                if came_with_head {
                    self.received = self.received.saturating_sub(n as u64);
                }
            })?;
            if !data.is_empty() {
                return Poll::Ready(Ok(Some(data)));
            }
        }
    }

    /// Whether what is at hand of a chunked body breaks the rules. What is fine so far is thrown away.
    pub fn is_broken(&mut self) -> bool {
        if self.awaits_continue() || matches!(self.framing, Framing::Length(_)) {
            return false;
        }
        let data = Vec::from(self.io.take_pending());
        !data.is_empty() && self.take(data).is_err()
    }

    /// Whether all of it has been read.
    pub fn is_end(&self) -> bool {
        match &self.framing {
            Framing::Length(left) => *left == 0,
            Framing::Chunked(decoder) => decoder.is_end(),
        }
    }

    /// What breaks under TLS counts as closed, as with nginx.
    fn broken(&self, error: &std::io::Error) -> BodyError {
        let number = error.raw_os_error();
        let number = number.filter(|_| self.io.stream.is_plain());
        number.map_or(BodyError::Closed, BodyError::Broken)
    }

    /// Takes the data out of what was read; what is behind the body goes back.
    fn take(&mut self, buf: Vec<u8>) -> Result<Bytes, BodyError> {
        let decoder = match &mut self.framing {
            Framing::Length(left) => {
                // The room was bounded by what is left, but a Vec may have more capacity than it was asked for.
                let own = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                *left -= own as u64;
                let mut data = compact(buf);
                let rest = data.split_off(own);
                self.received = self.received.saturating_sub(rest.len() as u64);
                self.io.unread(&rest);
                return Ok(data);
            }
            Framing::Chunked(decoder) => decoder,
        };
        let buf = compact(buf);
        let mut out: Option<Bytes> = None;
        let mut gathered = Vec::new();
        let mut at = 0;
        while at < buf.len() && !decoder.is_end() {
            let step = decoder
                .decode(buf.get(at..).unwrap_or_default())
                .map_err(|_| BodyError::Malformed)?;
            if !step.data.is_empty() {
                self.unpacked = self.unpacked.saturating_add(step.data.len() as u64);
                let piece = buf.slice(at + step.data.start..at + step.data.end);
                match out.take() {
                    None if gathered.is_empty() => out = Some(piece),
                    first => {
                        // Several chunks in one read: they leave as one piece.
                        gathered.extend_from_slice(&first.unwrap_or_default());
                        gathered.extend_from_slice(&piece);
                    }
                }
            }
            if step.consumed == 0 {
                break;
            }
            at += step.consumed;
        }
        let rest = buf.get(at..).unwrap_or_default();
        self.received = self.received.saturating_sub(rest.len() as u64);
        self.io.unread(rest);
        Ok(out.unwrap_or_else(|| Bytes::from(gathered)))
    }
}
