//! The chunked transfer coding (RFC 9112 section 7.1), as strict as nginx: every line ends with CR LF.

use std::ops::Range;

/// How long a chunk's size line may be, and how long all trailer fields together. nginx has no such limits; without
/// them a client could keep a connection busy for ever with bytes that belong to no body.
pub const LINE_LIMIT: u32 = 8192;
/// See [`LINE_LIMIT`].
pub const TRAILER_LIMIT: u32 = 32768;

/// The input is not in chunked coding, or breaks a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid chunked body")]
pub struct ChunkError;

/// What one call understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many bytes of the input are done with, `data` included.
    pub consumed: usize,
    /// The part of the input that is the body's; may be empty.
    pub data: Range<usize>,
    /// The body ended; what is behind `consumed` belongs to the next message.
    pub end: bool,
}

/// A decoder; it may be given the coded body in pieces of any size.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chunked {
    state: State,
    /// Bytes of the current chunk that are still to come.
    size: u64,
    /// Bytes of the current size line, or of the trailer section.
    used: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// First digit of a size.
    #[default]
    Start,
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataEnd,
    DataLineFeed,
    /// At the start of a trailer line.
    Trailer,
    TrailerField,
    TrailerLineFeed,
    LastLineFeed,
    End,
}

impl Chunked {
    /// At the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads up to the end of the next run of body bytes, the end of the body, or the end of the input, whichever
    /// comes first. Nothing is consumed once the body has ended.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, ChunkError> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if self.state == State::Data {
                let left = input.len() - at;
                let take = usize::try_from(self.size).map_or(left, |size| size.min(left));
                self.size -= take as u64;
                if self.size == 0 {
                    self.state = State::DataEnd;
                }
                let end = at + take;
                return Ok(Step {
                    consumed: end,
                    data: at..end,
                    end: false,
                });
            }
            if self.state == State::End {
                break;
            }
            self.state = self.step(byte)?;
            at += 1;
        }
        Ok(Step {
            consumed: at,
            data: at..at,
            end: self.state == State::End,
        })
    }

    /// Whether the whole body has been seen.
    pub fn is_end(&self) -> bool {
        self.state == State::End
    }

    fn step(&mut self, byte: u8) -> Result<State, ChunkError> {
        Ok(match (self.state, byte) {
            (State::Start, _) => {
                self.size = u64::from(hex(byte).ok_or(ChunkError)?);
                self.used = 0;
                State::Size
            }
            (State::Size, b'\r') => State::SizeLineFeed,
            (State::Size, b';' | b' ' | b'\t') => State::Extension,
            (State::Size, _) => {
                self.count(LINE_LIMIT)?;
                let digit = u64::from(hex(byte).ok_or(ChunkError)?);
                let size = self
                    .size
                    .checked_mul(16)
                    .and_then(|size| size.checked_add(digit));
                // Sizes are file offsets elsewhere: below 2^63.
                self.size = size
                    .filter(|size| *size <= i64::MAX as u64)
                    .ok_or(ChunkError)?;
                State::Size
            }
            (State::Extension, b'\r') => State::SizeLineFeed,
            (State::Extension, _) => {
                self.count(LINE_LIMIT)?;
                text(byte, State::Extension)?
            }
            (State::SizeLineFeed, b'\n') if self.size == 0 => {
                self.used = 0;
                State::Trailer
            }
            (State::SizeLineFeed, b'\n') => State::Data,
            (State::DataEnd, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Start,
            (State::Trailer, b'\r') => State::LastLineFeed,
            (State::TrailerField, b'\r') => State::TrailerLineFeed,
            (State::Trailer | State::TrailerField, _) => {
                self.count(TRAILER_LIMIT)?;
                text(byte, State::TrailerField)?
            }
            (State::TrailerLineFeed, b'\n') => State::Trailer,
            (State::LastLineFeed, b'\n') => State::End,
            _ => return Err(ChunkError),
        })
    }

    fn count(&mut self, limit: u32) -> Result<(), ChunkError> {
        self.used += 1;
        if self.used > limit {
            Err(ChunkError)
        } else {
            Ok(())
        }
    }
}

/// What has no meaning here still may not hold control characters, a bare line feed among them.
fn text(byte: u8, next: State) -> Result<State, ChunkError> {
    match byte {
        b'\t' | 0x20..=0x7e | 0x80.. => Ok(next),
        _ => Err(ChunkError),
    }
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// What ends a chunked body that has no trailer fields.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends the size line of a chunk of `len` bytes. The chunk's bytes and CR LF follow it.
pub fn chunk_head(len: u64, out: &mut Vec<u8>) {
    let digits = 16 - (len | 1).leading_zeros() / 4;
    for place in (0..digits).rev() {
        let nibble = (len >> (4 * place)) as u8 & 15;
        out.push(if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        });
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Decodes pieces; the body and how much of the input was behind its end.
    fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, usize), ChunkError> {
        let (mut decoder, mut body, mut left) = (Chunked::new(), Vec::new(), 0);
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() && !decoder.is_end() {
                let step = decoder.decode(rest)?;
                body.extend_from_slice(&rest[step.data.clone()]);
                assert!(step.consumed > 0);
                rest = &rest[step.consumed..];
            }
            left += rest.len();
        }
        Ok((body, decoder.is_end(), left))
    }

    const SAMPLES: &[(&[u8], &[u8], usize)] = &[
        (b"0\r\n\r\n", b"", 0),
        (b"3\r\nabc\r\n0\r\n\r\nGET /", b"abc", 5),
        (
            b"003;ext=\"x\"\r\nabc\r\nA \t\r\n0123456789\r\n0;last\r\nTrailer: x\r\nB: y\r\n\r\n",
            b"abc0123456789",
            0,
        ),
        (
            b"1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
            b"abcdefghijklmnopqrstuvwxyz",
            0,
        ),
    ];

    #[test]
    fn any_split() {
        for (coded, body, left) in SAMPLES {
            for cut in 0..=coded.len() {
                for second in cut..=coded.len() {
                    let pieces = [&coded[..cut], &coded[cut..second], &coded[second..]];
                    assert_eq!(decode(&pieces), Ok((body.to_vec(), true, *left)));
                }
            }
            let bytes: Vec<&[u8]> = coded.chunks(1).collect();
            assert_eq!(decode(&bytes), Ok((body.to_vec(), true, *left)));
        }
    }

    #[test]
    fn refuses() {
        for coded in [
            &b"\r\n"[..],
            b"g\r\n",
            b"-1\r\n",
            b"3\nabc",
            b"3\r\nabc0\r\n",
            b"3\r\nabcd\r\n",
            b"3\r\nabc\n0\r\n\r\n",
            b"3;ext\nabc",
            b"3;e\0xt\r\nabc",
            b"3\r\rabc",
            b"0\r\n\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\nA: b\r\r\n",
            b"0x3\r\nabc\r\n",
            b"8000000000000000\r\n",
            b"fffffffffffffffff\r\n",
            b"10000000000000000\r\n",
        ] {
            assert_eq!(
                decode(&[coded]),
                Err(ChunkError),
                "{}",
                coded.escape_ascii()
            );
        }
    }

    #[test]
    fn limits() {
        assert!(decode(&[b"1;", &vec![b'x'; 8000], b"\r\n"]).is_ok());
        assert!(decode(&[b"1;", &vec![b'x'; 9000], b"\r\n"]).is_err());
        assert!(decode(&[&vec![b'0'; 9000]]).is_err());
        let field = b"A: b\r\n".repeat(10_000);
        assert!(decode(&[b"0\r\n", &field]).is_err());
    }

    #[test]
    fn size_lines() {
        for len in [
            0,
            1,
            9,
            10,
            15,
            16,
            255,
            256,
            4096,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut out = Vec::new();
            chunk_head(len, &mut out);
            assert_eq!(out, format!("{len:x}\r\n").into_bytes());
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_splits_do_not_matter(input in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'1'), Just(b'2'), Just(b';'), any::<u8>()], 0..80
        )) {
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            prop_assert_eq!(decode(&[&input]), decode(&bytes));
        }
    }
}
