//! Sends a request to an upstream: its head, then the client's body, from memory, from a file, or as it comes.

use crate::http::body::{FileRange, Part};
use crate::http::body_in::{BodyError, Kept, RequestBody};
use crate::http::h1::chunked::{LAST_CHUNK, chunk_head};
use crate::net::stream::Stream;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length.
    Plain,
    /// In chunked coding.
    Chunked,
}

/// Why a request could not be sent.
#[derive(Debug)]
pub enum SendError {
    /// The upstream's connection broke.
    Io(io::Error),
    /// The client's body could not be had.
    Client(BodyError),
}

/// What is still to be sent.
pub struct Outgoing {
    queue: VecDeque<Part>,
    /// Whether the client's body follows as it arrives.
    streams: bool,
    framing: Framing,
    /// Bytes sent.
    pub sent: u64,
    /// Whether sending waits for the client, not for the upstream.
    pub waits_for_client: bool,
    /// Bytes of the client's body that came while it was sent.
    pub received: u64,
    /// How long that body may be, `client_max_body_size`; 0: no limit.
    limit: u64,
}

/// What of the client's body is there without waiting.
///
/// # Errors
/// The body cannot be had.
pub async fn ready_part(body: &mut RequestBody) -> Result<ReadyPart, BodyError> {
    /// More than this is no small body.
    const MOST: usize = 16 * 1024;
    let mut part = ReadyPart::default();
    std::future::poll_fn(|cx| {
        while part.length < MOST as u64 {
            match body.poll_data(cx) {
                Poll::Pending => break,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Ready(Ok(None)) => {
                    part.whole = true;
                    break;
                }
                Poll::Ready(Ok(Some(data))) => {
                    part.length = part.length.saturating_add(data.len() as u64);
                    part.pieces.push(data);
                }
            }
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    Ok(part)
}

/// The start of a body.
#[derive(Clone, Default)]
pub struct ReadyPart {
    /// Its bytes.
    pub pieces: Vec<Bytes>,
    /// How many.
    pub length: u64,
    /// Whether they are all of it.
    pub whole: bool,
}

impl Outgoing {
    /// A request with a body that has been read.
    pub fn buffered(head: Bytes, body: &Kept) -> Self {
        let mut queue = VecDeque::with_capacity(1 + body.memory.len());
        queue.push_back(Part::Bytes(head));
        queue.extend(body.memory.iter().cloned().map(Part::Bytes));
        if let Some(file) = &body.file {
            queue.push_back(Part::File(FileRange {
                file: file.file.clone(),
                offset: 0,
                length: file.length,
            }));
        }
        Outgoing::new(queue, false, Framing::Plain)
    }

    /// A request whose body follows as it arrives; its start is there. `limit` is how long it may be.
    pub fn streamed(head: Bytes, framing: Framing, start: &ReadyPart, limit: u64) -> Self {
        let mut out = Outgoing::new([Part::Bytes(head)].into(), true, framing);
        out.limit = limit;
        out.received = start.length;
        for piece in &start.pieces {
            out.push(piece.clone());
        }
        out
    }

    fn new(queue: VecDeque<Part>, streams: bool, framing: Framing) -> Self {
        Outgoing {
            queue,
            streams,
            framing,
            sent: 0,
            waits_for_client: false,
            received: 0,
            limit: 0,
        }
    }

    /// Whether all of it has been sent.
    pub fn is_done(&self) -> bool {
        self.queue.is_empty() && !self.streams
    }

    /// Whether sending takes several steps.
    pub fn is_long(&self) -> bool {
        self.streams || self.queue.iter().any(|p| matches!(p, Part::File(_)))
    }

    /// Sends until all is sent, or until the upstream takes no more or the client has sent no more.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        stream: &Stream,
        body: &mut RequestBody,
    ) -> Poll<Result<(), SendError>> {
        loop {
            self.waits_for_client = false;
            while !self.queue.is_empty() {
                let n = ready!(self.poll_write(cx, stream)).map_err(SendError::Io)?;
                self.sent = self.sent.saturating_add(n);
            }
            if !self.streams {
                return Poll::Ready(Ok(()));
            }
            self.waits_for_client = true;
            match ready!(body.poll_data(cx)).map_err(SendError::Client)? {
                Some(data) => {
                    self.received = self.received.saturating_add(data.len() as u64);
                    if self.limit > 0 && self.received > self.limit {
                        return Poll::Ready(Err(SendError::Client(BodyError::TooLarge)));
                    }
                    self.push(data);
                }
                None => {
                    self.streams = false;
                    body.complete = true;
                    if self.framing == Framing::Chunked {
                        let last = Part::Bytes(Bytes::from_static(LAST_CHUNK));
                        self.queue.push_back(last);
                    }
                }
            }
        }
    }

    fn push(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        if self.framing == Framing::Plain {
            return self.queue.push_back(Part::Bytes(data));
        }
        let mut line = Vec::with_capacity(18);
        chunk_head(data.len() as u64, &mut line);
        self.queue.push_back(Part::Bytes(Bytes::from(line)));
        self.queue.push_back(Part::Bytes(data));
        self.queue
            .push_back(Part::Bytes(Bytes::from_static(b"\r\n")));
    }

    /// Writes once.
    fn poll_write(&mut self, cx: &mut Context<'_>, stream: &Stream) -> Poll<io::Result<u64>> {
        const AT_ONCE: usize = 16;
        if let Some(Part::File(range)) = self.queue.front_mut() {
            let count = usize::try_from(range.length).unwrap_or(usize::MAX);
            let file = range.file.as_fd();
            let n = ready!(stream.poll_sendfile(cx, file, &mut range.offset, count))? as u64;
            if n == 0 && range.length > 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            range.length = range.length.saturating_sub(n);
            if range.length == 0 {
                self.queue.pop_front();
            }
            return Poll::Ready(Ok(n));
        }
        let mut slices = [IoSlice::new(&[]); AT_ONCE];
        let mut used = 0;
        for (slot, part) in slices.iter_mut().zip(&self.queue) {
            let Part::Bytes(bytes) = part else { break };
            *slot = IoSlice::new(bytes);
            used += 1;
        }
        let slices = slices.get(..used).unwrap_or_default();
        let mut n = ready!(stream.poll_write_vectored(cx, slices))?;
        let written = n as u64;
        while let Some(Part::Bytes(bytes)) = self.queue.front_mut() {
            if n < bytes.len() {
                bytes.advance(n);
                break;
            }
            n -= bytes.len();
            self.queue.pop_front();
        }
        Poll::Ready(Ok(written))
    }
}
