//! Protocols whose request is one packet of parameters with the body behind it, and whose answer is that of a CGI
//! script, perhaps with a status line in front of it: uwsgi and SCGI.

use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::upstream::codec::Codec;
use crate::http::upstream::decoder::Decoder;
use crate::http::upstream::failure::Cause;
use crate::http::upstream::head::ResponseHead;
use crate::http::upstream::outgoing::Framing;
use bytes::Bytes;
use std::ops::Range;

/// How such a protocol writes its packet.
pub trait Packet {
    /// What stands in front of a server's address in the error log.
    fn scheme(tls: bool) -> &'static str;

    /// Appends the packet.
    ///
    /// # Errors
    /// There is none for this request: the status to answer with. The reason has been logged.
    fn write(&self, req: &Request, out: &mut Vec<u8>) -> Result<(), u16>;
}

/// Such a protocol, for one request.
pub struct PacketCodec<'a, P> {
    packet: &'a P,
    upgrade: bool,
}

impl<'a, P: Packet> PacketCodec<'a, P> {
    /// With the settings of the location.
    pub fn new(packet: &'a P) -> Self {
        PacketCodec {
            packet,
            upgrade: false,
        }
    }
}

impl<P: Packet> Codec for PacketCodec<'_, P> {
    fn scheme(&self, tls: bool) -> &'static str {
        P::scheme(tls)
    }

    fn write_request(&mut self, req: &Request, out: &mut Vec<u8>) -> Result<Range<usize>, u16> {
        self.upgrade = req.header(Known::Upgrade).is_some();
        self.packet.write(req, out).map(|()| 0..0)
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
        (super::unframed_body(head), rest)
    }

    fn content_length(&self, head: &ResponseHead) -> Option<u64> {
        super::body_length(head)
    }

    fn keep_alive(&self, _head: &ResponseHead) -> bool {
        false
    }

    fn asked_upgrade(&self) -> bool {
        self.upgrade
    }
}
