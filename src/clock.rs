//! The time: read from the system where milliseconds matter, kept as text where seconds do.

use crate::http::date::{self, Zone};
use std::cell::RefCell;
use std::sync::LazyLock;
use std::time::Duration;

/// Milliseconds on a clock that never goes back; only differences mean something.
pub fn monotonic_ms() -> u64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    millis(t.tv_sec, t.tv_nsec)
}

/// Seconds since 1970 in UTC.
pub fn unix_seconds() -> i64 {
    i64::try_from(unix_time().as_secs()).unwrap_or(i64::MAX)
}

/// The time since 1970 in UTC.
pub fn unix_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Duration::from_millis(millis(t.tv_sec, t.tv_nsec))
}

/// One second of the clock in all the forms in which it is written.
#[derive(Debug)]
pub struct Texts {
    second: u64,
    /// As in the error log: `2026/11/22 15:26:29`, local time.
    pub error_log: [u8; 19],
    /// As `$time_local`: `22/Nov/2026:15:26:29 +0100`.
    pub local: [u8; 26],
    /// As `$time_iso8601`: `2026-11-22T15:26:29+01:00`.
    pub iso8601: [u8; 25],
    /// As in the head of a syslog message: `Nov 22 15:26:29`, local time.
    pub syslog: [u8; 15],
    /// As the field `Date`: `Sun, 22 Nov 2026 14:26:29 GMT`.
    pub http: [u8; 29],
}

/// Gives the texts of the current second, which are made once per second and thread.
pub fn texts<R>(read: impl FnOnce(&Texts) -> R) -> R {
    let now = unix_time().as_secs();
    TEXTS.with_borrow_mut(|texts| {
        if texts.second != now {
            texts.set(now);
        }
        read(texts)
    })
}

thread_local! {
    static TEXTS: RefCell<Texts> = RefCell::new(Texts::new());
}

static ZONE: LazyLock<Zone> = LazyLock::new(Zone::system);

impl Texts {
    fn new() -> Texts {
        Texts {
            second: 0,
            error_log: date::error_time(0, 0),
            local: date::access_time(0, 0),
            iso8601: date::iso8601(0, 0),
            syslog: date::syslog_time(0, 0),
            http: date::http_date(0),
        }
    }

    fn set(&mut self, second: u64) {
        self.second = second;
        let second = i64::try_from(second).unwrap_or(i64::MAX);
        let offset = ZONE.offset(second);
        self.error_log = date::error_time(second, offset);
        self.local = date::access_time(second, offset);
        self.iso8601 = date::iso8601(second, offset);
        self.syslog = date::syslog_time(second, offset);
        self.http = date::http_date(second);
    }
}

fn millis(seconds: i64, nanos: i64) -> u64 {
    let (seconds, nanos) = (
        u64::try_from(seconds).unwrap_or(0),
        u64::try_from(nanos).unwrap_or(0),
    );
    seconds
        .saturating_mul(1000)
        .saturating_add(nanos / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_of_the_same_second() {
        let mut t = Texts::new();
        t.set(784_111_777);
        assert_eq!(&t.http, b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(t.error_log.starts_with(b"1994/11/0") && t.error_log.ends_with(b"37"));
        assert!(t.iso8601.starts_with(b"1994-11-0"));
        assert_eq!(t.local.get(2..12), Some(&b"/Nov/1994:"[..]));
    }

    #[test]
    fn the_clocks_advance() {
        let a = monotonic_ms();
        std::thread::sleep(Duration::from_millis(3));
        assert!(monotonic_ms() >= a + 2);
        assert!(unix_time().as_secs() > 1_600_000_000);
    }
}
