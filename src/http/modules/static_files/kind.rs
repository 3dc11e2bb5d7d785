//! The type of a file, by its extension.

use crate::http::conf::Http;
use crate::http::request::Request;
use bytes::Bytes;

/// Sets the type of the response from the extension of the URI, unless it is set already. Where the configuration has
/// no `types` at all, well-known extensions mean their well-known types.
pub fn content_type(req: &mut Request, http: &Http) {
    if req
        .response
        .content_type
        .as_ref()
        .is_some_and(|t| !t.is_empty())
    {
        return;
    }
    let core = &req.location(http).core;
    let known = extension(&req.uri).and_then(|extension| match &core.types {
        Some(types) => types.get(extension).cloned(),
        None => well_known(extension),
    });
    req.response.content_type = Some(known.unwrap_or_else(|| core.default_type.clone()));
}

/// What is behind the last dot of the last segment, unless the segment begins with it.
fn extension(uri: &[u8]) -> Option<&[u8]> {
    let at = memchr::memrchr2(b'.', b'/', uri)?;
    let dot = uri.get(at) == Some(&b'.') && at > 1 && uri.get(at - 1) != Some(&b'/');
    let extension = if dot { uri.get(at + 1..)? } else { b"" };
    (!extension.is_empty()).then_some(extension)
}

fn well_known(extension: &[u8]) -> Option<Bytes> {
    let guess = mime_guess::from_ext(std::str::from_utf8(extension).ok()?);
    guess.first_raw().map(|t| Bytes::from_static(t.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_found_as_nginx_does() {
        for (uri, expected) in [
            ("/a.html", Some("html")),
            ("/a.tar.gz", Some("gz")),
            ("/a", None),
            ("/.html", None),
            ("/d/.html", None),
            ("/d.x/a", None),
            ("/a.", None),
            ("", None),
        ] {
            assert_eq!(
                extension(uri.as_bytes()),
                expected.map(str::as_bytes),
                "{uri}"
            );
        }
    }

    #[test]
    fn well_known_types() {
        assert_eq!(well_known(b"html").unwrap(), "text/html");
        assert_eq!(well_known(b"PNG").unwrap(), "image/png");
        assert_eq!(well_known(b"no-such"), None);
    }
}
