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
];

fn field(req: &Request, name: &[u8], out: &mut Vec<u8>) -> bool {
    let separator = if name == b"cookie" { b"; " } else { b", " };
    let values = req
        .head
        .iter()
        .filter(|(_, other, _)| same(other, name))
        .map(|(_, _, value)| value);
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
    match req.body.length.filter(|_| req.body.complete) {
        Some(length) => put_number(length, out),
        None => false,
    }
}

/// The first cookie with a name in any case.
fn cookie<'a>(req: &'a Request, name: &[u8]) -> Option<&'a [u8]> {
    req.head.all(Known::Cookie).find_map(|line| {
        line.split(|b| *b == b';')
            .find_map(|pair| cookie_value(pair, name))
    })
}

/// The value of `name=value` with spaces around the equals sign; what follows the value belongs to it.
fn cookie_value<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let pair = trim_start(pair);
    let (start, rest) = pair.split_at_checked(name.len())?;
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    trim_start(rest).strip_prefix(b"=").map(trim_start)
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
        let value = |pair: &'static str| cookie_value(pair.as_bytes(), b"sid");
        assert_eq!(value("sid=1"), Some(&b"1"[..]));
        assert_eq!(value("  SID = a=b "), Some(&b"a=b "[..]));
        assert_eq!(value("sid="), Some(&b""[..]));
        assert_eq!(value("sid"), None);
        assert_eq!(value("sidx=1"), None);
        assert_eq!(value("xsid=1"), None);
    }

    proptest! {
        #[test]
        fn any_cookie_can_be_looked_at(pair in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = cookie_value(&pair, b"a");
        }
    }
}
