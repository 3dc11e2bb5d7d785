//! The body of a response: bytes, ranges of files, or a source that yields them piece by piece.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use std::fs::File;
use std::rc::Rc;
use std::task::{Context, Poll};

/// A piece of a body.
#[derive(Clone, Debug)]
pub enum Part {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A range of a regular file.
    File(FileRange),
}

/// A range of an open file.
#[derive(Clone, Debug)]
pub struct FileRange {
    /// The file.
    pub file: Rc<File>,
    /// Where the range starts.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

impl Part {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Part::Bytes(b) => b.len() as u64,
            Part::File(f) => f.length,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The bytes of a read, without the rest of a buffer that they hardly fill: a sender that gives little at a time would
/// otherwise make a body take many times its length.
pub fn compact(read: Vec<u8>) -> Bytes {
    if read.len() < read.capacity() / 2 {
        Bytes::copy_from_slice(&read)
    } else {
        Bytes::from(read)
    }
}

/// Joins a small piece to a small one before it, for the same reason; gives it back if it is to stand on its own.
pub fn join(last: Option<&mut Bytes>, piece: Bytes) -> Option<Bytes> {
    const SMALL: usize = 2048;
    match last {
        Some(last) if last.len() < SMALL && piece.len() < SMALL => {
            let mut all = std::mem::take(last)
                .try_into_mut()
                .unwrap_or_else(|shared| BytesMut::from(&*shared));
            all.extend_from_slice(&piece);
            *last = all.freeze();
            None
        }
        _ => Some(piece),
    }
}

/// Why a body ended before its end. What was sent of it must not be made to look whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;

/// Yields a body piece by piece.
pub trait Source {
    /// The next piece; `None` at the end. Must not be called again after the end or an error.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>>;

    /// Called while the client takes nothing: reads ahead as far as the settings allow. Wakes the task of `cx`
    /// when there is more to do.
    fn poll_ahead(&mut self, _cx: &mut Context<'_>) {}

    /// Whether what was yielded so far should be sent before waiting for more (unbuffered proxying, flushes).
    fn flush(&self) -> bool {
        true
    }

    /// Trailer fields, known at the end.
    fn trailers(&mut self) -> Vec<(Bytes, Bytes)> {
        Vec::new()
    }
}

/// The body of a response.
#[derive(Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// Known pieces.
    Parts(SmallVec<[Part; 1]>),
    /// Pieces to come.
    Stream(Box<dyn Source>),
}

impl Body {
    /// A body of bytes.
    pub fn bytes(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            Body::Empty
        } else {
            Body::Parts(smallvec::smallvec![Part::Bytes(bytes)])
        }
    }

    /// A body that is a range of a file.
    pub fn file(range: FileRange) -> Self {
        if range.length == 0 {
            Body::Empty
        } else {
            Body::Parts(smallvec::smallvec![Part::File(range)])
        }
    }

    /// Its length, if it is known.
    pub fn len(&self) -> Option<u64> {
        match self {
            Body::Empty => Some(0),
            Body::Parts(parts) => Some(parts.iter().map(Part::len).sum()),
            Body::Stream(_) => None,
        }
    }

    /// Whether there is nothing in it for certain.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The body as a source, for filters that rewrite it.
    pub fn into_source(self) -> Box<dyn Source> {
        match self {
            Body::Empty => Box::new(Pieces(SmallVec::new().into_iter())),
            Body::Parts(parts) => Box::new(Pieces(parts.into_iter())),
            Body::Stream(s) => s,
        }
    }
}

struct Pieces(smallvec::IntoIter<[Part; 1]>);

impl Source for Pieces {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>> {
        Poll::Ready(Ok(self.0.next()))
    }

    fn flush(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_small_pieces_takes_little_room() {
        let mut all: Vec<Bytes> = Vec::new();
        for n in 0..10_000_u32 {
            let mut read = Vec::with_capacity(16384);
            read.push(n as u8);
            let own = join(all.last_mut(), compact(read));
            all.extend(own);
        }
        assert!(all.len() < 8, "{} pieces", all.len());
        let whole: Vec<u8> = all.concat();
        assert!(whole.len() == 10_000 && whole.iter().enumerate().all(|(n, b)| n as u8 == *b));
    }

    #[test]
    fn pieces_that_others_hold_stay_as_they_are() {
        let shared = Bytes::from(b"abc".to_vec());
        let mut last = shared.clone();
        assert_eq!(join(Some(&mut last), Bytes::from_static(b"d")), None);
        assert_eq!((&shared[..], &last[..]), (&b"abc"[..], &b"abcd"[..]));
        let long = Bytes::from(vec![0; 4096]);
        assert_eq!(join(Some(&mut last), long.clone()), Some(long));
    }
}
