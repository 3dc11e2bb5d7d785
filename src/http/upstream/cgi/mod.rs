//! What FastCGI, uwsgi and SCGI have in common: a request is a list of parameters (RFC 3875 section 4.1) and a body,
//! the answer is that of a CGI script (section 6).

pub mod packet;
pub mod params;
pub mod pass;
pub mod settings;

pub use settings::{CgiConf, CgiRaw};

use super::decoder::Decoder;
use super::head::{Known, ResponseHead};
use crate::http::h1::framing::content_length;

/// The body of an answer that is not framed by the protocol: by its length if the head says it, else it ends with the
/// connection.
pub fn unframed_body(head: &ResponseHead) -> Decoder {
    if !has_body(head) {
        return Decoder::Empty;
    }
    body_length(head).map_or(Decoder::UntilClose, Decoder::Length)
}

/// Whether an answer of this status has a body.
pub fn has_body(head: &ResponseHead) -> bool {
    !matches!(head.status, 204 | 304)
}

/// The length that the head announces.
pub fn body_length(head: &ResponseHead) -> Option<u64> {
    head.get(Known::ContentLength).and_then(content_length)
}
