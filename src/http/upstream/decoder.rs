//! Takes the framing off the body of an answer.

use super::failure::Cause;
use crate::http::h1::chunked::Chunked;
use bytes::Bytes;

/// How a body is delimited, and how far it has come.
pub enum Decoder {
    /// There is none.
    Empty,
    /// So many bytes are still to come.
    Length(u64),
    /// In chunked coding.
    Chunked(Box<Chunks>),
    /// It goes on until the connection closes.
    UntilClose,
    /// As a protocol of its own has it.
    Other(Box<dyn Unframe>),
}

/// The framing of a protocol other than HTTP.
pub trait Unframe {
    /// Gives the body's bytes in `input` to `out`.
    ///
    /// # Errors
    /// The framing is broken.
    fn decode(&mut self, input: Bytes, out: &mut dyn FnMut(Bytes)) -> Result<Decoded, Cause>;

    /// Whether the body may end here with the connection.
    fn ends_at_close(&self) -> bool;

    /// Sentences for the error log that came along with the body since the last call.
    fn notes(&mut self) -> Vec<String>;

    /// Whether bytes behind the end are more body than was announced.
    fn is_overlong(&self) -> bool;
}

/// A chunked body.
#[derive(Default)]
pub struct Chunks {
    decoder: Chunked,
    /// What came since the last byte of the body, if trailer fields are wanted.
    tail: Option<Vec<u8>>,
}

/// What one piece of input made of the body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Whether the body has ended.
    pub end: bool,
    /// Whether something followed its end.
    pub surplus: bool,
}

impl Decoder {
    /// A chunked body.
    pub fn chunked(with_trailers: bool) -> Self {
        Decoder::Chunked(Box::new(Chunks {
            decoder: Chunked::new(),
            tail: with_trailers.then(Vec::new),
        }))
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        matches!(self, Decoder::Empty | Decoder::Length(0))
    }

    /// Whether this is all of the body, and needs no decoding.
    pub fn is_just(&self, input: &[u8]) -> bool {
        matches!(self, Decoder::Length(n) if *n == input.len() as u64)
    }

    /// Gives the body's bytes in `input` to `out`.
    ///
    /// # Errors
    /// The framing is broken.
    pub fn decode(
        &mut self,
        mut input: Bytes,
        out: &mut impl FnMut(Bytes),
    ) -> Result<Decoded, Cause> {
        match self {
            Decoder::Empty => Ok(Decoded {
                end: true,
                surplus: !input.is_empty(),
            }),
            Decoder::UntilClose => {
                out(input);
                Ok(Decoded::default())
            }
            Decoder::Length(left) => {
                let take = usize::try_from(*left).map_or(input.len(), |n| n.min(input.len()));
                let data = input.split_to(take);
                *left -= take as u64;
                if !data.is_empty() {
                    out(data);
                }
                Ok(Decoded {
                    end: *left == 0,
                    surplus: !input.is_empty(),
                })
            }
            Decoder::Chunked(chunks) => chunks.decode(input, out),
            Decoder::Other(body) => body.decode(input, out),
        }
    }

    /// Whether the body may end here with the connection.
    pub fn ends_at_close(&self) -> bool {
        match self {
            Decoder::UntilClose => true,
            Decoder::Other(body) => body.ends_at_close(),
            _ => false,
        }
    }

    /// Sentences for the error log that came along with the body since the last call.
    pub fn notes(&mut self) -> Vec<String> {
        match self {
            Decoder::Other(body) => body.notes(),
            _ => Vec::new(),
        }
    }

    /// The trailer fields of a body that has ended.
    pub fn trailers(&self) -> Vec<(Bytes, Bytes)> {
        match self {
            Decoder::Chunked(chunks) => chunks.trailers(),
            _ => Vec::new(),
        }
    }

    /// nginx's warning about bytes behind the end.
    pub fn surplus_sentence(&self) -> Option<&'static str> {
        match self {
            Decoder::Chunked(_) => Some("upstream sent data after final chunk"),
            Decoder::Other(body) if !body.is_overlong() => None,
            _ => Some("upstream sent more data than specified in \"Content-Length\" header"),
        }
    }
}

impl Chunks {
    fn decode(&mut self, mut input: Bytes, out: &mut impl FnMut(Bytes)) -> Result<Decoded, Cause> {
        while !input.is_empty() {
            let step = self
                .decoder
                .decode(&input)
                .map_err(|_| Cause::BadBody("upstream sent invalid chunked response".into()))?;
            if let Some(tail) = &mut self.tail {
                if !step.data.is_empty() {
                    tail.clear();
                } else {
                    tail.extend_from_slice(input.get(..step.consumed).unwrap_or_default());
                }
            }
            if !step.data.is_empty() {
                out(input.slice(step.data.clone()));
            }
            let _ = input.split_to(step.consumed.min(input.len()));
            if step.end {
                return Ok(Decoded {
                    end: true,
                    surplus: !input.is_empty(),
                });
            }
            if step.consumed == 0 {
                break;
            }
        }
        Ok(Decoded::default())
    }

    /// The lines behind the last chunk's size. Those that are no fields are left out.
    fn trailers(&self) -> Vec<(Bytes, Bytes)> {
        let tail = self.tail.as_deref().unwrap_or_default();
        let tail = tail.strip_prefix(b"\r\n").unwrap_or(tail);
        let lines = tail.split(|c| *c == b'\n').skip(1);
        lines
            .filter_map(|line| {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let colon = memchr::memchr(b':', line)?;
                let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
                let fits = |c: &u8| *c > b' ' && *c < 0x7f;
                (!name.is_empty() && name.iter().all(fits)).then(|| {
                    (
                        Bytes::copy_from_slice(name),
                        Bytes::copy_from_slice(value.trim_ascii()),
                    )
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mut decoder: Decoder, pieces: &[&[u8]]) -> (Vec<u8>, Decoded, Decoder) {
        let (mut body, mut last) = (Vec::new(), Decoded::default());
        for piece in pieces {
            let input = Bytes::copy_from_slice(piece);
            last = decoder
                .decode(input, &mut |b| body.extend_from_slice(&b))
                .unwrap();
        }
        (body, last, decoder)
    }

    #[test]
    fn a_length_ends_where_it_says() {
        let (body, last, _) = run(Decoder::Length(5), &[b"abc", b"defg"]);
        assert_eq!(body, b"abcde");
        assert_eq!((last.end, last.surplus), (true, true));
    }

    #[test]
    fn trailers_are_found_wherever_the_input_is_cut() {
        let coded = b"3\r\nabc\r\n0;x=y\r\nX-One: 1\r\nX-Two:  2 \r\n\r\n";
        for cut in 0..coded.len() {
            let (body, last, decoder) =
                run(Decoder::chunked(true), &[&coded[..cut], &coded[cut..]]);
            assert_eq!(body, b"abc", "{cut}");
            assert_eq!((last.end, last.surplus), (true, false), "{cut}");
            let trailers = decoder.trailers();
            let shown: Vec<_> = trailers.iter().map(|(n, v)| (&n[..], &v[..])).collect();
            assert_eq!(
                shown,
                [(&b"X-One"[..], &b"1"[..]), (b"X-Two", b"2")],
                "{cut}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let mut decoder = Decoder::chunked(false);
        assert!(
            decoder
                .decode(Bytes::from_static(b"zz\r\n"), &mut |_| ())
                .is_err()
        );
    }
}
