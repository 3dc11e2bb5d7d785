//! `X-Accel-Redirect`: an upstream has another location answer.

use crate::http::escape::{Unescape, unescape};
use crate::http::head::Method;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::log::{self, Level};

const READING: &str = " while reading response header from upstream";

/// Goes on in the named location or with the URI that the upstream names.
pub fn redirect(req: &mut Request, to: &[u8]) -> Verdict {
    if to.first() == Some(&b'@') {
        return req.redirect_to_name(to, READING);
    }
    let Some((uri, args)) = safe_uri(to) else {
        let shown = log::Raw(to);
        let message = format_args!("unsafe URI \"{shown}\" was detected{READING}");
        log::request(req, Level::Error, message);
        return Verdict::Status(404);
    };
    if req.method != Method::Head {
        req.method = Method::Get;
    }
    req.redirect_to_uri(&uri, args, READING)
}

/// Decodes a URI and splits off its query. None if it leads upwards or has a NUL in it.
pub fn safe_uri(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let end = memchr::memchr(b'?', text).unwrap_or(text.len());
    let path = text.get(..end).unwrap_or_default();
    let args = text.get(end + 1..).unwrap_or_default();
    if path.is_empty() || !is_safe(path) {
        return None;
    }
    let mut uri = Vec::with_capacity(path.len());
    unescape(Unescape::All, path, &mut uri);
    is_safe(&uri).then_some((uri, args))
}

fn is_safe(path: &[u8]) -> bool {
    !path.contains(&0) && !path.split(|c| *c == b'/').any(|part| part == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_upwards_is_refused() {
        assert_eq!(
            safe_uri(b"/a%20b?c=%20d"),
            Some((b"/a b".to_vec(), &b"c=%20d"[..]))
        );
        for bad in [
            &b""[..],
            b"?a",
            b"..",
            b"../x",
            b"/a/../b",
            b"/a/..",
            b"/a/%2e%2e/b",
            b"/a%00",
        ] {
            assert_eq!(safe_uri(bad), None, "{}", bad.escape_ascii());
        }
    }
}
