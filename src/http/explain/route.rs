//! Which way a request took: the server, the location and the handler, and where they are written.

use super::conf::ExplainConf;
use crate::http::conf::Location;
use crate::http::request::Request;
use crate::http::router::How;
use std::fmt::Write;

/// `$location`: the location as it is written, with its modifier.
pub fn location(req: &Request, out: &mut Vec<u8>) -> bool {
    match named(req).and_then(name) {
        Some(name) => {
            out.extend_from_slice(&name);
            true
        }
        None => false,
    }
}

/// `$location_source`: where it is written, as `app.conf:12`.
pub fn location_source(req: &Request, out: &mut Vec<u8>) -> bool {
    let Some(location) = named(req) else {
        return false;
    };
    out.extend_from_slice(req.http.places.show(location.span).as_bytes());
    true
}

/// The location that the request is in, or that the `if` stands in which it is in; none in the server itself.
fn named(req: &Request) -> Option<&Location> {
    let http = &req.http;
    let location = http.location(http.location(req.location).named);
    location.kind.location().map(|_| location)
}

fn name(location: &Location) -> Option<Vec<u8>> {
    let found = location.kind.location()?;
    let modifier: &[u8] = match &found.how {
        How::Prefix | How::Named => b"",
        How::NoRegex => b"^~ ",
        How::Exact => b"= ",
        How::Regex(regex) if regex.is_caseless() => b"~* ",
        How::Regex(_) => b"~ ",
    };
    Some([modifier, &found.name].concat())
}

/// Adds `X-Debug-Route`, if the client is one of those who are told.
pub fn add(req: &mut Request, conf: &ExplainConf) {
    let Some(ip) = req.remote.ip() else { return };
    if req.depth == 0 && conf.debug_route.iter().any(|net| net.contains(ip)) {
        let route = describe(req);
        req.response.push("X-Debug-Route", safe(&route));
    }
}

fn describe(req: &Request) -> String {
    let (http, mut text) = (&req.http, String::new());
    let server = req.server(http);
    let place = |span| http.places.show(span);
    let at = place(http.location(server.location).span);
    // Writing into a string cannot fail.
    let _ = match &server.name[..] {
        b"" => write!(text, "server ({at})"),
        name => write!(text, "server {} ({at})", String::from_utf8_lossy(name)),
    };
    let block = http.location(req.location);
    if let Some(location) = named(req) {
        let name = name(location).unwrap_or_default();
        let at = place(location.span);
        let _ = write!(text, "; location {} ({at})", String::from_utf8_lossy(&name));
        if location.id != block.id {
            let _ = write!(text, "; block ({})", place(block.span));
        }
    }
    if let Some(handler) = &block.own.handler {
        let _ = write!(text, "; {}", handler.name());
        if let Some(span) = http.places.of(http, block.id, handler.name()) {
            let _ = write!(text, " ({})", place(span));
        }
    }
    for attempt in req.upstreams.iter().filter(|a| !a.peer.is_empty()) {
        let _ = write!(
            text,
            "; upstream {}",
            String::from_utf8_lossy(&attempt.peer)
        );
    }
    text
}

/// Nothing in a configuration ends a field.
fn safe(text: &str) -> Vec<u8> {
    let is_safe = |b: &u8| *b >= b' ' && *b != 0x7f;
    text.bytes()
        .map(|b| if is_safe(&b) { b } else { b' ' })
        .collect()
}
