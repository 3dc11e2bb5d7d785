//! What is on its way to the client: bytes and file ranges in order, written with as few system calls as they need.

use super::io::{Io, IoError};
use crate::http::body::{FileRange, Part};
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Buffers that one call writes at most.
const MOST_SLICES: usize = 32;
/// A piece of a body that is so small is copied to what stands in front of it, if there is room.
const COPIED: usize = 2048;
/// How much of a file is read at a time where `sendfile` is off.
const READ_AT_ONCE: usize = 32 * 1024;

/// A queue of output.
pub struct Outgoing {
    items: VecDeque<Item>,
    /// Bytes of the first item that are written already.
    written: usize,
    /// Bytes in the queue.
    left: u64,
    timeout: Duration,
    armed: bool,
    spare: Option<Vec<u8>>,
    /// `sendfile on`
    pub sendfile: bool,
    /// `sendfile_max_chunk`
    pub max_chunk: u64,
    /// Whether the connection closes at once behind what is queued: the end of the stream leaves with the last bytes
    /// then, in one packet.
    pub closes: bool,
}

enum Item {
    Owned(Vec<u8>),
    Shared(Bytes),
    File(FileRange),
}

thread_local! {
    /// Empty queues with room, from answers that have been sent.
    static QUEUES: RefCell<Vec<VecDeque<Item>>> = const { RefCell::new(Vec::new()) };
}

/// So many queues are kept by a thread, none of them with much room.
const MOST_QUEUES: usize = 64;
const MOST_ROOM: usize = 64;

impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut items = std::mem::take(&mut self.items);
        if items.capacity() > MOST_ROOM {
            return;
        }
        items.clear();
        // At the end of a thread there is nothing to keep them in.
        let _ = QUEUES.try_with(|queues| {
            let mut queues = queues.borrow_mut();
            if queues.len() < MOST_QUEUES {
                queues.push(items);
            }
        });
    }
}

/// Why output stopped.
#[derive(Debug)]
pub enum SendError {
    /// The client takes nothing any more, or is gone.
    Io(IoError),
    /// A file became shorter while it was sent.
    Truncated,
    /// A file could not be read.
    File(std::io::Error),
}

impl Outgoing {
    /// An empty queue; `timeout` is the time that a client may take between two writes.
    pub fn new(timeout: Duration) -> Self {
        let items = QUEUES.with_borrow_mut(Vec::pop).unwrap_or_default();
        Outgoing {
            items,
            written: 0,
            left: 0,
            timeout,
            armed: false,
            spare: None,
            sendfile: true,
            max_chunk: u64::MAX,
            closes: false,
        }
    }

    /// Adds bytes of its own.
    pub fn push_owned(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.left += bytes.len() as u64;
            self.items.push_back(Item::Owned(bytes));
        }
    }

    /// Adds a piece of a body.
    pub fn push(&mut self, part: Part) {
        if part.is_empty() {
            return;
        }
        self.left += part.len();
        let part = match (part, self.items.back_mut()) {
            // Copied behind the head, a small body makes one buffer with it: cheaper than what two cost the kernel.
            (Part::Bytes(b), Some(Item::Owned(last)))
                if b.len() <= COPIED && b.len() <= last.capacity() - last.len() =>
            {
                last.extend_from_slice(&b);
                return;
            }
            (part, _) => part,
        };
        self.items.push_back(match part {
            Part::Bytes(b) => Item::Shared(b),
            Part::File(f) => Item::File(f),
        });
    }

    /// Bytes that are still to be written.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes the buffer of the head back for reuse, once it is written.
    pub fn reclaim(&mut self) -> Option<Vec<u8>> {
        self.spare.take()
    }

    /// Writes at most `budget` bytes; ready when so many are written or the queue is empty, with their number.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        io: &Io,
        budget: u64,
    ) -> Poll<Result<u64, SendError>> {
        let mut done = 0;
        while self.left > 0 && done < budget {
            match self.write_once(cx, io, budget - done) {
                Poll::Ready(Ok(n)) => {
                    self.armed = false;
                    self.left = self.left.saturating_sub(n);
                    done += n;
                    if n >= self.max_chunk && self.left > 0 {
                        // Others on this thread get their turn.
                        cx.waker().wake_by_ref();
                        return if done > 0 {
                            Poll::Ready(Ok(done))
                        } else {
                            Poll::Pending
                        };
                    }
                }
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending if done > 0 => return Poll::Ready(Ok(done)),
                Poll::Pending => {
                    if !self.armed {
                        io.write_within(self.timeout);
                        self.armed = true;
                    }
                    return io
                        .poll_write_timeout(cx)
                        .map(|()| Err(SendError::Io(IoError::TimedOut)));
                }
            }
        }
        Poll::Ready(Ok(done))
    }

    fn write_once(
        &mut self,
        cx: &mut Context<'_>,
        io: &Io,
        budget: u64,
    ) -> Poll<Result<u64, SendError>> {
        if let Some(Item::File(range)) = self.items.front_mut() {
            if !self.sendfile {
                let piece = read_piece(range)?;
                if range.length == 0 {
                    self.items.pop_front();
                }
                self.items.push_front(Item::Shared(piece));
                return self.write_once(cx, io, budget);
            }
            let count = range.length.min(budget).min(self.max_chunk);
            let count = usize::try_from(count)
                .unwrap_or(usize::MAX)
                .min(0x7fff_f000);
            let sent =
                ready!(
                    io.stream
                        .poll_sendfile(cx, range.file.as_fd(), &mut range.offset, count)
                );
            let n = sent.map_err(|e| SendError::Io(IoError::Broken(e)))? as u64;
            if n == 0 {
                return Poll::Ready(Err(SendError::Truncated));
            }
            range.length = range.length.saturating_sub(n);
            if range.length == 0 {
                self.items.pop_front();
            }
            return Poll::Ready(Ok(n));
        }
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let mut count = 0;
        let mut room = usize::try_from(budget).unwrap_or(usize::MAX);
        let mut file_follows = false;
        for (slot, (i, item)) in slices.iter_mut().zip(self.items.iter().enumerate()) {
            let bytes: &[u8] = match item {
                Item::Owned(b) => b,
                Item::Shared(b) => b,
                Item::File(_) => {
                    file_follows = self.sendfile;
                    break;
                }
            };
            let bytes = if i == 0 {
                bytes.get(self.written..).unwrap_or_default()
            } else {
                bytes
            };
            let bytes = bytes.get(..room).unwrap_or(bytes);
            room -= bytes.len();
            *slot = IoSlice::new(bytes);
            count += 1;
            if room == 0 {
                break;
            }
        }
        let slices = slices.get(..count).unwrap_or_default();
        let written = if file_follows || self.closes {
            io.stream.poll_write_more(cx, slices)
        } else {
            io.stream.poll_write_vectored(cx, slices)
        };
        written.map(|r| match r {
            Ok(n) => {
                self.advance(n);
                Ok(n as u64)
            }
            Err(e) => Err(SendError::Io(IoError::Broken(e))),
        })
    }

    fn advance(&mut self, n: usize) {
        let mut n = n + self.written;
        loop {
            let len = match self.items.front() {
                Some(Item::Owned(b)) => b.len(),
                Some(Item::Shared(b)) => b.len(),
                _ => 0,
            };
            if len == 0 || n < len {
                break;
            }
            n -= len;
            if let Some(Item::Owned(buffer)) = self.items.pop_front()
                && self
                    .spare
                    .as_ref()
                    .is_none_or(|s| s.capacity() < buffer.capacity())
            {
                self.spare = Some(buffer);
            }
        }
        self.written = n;
    }
}

/// Reads the next piece of a file range, moving its start.
fn read_piece(range: &mut FileRange) -> Result<Bytes, SendError> {
    use std::os::unix::fs::FileExt;
    let want = usize::try_from(range.length)
        .unwrap_or(usize::MAX)
        .min(READ_AT_ONCE);
    let mut buf = vec![0; want];
    let n = range
        .file
        .read_at(&mut buf, range.offset)
        .map_err(SendError::File)?;
    if n == 0 {
        return Err(SendError::Truncated);
    }
    buf.truncate(n);
    range.offset += n as u64;
    range.length -= n as u64;
    Ok(Bytes::from(buf))
}
