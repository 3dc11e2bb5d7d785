//! `$proxy_*`.

use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::variable::Variable;
use bytes::Bytes;
use std::io::Write;

/// What is known of a proxied request before it is sent.
pub struct Context {
    /// `$proxy_host`
    pub host: Bytes,
    /// `$proxy_port`
    pub port: Bytes,
    /// The length of the body, if it is known.
    pub body_length: Option<u64>,
    /// Whether the body is sent in chunks.
    pub chunked: bool,
}

impl Default for Context {
    /// Before the request is made.
    fn default() -> Self {
        Context {
            host: Bytes::new(),
            port: Bytes::new(),
            body_length: Some(0),
            chunked: false,
        }
    }
}

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::weak("proxy_host", |req, out| text(req, out, |c| &c.host)),
    Variable::weak("proxy_port", |req, out| text(req, out, |c| &c.port)),
    Variable::new("proxy_add_x_forwarded_for", add_x_forwarded_for),
    Variable::new("proxy_internal_body_length", |req, out| {
        let length = req.extensions.get::<Context>().and_then(|c| c.body_length);
        length.is_some_and(|n| write!(out, "{n}").is_ok())
    }),
    Variable::new("proxy_internal_chunked", |req, out| {
        let chunked = req.extensions.get::<Context>().is_some_and(|c| c.chunked);
        if chunked {
            out.extend_from_slice(b"chunked");
        }
        chunked
    }),
];

fn text(req: &Request, out: &mut Vec<u8>, field: fn(&Context) -> &Bytes) -> bool {
    match req.extensions.get::<Context>() {
        Some(context) => {
            out.extend_from_slice(field(context));
            true
        }
        None => false,
    }
}

fn add_x_forwarded_for(req: &Request, out: &mut Vec<u8>) -> bool {
    for value in req.head.all(Known::XForwardedFor) {
        out.extend_from_slice(value);
        out.extend_from_slice(b", ");
    }
    req.remote.write_ip(out);
    true
}
