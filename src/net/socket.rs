//! A connected socket, TCP or Unix, as the system gives it: what is written to it is what goes over the wire.
//!
//! The event loop gets to know it when somebody waits for it, not before: a connection whose request has arrived before it
//! was accepted, and whose answer is its last, comes and goes without.

use super::watched::Watched;
use rustix::buffer::spare_capacity;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};
use tokio::io::Interest;

/// A connected socket that does not block.
#[derive(Debug)]
pub struct Socket {
    fd: Watched,
    /// How often it may yet be read without the event loop, which does not know the socket, having said that there is
    /// something.
    tries: Cell<u8>,
    unix: bool,
}

/// A broken connection is an error, not a signal.
const PLAIN: SendFlags = SendFlags::NOSIGNAL;
const MORE: SendFlags = PLAIN.union(SendFlags::MORE);

/// So many reads at most are made before the event loop is asked, if each of them fills its buffer: then others on the
/// thread have their turn.
const TRIES: u8 = 16;

impl Socket {
    /// Takes a connected socket that does not block, on which something may have arrived.
    pub fn new(fd: OwnedFd, unix: bool) -> Socket {
        Socket {
            fd: Watched::new(fd),
            tries: Cell::new(TRIES),
            unix,
        }
    }

    /// The same for a socket on which nothing arrives before something is sent; it may still be connecting.
    pub fn asking(fd: OwnedFd, unix: bool) -> Socket {
        let socket = Socket::new(fd, unix);
        socket.tries.set(0);
        socket
    }

    /// Takes it out of the event loop.
    pub fn into_fd(self) -> OwnedFd {
        self.fd.into_fd()
    }

    /// Makes a call that sends, as soon as it does not block.
    fn poll_send<T>(
        &self,
        cx: &mut Context<'_>,
        mut call: impl FnMut() -> rustix::io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            match self.fd.attempt(Interest::WRITABLE, &mut call) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => ready!(self.poll_writable(cx))?,
                other => return Poll::Ready(other),
            }
        }
    }

    /// Appends what has arrived to `buf`, at most its spare capacity; 0 bytes mean the end of the stream.
    ///
    /// # Errors
    /// As recv(2).
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_readable(cx))?;
            match self.try_read(buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing has arrived.
    pub fn try_read(&self, buf: &mut Vec<u8>) -> io::Result<usize> {
        let room = buf.capacity() - buf.len();
        let result = self.fd.attempt(Interest::READABLE, || {
            Ok(recv(&self.fd, spare_capacity(buf), RecvFlags::empty())?.0)
        });
        self.note_read(&result, room);
        result
    }

    /// A socket that is drained is not asked again just to hear it.
    fn note_read(&self, result: &io::Result<usize>, room: usize) {
        match result {
            Ok(n) if *n == room => self.tries.set(self.tries.get().saturating_sub(1)),
            Ok(0) | Err(_) => self.tries.set(0),
            Ok(_) => {
                self.tries.set(0);
                self.fd.note_drained();
            }
        }
    }

    /// Reads into a slice without waiting; 0 bytes mean the end.
    ///
    /// # Errors
    /// `WouldBlock` if nothing has arrived.
    pub fn try_read_slice(&self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.fd.attempt(Interest::READABLE, || {
            Ok(recv(&self.fd, &mut *buf, RecvFlags::empty())?.0)
        });
        self.note_read(&result, buf.len());
        result
    }

    /// Writes from several buffers without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing can be written.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.fd
            .attempt(Interest::WRITABLE, || self.send(bufs, PLAIN))
    }

    fn send(&self, bufs: &[IoSlice<'_>], flags: SendFlags) -> rustix::io::Result<usize> {
        match bufs {
            // It costs the kernel less.
            [one] => send(&self.fd, one, flags),
            _ => sendmsg(&self.fd, bufs, &mut SendAncillaryBuffer::default(), flags),
        }
    }

    /// Waits until something can be written.
    ///
    /// # Errors
    /// As epoll reports them.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.fd.poll_writable(cx)
    }

    /// Copies what has arrived and leaves it there to be read; 0 bytes mean the end of the stream.
    ///
    /// # Errors
    /// As recv(2).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_readable(cx))?;
            match self.peek(&mut *buf) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let result = self.fd.attempt(Interest::READABLE, || {
            Ok(recv(&self.fd, &mut *buf, RecvFlags::PEEK)?.0)
        });
        if result.is_err() {
            self.tries.set(0);
        }
        result
    }

    /// Whether something has arrived that was not read; where the event loop knows the socket, as far as it has been told.
    pub fn has_arrived(&self) -> bool {
        matches!(self.peek(&mut [0]), Ok(1..))
    }

    /// Whether there may be something to read, the end of the stream included. Takes no buffer.
    ///
    /// # Errors
    /// As epoll reports them.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.tries.get() {
            0 => self.fd.poll_readable(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Ready when the other side has closed or broken the connection. Data that waits to be read leaves it pending
    /// for good: whoever pipelines is still there. Tells the system's number for what broke it.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Option<i32>> {
        loop {
            if ready!(self.poll_readable(cx)).is_err() {
                return Poll::Ready(None);
            }
            match self.peek(&mut [0]) {
                Ok(0) => return Poll::Ready(None),
                Ok(_) => return Poll::Pending,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(e.raw_os_error()),
            }
        }
    }

    /// Writes from several buffers.
    ///
    /// # Errors
    /// As writev(2).
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, || self.send(bufs, PLAIN))
    }

    /// Sends from several buffers, telling the kernel that more follows at once, so that a head leaves with the
    /// start of its file, or the last bytes with the end of the stream.
    ///
    /// # Errors
    /// As sendmsg(2).
    pub fn poll_write_more(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, || self.send(bufs, MORE))
    }

    /// Sends a range of a file without copying it through the process. 0 means that the file has ended.
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
        self.poll_send(cx, || {
            rustix::fs::sendfile(&self.fd, file, Some(offset), count)
        })
    }

    /// Whether it is connected: one that is connecting is not yet, and one that has failed never will be.
    pub fn is_connected(&self) -> bool {
        rustix::net::getpeername(&self.fd).is_ok()
    }

    /// Why it is not connected, once that is certain.
    ///
    /// # Errors
    /// The reason.
    pub fn connect_error(&self) -> io::Result<()> {
        match rustix::net::sockopt::socket_error(&self.fd) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) | Err(e) => Err(e.into()),
        }
    }

    /// Switches off Nagle's algorithm (`tcp_nodelay`).
    pub fn set_nodelay(&self) {
        if !self.unix {
            let _ = rustix::net::sockopt::set_tcp_nodelay(&self.fd, true);
        }
    }

    /// Makes the coming close a reset: what has not been sent is thrown away (`reset_timedout_connection`).
    pub fn reset_on_close(&self) {
        let _ = socket2::SockRef::from(self).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Ends the receiving side: a task that waits for data wakes and reads the end.
    pub fn shutdown_read(&self) {
        let _ = socket2::SockRef::from(self).shutdown(std::net::Shutdown::Read);
    }

    /// Ends the sending side.
    pub fn shutdown_write(&self) {
        let _ = socket2::SockRef::from(self).shutdown(std::net::Shutdown::Write);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    fn pair() -> (Socket, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Socket::new(ours.into(), true), theirs)
    }

    /// What is there within one turn.
    async fn at_once(socket: &Socket, piece: usize) -> usize {
        let mut all = 0;
        poll_fn(|cx| {
            let mut buf = Vec::with_capacity(piece);
            while let Poll::Ready(read) = socket.poll_read(cx, &mut buf) {
                all += read.unwrap();
                buf.clear();
            }
            Poll::Ready(all)
        })
        .await
    }

    #[tokio::test]
    async fn what_has_arrived_is_read_before_the_event_loop_knows() {
        let (socket, mut theirs) = pair();
        theirs.write_all(&[b'x'; 10]).unwrap();
        assert_eq!(at_once(&socket, 4).await, 10);
        theirs.write_all(b"more").unwrap();
        let mut buf = Vec::with_capacity(10);
        poll_fn(|cx| socket.poll_read(cx, &mut buf)).await.unwrap();
        assert_eq!(buf, b"more");
        drop(theirs);
        poll_fn(|cx| socket.poll_closed(cx)).await;
    }

    #[tokio::test]
    async fn nobody_reads_for_ever() {
        let (socket, mut theirs) = pair();
        theirs.write_all(&[b'x'; 1000]).unwrap();
        assert_eq!(at_once(&socket, 4).await, 4 * usize::from(TRIES));
        let mut left = 1000 - 4 * usize::from(TRIES);
        while left > 0 {
            let mut buf = Vec::with_capacity(100);
            left -= poll_fn(|cx| socket.poll_read(cx, &mut buf)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn who_asks_first_waits_for_the_answer() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let socket = Socket::asking(ours.into(), true);
        let pending = poll_fn(|cx| Poll::Ready(socket.poll_readable(cx).is_pending())).await;
        assert!(pending);
        let question = [IoSlice::new(b"?")];
        let sent = poll_fn(|cx| socket.poll_write_vectored(cx, &question)).await;
        assert_eq!(sent.unwrap(), 1);
        theirs.write_all(b"!").unwrap();
        poll_fn(|cx| socket.poll_readable(cx)).await.unwrap();
    }
}
