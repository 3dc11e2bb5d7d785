//! Writes the head of a response (RFC 9112 section 4): fields in nginx's order.

use crate::http::core;
use crate::http::date::http_date;
use crate::http::escape::field_value;
use crate::http::head::Version;
use crate::http::request::Request;
use crate::http::response::{Own, Response};
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
    let response = &mut req.response;
    // The time is forgotten; a field that somebody wrote stays.
    if !matches!(response.status, 200 | 206 | 304) {
        response.last_modified = None;
    }
    // What an upstream says beside its own 204 is its own affair, as with nginx.
    if response.status == 204 && response.status_line.is_none() {
        response.content_type = None;
        response.last_modified = None;
        response.content_length = None;
    }
    let bodyless = matches!(response.status, 204 | 304 | 100..=199);
    let head_only = bodyless || req.head.method == crate::http::head::Method::Head;
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
    let http = &req.http;
    let response = &req.response;
    let location = &http.location(req.location).core;
    out.extend_from_slice(b"HTTP/1.1 ");
    match &response.status_line {
        Some(line) => field_value(line, out),
        None => status::write_line(response.status, out),
    }
    out.extend_from_slice(b"\r\n");
    match &response.server {
        _ if response.is_placed(Own::Server) => {}
        Some(server) => field(out, b"Server", server),
        None => out.extend_from_slice(core::server_field(location.server_tokens)),
    }
    match &response.date {
        _ if response.is_placed(Own::Date) => {}
        Some(date) => field(out, b"Date", date),
        None => {
            out.extend_from_slice(b"Date: ");
            crate::clock::texts(|t| out.extend_from_slice(&t.http));
            out.extend_from_slice(b"\r\n");
        }
    }
    if let Some(kind) = response.content_type.as_ref().filter(|t| !t.is_empty()) {
        out.extend_from_slice(b"Content-Type: ");
        field_value(kind, out);
        if let Some((start, rest)) = response.type_parameters() {
            out.extend_from_slice(start);
            field_value(rest, out);
        }
        out.extend_from_slice(b"\r\n");
    }
    if let Some(length) = response.content_length {
        out.extend_from_slice(b"Content-Length: ");
        number(length, out);
        out.extend_from_slice(b"\r\n");
    }
    if !response.is_placed(Own::LastModified) {
        own(out, response, Own::LastModified, b"Last-Modified");
    }
    if !response.is_placed(Own::Location) {
        own(out, response, Own::Location, b"Location");
    }
    if framing.chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if response.status == 101 {
        out.extend_from_slice(b"Connection: upgrade\r\n");
    } else if req.keepalive {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
        if let Some(seconds) = keepalive_timeout {
            out.extend_from_slice(b"Keep-Alive: timeout=");
            number(seconds, out);
            out.extend_from_slice(b"\r\n");
        }
    } else {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    if response.vary_encoding {
        out.extend_from_slice(b"Vary: Accept-Encoding\r\n");
    }
    if !response.is_placed(Own::Etag) {
        own(out, response, Own::Etag, b"ETag");
    }
    for f in &response.fields {
        match f.own {
            None => field(out, &f.name, &f.value),
            Some(of) => own(out, response, of, &f.name),
        }
    }
    if !response.is_placed(Own::ContentEncoding) {
        own(out, response, Own::ContentEncoding, b"Content-Encoding");
    }
    if response.accept_ranges {
        out.extend_from_slice(b"Accept-Ranges: bytes\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a field that the response keeps apart, if it has it.
fn own(out: &mut Vec<u8>, response: &Response, own: Own, name: &[u8]) {
    let value = match own {
        Own::Server => &response.server,
        Own::Date => &response.date,
        Own::Location => &response.location,
        Own::Etag => &response.etag,
        Own::ContentEncoding => &response.content_encoding,
        Own::LastModified => match (&response.last_modified_text, response.last_modified) {
            (None, Some(time)) => return field(out, name, &http_date(time)),
            (text, _) => text,
        },
    };
    if let Some(value) = value {
        field(out, name, value);
    }
}

/// Appends a field and its line end.
pub fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    field_value(value, out);
    out.extend_from_slice(b"\r\n");
}

/// Writes a number in decimal digits.
pub fn number(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut used = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (n % 10) as u8;
        n /= 10;
        used += 1;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}
