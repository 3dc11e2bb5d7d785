//! The fields of a response in nginx's order, for whichever protocol they are written in.

use crate::decimal;
use crate::http::core;
use crate::http::date::http_date;
use crate::http::head::Method;
use crate::http::request::Request;
use crate::http::response::{Own, Response};

/// Takes fields one after the other. Values may have bytes that no field can have.
pub trait Sink {
    /// A field.
    fn field(&mut self, name: &[u8], value: &[u8]);
    /// A field whose value comes in parts.
    fn field_of(&mut self, name: &[u8], parts: &[&[u8]]);
}

/// Removes what the status does not allow. `true`: nothing is sent behind the head, whatever it says (HEAD, 204, 304).
pub fn settle(req: &mut Request) -> bool {
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
    bodyless || req.head.method == Method::Head
}

/// The fields that stand in front of those of the connection.
pub fn before_connection(req: &Request, sink: &mut impl Sink) {
    let response = &req.response;
    let location = &req.http.location(req.location).core;
    match &response.server {
        _ if response.is_placed(Own::Server) => {}
        Some(server) => sink.field(b"Server", server),
        None => sink.field(b"Server", core::server_name(location.server_tokens)),
    }
    match &response.date {
        _ if response.is_placed(Own::Date) => {}
        Some(date) => sink.field(b"Date", date),
        None => crate::clock::texts(|t| sink.field(b"Date", &t.http)),
    }
    if let Some(kind) = response.content_type.as_ref().filter(|t| !t.is_empty()) {
        match response.type_parameters() {
            Some((start, rest)) => sink.field_of(b"Content-Type", &[kind, start, rest]),
            None => sink.field(b"Content-Type", kind),
        }
    }
    if let Some(length) = response.content_length {
        let mut digits = [0; 20];
        sink.field(b"Content-Length", decimal::digits(length, &mut digits));
    }
    if !response.is_placed(Own::LastModified) {
        own(sink, response, Own::LastModified, b"Last-Modified");
    }
    if !response.is_placed(Own::Location) {
        own(sink, response, Own::Location, b"Location");
    }
}

/// The fields that stand behind those of the connection.
pub fn behind_connection(req: &Request, sink: &mut impl Sink) {
    let response = &req.response;
    if response.vary_encoding {
        sink.field(b"Vary", b"Accept-Encoding");
    }
    if !response.is_placed(Own::Etag) {
        own(sink, response, Own::Etag, b"ETag");
    }
    for f in &response.fields {
        match f.own {
            None => sink.field(&f.name, &f.value),
            Some(of) => own(sink, response, of, &f.name),
        }
    }
    if !response.is_placed(Own::ContentEncoding) {
        own(sink, response, Own::ContentEncoding, b"Content-Encoding");
    }
    if response.accept_ranges {
        sink.field(b"Accept-Ranges", b"bytes");
    }
}

/// A field that the response keeps apart, if it has it.
fn own(sink: &mut impl Sink, response: &Response, own: Own, name: &[u8]) {
    let value = match own {
        Own::Server => &response.server,
        Own::Date => &response.date,
        Own::Location => &response.location,
        Own::Etag => &response.etag,
        Own::ContentEncoding => &response.content_encoding,
        Own::LastModified => match (&response.last_modified_text, response.last_modified) {
            (None, Some(time)) => return sink.field(name, &http_date(time)),
            (text, _) => text,
        },
    };
    if let Some(value) = value {
        sink.field(name, value);
    }
}
