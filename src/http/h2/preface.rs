//! What a client begins with that speaks HTTP/2 without having asked (RFC 9113 section 3.4).

use crate::http::conf::Http;
use crate::http::connection::Client;
use crate::http::h1::io::{Io, IoError};
use crate::http::router;

/// The preface.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether these first bytes of a connection may be those of the preface.
pub fn may_be(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .zip(PREFACE)
        .all(|(byte, expected)| byte == expected)
}

/// Whether both sides have agreed about HTTP/2 (ALPN): whatever comes then is taken for it.
pub fn is_agreed(client: &Client) -> bool {
    let tls = client.stream.tls();
    tls.is_some_and(|tls| tls.session(|session| session.alpn_protocol() == Some(b"h2")))
}

/// Whether HTTP/2 is spoken without TLS where the connection came in.
pub fn is_wanted(http: &Http, client: &Client) -> bool {
    if client.stream.tls().is_some() || client.security.get().is_some() {
        return false;
    }
    router::default_server(http, client).is_some_and(|server| {
        let location = http.location(http.server(server).location);
        location.conf.http2.enable || router::listens_http2(http, client)
    })
}

/// What the first bytes are.
pub enum Read {
    /// The preface.
    Preface,
    /// Something else.
    Other,
    /// The client has closed the connection before that could be seen.
    Closed,
}

/// Reads on while `buf` may become the preface.
///
/// # Errors
/// The connection ends first.
pub async fn read(io: &Io, buf: &mut Vec<u8>) -> Result<Read, IoError> {
    while buf.len() < PREFACE.len() && may_be(buf) {
        buf.reserve(PREFACE.len());
        if io.read(buf).await? == 0 {
            return Ok(Read::Closed);
        }
    }
    match may_be(buf) {
        true => Ok(Read::Preface),
        false => Ok(Read::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_preface_may_be_one() {
        assert!(may_be(b"P") && may_be(PREFACE) && may_be(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"));
        assert!(
            !may_be(b"POST")
                && !may_be(b"GET / HTTP/1.1\r\n")
                && !may_be(b"PRI * HTTP/2.0\r\n\r\nxx")
        );
    }
}
