//! The time: in a thread with an event loop as it was when the loop's turn began, as nginx keeps it; kept as text
//! where seconds do.

use crate::http::date::{self, Zone};
use std::cell::{Cell, RefCell};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What is remembered of the clocks until the event loop's next turn. Without a loop nothing is.
struct Turn {
    instant: Cell<Option<Instant>>,
    /// The same time as [`monotonic_ms`] tells it.
    millis: Cell<u64>,
    unix: Cell<Option<Duration>>,
    /// Whether there is a loop.
    in_loop: Cell<bool>,
    /// How often what is remembered may yet be asked for: a turn in which very much happens has several times.
    left: Cell<u32>,
}

/// So often the time is asked for before the system is asked again: some dozens of requests.
const MOST: u32 = 256;

thread_local! {
    static TURN: Turn = const {
        Turn {
            instant: Cell::new(None),
            millis: Cell::new(0),
            unix: Cell::new(None),
            in_loop: Cell::new(false),
            left: Cell::new(0),
        }
    };
}

impl Turn {
    fn begin(&self) {
        self.instant.set(None);
        self.unix.set(None);
        self.left.set(if self.in_loop.get() { MOST } else { 0 });
    }

    /// Forgets what has been asked for too often.
    fn ask(&self) {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => self.begin(),
        }
    }

    fn instant(&self) -> (Instant, u64) {
        self.ask();
        if let Some(now) = self.instant.get() {
            return (now, self.millis.get());
        }
        let now = Instant::now();
        let millis = millis_at(now);
        if self.left.get() > 0 {
            self.instant.set(Some(now));
            self.millis.set(millis);
        }
        (now, millis)
    }

    fn unix(&self) -> Duration {
        self.ask();
        self.unix.get().unwrap_or_else(|| {
            let now = system_time();
            if self.left.get() > 0 {
                self.unix.set(Some(now));
            }
            now
        })
    }
}

/// Says that the event loop of this thread begins a turn: from now on it is another time.
pub fn begin_turn() {
    TURN.with(|turn| {
        turn.in_loop.set(true);
        turn.begin();
    });
}

/// Whether this thread has an event loop that says when its turns begin, and waits between them.
pub fn has_turns() -> bool {
    TURN.with(|turn| turn.in_loop.get())
}

/// The time of timers.
pub fn instant() -> Instant {
    TURN.with(|turn| turn.instant().0)
}

/// The time since 1970 in UTC, in milliseconds.
pub fn unix_time() -> Duration {
    TURN.with(Turn::unix)
}

fn system_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Duration::from_millis(millis(t.tv_sec, t.tv_nsec))
}

/// Milliseconds on a clock that never goes back; only differences mean something, and 0 was long ago.
pub fn monotonic_ms() -> u64 {
    TURN.with(|turn| turn.instant().1)
}

fn millis_at(now: Instant) -> u64 {
    let since = now.saturating_duration_since(*START);
    let millis = since.as_secs().saturating_mul(1000);
    millis
        .saturating_add(u64::from(since.subsec_millis()))
        .saturating_add(LONG)
}

/// A year before the start of the process: what has never happened counts as having happened at 0.
const LONG: u64 = 365 * 24 * 60 * 60 * 1000;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Seconds since 1970 in UTC.
pub fn unix_seconds() -> i64 {
    i64::try_from(unix_time().as_secs()).unwrap_or(i64::MAX)
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
    fn a_turn_of_the_loop_has_one_time() {
        begin_turn();
        let (instant, unix) = (instant(), unix_time());
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!((super::instant(), unix_time()), (instant, unix));
        begin_turn();
        assert!(super::instant() > instant && unix_time() > unix);
        let long = super::instant();
        std::thread::sleep(Duration::from_millis(3));
        assert!((0..=MOST).any(|_| super::instant() > long), "a long turn");
    }

    #[test]
    fn the_clocks_advance() {
        let a = monotonic_ms();
        std::thread::sleep(Duration::from_millis(3));
        assert!(monotonic_ms() >= a + 2);
        assert!(unix_time().as_secs() > 1_600_000_000);
    }
}
