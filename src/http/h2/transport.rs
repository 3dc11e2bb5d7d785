//! The client's stream as the h2 crate reads and writes it, with the two directions looked at on the way.

use super::control::Control;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use crate::http::h1::io::{Io, IoError};
use crate::http::worker::Worker;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection's stream.
pub struct Transport {
    io: Rc<Io>,
    worker: Rc<Worker>,
    control: Rc<Control>,
    incoming: Incoming,
    outgoing: Outgoing,
    /// What has arrived and was looked at, from `at` on.
    arrived: Vec<u8>,
    at: usize,
    /// What has arrived and was not looked at yet.
    waiting: Vec<u8>,
    /// `http2_recv_buffer_size`.
    read_size: usize,
    /// `send_timeout`.
    send_timeout: Duration,
    /// Whether the client has not taken anything since the timer was started.
    stalled: bool,
    /// How many requests there were when the end of what the client sends was held back for them.
    held_for: u64,
    /// What is being written: a stream may have taken it in and must be asked about the same bytes again.
    writing: Writing,
}

/// The most that is read at once, however large the setting: buffers of threads do not grow beyond.
const MOST_READ: usize = 32 * 1024;

impl Transport {
    /// The stream of a connection.
    pub fn new(
        worker: Rc<Worker>,
        io: Rc<Io>,
        control: Rc<Control>,
        incoming: Incoming,
        outgoing: Outgoing,
        read_size: usize,
        send_timeout: Duration,
    ) -> Self {
        Transport {
            io,
            worker,
            control,
            incoming,
            outgoing,
            arrived: Vec::new(),
            at: 0,
            waiting: Vec::new(),
            read_size: read_size.min(MOST_READ),
            send_timeout,
            stalled: false,
            held_for: 0,
            writing: Writing::Nothing,
        }
    }

    /// Has more looked at: what has arrived and had to wait, else what arrives now.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            self.look(&waiting);
            self.worker.give_buffer(waiting);
            return Poll::Ready(Ok(()));
        }
        let mut buf = self.worker.take_buffer();
        buf.reserve(self.read_size);
        let read = self.io.poll_read(cx, &mut buf);
        if matches!(read, Poll::Ready(Ok(1..))) {
            self.look(&buf);
        }
        self.worker.give_buffer(buf);
        match ready!(read) {
            Ok(_) => Poll::Ready(Ok(())),
            Err(IoError::TimedOut) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Err(IoError::Broken(e)) => Poll::Ready(Err(e)),
        }
    }

    /// Whether the end of what the client sends is to be held back: behind it the h2 crate gives out no request, and some
    /// may have come just before.
    fn holds_back_end(&mut self) -> bool {
        let requests = self.control.requests();
        std::mem::replace(&mut self.held_for, requests) < requests
    }

    fn look(&mut self, mut bytes: &[u8]) {
        if self.arrived.capacity() == 0 {
            self.arrived = self.worker.take_buffer();
        }
        self.incoming.pass(&mut bytes, &mut self.arrived);
        if !bytes.is_empty() {
            self.waiting = self.worker.take_buffer();
            self.waiting.extend_from_slice(bytes);
        }
    }

    /// Writes the server's own frames, if there is room for them between two others.
    fn poll_extra(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let control = Rc::clone(&self.control);
        let mut extra = control.extra().borrow_mut();
        while !extra.is_empty()
            && self.writing != Writing::Frames
            && (self.writing == Writing::Extra || self.outgoing.is_between())
        {
            self.writing = Writing::Extra;
            let n = ready!(self.poll_slices(cx, &[IoSlice::new(&extra)]))?;
            extra.drain(..n);
            if extra.is_empty() {
                self.writing = Writing::Nothing;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what the h2 crate has; up to the end of the frame only if one of the server's own is to follow.
    fn poll_frames(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_extra(cx))?;
        let first = slices.iter().find(|slice| !slice.is_empty());
        let written = match first {
            Some(first)
                if self.writing == Writing::Nothing
                    && !self.control.extra().borrow().is_empty() =>
            {
                self.writing = Writing::Frames;
                let most = self.outgoing.rest().min(first.len());
                let piece = first.get(..most).unwrap_or_default();
                self.poll_slices(cx, &[IoSlice::new(piece)])
            }
            _ => {
                self.writing = Writing::Frames;
                self.poll_slices(cx, slices)
            }
        };
        let n = ready!(written)?;
        self.writing = Writing::Nothing;
        let mut left = n;
        for slice in slices {
            let (own, _) = slice.split_at(left.min(slice.len()));
            left -= own.len();
            self.outgoing.sent(own);
        }
        Poll::Ready(Ok(n))
    }

    fn poll_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.io.stream.poll_write_vectored(cx, slices) {
            Poll::Ready(written) => {
                self.stalled = false;
                Poll::Ready(written)
            }
            Poll::Pending => {
                if !self.stalled {
                    self.stalled = true;
                    self.io.write_within(self.send_timeout);
                }
                ready!(self.io.poll_write_timeout(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

/// What is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Nothing,
    /// Frames of the h2 crate.
    Frames,
    /// The server's own.
    Extra,
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.at >= this.arrived.len() {
            if this.control.excess().is_some() {
                // The connection's task is about to end it.
                return Poll::Pending;
            }
            if this.control.is_paused() {
                // As soon as the task has taken the request in it looks again.
                return Poll::Pending;
            }
            this.arrived.clear();
            this.at = 0;
            let filled = ready!(this.poll_fill(cx));
            let over = this.arrived.is_empty() && this.waiting.is_empty() && this.io.eof.get();
            if (filled.is_err() || over) && this.holds_back_end() {
                this.control.pause();
                return Poll::Pending;
            }
            filled?;
            if over {
                return Poll::Ready(Ok(()));
            }
        }
        let rest = this.arrived.get(this.at..).unwrap_or_default();
        let own = rest.get(..buf.remaining()).unwrap_or(rest);
        buf.put_slice(own);
        this.at += own.len();
        if this.at >= this.arrived.len() {
            // While a connection waits it holds no buffer.
            this.worker.give_buffer(std::mem::take(&mut this.arrived));
            this.at = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_frames(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_frames(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_extra(cx)
    }

    /// The connection's task ends the direction itself, when it has seen what comes of the client.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_extra(cx)
    }
}
