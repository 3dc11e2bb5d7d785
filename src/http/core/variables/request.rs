//! Variables of the request itself.

use super::{put, put_number, put_port, put_seconds, put_some};
use crate::clock;
use crate::config::value::parse_size;
use crate::http::core::user;
use crate::http::h1::parse::has_line;
use crate::http::head::Method;
use crate::http::request::Request;
use crate::http::variable::Variable;
use crate::log::{self, Level};
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::family("arg_", |r, name, out| {
        put_some(argument(&r.args, name), out)
    }),
    Variable::settable("args", query, |r, value| {
        r.args.clear();
        r.args.extend_from_slice(value);
        r.args_emptied = value.is_empty();
        r.unparsed_uri_valid = false;
    }),
    Variable::new("document_uri", uri),
    Variable::new("is_args", |r, out| r.args.is_empty() || put(b"?", out)),
    Variable::new("is_request_port", |r, out| {
        r.host_port == 0 || put(b":", out)
    }),
    Variable::settable(
        "limit_rate",
        |r, out| put_number(r.limit_rate.unwrap_or(0), out),
        set_limit_rate,
    ),
    Variable::new("query_string", query),
    Variable::new("remote_user", |r, out| {
        user::basic(r).is_some_and(|(name, _)| put(&name, out))
    }),
    Variable::new("request", line),
    Variable::new("request_body", body),
    Variable::new("request_body_file", body_file),
    Variable::new("request_completion", |r, out| {
        !r.completed.get() || put(b"OK", out)
    }),
    Variable::cached("request_id", id),
    Variable::new("request_length", |r, out| {
        put_number(r.request_length.get(), out)
    }),
    Variable::new("request_method", |r, out| {
        // A subrequest is made with GET, but the variable means the client's request.
        let name = match r.depth {
            0 => r.method_name(),
            _ => r.head.bytes(r.head.method_name),
        };
        // An error page is shown with GET also where the client's line could not be read.
        let is_read = has_line(&r.head) || r.head.version_text.end > 0;
        let shown = is_read || (has_target(r) && (!r.internal || r.method != Method::Head));
        shown && put(name, out)
    }),
    Variable::new("request_port", |r, out| put_port(r.host_port, out)),
    Variable::new("request_time", |r, out| {
        put_seconds(clock::monotonic_ms().saturating_sub(r.started_ms), out)
    }),
    Variable::new("request_uri", target),
    Variable::new("server_protocol", |r, out| {
        // Empty where something that begins like a version is none.
        let text = r.head.version_text;
        text.start > 0 && put(r.head.bytes(text), out)
    }),
    Variable::new("uri", uri),
];

/// Missing where there never was one; empty where one was taken away.
fn query(req: &Request, out: &mut Vec<u8>) -> bool {
    if !req.args.is_empty() {
        return put(&req.args, out);
    }
    if req.args_emptied {
        return true;
    }
    // A target that could not be read has none.
    if req.internal || req.uri.is_empty() {
        return false;
    }
    let target = req.head.bytes(req.head.path_query);
    memchr::memchr2(b'?', b'#', target)
        .is_some_and(|at| target.get(at) == Some(&b'?') && at.saturating_add(1) < target.len())
}

/// The path is empty where the client's could not be read, and missing where its line could not be.
fn uri(req: &Request, out: &mut Vec<u8>) -> bool {
    if req.uri.is_empty() && !has_target(req) {
        return false;
    }
    put(&req.uri, out)
}

/// Whether the request line was understood.
fn has_target(req: &Request) -> bool {
    req.head.version_text.end > 0 || !req.uri.is_empty()
}

/// Path and query as they came. A target that has none of its own, `http://host`, stands for the root. One whose path
/// could not be read is missing.
fn target(req: &Request, out: &mut Vec<u8>) -> bool {
    if !has_target(req) || req.bad_target || (req.uri.is_empty() && !req.internal) {
        return false;
    }
    match req.head.bytes(req.head.path_query) {
        // The line could not be read, and an error page is shown for it.
        b"" if req.head.version_text.end == 0 => false,
        b"" => put(b"/", out),
        text => put(text, out),
    }
}

/// The request line, as far as it goes if it is broken.
fn line(req: &Request, out: &mut Vec<u8>) -> bool {
    let head = &req.head;
    if head.line.end > head.line.start {
        return put(head.bytes(head.line), out);
    }
    let rest = head.buf.get(head.line.start as usize..).unwrap_or_default();
    let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
    !head.buf.is_empty() && put(rest.get(..end).unwrap_or_default(), out)
}

/// The value of the first argument with a name in any case; one without an equals sign is none.
fn argument<'a>(args: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if name.is_empty() {
        return None;
    }
    args.split(|b| *b == b'&').find_map(|pair| {
        let (start, rest) = pair.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b"=")?;
        start.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn set_limit_rate(req: &mut Request, value: &[u8]) {
    match parse_size(value) {
        Some(rate) => req.limit_rate = Some(rate),
        None => log::request(
            req,
            Level::Error,
            format_args!("invalid $limit_rate \"{}\"", log::Raw(value)),
        ),
    }
}

/// The body, where it was read to be kept and fits into memory.
fn body(req: &Request, out: &mut Vec<u8>) -> bool {
    let kept = &req.body.kept;
    if kept.file.is_some() || (kept.memory.is_empty() && !kept.announced) {
        return false;
    }
    kept.memory
        .iter()
        .for_each(|part| out.extend_from_slice(part));
    true
}

fn body_file(req: &Request, out: &mut Vec<u8>) -> bool {
    let file = req.body.kept.file.as_ref();
    put_some(file.map(|file| file.path.as_os_str().as_bytes()), out)
}

/// 16 bytes in hexadecimal that no two requests share and nobody can guess.
fn id(_: &Request, out: &mut Vec<u8>) -> bool {
    thread_local! {
        static KEY: RandomState = RandomState::new();
        static COUNTER: Cell<u64> = const { Cell::new(0) };
    }
    for _ in 0..2 {
        let count = COUNTER.get();
        COUNTER.set(count.wrapping_add(1));
        let word = KEY.with(|key| key.hash_one(count));
        for byte in word.to_ne_bytes() {
            out.extend([hex(byte >> 4), hex(byte & 15)]);
        }
    }
    true
}

fn hex(digit: u8) -> u8 {
    if digit < 10 {
        b'0' + digit
    } else {
        b'a' + digit - 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arguments_are_found_in_any_case() {
        let value = |args: &'static str, name: &str| {
            argument(args.as_bytes(), name.as_bytes())
                .map(|v| String::from_utf8_lossy(v).into_owned())
        };
        assert_eq!(value("a=1&b=2", "b").as_deref(), Some("2"));
        assert_eq!(value("A=1&a=2", "a").as_deref(), Some("1"));
        assert_eq!(value("ba=1&a=&a=3", "a").as_deref(), Some(""));
        assert_eq!(value("a&a=x=y", "a").as_deref(), Some("x=y"));
        assert_eq!(value("a", "a"), None);
        assert_eq!(value("", "a"), None);
        assert_eq!(value("=1", ""), None);
    }

    proptest! {
        #[test]
        fn an_argument_is_found_where_a_plain_search_finds_it(
            pairs in proptest::collection::vec(("[a-cA-C]{1,2}", "[x=]{0,2}"), 0..5),
            name in "[a-c]{1,2}",
        ) {
            let args = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("&");
            let want = pairs.iter().find(|(k, _)| k.eq_ignore_ascii_case(&name)).map(|(_, v)| v.as_bytes());
            prop_assert_eq!(argument(args.as_bytes(), name.as_bytes()), want);
        }
    }
}
