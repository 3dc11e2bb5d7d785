//! Waiting in the event loop for a descriptor that is read by other means.

use std::io;
use std::os::fd::AsFd;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// Knows when there is something to read.
pub struct Readable(UnixStream);

impl Readable {
    /// For any kind of socket, and for what else epoll knows. It does not block any more from now on.
    ///
    /// # Errors
    /// As fcntl(2) and epoll_ctl(2).
    pub fn of(socket: &impl AsFd) -> io::Result<Readable> {
        let copy = std::os::unix::net::UnixStream::from(socket.as_fd().try_clone_to_owned()?);
        copy.set_nonblocking(true)?;
        Ok(Readable(UnixStream::from_std(copy)?))
    }

    /// Returns when something has come. All that is there must be read before the next call.
    ///
    /// # Errors
    /// As epoll reports them.
    pub async fn wait(&self) -> io::Result<()> {
        self.0.readable().await?;
        let all_read = || Err::<(), _>(io::Error::from(io::ErrorKind::WouldBlock));
        let _ = self.0.try_io(Interest::READABLE, all_read);
        Ok(())
    }
}
