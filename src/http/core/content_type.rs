//! The type of an answer, by the extension of the URI.

use crate::http::conf::Http;
use crate::http::request::Request;
use bytes::Bytes;

/// Sets the type of the response unless it has one: by `types`, then by what everybody knows if `types_guess` is on,
/// else `default_type`.
pub fn set(req: &mut Request, http: &Http) {
    if req
        .response
        .content_type
        .as_ref()
        .is_some_and(|kind| !kind.is_empty())
    {
        return;
    }
    let core = &req.location(http).core;
    let kind = extension(&req.uri).and_then(|extension| {
        let known = match &core.types {
            Some(types) => types.get(extension).cloned(),
            None => by_default(extension),
        };
        known.or_else(|| core.types_guess.then(|| guess(extension)).flatten())
    });
    req.response.content_type = Some(kind.unwrap_or_else(|| core.default_type.clone()));
}

/// The types that hold where no `types` is written at all: nginx knows these three.
fn by_default(extension: &[u8]) -> Option<Bytes> {
    let known: [(&[u8], &'static str); 3] = [
        (b"html", "text/html"),
        (b"gif", "image/gif"),
        (b"jpg", "image/jpeg"),
    ];
    known
        .iter()
        .find(|(known, _)| extension.eq_ignore_ascii_case(known))
        .map(|(_, kind)| Bytes::from_static(kind.as_bytes()))
}

fn guess(extension: &[u8]) -> Option<Bytes> {
    let extension = std::str::from_utf8(extension).ok()?;
    let kind = mime_guess::from_ext(extension).first_raw()?;
    (kind != PROGRAM).then(|| Bytes::from_static(kind.as_bytes()))
}

/// The source of a program that should have been run here is no type for a browser: nginx's default stands.
const PROGRAM: &str = "application/x-httpd-php";

/// What follows the last dot of the last segment of a path, unless the segment begins with that dot.
pub fn extension(uri: &[u8]) -> Option<&[u8]> {
    let name = uri.rsplit(|byte| *byte == b'/').next()?;
    let dot = memchr::memrchr(b'.', name).filter(|dot| *dot > 0)?;
    name.get(dot.saturating_add(1)..)
        .filter(|extension| !extension.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_types() {
        assert_eq!(guess(b"html").unwrap(), "text/html");
        assert_eq!(guess(b"PNG").unwrap(), "image/png");
        assert_eq!(guess(b"no-such"), None);
        assert_eq!(guess(b"php"), None);
    }

    #[test]
    fn three_types_are_known_without_a_list() {
        assert_eq!(by_default(b"HTML").unwrap(), "text/html");
        assert_eq!(by_default(b"gif").unwrap(), "image/gif");
        assert_eq!(by_default(b"jpg").unwrap(), "image/jpeg");
        for other in ["jpeg", "htm", "png", "css", "js"] {
            assert_eq!(by_default(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn an_extension_is_behind_the_last_dot() {
        for (uri, want) in [
            ("/a.html", Some("html")),
            ("/a.b/c.tar.gz", Some("gz")),
            ("/a.b/c", None),
            ("/.html", None),
            ("/a/.html", None),
            ("/a.", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(extension(uri.as_bytes()), want.map(str::as_bytes), "{uri}");
        }
    }
}
