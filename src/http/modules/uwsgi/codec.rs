//! uwsgi as the protocol of an exchange: a packet of four bytes of head and the parameters.

use super::conf::UwsgiConf;
use crate::http::request::Request;
use crate::http::upstream::cgi::{packet::Packet, params::Pair};
use crate::log::{self, Level};

impl Packet for UwsgiConf {
    fn scheme(tls: bool) -> &'static str {
        match tls {
            true => "suwsgi://",
            false => "uwsgi://",
        }
    }

    fn write(&self, req: &Request, out: &mut Vec<u8>) -> Result<(), u16> {
        const HEAD: usize = 4;
        out.extend_from_slice(&[self.modifier1, 0, 0, self.modifier2]);
        let fields = self.common.passing.pass_request_headers;
        self.common.params.write::<Sized16>(req, fields, out);
        out.extend_from_slice(&self.string);
        let length = out.len() - HEAD;
        let Ok(size) = u16::try_from(length) else {
            let message = format_args!("uwsgi request is too big: {length}");
            log::request(req, Level::Alert, message);
            return Err(500);
        };
        if let Some(place) = out.get_mut(1..3) {
            place.copy_from_slice(&size.to_le_bytes());
        }
        Ok(())
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
