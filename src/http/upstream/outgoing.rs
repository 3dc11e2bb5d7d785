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
#[derive(Clone, Copy, Debug)]
pub enum Framing {
    /// By its length.
    Plain,
    /// In chunked coding.
    Chunked,
    /// In records.
    Records(&'static Records),
}

/// How a protocol wraps a body into records.
#[derive(Debug)]
pub struct Records {
    /// How much of the body one record may hold, in bytes.
    pub most: usize,
    /// Appends what stands in front of so many bytes.
    pub open: fn(usize, &mut Vec<u8>),
    /// What stands behind them.
    pub close: fn(usize) -> &'static [u8],
    /// What ends the body.
    pub end: &'static [u8],
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
    /// What is wrapped into records only when it is sent: a file may make many of them.
    file: Option<FileRange>,
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
    /// A request with a body that has been read, whose length is known: it needs no chunks.
    pub fn buffered(head: Bytes, framing: Framing, body: &Kept) -> Self {
        let mut queue = VecDeque::with_capacity(2 + body.memory.len());
        queue.push_back(Part::Bytes(head));
        let file = body.file.as_ref().map(|file| FileRange {
            file: file.file.clone(),
            offset: 0,
            length: file.length,
        });
        let Framing::Records(records) = framing else {
            queue.extend(body.memory.iter().cloned().map(Part::Bytes));
            queue.extend(file.map(Part::File));
            return Outgoing::new(queue, false, Framing::Plain);
        };
        let mut out = Outgoing::new(queue, false, framing);
        for piece in &body.memory {
            out.push(piece.clone());
        }
        out.file = file.filter(|file| file.length > 0);
        if out.file.is_none() {
            out.push_static(records.end);
        }
        out
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
            file: None,
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
        self.queue.is_empty() && !self.streams && self.file.is_none()
    }

    /// Whether sending takes several steps.
    pub fn is_long(&self) -> bool {
        self.streams || self.file.is_some() || self.queue.iter().any(|p| matches!(p, Part::File(_)))
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
            // The end of a body goes out with the last of it, rather than in a packet of its own.
            let ends = self.streams && body.is_at_end();
            while !self.queue.is_empty() && !ends {
                let n = ready!(self.poll_write(cx, stream)).map_err(SendError::Io)?;
                self.sent = self.sent.saturating_add(n);
            }
            if self.wrap_file() {
                continue;
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
                    body.turned_out = Some(self.received).filter(|_| body.chunked);
                    match self.framing {
                        Framing::Plain => {}
                        Framing::Chunked => self.push_static(LAST_CHUNK),
                        Framing::Records(records) => self.push_static(records.end),
                    }
                }
            }
        }
    }

    fn push(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        match self.framing {
            Framing::Plain => return self.queue.push_back(Part::Bytes(data)),
            Framing::Records(records) => return self.push_records(records, data),
            Framing::Chunked => {}
        }
        let mut line = Vec::with_capacity(18);
        chunk_head(data.len() as u64, &mut line);
        self.queue.push_back(Part::Bytes(Bytes::from(line)));
        self.queue.push_back(Part::Bytes(data));
        self.push_static(b"\r\n");
    }

    fn push_records(&mut self, records: &'static Records, mut data: Bytes) {
        while !data.is_empty() {
            let piece = data.split_to(records.most.min(data.len()));
            self.push_record(records, piece.len(), Part::Bytes(piece));
        }
    }

    fn push_record(&mut self, records: &'static Records, length: usize, part: Part) {
        let mut head = Vec::with_capacity(8);
        (records.open)(length, &mut head);
        self.queue.push_back(Part::Bytes(Bytes::from(head)));
        self.queue.push_back(part);
        self.push_static((records.close)(length));
    }

    fn push_static(&mut self, text: &'static [u8]) {
        if !text.is_empty() {
            self.queue.push_back(Part::Bytes(Bytes::from_static(text)));
        }
    }

    /// Puts the next record of a file into the queue. `false`: there is none.
    fn wrap_file(&mut self) -> bool {
        let (Some(file), Framing::Records(records)) = (&mut self.file, self.framing) else {
            return false;
        };
        let most = records.most as u64;
        let part = FileRange {
            length: file.length.min(most),
            ..file.clone()
        };
        file.offset = file.offset.saturating_add(part.length);
        file.length = file.length.saturating_sub(part.length);
        let last = file.length == 0;
        if last {
            self.file = None;
        }
        let length = usize::try_from(part.length).unwrap_or(records.most);
        self.push_record(records, length, Part::File(part));
        if last {
            self.push_static(records.end);
        }
        true
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
