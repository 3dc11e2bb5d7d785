//! What can be wrong with a request head: the status to answer and nginx's sentence for the error log.

use crate::http::head::{Field, Head, Known, Piece};

/// Why a request is refused. All of these are logged at level `info`, but for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// A byte that no method has.
    Method,
    /// The request line or its target cannot be understood.
    Request,
    /// HTTP/2.0 or later on a request line.
    Version,
    /// HTTP/0.9 knows only GET.
    Method09,
    /// The request line does not fit into a buffer.
    LineTooLong,
    /// No buffer is left before the next header line.
    TooLarge,
    /// A header line does not fit into a buffer; the piece is what there is of it.
    FieldTooLong(Piece),
    /// A byte that no header line has; the piece ends before it.
    Field(Piece),
    /// More fields than `max_headers`.
    TooManyFields,
    /// A field that may be there once came twice.
    Duplicate {
        /// The second one.
        field: Field,
        /// The first one.
        previous: Field,
    },
    /// The host of an absolute-form target is none.
    HostInLine,
    /// The value of the Host field is none.
    Host,
    /// HTTP/1.1 without a Host field.
    NoHost,
    /// Content-Length is not a number below 2^63.
    ContentLength,
    /// Transfer-Encoding in HTTP/1.0.
    CodingIn10,
    /// Content-Length beside Transfer-Encoding.
    LengthAndCoding,
    /// A transfer coding other than a single `chunked`.
    UnknownCoding,
    /// CONNECT where it is not served.
    Connect,
    /// TRACE.
    Trace,
    /// A `server_name` could not be matched with the host, so that nobody can answer. That has been logged.
    NoServer,
    /// The host is not the one that the client named in the TLS handshake.
    Misdirected,
}

/// How much of a header line nginx writes to its error log.
const EXCERPT: usize = 1748;

impl Bad {
    /// The status of the answer. 494 is the one that `error_page` can name; the client is told 400.
    pub fn status(self) -> u16 {
        match self {
            Bad::Version => 505,
            Bad::LineTooLong => 414,
            Bad::TooLarge | Bad::FieldTooLong(_) | Bad::TooManyFields => 494,
            Bad::UnknownCoding => 501,
            Bad::Connect | Bad::Trace => 405,
            Bad::NoServer => 500,
            Bad::Misdirected => 421,
            _ => 400,
        }
    }

    /// Whether it is found in the request line, not among the fields.
    pub fn is_in_line(self) -> bool {
        matches!(
            self,
            Bad::Method
                | Bad::Request
                | Bad::Version
                | Bad::Method09
                | Bad::LineTooLong
                | Bad::HostInLine
        )
    }

    /// Appends nginx's sentence.
    pub fn sentence(self, head: &Head, out: &mut Vec<u8>) {
        let text: &[u8] = match self {
            Bad::Method => b"client sent invalid method",
            Bad::Request => b"client sent invalid request",
            Bad::Version => b"client sent invalid version",
            Bad::Method09 => b"client sent invalid method in HTTP/0.9 request",
            Bad::LineTooLong => b"client sent too long URI",
            Bad::TooLarge => b"client sent too large request",
            Bad::TooManyFields => b"client sent too many header lines",
            Bad::HostInLine => b"client sent invalid host in request line",
            Bad::Host => b"client sent invalid host header",
            Bad::NoHost => b"client sent HTTP/1.1 request without \"Host\" header",
            Bad::ContentLength => b"client sent invalid \"Content-Length\" header",
            Bad::CodingIn10 => b"client sent HTTP/1.0 request with \"Transfer-Encoding\" header",
            Bad::LengthAndCoding => {
                b"client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"
            }
            Bad::Connect => b"client sent CONNECT method",
            Bad::Trace => b"client sent TRACE method",
            Bad::NoServer => return,
            Bad::Misdirected => crate::http::router::MISDIRECTED.as_bytes(),
            Bad::FieldTooLong(_) | Bad::Field(_) | Bad::Duplicate { .. } | Bad::UnknownCoding => {
                return self.quoting(head, out);
            }
        };
        out.extend_from_slice(text);
    }

    /// The sentences that quote the request.
    fn quoting(self, head: &Head, out: &mut Vec<u8>) {
        match self {
            Bad::FieldTooLong(line) => {
                out.extend_from_slice(b"client sent too long header line: \"");
                let line = head.bytes(line);
                out.extend_from_slice(line.get(..EXCERPT).unwrap_or(line));
                out.extend_from_slice(b"...\"");
            }
            Bad::Field(line) => {
                invalid_line(head, line, out);
                let byte = head.buf.get(line.end as usize).copied().unwrap_or_default();
                out.extend_from_slice(b"\\x");
                out.extend(
                    [byte >> 4, byte & 15].map(|n| if n < 10 { b'0' + n } else { b'a' + n - 10 }),
                );
                out.extend_from_slice(b"...\"");
            }
            Bad::Duplicate { field, previous } => {
                let start: &[u8] = match field.known {
                    Known::Host => b"client sent duplicate host header: \"",
                    _ => b"client sent duplicate header line: \"",
                };
                out.extend_from_slice(start);
                name_and_value(head, field, out);
                out.extend_from_slice(b"\", previous value: \"");
                name_and_value(head, previous, out);
                out.push(b'"');
            }
            Bad::UnknownCoding => {
                out.extend_from_slice(b"client sent unknown \"Transfer-Encoding\": \"");
                out.extend_from_slice(head.get(Known::TransferEncoding).unwrap_or_default());
                out.push(b'"');
            }
            _ => {}
        }
    }
}

/// Appends nginx's sentence about a line of [`Head::dropped`].
pub fn dropped_sentence(head: &Head, line: Piece, out: &mut Vec<u8>) {
    invalid_line(head, line, out);
    out.push(b'"');
}

fn invalid_line(head: &Head, line: Piece, out: &mut Vec<u8>) {
    out.extend_from_slice(b"client sent invalid header line: \"");
    out.extend_from_slice(head.bytes(line));
}

fn name_and_value(head: &Head, field: Field, out: &mut Vec<u8>) {
    out.extend_from_slice(head.bytes(field.name));
    out.extend_from_slice(b": ");
    out.extend_from_slice(head.bytes(field.value));
}
