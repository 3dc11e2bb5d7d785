//! A body compressed while it is sent.

use super::kept::Candidate;
use crate::http::body::{Cut, FileRange, Part, Source};
use bytes::{Buf, Bytes};
use flate2::{Compress, Compression, FlushCompress, Status};
use std::cell::{Cell, RefCell};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::task::{Context, Poll};

/// How to compress.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// 1 to 9.
    pub(super) level: u32,
    /// 9 to 15.
    pub(super) window_bits: u8,
    /// How much to gather before passing it on.
    pub(super) piece: u64,
    /// Whether to pass on what there is while the source is waited for.
    pub(super) eager: bool,
}

/// The compressing source.
pub(super) struct Deflate {
    inner: Box<dyn Source>,
    state: Option<Compress>,
    settings: Settings,
    input: Input,
    out: Vec<u8>,
    piece: usize,
    /// Whether something has gone in since the last flush.
    dirty: bool,
    finished: bool,
    counts: Rc<Cell<(u64, u64)>>,
    /// What is to be kept when it is complete.
    keep: Option<(Candidate, Vec<u8>)>,
}

enum Input {
    None,
    Bytes(Bytes),
    File(FileRange),
}

/// The most that is gathered, and read from a file at once.
const LARGEST_PIECE: usize = 32 * 1024;

impl Deflate {
    /// Compresses a body; `counts` is kept at the bytes before and behind. A candidate's is kept.
    pub(super) fn new(
        inner: Box<dyn Source>,
        settings: Settings,
        counts: Rc<Cell<(u64, u64)>>,
        candidate: Option<Candidate>,
    ) -> Self {
        let piece = usize::try_from(settings.piece).unwrap_or(LARGEST_PIECE);
        Deflate {
            inner,
            state: Some(take(settings)),
            settings,
            input: Input::None,
            out: Vec::new(),
            piece: piece.clamp(512, LARGEST_PIECE),
            dirty: false,
            finished: false,
            counts,
            keep: candidate.map(|candidate| (candidate, Vec::new())),
        }
    }

    /// Compresses some input; `None` is the end of it or, by `flush`, everything so far.
    fn push(&mut self, mut input: &[u8], flush: FlushCompress) -> Result<(), Cut> {
        let Some(state) = &mut self.state else {
            return Err(Cut);
        };
        loop {
            if self.out.capacity() - self.out.len() < 64 {
                let room = input.len().clamp(512, self.piece);
                self.out.reserve(room);
            }
            let before = state.total_in();
            let status = state.compress_vec(input, &mut self.out, flush);
            let taken = usize::try_from(state.total_in() - before).unwrap_or(0);
            input.advance(taken.min(input.len()));
            match status {
                Ok(Status::StreamEnd) => break,
                Ok(_) if !input.is_empty() => {}
                // Room that is left over means that nothing more is to come out.
                Ok(_) if flush != FlushCompress::Finish && self.out.len() < self.out.capacity() => {
                    break;
                }
                Ok(_) => {}
                Err(_) => return Err(Cut),
            }
        }
        self.counts.set((state.total_in(), state.total_out()));
        Ok(())
    }

    fn consume(&mut self) -> Result<(), Cut> {
        match std::mem::replace(&mut self.input, Input::None) {
            Input::None => Ok(()),
            Input::Bytes(mut bytes) => {
                let now = bytes.split_to(bytes.len().min(LARGEST_PIECE));
                if !bytes.is_empty() {
                    self.input = Input::Bytes(bytes);
                }
                self.push(&now, FlushCompress::None)
            }
            Input::File(mut range) => {
                let length = usize::try_from(range.length).unwrap_or(usize::MAX);
                READ.with_borrow_mut(|buffer| {
                    buffer.resize(LARGEST_PIECE, 0);
                    let room = buffer
                        .get_mut(..length.min(LARGEST_PIECE))
                        .unwrap_or_default();
                    let n = match range.file.read_at(room, range.offset) {
                        // The file has become shorter, or cannot be read: what was sent is not all.
                        Ok(0) | Err(_) => return Err(Cut),
                        Ok(n) => n,
                    };
                    range.offset = range.offset.saturating_add(n as u64);
                    range.length = range.length.saturating_sub(n as u64);
                    if range.length > 0 {
                        self.input = Input::File(range);
                    }
                    self.push(buffer.get(..n).unwrap_or_default(), FlushCompress::None)
                })
            }
        }
    }

    fn take_piece(&mut self) -> Poll<Result<Option<Part>, Cut>> {
        if let Some((_, packed)) = &mut self.keep {
            packed.extend_from_slice(&self.out);
        }
        Poll::Ready(Ok(Some(Part::Bytes(Bytes::from(std::mem::take(
            &mut self.out,
        ))))))
    }
}

thread_local! {
    /// What is read from files to be compressed at once.
    static READ: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Source for Deflate {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>> {
        loop {
            if self.out.len() >= self.piece || self.finished && !self.out.is_empty() {
                return self.take_piece();
            }
            if self.finished {
                if let Some((candidate, packed)) = self.keep.take() {
                    candidate.keep(packed, self.counts.get().0);
                }
                return Poll::Ready(Ok(None));
            }
            if !matches!(self.input, Input::None) {
                self.consume()?;
                continue;
            }
            match self.inner.poll_next(cx) {
                Poll::Ready(Ok(Some(part))) => {
                    if part.is_empty() {
                        continue;
                    }
                    self.dirty = true;
                    self.input = match part {
                        Part::Bytes(bytes) => Input::Bytes(bytes),
                        Part::File(range) => Input::File(range),
                    };
                }
                Poll::Ready(Ok(None)) => {
                    self.push(&[], FlushCompress::Finish)?;
                    self.finished = true;
                    give(self.settings, self.state.take());
                }
                Poll::Ready(Err(cut)) => return Poll::Ready(Err(cut)),
                Poll::Pending if self.dirty && self.inner.flush() => {
                    self.dirty = false;
                    self.push(&[], FlushCompress::Sync)?;
                    return self.take_piece();
                }
                Poll::Pending if self.settings.eager && !self.out.is_empty() => {
                    return self.take_piece();
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        self.inner.poll_ahead(cx);
    }

    fn flush(&self) -> bool {
        self.settings.eager || self.inner.flush()
    }

    fn trailers(&mut self) -> Vec<(Bytes, Bytes)> {
        self.inner.trailers()
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        give(self.settings, self.state.take());
    }
}

/// Compressors that are not in use, with what they were made for: each has some 256 KiB of tables.
const KEPT: usize = 8;

thread_local! {
    static STATES: RefCell<Vec<(u32, u8, Compress)>> = const { RefCell::new(Vec::new()) };
}

fn take(settings: Settings) -> Compress {
    let kept = STATES.with_borrow_mut(|all| {
        let at = all
            .iter()
            .position(|(level, bits, _)| (*level, *bits) == (settings.level, settings.window_bits));
        at.map(|i| all.swap_remove(i).2)
    });
    kept.unwrap_or_else(|| {
        Compress::new_gzip(
            Compression::new(settings.level.clamp(1, 9)),
            settings.window_bits.clamp(9, 15),
        )
    })
}

fn give(settings: Settings, state: Option<Compress>) {
    let Some(mut state) = state else { return };
    state.reset();
    STATES.with_borrow_mut(|all| {
        if all.len() < KEPT {
            all.push((settings.level, settings.window_bits, state));
        }
    });
}

#[cfg(test)]
impl Settings {
    /// What tests of compression go by.
    pub(super) const OF_TESTS: Settings = Settings {
        level: 1,
        window_bits: 15,
        piece: 4096,
        eager: false,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::Body;
    use std::collections::VecDeque;
    use std::io::{Read, Write};

    /// A source that says `None` where it would have to be waited for.
    struct Script(VecDeque<Option<&'static [u8]>>, bool);

    impl Source for Script {
        fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>> {
            match self.0.pop_front() {
                Some(Some(bytes)) => Poll::Ready(Ok(Some(Part::Bytes(Bytes::from_static(bytes))))),
                Some(None) => Poll::Pending,
                None => Poll::Ready(Ok(None)),
            }
        }
        fn flush(&self) -> bool {
            self.1
        }
    }

    fn compress(source: Box<dyn Source>) -> (Vec<Vec<u8>>, (u64, u64)) {
        let counts = Rc::default();
        let mut deflate = Deflate::new(source, Settings::OF_TESTS, Rc::clone(&counts), None);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut pieces = Vec::new();
        loop {
            match deflate.poll_next(&mut cx) {
                Poll::Ready(Ok(Some(Part::Bytes(b)))) => pieces.push(b.to_vec()),
                Poll::Ready(Ok(Some(Part::File(_)))) => unreachable!(),
                Poll::Ready(Ok(None)) => return (pieces, counts.get()),
                Poll::Ready(Err(Cut)) => panic!("cut"),
                Poll::Pending => {}
            }
        }
    }

    fn expand(pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&pieces.concat()[..])
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    #[test]
    fn a_body_comes_out_whole() {
        for size in [0, 1, 100, 100_000] {
            let text: Vec<u8> = (0..size)
                .map(|i: u32| (i.wrapping_mul(i) / 7 % 251) as u8)
                .collect();
            let (pieces, counts) = compress(Body::bytes(Bytes::from(text.clone())).into_source());
            assert_eq!(expand(&pieces), text);
            let sent: usize = pieces.iter().map(Vec::len).sum();
            assert_eq!(counts, (text.len() as u64, sent as u64));
        }
    }

    #[test]
    fn a_file_comes_out_whole() {
        let mut file = tempfile::tempfile().unwrap();
        let text = b"0123456789".repeat(10_000);
        file.write_all(&text).unwrap();
        let range = FileRange {
            file: Rc::new(file),
            offset: 5,
            length: 99_990,
        };
        let (pieces, _) = compress(Body::file(range).into_source());
        assert_eq!(expand(&pieces), &text[5..99_995]);
    }

    #[test]
    fn what_waits_is_flushed_only_if_the_source_wants_it() {
        let script = || VecDeque::from([Some(&b"first"[..]), None, None, Some(&b"second"[..])]);
        let (pieces, _) = compress(Box::new(Script(script(), true)));
        assert_eq!(
            (pieces.len(), expand(&pieces)),
            (2, b"firstsecond".to_vec())
        );
        let (pieces, _) = compress(Box::new(Script(script(), false)));
        assert_eq!(
            (pieces.len(), expand(&pieces)),
            (1, b"firstsecond".to_vec())
        );
    }

    #[test]
    fn states_are_used_again() {
        for _ in 0..3 {
            let (pieces, _) = compress(Body::bytes(Bytes::from_static(b"hello")).into_source());
            assert_eq!(expand(&pieces), b"hello");
        }
        STATES.with_borrow(|all| assert_eq!(all.len(), 1));
    }
}
