//! Name and password of Basic authentication (RFC 7617).

use crate::http::base64::decode;
use crate::http::head::{Known, Method};
use crate::http::request::Request;
use bytes::Bytes;

/// Name and password that the client sent, if it sent any that can be read. The first look is remembered.
pub fn basic(req: &Request) -> Option<(Bytes, Bytes)> {
    req.user
        .borrow_mut()
        .get_or_insert_with(|| {
            let field = match req.head.method {
                Method::Connect => Known::ProxyAuthorization,
                _ => Known::Authorization,
            };
            parse(req.header(field)?)
        })
        .clone()
}

/// `Basic` and base64 of `name:password`. The name must not be empty.
fn parse(field: &[u8]) -> Option<(Bytes, Bytes)> {
    let (scheme, rest) = field.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = Bytes::from(decode(rest.trim_ascii_start())?);
    let colon = memchr::memchr(b':', &decoded).filter(|at| *at > 0)?;
    Some((decoded.slice(..colon), decoded.slice(colon + 1..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read() {
        let read = |field: &'static str| {
            parse(field.as_bytes()).map(|(n, p)| {
                (
                    String::from_utf8_lossy(&n).into_owned(),
                    String::from_utf8_lossy(&p).into_owned(),
                )
            })
        };
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(
            read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            pair("Aladdin", "open sesame")
        );
        assert_eq!(read("basic   YTo="), pair("a", ""));
        assert_eq!(read("Basic YTpiOmM"), pair("a", "b:c"));
        for bad in [
            "Basic ",
            "Basic =",
            "Bearer YTpi",
            "Basic OmI=",
            "Basic YWI=",
            "Basic Y!pi",
            "Basic YTpiO",
            "Basi",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
