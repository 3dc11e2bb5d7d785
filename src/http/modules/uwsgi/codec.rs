//! uwsgi as the protocol of an exchange: a packet of four bytes of head and the parameters; the answer is that of a
//! CGI script, perhaps with a status line in front of it.

use super::conf::UwsgiConf;
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::upstream::cgi::{self, params::Pair};
use crate::http::upstream::codec::Codec;
use crate::http::upstream::decoder::Decoder;
use crate::http::upstream::failure::Cause;
use crate::http::upstream::head::ResponseHead;
use crate::http::upstream::outgoing::Framing;
use crate::log::{self, Level};
use bytes::Bytes;
use std::ops::Range;

/// uwsgi, for one request.
pub struct UwsgiCodec<'a> {
    conf: &'a UwsgiConf,
    upgrade: bool,
}

impl<'a> UwsgiCodec<'a> {
    /// With the settings of the location.
    pub fn new(conf: &'a UwsgiConf) -> Self {
        UwsgiCodec {
            conf,
            upgrade: false,
        }
    }
}

impl Codec for UwsgiCodec<'_> {
    fn scheme(&self, tls: bool) -> &'static str {
        match tls {
            true => "suwsgi://",
            false => "uwsgi://",
        }
    }

    fn write_request(&mut self, req: &Request, out: &mut Vec<u8>) -> Result<Range<usize>, u16> {
        const HEAD: usize = 4;
        self.upgrade = req.header(Known::Upgrade).is_some();
        out.extend_from_slice(&[self.conf.modifier1, 0, 0, self.conf.modifier2]);
        let common = &self.conf.common;
        let fields = common.passing.pass_request_headers;
        common.params.write::<Sized16>(req, fields, out);
        out.extend_from_slice(&self.conf.string);
        let length = out.len() - HEAD;
        let Ok(size) = u16::try_from(length) else {
            let message = format_args!("uwsgi request is too big: {length}");
            log::request(req, Level::Alert, message);
            return Err(500);
        };
        if let Some(place) = out.get_mut(1..3) {
            place.copy_from_slice(&size.to_le_bytes());
        }
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

/// A parameter: the length of the name in two bytes, the name, and the same for the value. The least significant byte
/// comes first.
pub struct Sized16;

impl Pair for Sized16 {
    fn begin(length: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(&size(length));
    }

    fn middle(out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; 2]);
    }

    fn close(out: &mut Vec<u8>, _start: usize, value: usize) {
        let size = size(out.len() - value);
        if let Some(place) = out.get_mut(value.saturating_sub(2)..value) {
            place.copy_from_slice(&size);
        }
    }
}

/// What does not fit makes the whole packet too big.
fn size(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_stand_before_name_and_value() {
        let mut out = Vec::new();
        Sized16::begin(2, &mut out);
        out.extend_from_slice(b"ab");
        Sized16::middle(&mut out);
        let at = out.len();
        out.resize(at + 0x102, b'v');
        Sized16::close(&mut out, 0, at);
        assert_eq!(&out[..7], [2, 0, b'a', b'b', 2, 1, b'v']);
    }
}
