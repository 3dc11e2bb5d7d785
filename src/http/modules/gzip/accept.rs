//! Whether a client takes gzip, and whether it should get it.

use super::directives::{
    ANY, AUTH, EXPIRED, GzipConf, NO_CACHE, NO_ETAG, NO_LAST_MODIFIED, NO_STORE, OFF, PRIVATE,
};
use crate::http::date::parse_http_time;
use crate::http::head::{Known, Version};
use crate::http::request::Request;
use crate::http::response::Response;

/// Whether the answer may be compressed for this request (nginx: `ngx_http_gzip_ok`).
pub fn is_accepted(req: &Request, conf: &GzipConf) -> bool {
    if req.depth > 0 {
        return false;
    }
    let Some(codings) = req.head.get(Known::AcceptEncoding) else {
        return false;
    };
    if !codings.starts_with(b"gzip,") && !takes_gzip(codings) {
        return false;
    }
    let lowest = if conf.http_version == 0 {
        Version::Http10
    } else {
        Version::Http11
    };
    if req.head.version < lowest {
        return false;
    }
    let agent = req.head.get(Known::UserAgent);
    if conf.disable_msie6 && agent.is_some_and(is_msie6) {
        return false;
    }
    if req.head.get(Known::Via).is_some()
        && !for_proxies(
            conf.proxied,
            req.head.get(Known::Authorization),
            &req.response,
        )
    {
        return false;
    }
    match (&conf.disable, agent) {
        (Some(patterns), Some(agent)) => !patterns.iter().any(|p| p.is_match(agent)),
        _ => true,
    }
}

/// Looks for `gzip` in Accept-Encoding, with a quality that is not 0.
fn takes_gzip(codings: &[u8]) -> bool {
    let mut from = 0;
    let behind = loop {
        let rest = codings.get(from..).unwrap_or_default();
        let found = rest
            .windows(4)
            .position(|w| w.eq_ignore_ascii_case(b"gzip"));
        let Some(at) = found else { return false };
        let at = from + at;
        if at == 0 || at == from || matches!(codings.get(at - 1), Some(b',' | b' ')) {
            break codings.get(at + 4..).unwrap_or_default();
        }
        from = at + 4;
    };
    let behind = trim(behind);
    match behind.split_first() {
        None | Some((b',', _)) => true,
        Some((b';', rest)) => match trim(rest).split_first() {
            None => true,
            Some((b'q' | b'Q', [b'=', value @ ..])) => is_quality(value),
            _ => false,
        },
        _ => false,
    }
}

/// Whether it is a quality above 0, as nginx adds it up: all digits behind the point count the same.
fn is_quality(value: &[u8]) -> bool {
    let value = value
        .split(|b| matches!(b, b',' | b' '))
        .next()
        .unwrap_or_default();
    let (mut quality, rest) = match value.split_first() {
        Some((b'0', rest)) => (0u64, rest),
        Some((b'1', rest)) => (100, rest),
        _ => return false,
    };
    let digits = match rest.split_first() {
        None => return quality > 0,
        Some((b'.', digits)) => digits,
        Some(_) => return false,
    };
    if digits.len() > 3 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    quality += digits.iter().map(|d| u64::from(d - b'0')).sum::<u64>();
    (1..=100).contains(&quality)
}

fn trim(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|b| **b == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

/// Internet Explorer 4 to 6, but for the 6 of Windows XP SP2.
fn is_msie6(agent: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(agent, b"MSIE ") else {
        return false;
    };
    match agent.get(at + 5..) {
        Some([b'4' | b'5', b'.', _, ..]) => true,
        Some([b'6', b'.', _, rest @ ..]) => memchr::memmem::find(rest, b"SV1").is_none(),
        _ => false,
    }
}

/// `gzip_proxied`.
fn for_proxies(mask: u16, authorization: Option<&[u8]>, response: &Response) -> bool {
    if mask & OFF != 0 {
        return false;
    }
    if mask & ANY != 0 || mask & AUTH != 0 && authorization.is_some() {
        return true;
    }
    if let Some(expires) = response.get(b"Expires") {
        let date = match &response.date {
            Some(date) => parse_http_time(date),
            None => Some(crate::clock::unix_seconds()),
        };
        return mask & EXPIRED != 0
            && match (parse_http_time(expires), date) {
                (Some(expires), Some(date)) => expires < date,
                _ => false,
            };
    }
    if response.get(b"Cache-Control").is_some() {
        let words: [(u16, &[u8]); 3] = [
            (NO_CACHE, b"no-cache"),
            (NO_STORE, b"no-store"),
            (PRIVATE, b"private"),
        ];
        return words
            .iter()
            .any(|(bit, word)| mask & bit != 0 && cache_control_says(response, word));
    }
    let validated = response.last_modified.is_some() || response.last_modified_text.is_some();
    (mask & NO_LAST_MODIFIED == 0 || !validated) && (mask & NO_ETAG == 0 || response.etag.is_none())
}

fn cache_control_says(response: &Response, word: &[u8]) -> bool {
    response
        .fields
        .iter()
        .filter(|f| f.name.eq_ignore_ascii_case(b"Cache-Control"))
        .flat_map(|f| f.value.split(|b| *b == b','))
        .any(|directive| directive.trim_ascii().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn accept_encoding_is_read_as_nginx_does() {
        for yes in [
            "gzip",
            "GZip",
            "deflate, gzip",
            "deflate,gzip;q=1",
            "gzip;q=0.1",
            "gzip;q=1.0",
            "gzip ; q=0.001",
            "gzip;",
            "xgzip, gzip",
            "gzip;q=0.9, br",
        ] {
            assert!(takes_gzip(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "br",
            "gzip;q=0",
            "gzip;q=0.0",
            "gzip;q=0.000",
            "gzip;q=0.0001",
            "gzip;q=2",
            "gzip;q=1.5",
            "gzipx",
            "x-gzip",
            "gzip;x=1",
            "gzip;q=",
            "gzip;q=a",
        ] {
            assert!(!takes_gzip(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn old_browsers_are_told_apart() {
        assert!(is_msie6(
            b"Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)"
        ));
        assert!(is_msie6(b"Mozilla/4.0 (compatible; MSIE 5.5; Windows)"));
        assert!(!is_msie6(
            b"Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)"
        ));
        assert!(!is_msie6(b"Mozilla/4.0 (compatible; MSIE 7.0)"));
        assert!(!is_msie6(b"MSIE 6."));
    }

    #[test]
    fn proxies_get_what_they_may_not_keep() {
        let mut r = Response::default();
        assert!(!for_proxies(OFF, None, &r));
        assert!(for_proxies(ANY, None, &r));
        assert!(for_proxies(AUTH, Some(b"x"), &r));
        assert!(for_proxies(NO_ETAG | NO_LAST_MODIFIED, None, &r));
        r.etag = Some(Bytes::from_static(b"\"a\""));
        assert!(!for_proxies(NO_ETAG, None, &r));
        assert!(for_proxies(NO_LAST_MODIFIED, None, &r));
        r.push("Cache-Control", &b"max-age=1, no-store"[..]);
        assert!(for_proxies(NO_STORE, None, &r));
        assert!(!for_proxies(NO_CACHE, None, &r));
        r.push("Expires", &b"Thu, 01 Jan 1970 00:00:01 GMT"[..]);
        assert!(for_proxies(EXPIRED, None, &r));
        assert!(!for_proxies(NO_STORE, None, &r));
    }
}
