//! The identity of a client: read from its cookie, or made for it.

use super::{Expires, Mode, UseridConf};
use crate::clock;
use crate::http::base64;
use crate::http::core::variables::fields::cookie_line;
use crate::http::date::cookie_time;
use crate::http::request::Request;
use crate::log::{self, Level};
use std::io::Write;
use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Four numbers, each of which lies in the cookie as in memory. The last is never 0.
type Id = [u32; 4];

/// What is known of the client in one request.
#[derive(Clone, Default)]
struct Known {
    got: Option<Id>,
    /// The cookie as it came.
    cookie: Vec<u8>,
    set: Option<Id>,
    /// Whether `set` is another than `got` because `$uid_reset` says so.
    reset: bool,
    made: bool,
}

/// The header filter: sends a cookie to a client that has none.
pub fn head(req: &mut Request, conf: &UseridConf) {
    if conf.mode < Mode::V1 || req.depth > 0 {
        return;
    }
    let known = with_set(req, conf);
    let Some(id) = known.set else { return };
    let mut cookie = conf.name.to_vec();
    cookie.push(b'=');
    if known.got.is_none() || known.reset {
        cookie.extend_from_slice(base64::encode(&bytes(id)).as_bytes());
        if let (Some(mark), Some(at)) = (conf.mark, cookie.len().checked_sub(2)) {
            cookie.truncate(at);
            cookie.extend_from_slice(&[mark, b'=']);
        }
    } else {
        cookie.extend_from_slice(known.cookie.get(..LENGTH).unwrap_or_default());
        cookie.extend(conf.mark);
        cookie.push(b'=');
    }
    let expires = match conf.expires {
        Expires::Never => None,
        Expires::Max => Some("Thu, 31-Dec-37 23:55:55 GMT".to_owned()),
        Expires::After(time) => Some(cookie_time(now().saturating_add(time))),
    };
    if let Some(expires) = expires {
        cookie.extend_from_slice(b"; expires=");
        cookie.extend_from_slice(expires.as_bytes());
    }
    cookie.extend_from_slice(&conf.tail);
    req.response.push("Set-Cookie", cookie);
    if let Some(p3p) = &conf.p3p {
        req.response.push("P3P", p3p.clone());
    }
}

/// `$uid_got`
pub fn write_got(req: &Request, out: &mut Vec<u8>) -> bool {
    let http = &req.http;
    let conf = &req.location(http).userid;
    conf.mode != Mode::Off && write(&conf.name, with_got(req, conf).got, out)
}

/// `$uid_set`
pub fn write_set(req: &Request, out: &mut Vec<u8>) -> bool {
    let http = &req.http;
    let conf = &req.location(http).userid;
    conf.mode >= Mode::V1 && write(&conf.name, with_set(req, conf).set, out)
}

fn write(name: &[u8], id: Option<Id>, out: &mut Vec<u8>) -> bool {
    let Some([a, b, c, d]) = id else { return false };
    out.extend_from_slice(name);
    write!(out, "={a:08X}{b:08X}{c:08X}{d:08X}").is_ok()
}

fn with_got(req: &Request, conf: &UseridConf) -> Known {
    if let Some(known) = req.computed.borrow().get::<Known>() {
        return known.clone();
    }
    let mut known = Known::default();
    if let Some((line, cookie)) = cookie_line(req, &conf.name) {
        known.cookie = cookie.to_vec();
        let complain = |how: &str| {
            let line = log::Raw(line);
            let action = req.answering();
            let message = format_args!("client sent {how} userid cookie \"{line}\"{action}");
            log::request(req, Level::Error, message);
        };
        match cookie.get(..LENGTH).map(read) {
            None => complain("too short"),
            Some(None) => complain("invalid"),
            // A last number of 0 is nobody's.
            Some(id) => known.got = id.filter(|[.., last]| *last != 0),
        }
    }
    req.computed.borrow_mut().insert(known.clone());
    known
}

/// How much of a cookie is the identity: what follows may be a mark, or anything in place of the padding.
const LENGTH: usize = 22;

fn read(text: &[u8]) -> Option<Id> {
    let bytes = base64::decode(text)?;
    let mut id = Id::default();
    for (number, part) in id.iter_mut().zip(bytes.chunks(4)) {
        let mut whole = [0; 4];
        whole
            .iter_mut()
            .zip(part)
            .for_each(|(to, from)| *to = *from);
        *number = u32::from_ne_bytes(whole);
    }
    Some(id)
}

fn bytes(id: Id) -> Vec<u8> {
    id.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn with_set(req: &Request, conf: &UseridConf) -> Known {
    let mut known = with_got(req, conf);
    if std::mem::replace(&mut known.made, true) {
        return known;
    }
    let reset = req.with_scratch(|req, value| {
        if let Some(reset) = conf.reset {
            req.variable(reset, value);
        }
        value.clone()
    });
    match known.got {
        Some(got) if matches!(&reset[..], b"" | b"0") => {
            let marked = conf
                .mark
                .is_none_or(|mark| known.cookie.get(LENGTH..LENGTH + 2) == Some(&[mark, b'=']));
            known.set = (!marked).then_some(got);
        }
        got => {
            if let Some(got) = got {
                known.reset = true;
                if reset == b"log" {
                    let mut shown = Vec::new();
                    write(&conf.name, Some(got), &mut shown);
                    let shown = log::Raw(&shown);
                    let message = format_args!("userid cookie \"{shown}\" was reset");
                    log::request(req, Level::Notice, message);
                }
            }
            known.set = Some(make(req, conf));
        }
    }
    req.computed.borrow_mut().insert(known.clone());
    known
}

fn make(req: &Request, conf: &UseridConf) -> Id {
    static FIRST: AtomicU32 = AtomicU32::new(1);
    static SECOND: AtomicU32 = AtomicU32::new(LOWEST);
    /// What the sequence of the second version begins with.
    const LOWEST: u32 = 0x0303_0302;
    const STEP: u32 = 0x100;
    let time = now() as u32;
    if conf.mode == Mode::V1 {
        let number = FIRST.fetch_add(STEP, Ordering::Relaxed);
        return [conf.service.unwrap_or(0), time, *START, number];
    }
    let service = match (conf.service, req.client.local().ip()) {
        (Some(service), _) => service.to_be(),
        (None, Some(IpAddr::V4(ip))) => u32::from_ne_bytes(ip.octets()),
        (None, Some(IpAddr::V6(ip))) => {
            let [.., a, b, c, d] = ip.octets();
            u32::from_ne_bytes([a, b, c, d])
        }
        (None, None) => 0,
    };
    let after = |number: u32| number.wrapping_add(STEP).max(LOWEST);
    let number = SECOND
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| {
            Some(after(number))
        })
        .unwrap_or(LOWEST);
    [service, time.to_be(), START.to_be(), number.to_be()]
}

/// What tells processes apart that make identities in the same second.
static START: LazyLock<u32> = LazyLock::new(|| {
    (clock::unix_time().subsec_micros() / 20).wrapping_shl(16) | std::process::id()
});

fn now() -> i64 {
    i64::try_from(clock::unix_time().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_its_bytes() {
        let id = [1, 2, 3, 0x0403_0201];
        let text = base64::encode(&bytes(id));
        assert_eq!(
            (text.len(), read(&text.as_bytes()[..LENGTH])),
            (24, Some(id))
        );
        assert_eq!(read(b"!!!!!!!!!!!!!!!!!!!!!!"), None);
        let mut out = Vec::new();
        assert!(write(b"uid", Some(id), &mut out) && !write(b"uid", None, &mut out));
        assert_eq!(out, b"uid=00000001000000020000000304030201");
    }
}
