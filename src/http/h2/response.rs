//! The head of a response as the h2 crate takes it: the same fields in the same order as over HTTP/1.1, without those
//! of the connection.

use crate::http::escape::field_value;
use crate::http::request::Request;
use crate::http::response::Field;
use crate::http::response_fields::{self, Sink};
use crate::log::{self, Level};
use http::header::{HeaderMap, HeaderName, HeaderValue};

/// The head of a request's response.
pub fn head(req: &Request) -> http::Response<()> {
    let mut map = Map::default();
    response_fields::before_connection(req, &mut map);
    response_fields::behind_connection(req, &mut map);
    map.report(req);
    let mut head = http::Response::new(());
    // Statuses beyond three digits are none of nginx's either.
    *head.status_mut() = http::StatusCode::from_u16(req.response.status)
        .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    *head.headers_mut() = map.fields;
    head
}

/// An interim answer with these fields.
pub fn interim<'a>(
    status: u16,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> http::Response<()> {
    let mut map = Map::default();
    for (name, value) in fields {
        map.field(name, value);
    }
    let mut head = http::Response::new(());
    *head.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::EARLY_HINTS);
    *head.headers_mut() = map.fields;
    head
}

/// Trailer fields.
pub fn trailers(req: &Request, fields: &[Field]) -> HeaderMap {
    let mut map = Map::default();
    for f in fields {
        map.field(&f.name, &f.value);
    }
    map.report(req);
    map.fields
}

/// Fields of an HTTP/2 message.
#[derive(Default)]
struct Map {
    fields: HeaderMap,
    /// Names of fields that HTTP/2 cannot carry.
    impossible: Vec<Vec<u8>>,
    value: Vec<u8>,
}

impl Map {
    fn add(&mut self, name: &[u8]) {
        let is_hop = CONNECTION_FIELDS
            .iter()
            .any(|hop| name.eq_ignore_ascii_case(hop));
        if is_hop {
            // RFC 9113 section 8.2.2: what such a field says is said by frames.
            return;
        }
        let value = HeaderValue::from_bytes(&self.value).ok();
        let field = HeaderName::from_bytes(name).ok().zip(value);
        let added = field.and_then(|(name, value)| self.fields.try_append(name, value).ok());
        if added.is_none() {
            self.impossible.push(name.to_vec());
        }
    }

    fn report(&self, req: &Request) {
        for name in &self.impossible {
            let shown = String::from_utf8_lossy(name);
            log::request(
                req,
                Level::Error,
                format_args!("response header \"{shown}\" cannot be sent over HTTP/2"),
            );
        }
    }
}

impl Sink for Map {
    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.value.clear();
        field_value(value, &mut self.value);
        self.add(name);
    }

    fn field_of(&mut self, name: &[u8], parts: &[&[u8]]) {
        self.value.clear();
        for part in parts {
            field_value(part, &mut self.value);
        }
        self.add(name);
    }
}

/// Fields that only mean something to one connection of HTTP/1.1.
static CONNECTION_FIELDS: [&[u8]; 5] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"transfer-encoding",
    b"upgrade",
];
