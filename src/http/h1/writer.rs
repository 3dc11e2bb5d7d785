//! Writes the head of a response (RFC 9112 section 4): fields in nginx's order.

use crate::decimal;
use crate::http::escape::field_value;
use crate::http::head::Version;
use crate::http::request::Request;
use crate::http::response_fields::{self, Sink};
use crate::http::status;

/// How a response's body is delimited on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Whether there is no body whatever the head says: HEAD, 204, 304.
    pub head_only: bool,
    /// Whether it is sent in chunks.
    pub chunked: bool,
}

/// Decides how the body is delimited, and whether the connection can be kept.
pub fn frame(req: &mut Request) -> Framing {
    let http = std::rc::Rc::clone(&req.http);
    // Where there are no heads a body is sent whatever was asked for.
    let head_only = response_fields::settle(req) && req.head.version > Version::Http09;
    let response = &mut req.response;
    let mut chunked = false;
    // nginx does not name a coding for a body that it does not send.
    if !head_only && (response.content_length.is_none() || response.want_trailers) {
        chunked = req.head.version >= Version::Http11
            && http.location(req.location).core.chunked_transfer_encoding;
        if chunked {
            response.content_length = None;
        } else if response.content_length.is_none() {
            req.keepalive = false;
        }
    }
    Framing { head_only, chunked }
}

/// Writes the head.
pub fn write_head(
    req: &Request,
    framing: Framing,
    keepalive_timeout: Option<u64>,
    out: &mut Vec<u8>,
) {
    let response = &req.response;
    out.extend_from_slice(b"HTTP/1.1 ");
    match &response.status_line {
        Some(line) => field_value(line, out),
        None => status::write_line(response.status, out),
    }
    out.extend_from_slice(b"\r\n");
    response_fields::before_connection(req, &mut Lines(out));
    if framing.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if response.status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\n");
    } else if req.keepalive {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
        if let Some(seconds) = keepalive_timeout {
            out.extend_from_slice(b"Keep-Alive: timeout=");
            decimal::append(seconds, out);
            out.extend_from_slice(b"\r\n");
        }
    } else {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    response_fields::behind_connection(req, &mut Lines(out));
    out.extend_from_slice(b"\r\n");
}

/// Fields as lines of text.
struct Lines<'a>(&'a mut Vec<u8>);

impl Sink for Lines<'_> {
    #[inline(always)]
    fn field(&mut self, name: &[u8], value: &[u8]) {
        field(self.0, name, value);
    }

    fn field_of(&mut self, name: &[u8], parts: &[&[u8]]) {
        self.0.extend_from_slice(name);
        self.0.extend_from_slice(b": ");
        for part in parts {
            field_value(part, self.0);
        }
        self.0.extend_from_slice(b"\r\n");
    }
}

/// Appends a field and its line end. Most names are known where this is called, and their copies short.
#[inline(always)]
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    field_value(value, out);
    out.extend_from_slice(b"\r\n");
}
