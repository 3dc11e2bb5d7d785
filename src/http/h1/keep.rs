//! Whether a connection is kept for another request.

use crate::clock;
use crate::http::Http;
use crate::http::core::browser::Browser;
use crate::http::head::{Known, Version};
use crate::http::request::Request;
use std::rc::Rc;
use std::time::Duration;

/// RFC 9112 section 9.3, with nginx's reading of the Connection field: of several lines the last one that says anything
/// of it decides.
pub(in crate::http) fn set_keepalive(req: &mut Request) {
    let mut keepalive = req.head.version > Version::Http10;
    for connection in req.head.all(Known::Connection) {
        if contains(connection, b"close") {
            keepalive = false;
        } else if contains(connection, b"keep-alive") {
            keepalive = true;
        }
    }
    req.keepalive = keepalive;
}

/// Whether the text stands somewhere in the value, in any case: that is how nginx looks.
fn contains(value: &[u8], text: &[u8]) -> bool {
    value
        .windows(text.len())
        .any(|w| w.eq_ignore_ascii_case(text))
}

/// Decides about the connection: by the settings of the last location, and by whether the server stops.
pub(in crate::http) fn keep_or_not(req: &mut Request) {
    if !req.keepalive {
        return;
    }
    let http = Rc::clone(&req.http);
    apply_keepalive(req, &http);
    if stops(req) {
        req.keepalive = false;
    }
}

/// Applies the settings of a location that end a connection (`keepalive_timeout 0`, `keepalive_requests`,
/// `keepalive_time`, `keepalive_disable`). The first of all locations that a request comes through decides.
pub(in crate::http) fn apply_keepalive(req: &mut Request, http: &Http) {
    if !req.keepalive || req.head.version >= Version::Http2 {
        return;
    }
    let core = &http.location(req.location).core;
    let client = &req.client;
    let age = clock::monotonic_ms().saturating_sub(client.started_ms);
    if core.keepalive_timeout.is_zero()
        || client.requests.get() >= core.keepalive_requests
        || Duration::from_millis(age) > core.keepalive_time
        || disabled(req, http)
    {
        req.keepalive = false;
    }
}

/// Whether the server is stopping and no connection is kept any more, not even for `keepalive_min_timeout`; or has
/// stopped listening where this one came from.
pub(super) fn stops(req: &Request) -> bool {
    if req.worker.has_abandoned(&req.http, &req.client) {
        return true;
    }
    let least = req.location(&req.http).core.keepalive_min_timeout;
    req.worker.is_shutting_down() && least.is_zero()
}

/// `keepalive_disable`: browsers that cannot take a kept connection, after POST or at all.
fn disabled(req: &Request, http: &Http) -> bool {
    use crate::http::head::Method;
    let set = &http.location(req.location).core.keepalive_disable;
    let post = set.msie6 && req.method == Method::Post;
    if !post && !set.safari {
        return false;
    }
    let browser = Browser::of(&req.head);
    (post && browser.msie6) || (set.safari && browser.safari)
}
