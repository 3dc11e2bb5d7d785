//! Variables of the answer: `$status`, `$sent_http_NAME` and what was sent of it.

use super::fields::{join, same};
use super::{digit, put, put_number, put_some};
use crate::http::date::{http_date, parse_http_time};
use crate::http::head::{Method, Version};
use crate::http::request::Request;
use crate::http::response::Field;
use crate::http::variable::Variable;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("body_bytes_sent", |r, out| {
        put_number(r.body_bytes_sent.get(), out)
    }),
    Variable::new("bytes_sent", |r, out| put_number(r.bytes_sent.get(), out)),
    Variable::family("sent_http_", sent),
    // Like the following ones, nginx has these in its table: the configuration cannot define them.
    Variable::new("sent_http_cache_control", |r, out| {
        sent(r, b"cache_control", out)
    }),
    Variable::new("sent_http_link", |r, out| sent(r, b"link", out)),
    Variable::new("sent_http_location", |r, out| sent(r, b"location", out)),
    Variable::new("sent_http_connection", connection),
    Variable::new("sent_http_content_length", |r, out| {
        r.response
            .content_length
            .is_some_and(|length| put_number(length, out))
    }),
    Variable::new("sent_http_content_type", content_type),
    Variable::new("sent_http_keep_alive", keep_alive),
    Variable::new("sent_http_last_modified", last_modified),
    Variable::new("sent_http_transfer_encoding", |r, out| {
        is_chunked(r) && put(b"chunked", out)
    }),
    Variable::family("sent_trailer_", |r, name, out| {
        join(named(&r.response.trailers, name), b", ", out)
    }),
    Variable::new("status", status),
];

/// Three digits at least. `009` stands for an answer to HTTP/0.9, which has none.
fn status(req: &Request, out: &mut Vec<u8>) -> bool {
    let status = match (req.error_status, req.response.status) {
        (0, 0) if req.head.version == Version::Http09 => 9,
        (0, status) | (status, _) => u64::from(status),
    };
    out.extend([digit(status / 100), digit(status / 10), digit(status)]);
    true
}

/// Fields that the response keeps in places of their own come before those of the list.
fn sent(req: &Request, name: &[u8], out: &mut Vec<u8>) -> bool {
    let response = &req.response;
    let own = match name {
        b"location" => response.location.as_ref(),
        b"etag" => response.etag.as_ref(),
        b"content_encoding" => response.content_encoding.as_ref(),
        b"server" => response.server.as_ref(),
        b"date" => response.date.as_ref(),
        b"accept_ranges" if response.accept_ranges => return put(b"bytes", out),
        _ => None,
    };
    let own = own.map(|value| &value[..]).into_iter();
    join(own.chain(named(&response.fields, name)), b", ", out)
}

fn named<'a>(fields: &'a [Field], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter(move |field| field.own.is_none() && same(&field.name, name))
        .map(|field| &field.value[..])
}

/// Whether the connection is kept, as long as the head is not sent. Later nginx has forgotten it: a log line says
/// `close` for all.
fn keeps(req: &Request) -> bool {
    req.keepalive && !req.response.head_sent && req.head.version < Version::Http2
}

fn connection(req: &Request, out: &mut Vec<u8>) -> bool {
    put(
        match (req.response.status, keeps(req)) {
            (101, _) => b"upgrade",
            (_, true) => b"keep-alive",
            (_, false) => b"close",
        },
        out,
    )
}

fn content_type(req: &Request, out: &mut Vec<u8>) -> bool {
    let response = &req.response;
    let kind = response
        .content_type
        .as_ref()
        .filter(|kind| !kind.is_empty());
    if !put_some(kind.map(|kind| &kind[..]), out) {
        return false;
    }
    match response.type_parameters() {
        // nginx adds a charset of its own only when the head is sent.
        Some((start, rest)) if start.is_empty() || response.head_sent => {
            out.extend_from_slice(start);
            out.extend_from_slice(rest);
        }
        _ => {}
    }
    true
}

fn keep_alive(req: &Request, out: &mut Vec<u8>) -> bool {
    let seconds = req.location(&req.http).core.keepalive_header;
    match seconds.filter(|seconds| keeps(req) && *seconds > 0) {
        Some(seconds) => put(b"timeout=", out) && put_number(seconds, out),
        None => false,
    }
}

fn last_modified(req: &Request, out: &mut Vec<u8>) -> bool {
    let response = &req.response;
    if response.head_sent
        && !matches!(response.status, 200 | 206 | 304)
        && req.head.version > Version::Http09
    {
        // nginx has forgotten it, though the field may have been sent.
        let text = response.last_modified_text.as_ref();
        if req.head.version >= Version::Http2
            || text.is_none_or(|text| parse_http_time(text).is_some())
        {
            return false;
        }
    }
    match (&req.response.last_modified_text, req.response.last_modified) {
        (Some(text), _) => put(text, out),
        (None, Some(time)) => put(&http_date(time), out),
        (None, None) => false,
    }
}

/// Whether the body went out in chunks: the head is sent and named no length.
fn is_chunked(req: &Request) -> bool {
    let response = &req.response;
    response.head_sent
        && response.content_length.is_none()
        && !matches!(response.status, 100..=199 | 204 | 304)
        && req.head.method != Method::Head
        && req.head.version >= Version::Http11
        && req.location(&req.http).core.chunked_transfer_encoding
}
