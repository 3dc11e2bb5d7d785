//! The requests that are sent to upstreams, and HTTP/1.x as their protocol.

use super::conf::ProxyConf;
use super::headers::{Set, write_value};
use super::pass::Target;
use super::rewrite;
use super::variables::Context;
use crate::http::escape::{Kind, escape};
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::upstream::codec::Codec;
use crate::http::upstream::decoder::Decoder;
use crate::http::upstream::failure::Cause;
use crate::http::upstream::head::{self, ResponseBody, ResponseHead};
use crate::http::upstream::outgoing::Framing;
use crate::log::{self, Level};
use bytes::Bytes;
use std::io::Write;
use std::ops::Range;

/// HTTP/1.x, for one request.
pub struct HttpCodec<'a> {
    conf: &'a ProxyConf,
    target: &'a Target,
    /// Whether the request is HEAD to the upstream.
    head: bool,
    chunked: bool,
    upgrade: bool,
}

impl<'a> HttpCodec<'a> {
    /// With the settings of the location.
    pub fn new(conf: &'a ProxyConf, target: &'a Target) -> Self {
        HttpCodec {
            conf,
            target,
            head: false,
            chunked: false,
            upgrade: false,
        }
    }

    fn write_uri(&self, req: &Request, out: &mut Vec<u8>) {
        let (uri, start) = (&self.target.uri, out.len());
        if self.target.computed && !uri.is_empty() {
            out.extend_from_slice(uri);
        } else if uri.is_empty() && req.unparsed_uri_valid {
            let text = req.head.bytes(req.head.path_query);
            return out.extend_from_slice(text);
        } else {
            let mut replaced = 0;
            if req.location_valid {
                out.extend_from_slice(uri);
                if !uri.is_empty() {
                    replaced = self.target.location_len.min(req.uri.len());
                }
            }
            let rest = req.uri.get(replaced..).unwrap_or_default();
            if req.internal || was_escaped(req) {
                escape(Kind::Uri, rest, out);
            } else {
                out.extend_from_slice(rest);
            }
            if !req.args.is_empty() {
                out.push(b'?');
                out.extend_from_slice(&req.args);
            }
        }
        make_safe(out, start);
    }

    fn write_set(&mut self, req: &Request, context: &Context, out: &mut Vec<u8>) {
        for set in &self.conf.headers.fields {
            match set {
                Set::Line(line) => {
                    self.upgrade |= is_upgrade(line);
                    out.extend_from_slice(line);
                }
                Set::Value(name, value) => {
                    let start = out.len();
                    out.extend_from_slice(name);
                    let empty = out.len();
                    write_value(value, req, out);
                    if out.len() == empty {
                        out.truncate(start);
                    } else {
                        self.upgrade |= is_upgrade(name);
                        out.extend_from_slice(b"\r\n");
                    }
                }
                Set::ContentLength => {
                    if let Some(n) = context.body_length {
                        let _ = write!(out, "Content-Length: {n}\r\n");
                    }
                }
                Set::TransferEncoding if context.chunked => {
                    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
                }
                Set::TransferEncoding => {}
            }
        }
    }

    fn write_passed(&self, req: &Request, out: &mut Vec<u8>) {
        if !self.conf.passing.pass_request_headers {
            return;
        }
        for (known, name, value) in req.head.iter() {
            if self.conf.headers.replaces(known, name) {
                continue;
            }
            out.extend_from_slice(name);
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Whether the client's path had escapes in it, so that the decoded one must be escaped again.
fn was_escaped(req: &Request) -> bool {
    let text = req.head.bytes(req.head.path_query);
    let path = text.split(|c| *c == b'?').next().unwrap_or_default();
    memchr::memchr(b'%', path).is_some()
}

/// A request line is taken apart at spaces and ends at a line end: neither gets into the URI, wherever it comes from.
fn make_safe(out: &mut Vec<u8>, start: usize) {
    let is_unsafe = |c: &u8| *c <= b' ' || *c == 0x7f;
    if !out.get(start..).unwrap_or_default().iter().any(is_unsafe) {
        return;
    }
    let text = out.split_off(start);
    for byte in text {
        if is_unsafe(&byte) {
            let _ = write!(out, "%{byte:02X}");
        } else {
            out.push(byte);
        }
    }
}

fn is_upgrade(line: &[u8]) -> bool {
    line.get(..8)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"upgrade:"))
}

impl Codec for HttpCodec<'_> {
    fn scheme(&self, tls: bool) -> &'static str {
        match tls {
            true => "https://",
            false => "http://",
        }
    }

    fn write_request(&mut self, req: &Request, out: &mut Vec<u8>) -> Result<Range<usize>, u16> {
        let Some(context) = req.extensions.get::<Context>() else {
            return Err(500);
        };
        match &self.conf.method {
            Some(method) => {
                method.write(req, out);
                make_safe(out, 0);
            }
            None => out.extend_from_slice(req.method_name()),
        }
        self.head = out.eq_ignore_ascii_case(b"HEAD");
        self.chunked = context.chunked;
        out.push(b' ');
        let start = out.len();
        self.write_uri(req, out);
        let uri = start..out.len();
        if uri.is_empty() {
            log::request(req, Level::Error, format_args!("zero length URI to proxy"));
            return Err(500);
        }
        let version = if self.conf.http10 {
            &b" HTTP/1.0\r\n"[..]
        } else {
            b" HTTP/1.1\r\n"
        };
        out.extend_from_slice(version);
        let line = out.len();
        out.extend_from_slice(b"Host: ");
        let empty = out.len();
        if let Some(host) = &self.conf.headers.host {
            write_value(host, req, out);
        }
        if out.len() == empty && (self.conf.headers.host.is_none() || !self.conf.http10) {
            out.extend_from_slice(&context.host);
        }
        if out.len() == empty {
            out.truncate(line);
        } else {
            out.extend_from_slice(b"\r\n");
        }
        self.write_set(req, context, out);
        self.write_passed(req, out);
        out.extend_from_slice(b"\r\n");
        if let Some(body) = &self.conf.body {
            body.write(req, out);
        }
        self.upgrade &= req.header(Known::Upgrade).is_some();
        Ok(uri)
    }

    fn request_framing(&self) -> Framing {
        if self.chunked {
            Framing::Chunked
        } else {
            Framing::Plain
        }
    }

    fn parse(
        &mut self,
        _req: &Request,
        head: &mut ResponseHead,
        limit: usize,
    ) -> Result<bool, Cause> {
        head.parse(limit).map_err(|bad| bad.cause(head))
    }

    fn body(&mut self, head: &ResponseHead, text: &Bytes, pass_trailers: bool) -> (Decoder, Bytes) {
        let rest = text.slice((head.len as usize).min(text.len())..);
        let decoder = match head.body(self.head) {
            ResponseBody::None => Decoder::Empty,
            ResponseBody::Length(n) => Decoder::Length(n),
            ResponseBody::Chunked => Decoder::chunked(pass_trailers),
            ResponseBody::UntilClose => Decoder::UntilClose,
        };
        (decoder, rest)
    }

    fn content_length(&self, head: &ResponseHead) -> Option<u64> {
        if head.field(head::Known::TransferEncoding).is_some() {
            return None;
        }
        head.get(head::Known::ContentLength)
            .and_then(crate::http::h1::framing::content_length)
    }

    fn keep_alive(&self, head: &ResponseHead) -> bool {
        head.keep_alive()
    }

    fn asked_upgrade(&self) -> bool {
        self.upgrade
    }

    fn is_server(&self) -> bool {
        true
    }

    fn rewrites_redirects(&self) -> bool {
        self.conf.redirects.is_some()
    }

    fn rewrite_redirect(&self, req: &Request, value: &Bytes, from: usize) -> Option<Bytes> {
        let rules = self.conf.redirects.as_ref()?;
        rewrite::apply(rules, req, value, from).map(Bytes::from)
    }

    fn rewrite_cookie(&self, req: &Request, value: &Bytes) -> Option<Bytes> {
        let conf = self.conf;
        if conf.cookie_domains.is_none()
            && conf.cookie_paths.is_none()
            && conf.cookie_flags.is_none()
        {
            return None;
        }
        super::cookie::rewrite(conf, req, value).map(Bytes::from)
    }
}
