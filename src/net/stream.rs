//! A connection to a client or to an upstream: plain or TLS. Reads and writes go through `&self`, so that a request's
//! body can be read while its response is written.

use super::socket::Socket;
use super::tls_stream::TlsStream;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

/// A byte stream.
#[derive(Debug)]
pub enum Stream {
    /// What is written is what goes over the wire.
    Plain(Socket),
    /// Encrypted.
    Tls(Box<TlsStream>),
}

macro_rules! each {
    ($self:expr, $s:ident => $e:expr) => {
        match $self {
            Stream::Plain($s) => $e,
            Stream::Tls($s) => $e,
        }
    };
}

impl Stream {
    /// A plain connection that has been accepted, or taken out of the event loop before. It does not block.
    pub fn accepted(socket: OwnedFd, unix: bool) -> Self {
        Stream::Plain(Socket::new(socket, unix))
    }

    /// Takes a plain connection out of the event loop; none if it is not plain.
    pub fn into_plain(self) -> Option<OwnedFd> {
        match self {
            Stream::Plain(socket) => Some(socket.into_fd()),
            Stream::Tls(_) => None,
        }
    }

    /// Whether what is written is what goes over the wire.
    pub fn is_plain(&self) -> bool {
        matches!(self, Stream::Plain(_))
    }

    /// The socket below.
    pub fn socket(&self) -> &Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(tls) => tls.socket(),
        }
    }

    /// The TLS session, if there is one.
    pub fn tls(&self) -> Option<&TlsStream> {
        match self {
            Stream::Plain(_) => None,
            Stream::Tls(tls) => Some(tls),
        }
    }

    /// Appends what has arrived to `buf`, at most its spare capacity; 0 bytes mean the end of the stream.
    ///
    /// # Errors
    /// As recv(2), or what broke the TLS session.
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        each!(self, s => s.poll_read(cx, buf))
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing has arrived.
    pub fn try_read(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        each!(self, s => s.try_read(buf))
    }

    /// Whether there may be something to read, the end of the stream included. Takes no buffer. Of a TLS session it
    /// may be something that yields no data: [`Stream::try_read`] says `WouldBlock` then.
    ///
    /// # Errors
    /// As epoll reports them.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_readable(cx))
    }

    /// Ready when the other side has closed or broken the connection. Data that waits to be read leaves it pending
    /// for good: whoever pipelines is still there.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_gone(cx).map(|_| ())
    }

    /// The same with the system's number for what broke the connection, if it broke.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<Option<i32>> {
        each!(self, s => s.poll_closed(cx))
    }

    /// Writes from several buffers. As long as it is pending it must be called again with the same bytes in front: a
    /// TLS session may have taken them in already.
    ///
    /// # Errors
    /// As writev(2).
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, s => s.poll_write_vectored(cx, bufs))
    }

    /// Sends from several buffers, telling the kernel that more follows at once, so that a head leaves with the
    /// start of its file.
    ///
    /// # Errors
    /// As sendmsg(2).
    pub fn poll_write_more(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, s => s.poll_write_more(cx, bufs))
    }

    /// Sends a range of a file, on a plain connection without copying it through the process. 0 means that the file
    /// has ended.
    ///
    /// # Errors
    /// As sendfile(2).
    pub fn poll_sendfile(
        &self,
        cx: &mut Context<'_>,
        file: BorrowedFd<'_>,
        offset: &mut u64,
        count: usize,
    ) -> Poll<io::Result<usize>> {
        each!(self, s => s.poll_sendfile(cx, file, offset, count))
    }

    /// Switches off Nagle's algorithm (`tcp_nodelay`).
    pub fn set_nodelay(&self) {
        self.socket().set_nodelay();
    }

    /// Makes the coming close a reset: what has not been sent is thrown away (`reset_timedout_connection`).
    pub fn reset_on_close(&self) {
        self.break_off();
        self.socket().reset_on_close();
    }

    /// Says that the coming close is no regular end: a TLS session does not claim that all has been sent.
    pub fn break_off(&self) {
        if let Stream::Tls(tls) = self {
            tls.break_off();
        }
    }

    /// Ends the receiving side: a task that waits for data wakes and reads the end.
    pub fn shutdown_read(&self) {
        self.socket().shutdown_read();
    }

    /// Ends the sending side.
    pub fn shutdown_write(&self) {
        each!(self, s => s.shutdown_write());
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}
