//! `$upstream_*`: one value for each attempt, `, ` between servers and ` : ` between groups.

use super::state::{Attempt, UpstreamState};
use crate::decimal;
use crate::http::request::Request;
use crate::http::variable::Variable;
use std::io::Write;

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::new("upstream_addr", |req, out| {
        list(req, out, |a, out| out.extend_from_slice(&a.peer))
    }),
    Variable::new("upstream_status", |req, out| {
        list(req, out, |a, out| match a.first_status() {
            0 => out.push(b'-'),
            status => decimal::append(u64::from(status), out),
        })
    }),
    Variable::new("upstream_connect_time", |req, out| {
        list(req, out, |a, out| time(a.connect_ms.get(), out))
    }),
    Variable::new("upstream_header_time", |req, out| {
        list(req, out, |a, out| time(a.header_ms.get(), out))
    }),
    Variable::new("upstream_response_time", |req, out| {
        list(req, out, |a, out| {
            time(a.response_ms.get().filter(|_| counts(req, a)), out)
        })
    }),
    Variable::new("upstream_response_length", |req, out| {
        list(req, out, |a, out| {
            decimal::append(
                if counts(req, a) {
                    a.response_length.get()
                } else {
                    0
                },
                out,
            )
        })
    }),
    Variable::new("upstream_bytes_received", |req, out| {
        list(req, out, |a, out| {
            decimal::append(a.bytes_received.get(), out)
        })
    }),
    Variable::new("upstream_bytes_sent", |req, out| {
        list(req, out, |a, out| {
            decimal::append(
                if counts(req, a) {
                    a.bytes_sent.get()
                } else {
                    0
                },
                out,
            )
        })
    }),
    Variable::family("upstream_http_", |req, name, out| {
        last(req).is_some_and(|a| field(a.head.borrow().iter(), name, out))
    }),
    Variable::family("upstream_trailer_", |req, name, out| {
        last(req).is_some_and(|a| {
            let trailers = a.trailers.borrow();
            let pairs = trailers.iter().map(|(name, value)| (&name[..], &value[..]));
            field(pairs, name, out)
        })
    }),
    Variable::family("upstream_cookie_", cookie),
];

/// Whether the books of an attempt are closed as far as a variable may know.
fn counts(req: &Request, attempt: &Attempt) -> bool {
    !attempt.passed_on.get() || req.response.head_sent || req.depth > 0
}

fn last(req: &Request) -> Option<&UpstreamState> {
    req.upstreams.last()
}

/// One word for each attempt, with nginx's separators; `false` if there was none.
pub fn list(req: &Request, out: &mut Vec<u8>, write: impl Fn(&Attempt, &mut Vec<u8>)) -> bool {
    let mut attempts = req.upstreams.iter().peekable();
    if attempts.peek().is_none() {
        return false;
    }
    while let Some(attempt) = attempts.next() {
        write(attempt, out);
        if attempts.peek().is_none() {
            break;
        }
        if attempt.peer.is_empty() {
            out.extend_from_slice(b" : ");
        } else if attempts.peek().is_some_and(|next| next.peer.is_empty()) {
            // The mark of an internal redirect has no value of its own.
            out.extend_from_slice(b" : ");
            attempts.next();
            if attempts.peek().is_none() {
                break;
            }
        } else {
            out.extend_from_slice(b", ");
        }
    }
    true
}

fn time(ms: Option<u64>, out: &mut Vec<u8>) {
    match ms {
        Some(ms) => {
            let _ = write!(out, "{}.{:03}", ms / 1000, ms % 1000);
        }
        None => out.push(b'-'),
    }
}

/// All values of a field, `, ` between them. `name` is lower case with `_` for `-`.
fn field<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    name: &[u8],
    out: &mut Vec<u8>,
) -> bool {
    let mut found = false;
    for (key, value) in fields {
        if !is_named(key, name) {
            continue;
        }
        if found {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(value);
        found = true;
    }
    found
}

fn is_named(key: &[u8], name: &[u8]) -> bool {
    let fold = |c: u8| match c {
        b'-' => b'_',
        c => c.to_ascii_lowercase(),
    };
    key.len() == name.len() && key.iter().zip(name).all(|(k, n)| fold(*k) == *n)
}

fn cookie(req: &Request, name: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(attempt) = last(req) else {
        return false;
    };
    let head = attempt.head.borrow();
    let cookies = head
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(b"set-cookie"));
    for (_, value) in cookies {
        let (Some(start), Some(rest)) = (value.get(..name.len()), value.get(name.len()..)) else {
            continue;
        };
        if !start.eq_ignore_ascii_case(name) {
            continue;
        }
        if let Some(rest) = skip_spaces(rest).strip_prefix(b"=") {
            let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
            out.extend_from_slice(skip_spaces(rest.get(..end).unwrap_or_default()));
            return true;
        }
    }
    false
}

/// Spaces only: nginx takes a tab for a part of the text.
fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|c| **c == b' ').count();
    text.get(spaces..).unwrap_or_default()
}
