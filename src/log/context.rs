//! What stands behind a message about a request or a connection: who sent what.

use super::{ErrorLogs, Level};
use crate::http::connection::Client;
use crate::http::head::Known;
use crate::http::request::Request;
use std::fmt::{Arguments, Display};
use std::io::Write;
use std::rc::Rc;

/// Logs something about a request to the error logs of its location. The message may end with nginx's
/// ` while doing this or that`; client, server, request line and so on follow it.
pub fn request(req: &Request, level: Level, message: Arguments<'_>) {
    let http = Rc::clone(&req.http);
    let logs = &req.location(&http).error_log;
    if logs.takes(level) && !req.keeps_log(level, message) {
        logs.write(level, Some(req.client.number), message, |out| {
            describe(req, out)
        });
    }
}

/// The same about a request that failed: `cause` appends what stands behind all of nginx's line, unless
/// `error_log_hints` is off.
pub fn explained(
    req: &Request,
    level: Level,
    message: Arguments<'_>,
    cause: impl FnOnce(&mut Vec<u8>),
) {
    let http = Rc::clone(&req.http);
    let location = req.location(&http);
    if !location.explain.hints {
        return request(req, level, message);
    }
    let logs = &location.error_log;
    if !logs.takes(level) {
        return;
    }
    if req.is_rehearsal() {
        let mut text = Vec::new();
        cause(&mut text);
        let text = String::from_utf8_lossy(&text);
        req.keeps_log(level, format_args!("{message}{text}"));
    } else {
        let context = |out: &mut Vec<u8>| describe(req, out);
        logs.write_explained(level, Some(req.client.number), message, context, cause);
    }
}

/// Logs something about a connection on which no request has begun. `listen` is the address that it was accepted at,
/// as the configuration names it; `logs` are those of that address's default server.
pub fn connection(
    logs: &ErrorLogs,
    client: &Client,
    listen: &dyn Display,
    level: Level,
    message: Arguments<'_>,
) {
    if logs.takes(level) {
        logs.write(level, Some(client.number), message, |out| {
            out.extend_from_slice(b", client: ");
            client.peer.write_ip(out);
            let _ = write!(out, ", server: {listen}");
        });
    }
}

fn describe(req: &Request, out: &mut Vec<u8>) {
    if req.logging.get() {
        out.extend_from_slice(b" while logging request");
    }
    out.extend_from_slice(b", client: ");
    req.remote.write_ip(out);
    out.extend_from_slice(b", server: ");
    out.extend_from_slice(&req.server(&req.http).name);
    let line = match req.head.bytes(req.head.line) {
        [] => unfinished_line(&req.head.buf),
        line => line,
    };
    if !line.is_empty() {
        quoted(out, "request", line);
    }
    if req.depth > 0 {
        quoted(out, "subrequest", &req.uri);
    }
    if let Some(upstream) = req.upstreams.last().filter(|u| !u.peer.is_empty()) {
        out.extend_from_slice(b", upstream: \"");
        upstream.write_url(out);
        out.push(b'"');
    }
    if let Some(host) = req.header(Known::Host) {
        quoted(out, "host", host);
    }
    if let Some(referrer) = req.header(Known::Referer) {
        quoted(out, "referrer", referrer);
    }
}

fn quoted(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(b", ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": \"");
    out.extend_from_slice(value);
    out.push(b'"');
}

/// What has come of a request line that was refused or never ended.
fn unfinished_line(buf: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'\r', b'\n', buf).unwrap_or(buf.len());
    buf.get(..end).unwrap_or_default()
}
