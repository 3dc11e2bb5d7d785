//! SCGI as the protocol of an exchange: a netstring of parameters.

use super::conf::ScgiConf;
use crate::http::request::Request;
use crate::http::upstream::cgi::{packet::Packet, params::Pair};
use std::io::Write;

impl Packet for ScgiConf {
    fn scheme(_: bool) -> &'static str {
        "scgi://"
    }

    fn write(&self, req: &Request, out: &mut Vec<u8>) -> Result<(), u16> {
        let body = req.body.length.unwrap_or(0);
        let _ = write!(out, "CONTENT_LENGTH\0{body}\0");
        let fields = self.common.passing.pass_request_headers;
        self.common.params.write::<Terminated>(req, fields, out);
        wrap(out);
        Ok(())
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
