//! A connected socket, TCP or Unix, as the system gives it: what is written to it is what goes over the wire.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix domain socket.
    Unix(UnixStream),
}

macro_rules! each {
    ($self:expr, $s:ident => $e:expr) => {
        match $self {
            Socket::Tcp($s) => $e,
            Socket::Unix($s) => $e,
        }
    };
}

impl Socket {
    /// Hands a connected socket that does not block to the event loop.
    ///
    /// # Errors
    /// The event loop does not take it.
    pub fn from_fd(fd: OwnedFd, unix: bool) -> io::Result<Socket> {
        Ok(match unix {
            true => Socket::Unix(UnixStream::from_std(fd.into())?),
            false => Socket::Tcp(TcpStream::from_std(fd.into())?),
        })
    }

    /// Takes it out of the event loop.
    ///
    /// # Errors
    /// The event loop does not know it.
    pub fn into_fd(self) -> io::Result<OwnedFd> {
        Ok(match self {
            Socket::Tcp(s) => s.into_std()?.into(),
            Socket::Unix(s) => s.into_std()?.into(),
        })
    }

    /// Appends what has arrived to `buf`, at most its spare capacity; 0 bytes mean the end of the stream.
    ///
    /// # Errors
    /// As recv(2).
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        loop {
            ready!(each!(self, s => s.poll_read_ready(cx)))?;
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
        let n = each!(self, s => s.try_read_buf(buf))?;
        if n > 0 && n < room {
            self.note_drained();
        }
        Ok(n)
    }

    /// Tells the event loop that the socket is drained. It saves the recv that would only report it; new data is a new
    /// edge.
    fn note_drained(&self) {
        let drained = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = each!(self, s => s.try_io(Interest::READABLE, drained));
    }

    /// Reads into a slice without waiting; 0 bytes mean the end.
    ///
    /// # Errors
    /// `WouldBlock` if nothing has arrived.
    pub fn try_read_slice(&self, buf: &mut [u8]) -> io::Result<usize> {
        let n = each!(self, s => s.try_read(buf))?;
        if n > 0 && n < buf.len() {
            self.note_drained();
        }
        Ok(n)
    }

    /// Writes from several buffers without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing can be written.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match bufs {
            // send(2) costs the kernel less than writev(2).
            [one] => each!(self, s => s.try_write(one)),
            _ => each!(self, s => s.try_write_vectored(bufs)),
        }
    }

    /// Waits until something can be written.
    ///
    /// # Errors
    /// As epoll reports them.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_write_ready(cx))
    }

    /// Copies what has arrived and leaves it there to be read; 0 bytes mean the end of the stream.
    ///
    /// # Errors
    /// As recv(2).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        use rustix::net::{RecvFlags, recv};
        loop {
            ready!(each!(self, s => s.poll_read_ready(cx)))?;
            let mut peek = || {
                let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
                Ok(recv(self.as_fd(), &mut *buf, flags)?.0)
            };
            match each!(self, s => s.try_io(Interest::READABLE, &mut peek)) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                other => return Poll::Ready(other),
            }
        }
    }

    /// Whether there is something to read, the end of the stream included. Takes no buffer.
    ///
    /// # Errors
    /// As epoll reports them.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, s => s.poll_read_ready(cx))
    }

    /// Ready when the other side has closed or broken the connection. Data that waits to be read leaves it pending
    /// for good: whoever pipelines is still there.
    pub fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if ready!(each!(self, s => s.poll_read_ready(cx))).is_err() {
                return Poll::Ready(());
            }
            let mut byte = [std::mem::MaybeUninit::<u8>::uninit()];
            let peek = each!(self, s => s.try_io(Interest::READABLE, || {
                socket2::SockRef::from(s).peek(&mut byte)
            }));
            match peek {
                Ok(0) => return Poll::Ready(()),
                Ok(_) => return Poll::Pending,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
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
        loop {
            match self.try_write_vectored(bufs) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(each!(self, s => s.poll_write_ready(cx)))?
                }
                other => return Poll::Ready(other),
            }
        }
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
        use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};
        const FLAGS: SendFlags = SendFlags::MORE
            .union(SendFlags::NOSIGNAL)
            .union(SendFlags::DONTWAIT);
        loop {
            let send = || {
                let mut none = SendAncillaryBuffer::default();
                Ok(match bufs {
                    [one] => send(self.as_fd(), one, FLAGS)?,
                    _ => sendmsg(self.as_fd(), bufs, &mut none, FLAGS)?,
                })
            };
            match each!(self, s => s.try_io(Interest::WRITABLE, send)) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(each!(self, s => s.poll_write_ready(cx)))?
                }
                other => return Poll::Ready(other),
            }
        }
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
        loop {
            let send = || {
                Ok(rustix::fs::sendfile(
                    self.as_fd(),
                    file,
                    Some(offset),
                    count,
                )?)
            };
            match each!(self, s => s.try_io(Interest::WRITABLE, send)) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    ready!(each!(self, s => s.poll_write_ready(cx)))?
                }
                other => return Poll::Ready(other),
            }
        }
    }

    /// Switches off Nagle's algorithm (`tcp_nodelay`).
    pub fn set_nodelay(&self) {
        if let Socket::Tcp(s) = self {
            let _ = s.set_nodelay(true);
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
        each!(self, s => s.as_fd())
    }
}
