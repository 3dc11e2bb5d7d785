//! What can be wrong with an upstream's answer head, and nginx's sentences about it. Each of them makes a 502.

use super::failure::Cause;
use super::head::{Field, ResponseHead};
use crate::http::head::Piece;

/// Why an answer cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAnswer {
    /// The status line is none.
    NotHttp,
    /// The head is larger than `proxy_buffer_size`.
    TooBig,
    /// A byte that no header line has; the piece ends before it.
    Field(Piece),
    /// Content-Length is not a number below 2^63.
    ContentLength(Field),
    /// A second Content-Length or Transfer-Encoding.
    Duplicate {
        /// The second one.
        field: Field,
        /// The first one.
        previous: Field,
    },
    /// Content-Length beside Transfer-Encoding.
    LengthAndCoding,
    /// A transfer coding other than a single `chunked`.
    UnknownCoding(Field),
    /// An interim answer in HTTP/1.0.
    InterimIn10,
    /// One interim answer after the other.
    TooManyInterim,
    /// `Status` does not begin with the three digits of a status.
    Status(Field),
}

impl BadAnswer {
    /// The cause of the failed attempt.
    pub fn cause(self, head: &ResponseHead) -> Cause {
        match self {
            BadAnswer::NotHttp => Cause::NotHttp,
            BadAnswer::TooBig => Cause::HeaderTooBig,
            bad => {
                let mut sentence = Vec::new();
                bad.sentence(head, &mut sentence);
                Cause::BadHead(String::from_utf8_lossy(&sentence).into_owned())
            }
        }
    }

    /// Appends nginx's sentence, without the ` while reading response header from upstream` that its log adds.
    pub fn sentence(self, head: &ResponseHead, out: &mut Vec<u8>) {
        let text: &[u8] = match self {
            BadAnswer::NotHttp => b"upstream sent no valid HTTP/1.0 header",
            BadAnswer::TooBig => b"upstream sent too big header",
            BadAnswer::LengthAndCoding => {
                b"upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"
            }
            BadAnswer::InterimIn10 if head.status == 103 => b"upstream sent HTTP/1.0 response with early hints",
            BadAnswer::InterimIn10 => b"upstream sent HTTP/1.0 response with interim status",
            BadAnswer::TooManyInterim => b"upstream sent too many interim responses",
            BadAnswer::Field(line) => {
                out.extend_from_slice(b"upstream sent invalid header: \"");
                out.extend_from_slice(head.bytes(line));
                let byte = head.buf.get(line.end as usize).copied().unwrap_or_default();
                out.extend_from_slice(b"\\x");
                out.extend([byte >> 4, byte & 15].map(|n| if n < 10 { b'0' + n } else { b'a' + n - 10 }));
                b"...\""
            }
            BadAnswer::ContentLength(field) => {
                out.extend_from_slice(b"upstream sent invalid \"Content-Length\" header: \"");
                name_and_value(head, field, out);
                b"\""
            }
            BadAnswer::UnknownCoding(field) => {
                out.extend_from_slice(b"upstream sent unknown \"Transfer-Encoding\": \"");
                out.extend_from_slice(head.bytes(field.value));
                b"\""
            }
            BadAnswer::Status(field) => {
                out.extend_from_slice(b"upstream sent invalid status \"");
                out.extend_from_slice(head.bytes(field.value));
                b"\""
            }
            BadAnswer::Duplicate { field, previous } => {
                two_lines(head, field, previous, out);
                b""
            }
        };
        out.extend_from_slice(text);
    }
}

/// Appends nginx's sentence about one of [`ResponseHead::duplicates`], logged at level `warn`.
pub fn duplicate_sentence(head: &ResponseHead, pair: (Field, Field), out: &mut Vec<u8>) {
    two_lines(head, pair.0, pair.1, out);
    out.extend_from_slice(b", ignored");
}

fn two_lines(head: &ResponseHead, field: Field, previous: Field, out: &mut Vec<u8>) {
    out.extend_from_slice(b"upstream sent duplicate header line: \"");
    name_and_value(head, field, out);
    out.extend_from_slice(b"\", previous value: \"");
    name_and_value(head, previous, out);
    out.push(b'"');
}

fn name_and_value(head: &ResponseHead, field: Field, out: &mut Vec<u8>) {
    out.extend_from_slice(head.bytes(field.name));
    out.extend_from_slice(b": ");
    out.extend_from_slice(head.bytes(field.value));
}
