//! `Location` as the client gets it: `absolute_redirect` and what goes with it.

use crate::http::request::Request;
use crate::http::response::{Field, Own};
use crate::http::router;
use bytes::Bytes;
use std::io::Write;

/// The ports that URLs need not name.
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// Decides where a response's `Location` stands and whether it is made absolute.
pub fn finish(req: &mut Request) {
    let Some(to) = req.response.location.take() else {
        return;
    };
    if req.location(&req.http).core.absolute_redirect && to.starts_with(b"/") {
        req.response.location = Some(absolute(req, to));
        req.response.displace(Own::Location);
    } else if req.response.is_placed(Own::Location) {
        req.response.location = Some(to);
    } else {
        // nginx writes only the one that it completes in a place of its own.
        let field = Field::new(Bytes::from_static(b"Location"), to);
        req.response.fields.insert(0, field);
    }
}

/// Makes a location that begins with a slash absolute, if the settings say so; others stay as they are.
pub fn absolute(req: &Request, location: Bytes) -> Bytes {
    let conf = &req.location(&req.http).core;
    if !conf.absolute_redirect || location.first() != Some(&b'/') {
        return location;
    }
    let mut out = Vec::with_capacity(32 + req.host.len() + location.len());
    out.extend_from_slice(req.client.scheme());
    out.extend_from_slice(b"://");
    if conf.server_name_in_redirect {
        out.extend_from_slice(&req.server(&req.http).name);
    } else if !req.host.is_empty() {
        out.extend_from_slice(&req.host);
    } else {
        req.client.local().write_ip(&mut out);
    }
    if conf.port_in_redirect {
        let usual = match req.client.is_secure() {
            true => HTTPS_PORT,
            false => HTTP_PORT,
        };
        match router::port(&req.http, &req.client) {
            0 => {}
            port if port == usual => {}
            port => drop(write!(out, ":{port}")),
        }
    }
    out.extend_from_slice(&location);
    Bytes::from(out)
}
