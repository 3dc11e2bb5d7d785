//! The type of an answer, by the extension of the URI.

use crate::http::conf::Http;
use crate::http::request::Request;
use bytes::Bytes;

/// Sets the type of the response unless it has one: by `types`, else `default_type`. Where the configuration has no
/// `types` at all, extensions that everybody knows mean what everybody knows.
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
    let kind = extension(&req.uri).and_then(|extension| match &core.types {
        Some(types) => types.get(extension).cloned(),
        None => guess(extension),
    });
    req.response.content_type = Some(kind.unwrap_or_else(|| core.default_type.clone()));
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
