//! Who the client says it is: the Basic credentials of a request (RFC 7617).

use super::head::{Known, Method};
use super::request::Request;
use super::variable::Variable;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

/// `$remote_user`.
pub static VARIABLES: &[Variable] = &[Variable::new("remote_user", |req, out| {
    credentials(req, |user, _| out.extend_from_slice(user)).is_some()
})];

/// Gives the name and the password to `read`, if there are any; they are looked at once per request.
pub fn credentials<R>(req: &Request, read: impl FnOnce(&Bytes, &Bytes) -> R) -> Option<R> {
    let mut user = req.user.borrow_mut();
    let known = user.get_or_insert_with(|| basic(req));
    known.as_ref().map(|(name, password)| read(name, password))
}

fn basic(req: &Request) -> Option<(Bytes, Bytes)> {
    let field = match req.method {
        Method::Connect => Known::ProxyAuthorization,
        _ => Known::Authorization,
    };
    parse(req.header(field)?)
}

fn parse(value: &[u8]) -> Option<(Bytes, Bytes)> {
    let (scheme, encoded) = value.split_at_checked(b"Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = Bytes::from(decode(encoded.trim_ascii_start())?);
    let colon = memchr::memchr(b':', &decoded).filter(|colon| *colon > 0)?;
    Some((decoded.slice(..colon), decoded.slice(colon + 1..)))
}

/// Decodes base64 up to the first `=`, with or without padding, not looking at left-over bits. `None` if a
/// character is none of its alphabet.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = memchr::memchr(b'=', text).unwrap_or(text.len());
    LENIENT.decode(text.get(..end)?).ok()
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_apart() {
        let parsed = |value: &str| {
            parse(value.as_bytes()).map(|(user, password)| {
                let text = |b: Bytes| String::from_utf8(b.to_vec()).unwrap();
                (text(user), text(password))
            })
        };
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(parsed("Basic dXNlcjpwYXNz"), pair("user", "pass"));
        assert_eq!(parsed("bAsIc   dXNlcjpwOmE="), pair("user", "p:a"));
        assert_eq!(parsed("Basic dXNlcjpwOmE"), pair("user", "p:a"));
        assert_eq!(parsed("Basic dXNlcjo="), pair("user", ""));
        for none in [
            "",
            "Basic",
            "Basic ",
            "Bearer x",
            "Basic dXNlcg==",
            "Basic OnBhc3M=",
            "Basic !!!!",
        ] {
            assert_eq!(parsed(none), None, "{none}");
        }
    }
}
