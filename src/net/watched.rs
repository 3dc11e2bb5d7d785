//! A descriptor that the event loop gets to know when somebody waits for it, not before.
#![allow(unsafe_code, reason = "the one block says why it is sound")]

use std::cell::OnceCell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A descriptor that does not block.
#[derive(Debug)]
pub struct Watched {
    /// Declared before the descriptor, so that it ends before it.
    watch: OnceCell<AsyncFd<Number>>,
    fd: OwnedFd,
}

/// The number of a descriptor that somebody else closes.
#[derive(Debug)]
struct Number(RawFd);

impl AsRawFd for Number {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl Watched {
    /// Takes it, unknown to the event loop.
    pub fn new(fd: OwnedFd) -> Watched {
        Watched {
            watch: OnceCell::new(),
            fd,
        }
    }

    /// Takes it out of the event loop.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Makes a call, unless the event loop knows that it would block.
    ///
    /// # Errors
    /// Those of the call; `WouldBlock` also without it.
    pub fn attempt<T>(
        &self,
        interest: Interest,
        mut call: impl FnMut() -> rustix::io::Result<T>,
    ) -> io::Result<T> {
        match self.watch.get() {
            Some(watch) => watch.try_io(interest, |_| Ok(call()?)),
            None => Ok(call()?),
        }
    }

    /// Tells the event loop that there is nothing left to read. New data is a new edge.
    pub fn note_drained(&self) {
        if let Some(watch) = self.watch.get() {
            let drained = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
            let _ = watch.try_io(Interest::READABLE, |_| drained());
        }
    }

    /// Waits until there is something to read, the end included.
    ///
    /// # Errors
    /// As epoll reports them.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch()?.poll_read_ready(cx).map_ok(drop)
    }

    /// Waits until something can be written.
    ///
    /// # Errors
    /// As epoll reports them.
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch()?.poll_write_ready(cx).map_ok(drop)
    }

    fn watch(&self) -> io::Result<&AsyncFd<Number>> {
        if let Some(watch) = self.watch.get() {
            return Ok(watch);
        }
        // SAFETY: the descriptor is open, nothing but this type has it or closes it, and it does so after the watch
        // has gone: by the order of the fields when it is dropped, and by giving it away in `into_fd`.
        let watch = unsafe { AsyncFd::register(Number(self.fd.as_raw_fd())) }?;
        Ok(self.watch.get_or_init(|| watch))
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
