//! nginx's not_modified filter: conditional requests (RFC 9110 section 13), except If-Range.

use crate::http::body::Body;
use crate::http::core::location::IfModifiedSince;
use crate::http::date;
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::response::Response;

/// Turns a 200 into a 304 where the client has it already.
///
/// # Errors
/// 412: the client's condition does not hold.
pub fn head(req: &mut Request, mode: IfModifiedSince) -> Result<(), u16> {
    if req.response.status != 200 || req.depth > 0 || req.response.disable_not_modified {
        return Ok(());
    }
    let response = &req.response;
    if let Some(date) = req.head.get(Known::IfUnmodifiedSince)
        && !is_unmodified(response.last_modified, date)
    {
        return Err(412);
    }
    if let Some(list) = req.head.get(Known::IfMatch)
        && !matches(list, response.etag.as_deref(), false)
    {
        return Err(412);
    }
    let since = req.head.get(Known::IfModifiedSince);
    let none_match = req.head.get(Known::IfNoneMatch);
    if since.is_none() && none_match.is_none()
        || since.is_some_and(|date| is_modified(response.last_modified, date, mode))
        || none_match.is_some_and(|list| !matches(list, response.etag.as_deref(), true))
    {
        return Ok(());
    }
    not_modified(&mut req.response);
    Ok(())
}

fn not_modified(response: &mut Response) {
    response.status = 304;
    response.status_line = None;
    response.content_type = None;
    response.content_length = None;
    response.clear_accept_ranges();
    response.content_encoding = None;
    response.body = Body::Empty;
}

fn is_unmodified(last_modified: Option<i64>, date: &[u8]) -> bool {
    last_modified.is_some_and(|lm| date::parse_http_time(date).unwrap_or(-1) >= lm)
}

fn is_modified(last_modified: Option<i64>, date: &[u8], mode: IfModifiedSince) -> bool {
    let Some(lm) = last_modified else { return true };
    let since = date::parse_http_time(date).unwrap_or(-1);
    match mode {
        IfModifiedSince::Off => true,
        IfModifiedSince::Exact => since != lm,
        IfModifiedSince::Before => since < lm,
    }
}

/// Whether an entity tag is in a list of them. `weak`: `W/` makes no difference.
fn matches(list: &[u8], etag: Option<&[u8]>, weak: bool) -> bool {
    if list == b"*" {
        return true;
    }
    let Some(mut etag) = etag else { return false };
    if weak && etag.len() > 2 {
        etag = etag.strip_prefix(b"W/").unwrap_or(etag);
    }
    let mut rest = list;
    while !rest.is_empty() {
        if weak && rest.len() > 2 {
            rest = rest.strip_prefix(b"W/").unwrap_or(rest);
        }
        if let Some(behind) = rest.strip_prefix(etag) {
            rest = skip(behind, b" \t");
            if rest.first().is_none_or(|b| *b == b',') {
                return true;
            }
        } else if rest.len() < etag.len() {
            return false;
        }
        let comma = memchr::memchr(b',', rest).unwrap_or(rest.len());
        rest = skip(rest.get(comma..).unwrap_or_default(), b" \t,");
    }
    false
}

fn skip<'a>(text: &'a [u8], bytes: &[u8]) -> &'a [u8] {
    let n = text.iter().take_while(|b| bytes.contains(b)).count();
    text.get(n..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_found_in_lists() {
        let yes = |list: &str, etag: &str, weak| {
            assert!(
                matches(list.as_bytes(), Some(etag.as_bytes()), weak),
                "{list} {etag}"
            );
        };
        let no = |list: &str, etag: &str, weak| {
            assert!(
                !matches(list.as_bytes(), Some(etag.as_bytes()), weak),
                "{list} {etag}"
            );
        };
        yes("*", "\"a\"", true);
        yes("\"a\"", "\"a\"", false);
        yes("\"x\", \"a\" , \"y\"", "\"a\"", false);
        yes("\"x\",,\"a\"", "\"a\"", false);
        yes("W/\"a\"", "\"a\"", true);
        yes("\"a\"", "W/\"a\"", true);
        no("W/\"a\"", "\"a\"", false);
        no("\"a\"", "W/\"a\"", false);
        yes("W/\"a\"", "W/\"a\"", false);
        no("\"a\"x", "\"a\"", false);
        no("\"ab\"", "\"a\"", false);
        no("", "\"a\"", false);
        assert!(!matches(b"\"a\"", None, true));
        assert!(matches(b"*", None, true));
    }

    #[test]
    fn times_are_compared_as_configured() {
        let lm = Some(784_111_777);
        let same = b"Sun, 06 Nov 1994 08:49:37 GMT";
        let later = b"Sun, 06 Nov 1994 08:49:38 GMT";
        let earlier = b"Sun, 06 Nov 1994 08:49:36 GMT";
        use IfModifiedSince::{Before, Exact, Off};
        assert!(!is_modified(lm, same, Exact));
        assert!(is_modified(lm, later, Exact));
        assert!(!is_modified(lm, later, Before));
        assert!(is_modified(lm, earlier, Before));
        assert!(is_modified(lm, b"never", Before));
        assert!(is_modified(lm, same, Off));
        assert!(is_modified(None, same, Exact));
        assert!(is_unmodified(lm, same) && is_unmodified(lm, later));
        assert!(!is_unmodified(lm, earlier) && !is_unmodified(None, later));
    }

    #[test]
    fn a_304_has_no_body_and_keeps_its_validators() {
        let mut r = Response {
            status: 200,
            content_length: Some(3),
            body: Body::bytes(bytes::Bytes::from_static(b"abc")),
            last_modified: Some(1),
            allow_ranges: true,
            ..Response::default()
        };
        not_modified(&mut r);
        assert_eq!(
            (r.status, r.content_length, r.allow_ranges),
            (304, None, false)
        );
        assert!(r.body.is_empty() && r.last_modified == Some(1));
    }
}
