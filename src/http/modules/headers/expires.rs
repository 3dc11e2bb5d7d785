//! `expires`: when an answer goes stale, as `Expires` and `Cache-Control: max-age`.

use crate::config::tree::Word;
use crate::config::value::parse_seconds;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::date::{self, Civil};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::value::Value;
use bytes::Bytes;

/// The directive's value.
#[derive(Clone)]
pub(super) enum Expires {
    /// Known when the configuration is read.
    Fixed(When),
    /// Read from variables for each answer; whether `modified` stands in front.
    Variable(Value, bool),
}

/// A point in time, relative to something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum When {
    Off,
    Epoch,
    Max,
    /// Seconds from now.
    Access(i64),
    /// Seconds from the time of the last change.
    Modified(i64),
    /// The next time that the clock shows so many seconds since midnight.
    Daily(i64),
}

const DAY: i64 = 24 * 60 * 60;

impl Expires {
    /// Reads the value; the inner error is what is wrong with it, in nginx's words.
    pub(super) fn compile(
        b: &mut Builder,
        word: &Word,
        modified: bool,
    ) -> Result<Result<Expires, &'static str>, Diagnostic> {
        let value = Value::compile(b, word)?;
        Ok(match value.as_literal() {
            Some(text) => When::parse(text, modified).map(Expires::Fixed),
            None => Ok(Expires::Variable(value, modified)),
        })
    }

    pub(super) fn is_off(&self) -> bool {
        matches!(self, Expires::Fixed(When::Off))
    }

    /// Sets the two fields.
    pub(super) fn apply(&self, req: &mut Request) {
        let when = match self {
            Expires::Fixed(when) => *when,
            Expires::Variable(value, modified) => match When::parse(&value.eval(req), *modified) {
                Ok(when) => when,
                Err(_) => return,
            },
        };
        if when == When::Off {
            return;
        }
        let now = crate::clock::unix_seconds();
        let (expires, cache_control) = fields(when, now, req.response.last_modified);
        replace(&mut req.response, "Expires", expires);
        replace(&mut req.response, "Cache-Control", cache_control);
    }
}

impl When {
    fn parse(text: &[u8], modified: bool) -> Result<When, &'static str> {
        match text {
            b"epoch" if !modified => return Ok(When::Epoch),
            b"max" if !modified => return Ok(When::Max),
            b"off" if !modified => return Ok(When::Off),
            _ => {}
        }
        let (sign, time) = match text.split_first() {
            Some((sign @ (b'@' | b'+' | b'-'), time)) => (*sign, time),
            _ => (b'+', text),
        };
        if sign == b'@' && modified {
            return Err("daily time cannot be used with \"modified\" parameter");
        }
        let seconds = parse_seconds(time)
            .and_then(|d| i64::try_from(d.as_secs()).ok())
            .ok_or("invalid value")?;
        if sign == b'@' {
            if seconds > DAY {
                return Err("daily time value must be less than 24 hours");
            }
            return Ok(When::Daily(seconds));
        }
        let seconds = if sign == b'-' { -seconds } else { seconds };
        Ok(if modified {
            When::Modified(seconds)
        } else {
            When::Access(seconds)
        })
    }
}

/// The values of `Expires` and `Cache-Control`.
fn fields(when: When, now: i64, last_modified: Option<i64>) -> (Bytes, Bytes) {
    let (at, max_age, past) = match when {
        When::Off | When::Epoch => {
            return fixed("Thu, 01 Jan 1970 00:00:01 GMT", "no-cache");
        }
        When::Max => return fixed("Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"),
        When::Access(0) | When::Modified(0) => (now, 0, false),
        When::Access(s) => (now.saturating_add(s), s, s < 0),
        When::Modified(s) => match last_modified {
            Some(lm) => {
                let at = lm.saturating_add(s);
                (at, at.saturating_sub(now), s < 0)
            }
            None => (now.saturating_add(s), s, s < 0),
        },
        When::Daily(s) => {
            let at = next(s, now);
            (at, at.saturating_sub(now), false)
        }
    };
    let expires = Bytes::copy_from_slice(&date::http_date(at));
    if past || max_age < 0 {
        return (expires, Bytes::from_static(b"no-cache"));
    }
    (expires, Bytes::from(format!("max-age={max_age}")))
}

fn fixed(expires: &'static str, cache_control: &'static str) -> (Bytes, Bytes) {
    (
        Bytes::from_static(expires.as_bytes()),
        Bytes::from_static(cache_control.as_bytes()),
    )
}

/// When the local clock shows so many seconds since midnight next.
fn next(since_midnight: i64, now: i64) -> i64 {
    thread_local! {
        static ZONE: date::Zone = date::Zone::system();
    }
    let offset = |at: i64| ZONE.with(|zone| i64::from(zone.offset(at)));
    let local = Civil::of(now.saturating_add(offset(now)));
    let shown =
        i64::from(local.hour) * 3600 + i64::from(local.minute) * 60 + i64::from(local.second);
    let mut at = now.saturating_sub(shown).saturating_add(since_midnight);
    // The clocks may be changed between now and then.
    at = at.saturating_add(offset(now)).saturating_sub(offset(at));
    if at > now {
        return at;
    }
    let tomorrow = at.saturating_add(DAY);
    tomorrow
        .saturating_add(offset(at))
        .saturating_sub(offset(tomorrow))
}

/// Replaces all fields of a name by one, in the place of the first.
fn replace(response: &mut Response, name: &'static str, value: Bytes) {
    let is_it =
        |field: &crate::http::response::Field| field.name.eq_ignore_ascii_case(name.as_bytes());
    let Some(first) = response.fields.iter().position(is_it) else {
        response.push(name, value);
        return;
    };
    let mut number = 0;
    response.fields.retain(|field| {
        number += 1;
        number <= first + 1 || !is_it(field)
    });
    if let Some(field) = response.fields.get_mut(first) {
        field.value = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_nginx_does() {
        for (text, modified, expected) in [
            ("epoch", false, Ok(When::Epoch)),
            ("max", false, Ok(When::Max)),
            ("off", false, Ok(When::Off)),
            ("1h", false, Ok(When::Access(3600))),
            ("+1h", false, Ok(When::Access(3600))),
            ("-1", false, Ok(When::Access(-1))),
            ("1d", true, Ok(When::Modified(86400))),
            ("@15h30m", false, Ok(When::Daily(55800))),
            (
                "@25h",
                false,
                Err("daily time value must be less than 24 hours"),
            ),
            (
                "@1h",
                true,
                Err("daily time cannot be used with \"modified\" parameter"),
            ),
            ("max", true, Err("invalid value")),
            ("", false, Err("invalid value")),
        ] {
            assert_eq!(When::parse(text.as_bytes(), modified), expected, "{text}");
        }
    }

    #[test]
    fn fields_follow_the_time() {
        let now = 784_111_777;
        let of = |when, lm| {
            let (e, c) = fields(when, now, lm);
            format!(
                "{} {}",
                String::from_utf8_lossy(&e),
                String::from_utf8_lossy(&c)
            )
        };
        assert_eq!(
            of(When::Access(3600), None),
            "Sun, 06 Nov 1994 09:49:37 GMT max-age=3600"
        );
        assert_eq!(
            of(When::Access(0), None),
            "Sun, 06 Nov 1994 08:49:37 GMT max-age=0"
        );
        assert_eq!(
            of(When::Access(-1), None),
            "Sun, 06 Nov 1994 08:49:36 GMT no-cache"
        );
        assert_eq!(
            of(When::Modified(3600), Some(now - 600)),
            "Sun, 06 Nov 1994 09:39:37 GMT max-age=3000"
        );
        assert_eq!(
            of(When::Modified(60), Some(now - 600)),
            "Sun, 06 Nov 1994 08:40:37 GMT no-cache"
        );
        assert_eq!(
            of(When::Epoch, None),
            "Thu, 01 Jan 1970 00:00:01 GMT no-cache"
        );
    }

    #[test]
    fn a_time_of_day_is_within_a_day() {
        for s in [0, 1, 43200, 86399] {
            let at = next(s, 784_111_777);
            assert!((1..=DAY + 7200).contains(&(at - 784_111_777)), "{s}");
        }
    }

    #[test]
    fn several_fields_become_one() {
        let mut r = Response::default();
        for (name, value) in [
            ("A", "1"),
            ("cache-control", "x"),
            ("B", "2"),
            ("Cache-Control", "y"),
        ] {
            r.push_named(
                Bytes::from_static(name.as_bytes()),
                Bytes::from_static(value.as_bytes()),
            );
        }
        replace(&mut r, "Cache-Control", Bytes::from_static(b"z"));
        let all: Vec<_> = r.fields.iter().map(|f| f.value.clone()).collect();
        assert_eq!(all, ["1", "z", "2"]);
    }
}
