//! A body recoded while it is sent.

use super::map::{Codes, Map};
use crate::http::body::{Cut, FileRange, Part, Source};
use bytes::Bytes;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The recoding source.
pub(super) struct Recoder {
    inner: Box<dyn Source>,
    map: Arc<Map>,
    backwards: bool,
    /// The start of a character whose end has not come yet.
    incomplete: Vec<u8>,
    file: Option<FileRange>,
}

/// So much of a file is read at once.
const PIECE: u64 = 32 * 1024;

impl Recoder {
    pub(super) fn new(inner: Box<dyn Source>, map: Arc<Map>, backwards: bool) -> Self {
        Recoder {
            inner,
            map,
            backwards,
            incomplete: Vec::new(),
            file: None,
        }
    }

    fn recode(&mut self, input: &[u8]) -> Bytes {
        match (&self.map.codes, self.backwards) {
            (Codes::Bytes { forward, .. }, false) => table(input, forward),
            (Codes::Bytes { back, .. }, true) => table(input, back),
            (Codes::Utf8 { forward, .. }, false) => {
                let text = |code: &u8| {
                    forward
                        .get(usize::from(*code))
                        .map_or(&b"?"[..], |t| &t[..])
                };
                // nginx looks for the first code that needs more than a byte, and takes what stands before it as it
                // is where that is all of the piece or more than 512 bytes.
                let untouched = match input.iter().position(|code| text(code).len() > 1) {
                    None => return Bytes::copy_from_slice(input),
                    Some(n @ 513..) => n,
                    Some(_) => 0,
                };
                let (untouched, rest) = input.split_at_checked(untouched).unwrap_or_default();
                let mut out = Vec::with_capacity(input.len().saturating_mul(2));
                out.extend_from_slice(untouched);
                for code in rest {
                    out.extend_from_slice(text(code));
                }
                Bytes::from(out)
            }
            (Codes::Utf8 { back, .. }, true) => {
                let mut out = Vec::with_capacity(input.len());
                let held = std::mem::take(&mut self.incomplete);
                let joined;
                let mut rest = input;
                if !held.is_empty() {
                    joined = [&held[..], input].concat();
                    rest = &joined;
                }
                while let Some((&first, behind)) = rest.split_first() {
                    if first.is_ascii() {
                        out.push(first);
                        rest = behind;
                        continue;
                    }
                    match decode(rest) {
                        Decoded::Character(character, length) => {
                            match back.get(&character) {
                                Some(code) => out.push(*code),
                                None => {
                                    let _ = write!(out, "&#{character};");
                                }
                            }
                            rest = rest.get(length..).unwrap_or_default();
                        }
                        Decoded::Invalid(length) => {
                            out.push(b'?');
                            rest = rest.get(length..).unwrap_or_default();
                        }
                        Decoded::Incomplete => {
                            self.incomplete = rest.to_vec();
                            break;
                        }
                    }
                }
                Bytes::from(out)
            }
        }
    }

    /// The next piece of the file that is being read.
    fn read(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        let Some(range) = &mut self.file else {
            return Ok(None);
        };
        let length = usize::try_from(range.length.min(PIECE)).unwrap_or(0);
        let mut bytes = vec![0; length];
        // A file that has become shorter is not made to look whole.
        range
            .file
            .read_exact_at(&mut bytes, range.offset)
            .map_err(|_| Cut)?;
        range.offset = range.offset.saturating_add(length as u64);
        range.length -= length as u64;
        if range.length == 0 {
            self.file = None;
        }
        Ok(Some(bytes))
    }
}

fn table(input: &[u8], codes: &[u8; 256]) -> Bytes {
    input
        .iter()
        .map(|code| codes.get(usize::from(*code)).copied().unwrap_or(b'?'))
        .collect()
}

/// The start of a text in UTF-8.
enum Decoded {
    /// A character and how many bytes it has.
    Character(u32, usize),
    /// So many bytes that are none.
    Invalid(usize),
    /// More bytes are needed.
    Incomplete,
}

/// Reads one character that is not ASCII, taking as many bytes for a wrong one as nginx does: all up to the first that
/// does not go on.
fn decode(text: &[u8]) -> Decoded {
    let Some((&first, rest)) = text.split_first() else {
        return Decoded::Incomplete;
    };
    let (mut character, length, above) = match first {
        0xc2..=0xdf => (u32::from(first & 0x1f), 1, 0x7f),
        0xe0..=0xef => (u32::from(first & 0x0f), 2, 0x7ff),
        0xf0..=0xf7 => (u32::from(first & 0x07), 3, 0xffff),
        _ => return Decoded::Invalid(1),
    };
    let Some(rest) = rest.get(..length) else {
        return Decoded::Incomplete;
    };
    for (i, byte) in rest.iter().enumerate() {
        if *byte < 0x80 {
            return Decoded::Invalid(i + 2);
        }
        character = character << 6 | u32::from(byte & 0x3f);
    }
    match character {
        c if c <= above || c > 0x10_ffff => Decoded::Invalid(length + 1),
        c => Decoded::Character(c, length + 1),
    }
}

impl Source for Recoder {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>> {
        loop {
            let input = match self.read()? {
                Some(bytes) => Bytes::from(bytes),
                None => match ready!(self.inner.poll_next(cx))? {
                    None => return Poll::Ready(Ok(None)),
                    Some(Part::Bytes(bytes)) => bytes,
                    Some(Part::File(range)) => {
                        self.file = (range.length > 0).then_some(range);
                        continue;
                    }
                },
            };
            let out = self.recode(&input);
            if !out.is_empty() {
                return Poll::Ready(Ok(Some(Part::Bytes(out))));
            }
        }
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        self.inner.poll_ahead(cx);
    }

    fn flush(&self) -> bool {
        self.inner.flush()
    }

    fn trailers(&mut self) -> Vec<(Bytes, Bytes)> {
        self.inner.trailers()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::Body;
    use std::collections::HashMap;

    fn koi8() -> Arc<Map> {
        let mut forward: Vec<Bytes> = (0..=255u8).map(|c| Bytes::from(vec![c])).collect();
        forward[0xc1] = Bytes::from_static("\u{430}".as_bytes());
        let mut back = HashMap::default();
        back.insert(0x430, 0xc1);
        Arc::new(Map {
            from: Bytes::from_static(b"koi8-r"),
            to: Bytes::from_static(b"utf-8"),
            codes: Codes::Utf8 { forward, back },
        })
    }

    fn run(body: Body, backwards: bool) -> Vec<u8> {
        let mut recoder = Recoder::new(body.into_source(), koi8(), backwards);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut out = Vec::new();
        while let Poll::Ready(Ok(Some(Part::Bytes(b)))) = recoder.poll_next(&mut cx) {
            out.extend_from_slice(&b);
        }
        out
    }

    #[test]
    fn characters_are_recoded_both_ways() {
        let body = || Body::bytes(Bytes::from_static(b"a\xc1b"));
        assert_eq!(run(body(), false), "a\u{430}b".as_bytes());
        let body = Body::bytes(Bytes::from_static("a\u{430}\u{20ac}b".as_bytes()));
        assert_eq!(run(body, true), b"a\xc1&#8364;b");
    }

    #[test]
    fn characters_may_be_split_between_pieces() {
        let part = |b: &'static [u8]| Part::Bytes(Bytes::from_static(b));
        let body = Body::Parts(
            [part(b"x\xd0"), part(b"\xb0y"), part(b"\xe2")]
                .into_iter()
                .collect(),
        );
        assert_eq!(run(body, true), b"x\xc1y");
    }

    #[test]
    fn what_is_no_utf8_becomes_question_marks() {
        let body = Body::bytes(Bytes::from_static(b"a\xffb\xd0cd\xc0\x80"));
        assert_eq!(run(body, true), b"a?b?d??");
    }
}
