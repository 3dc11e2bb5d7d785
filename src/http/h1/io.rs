//! A connection's stream with what was read too much of it, and its one timer.

use crate::clock;
use crate::http::timer::Timer;
use crate::net::stream::Stream;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Instant;

/// The byte side of a client's connection.
pub struct Io {
    /// The stream.
    pub stream: Rc<Stream>,
    /// Bytes that were read behind what was asked for: a body's start, the next request.
    pub pending: RefCell<Vec<u8>>,
    /// Whether the other side has ended its direction.
    pub eof: Cell<bool>,
    /// Bytes of interim answers to the current request. nginx counts them among those of the body.
    pub interim: Cell<u64>,
    /// Whether the kernel may hold the last bytes of an answer back until our direction ends.
    pub held_back: Cell<bool>,
    /// Whether the first bytes of the current request came with the one before.
    pub pipelined: Cell<bool>,
    read_timer: Timer,
    write_timer: Timer,
}

/// Why nothing more can be read or written.
#[derive(Debug)]
pub enum IoError {
    /// Nothing happened for the time that the setting allows.
    TimedOut,
    /// The connection broke.
    Broken(io::Error),
}

impl Io {
    /// The byte side of a stream.
    pub fn new(stream: Rc<Stream>) -> Self {
        Io {
            stream,
            pending: RefCell::default(),
            eof: Cell::new(false),
            interim: Cell::new(0),
            held_back: Cell::new(false),
            pipelined: Cell::new(false),
            read_timer: Timer::default(),
            write_timer: Timer::default(),
        }
    }

    /// Starts the time that reading may take from now on.
    pub fn read_within(&self, time: Duration) {
        self.read_timer.set(time);
    }

    /// Starts the time that writing may take without any progress.
    pub fn write_within(&self, time: Duration) {
        self.write_timer.set(time);
    }

    /// Waits until there is something to read, the end included; takes no buffer meanwhile.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        if !self.pending.borrow().is_empty() {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(r) = self.stream.poll_readable(cx) {
            return Poll::Ready(r.map_err(IoError::Broken));
        }
        self.read_timer.poll(cx).map(|()| Err(IoError::TimedOut))
    }

    /// The same without a limit of time, and without anything pending.
    pub fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<Result<(), IoError>> {
        self.stream.poll_readable(cx).map_err(IoError::Broken)
    }

    /// How much of the time for reading is left.
    pub fn time_to_read(&self) -> Duration {
        let now = Instant::from_std(clock::instant());
        let until = self.read_timer.due();
        until.map_or(Duration::MAX, |until| until.saturating_duration_since(now))
    }

    /// When the time for reading is over.
    pub fn read_until(&self) -> Option<Instant> {
        self.read_timer.due()
    }

    /// Appends what arrives to `buf`, within its capacity; 0 at the end. What is pending comes first.
    pub fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
    ) -> Poll<Result<usize, IoError>> {
        let mut pending = self.pending.borrow_mut();
        if !pending.is_empty() {
            let n = pending.len().min(buf.capacity() - buf.len());
            buf.extend(pending.drain(..n));
            return Poll::Ready(Ok(n));
        }
        if let Poll::Ready(r) = self.stream.poll_read(cx, buf) {
            self.eof.set(matches!(r, Ok(0)));
            return Poll::Ready(r.map_err(IoError::Broken));
        }
        self.read_timer.poll(cx).map(|()| Err(IoError::TimedOut))
    }

    /// Reads the first bytes of a request, if they are there.
    ///
    /// # Errors
    /// `WouldBlock` if there are none; else the connection is broken.
    pub fn try_read(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        let mut pending = self.pending.borrow_mut();
        self.pipelined.set(!pending.is_empty());
        if !pending.is_empty() {
            let n = pending.len().min(buf.capacity() - buf.len());
            buf.extend(pending.drain(..n));
            return Ok(n);
        }
        let n = self.stream.try_read(buf)?;
        self.eof.set(n == 0);
        Ok(n)
    }

    /// Reads once.
    ///
    /// # Errors
    /// The time is over or the connection broken.
    pub async fn read(&self, buf: &mut Vec<u8>) -> Result<usize, IoError> {
        std::future::poll_fn(|cx| self.poll_read(cx, buf)).await
    }

    /// Whether the write timer has run out; registers it for a wake-up otherwise.
    pub fn poll_write_timeout(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.write_timer.poll(cx)
    }

    /// Writes all of a short message (an interim answer).
    ///
    /// # Errors
    /// The time is over or the connection broken.
    pub async fn write_all(&self, bytes: &[u8]) -> Result<(), IoError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let n = std::future::poll_fn(|cx| {
                if let Poll::Ready(r) = self
                    .stream
                    .poll_write_vectored(cx, &[io::IoSlice::new(rest)])
                {
                    return Poll::Ready(r.map_err(IoError::Broken));
                }
                ready!(self.write_timer.poll(cx));
                Poll::Ready(Err(IoError::TimedOut))
            })
            .await?;
            rest = rest.get(n..).unwrap_or_default();
        }
        Ok(())
    }

    /// Puts bytes in front of what is still to be read.
    pub fn unread(&self, bytes: &[u8]) {
        let mut pending = self.pending.borrow_mut();
        pending.splice(0..0, bytes.iter().copied());
    }

    /// Takes what was read too much.
    pub fn take_pending(&self) -> Bytes {
        Bytes::from(std::mem::take(&mut *self.pending.borrow_mut()))
    }
}
