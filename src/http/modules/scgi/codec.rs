//! SCGI as the protocol of an exchange: a netstring of parameters; the answer is that of a CGI script, perhaps with a
//! status line in front of it.

use super::conf::ScgiConf;
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::upstream::cgi::{self, params::Pair};
use crate::http::upstream::codec::Codec;
use crate::http::upstream::decoder::Decoder;
use crate::http::upstream::failure::Cause;
use crate::http::upstream::head::ResponseHead;
use crate::http::upstream::outgoing::Framing;
use bytes::Bytes;
use std::io::Write;
use std::ops::Range;

/// SCGI, for one request.
pub struct ScgiCodec<'a> {
    conf: &'a ScgiConf,
    upgrade: bool,
}

impl<'a> ScgiCodec<'a> {
    /// With the settings of the location.
    pub fn new(conf: &'a ScgiConf) -> Self {
        ScgiCodec {
            conf,
            upgrade: false,
        }
    }
}

impl Codec for ScgiCodec<'_> {
    fn scheme(&self, _: bool) -> &'static str {
        "scgi://"
    }

    fn write_request(&mut self, req: &Request, out: &mut Vec<u8>) -> Result<Range<usize>, u16> {
        self.upgrade = req.header(Known::Upgrade).is_some();
        let body = req.body.length.unwrap_or(0);
        let _ = write!(out, "CONTENT_LENGTH\0{body}\0");
        let common = &self.conf.common;
        let fields = common.passing.pass_request_headers;
        common.params.write::<Terminated>(req, fields, out);
        wrap(out);
        Ok(0..0)
    }

    fn request_framing(&self) -> Framing {
        Framing::Plain
    }

    fn parse(
        &mut self,
        _req: &Request,
        head: &mut ResponseHead,
        limit: usize,
    ) -> Result<bool, Cause> {
        let complete = head.parse_cgi(limit, true);
        complete.map_err(|bad| bad.cause(head))
    }

    fn body(
        &mut self,
        head: &ResponseHead,
        text: &Bytes,
        _pass_trailers: bool,
    ) -> (Decoder, Bytes) {
        let rest = text.slice((head.len as usize).min(text.len())..);
        (cgi::unframed_body(head), rest)
    }

    fn content_length(&self, head: &ResponseHead) -> Option<u64> {
        cgi::body_length(head)
    }

    fn keep_alive(&self, _head: &ResponseHead) -> bool {
        false
    }

    fn asked_upgrade(&self) -> bool {
        self.upgrade
    }
}

/// Makes a netstring of it: `length:text,`.
fn wrap(out: &mut Vec<u8>) {
    let length = format!("{}:", out.len());
    out.push(b',');
    out.splice(0..0, length.into_bytes());
}

/// A parameter: name and value with a NUL behind each.
pub struct Terminated;

impl Pair for Terminated {
    fn begin(_length: usize, _out: &mut Vec<u8>) {}

    fn middle(out: &mut Vec<u8>) {
        out.push(0);
    }

    fn close(out: &mut Vec<u8>, _start: usize, _value: usize) {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_make_a_netstring() {
        let mut out = Vec::new();
        for (name, value) in [(&b"A"[..], &b"b"[..]), (b"C", b"")] {
            let start = out.len();
            Terminated::begin(name.len(), &mut out);
            out.extend_from_slice(name);
            Terminated::middle(&mut out);
            let at = out.len();
            out.extend_from_slice(value);
            Terminated::close(&mut out, start, at);
        }
        wrap(&mut out);
        assert_eq!(out, b"7:A\0b\0C\0\0,");
    }
}
