//! What a protocol towards upstreams does in its own way; everything else is shared.

use super::decoder::Decoder;
use super::failure::Cause;
use super::head::{Known, ResponseHead};
use super::outgoing::Framing;
use crate::http::request::Request;
use bytes::Bytes;
use std::ops::Range;

/// A protocol, for the time of one request.
pub trait Codec {
    /// The scheme that the error log shows, with TLS or without: `http://`, `https://`, `fastcgi://`.
    fn scheme(&self, tls: bool) -> &'static str;

    /// Appends the request without the client's body. Returns where in `out` the URI stands, for the error log.
    ///
    /// # Errors
    /// The status to answer with.
    fn write_request(&mut self, req: &Request, out: &mut Vec<u8>) -> Result<Range<usize>, u16>;

    /// How the client's body is sent.
    fn request_framing(&self) -> Framing;

    /// Forgets what came of an answer, for another attempt.
    fn reset(&mut self) {}

    /// The buffer that bytes of the upstream are read into until the head is complete: the head's own, if the head
    /// comes as it is.
    fn input<'a>(&'a mut self, head: &'a mut ResponseHead) -> &'a mut Vec<u8> {
        &mut head.buf
    }

    /// Understands what has come; `true` when the head is complete. `limit` is what it may have in bytes.
    ///
    /// # Errors
    /// The answer cannot be used.
    fn parse(
        &mut self,
        req: &Request,
        head: &mut ResponseHead,
        limit: usize,
    ) -> Result<bool, Cause>;

    /// The decoder of the body, and what of the body has come with the head. `text` is a copy of the head's buffer.
    fn body(&mut self, head: &ResponseHead, text: &Bytes, pass_trailers: bool) -> (Decoder, Bytes);

    /// The body's length, if the head says it.
    fn content_length(&self, head: &ResponseHead) -> Option<u64>;

    /// Whether the connection may be used again after the body.
    fn keep_alive(&self, head: &ResponseHead) -> bool;

    /// Whether the request asked for another protocol, so that a 101 is an answer to it.
    fn asked_upgrade(&self) -> bool {
        false
    }

    /// Changes a `Location` or the URL of a `Refresh`, which begins at `from` in the value; `None` leaves it alone.
    fn rewrite_redirect(&self, _req: &Request, _value: &Bytes, _from: usize) -> Option<Bytes> {
        None
    }

    /// Whether redirects are rewritten at all.
    fn rewrites_redirects(&self) -> bool {
        false
    }

    /// Whether the upstream speaks for itself: where its `Server` and `Date` are passed on, ours are not put in when
    /// it sends none.
    fn is_server(&self) -> bool {
        false
    }

    /// Changes a `Set-Cookie`.
    fn rewrite_cookie(&self, _req: &Request, _value: &Bytes) -> Option<Bytes> {
        None
    }

    /// Whether this answer, 401 say, carries what an `error_page` in its place should keep.
    fn challenge(&self, head: &ResponseHead) -> bool {
        head.status == 401 && head.field(Known::WwwAuthenticate).is_some()
    }
}
