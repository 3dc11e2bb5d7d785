//! Variables of the fields of a request: `$http_NAME`, `$cookie_NAME`, and those with names of their own.

use super::{put_number, put_some};
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::variable::Variable;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("content_length", content_length),
    Variable::new("content_type", |r, out| {
        join(r.head.all(Known::ContentType), b", ", out)
    }),
    Variable::family("cookie_", |r, name, out| put_some(cookie(r, name), out)),
    Variable::family("http_", field),
    // Those of the family that nginx has entries of their own for: the configuration cannot define them.
    Variable::new("http_cookie", |r, out| field(r, b"cookie", out)),
    Variable::new("http_host", |r, out| field(r, b"host", out)),
    Variable::new("http_referer", |r, out| field(r, b"referer", out)),
    Variable::new("http_user_agent", |r, out| field(r, b"user_agent", out)),
    Variable::new("http_via", |r, out| field(r, b"via", out)),
    Variable::new("http_x_forwarded_for", |r, out| {
        field(r, b"x_forwarded_for", out)
    }),
];

fn field(req: &Request, name: &[u8], out: &mut Vec<u8>) -> bool {
    let separator = if name == b"cookie" { b"; " } else { b", " };
    let values = req.head.named_with(name.len(), |other| same(other, name));
    join(values, separator, out)
}

/// Whether a field name is what a variable means: any case, `_` for `-`.
pub(super) fn same(field: &[u8], variable: &[u8]) -> bool {
    field.len() == variable.len()
        && field.iter().zip(variable).all(|(a, b)| match a {
            b'-' => *b == b'_',
            _ => a.to_ascii_lowercase() == *b,
        })
}

/// Writes all values with a separator between; false if there is none.
pub(super) fn join<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    separator: &[u8],
    out: &mut Vec<u8>,
) -> bool {
    let mut any = false;
    for value in values {
        if any {
            out.extend_from_slice(separator);
        }
        any = true;
        out.extend_from_slice(value);
    }
    any
}

/// The length that the client named, or that of a chunked body once it has been read.
fn content_length(req: &Request, out: &mut Vec<u8>) -> bool {
    if let Some(text) = req.head.get(Known::ContentLength) {
        return put_some(Some(text), out);
    }
    let length = req.body.length.filter(|_| req.body.complete);
    match length.or(req.body.turned_out) {
        Some(length) => put_number(length, out),
        None => false,
    }
}

/// The first cookie with a name in any case.
fn cookie<'a>(req: &'a Request, name: &[u8]) -> Option<&'a [u8]> {
    cookie_line(req, name).map(|(_, value)| value)
}

/// The same with the line that it stands in.
pub fn cookie_line<'a>(req: &'a Request, name: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    req.head
        .all(Known::Cookie)
        .find_map(|line| cookie_in(line, name).map(|value| (line, value)))
}

/// The value of a cookie in one line. As in nginx there may be spaces around the equals sign, what stands behind the
/// value belongs to it, and a name without a value hides the cookie behind it.
fn cookie_in<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = line;
    while !rest.is_empty() {
        if let Some((start, after)) = rest.split_at_checked(name.len())
            && start.eq_ignore_ascii_case(name)
        {
            rest = match trim_start(after) {
                [b'=', value @ ..] => return trim_start(value).split(|b| *b == b';').next(),
                [_, rest @ ..] => rest,
                [] => return None,
            };
        }
        let end = memchr::memchr(b';', rest)?;
        rest = trim_start(rest.get(end.saturating_add(1)..).unwrap_or_default());
    }
    None
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn joined(values: &[&str], separator: &str) -> Option<String> {
        let mut out = Vec::new();
        let values = values.iter().map(|v| v.as_bytes());
        join(values, separator.as_bytes(), &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn names_match_as_variables_write_them() {
        for (field, variable, same_name) in [
            ("X-Real-IP", "x_real_ip", true),
            ("x_real_ip", "x_real_ip", true),
            ("X-Real-IPs", "x_real_ip", false),
            ("X.Real", "x_real", false),
            ("", "", true),
        ] {
            assert_eq!(
                same(field.as_bytes(), variable.as_bytes()),
                same_name,
                "{field}"
            );
        }
    }

    #[test]
    fn values_are_joined() {
        assert_eq!(joined(&[], ", "), None);
        assert_eq!(joined(&[""], ", ").as_deref(), Some(""));
        assert_eq!(joined(&["a", "", "b"], "; ").as_deref(), Some("a; ; b"));
    }

    #[test]
    fn cookies_are_found_as_nginx_finds_them() {
        for (line, want) in [
            ("sid=1", Some("1")),
            ("SID = a=b ;c=d", Some("a=b ")),
            ("a=1; sid=", Some("")),
            ("a=1;sid=2", Some("2")),
            ("sid=1; sid=2", Some("1")),
            ("sid", None),
            ("sid; sid=1", None),
            ("sid; a=1; sid=1", Some("1")),
            ("sidx=1", None),
            ("xsid=1", None),
            ("", None),
            (";;; sid=3", Some("3")),
        ] {
            let value = cookie_in(line.as_bytes(), b"sid");
            assert_eq!(value, want.map(str::as_bytes), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_cookie_can_be_looked_at(pair in "[aA=; ]{0,12}") {
            let _ = cookie_in(pair.as_bytes(), b"a");
        }
    }
}
