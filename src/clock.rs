//! The time: read from the system where milliseconds matter, kept as text where seconds do.

use std::cell::RefCell;
use std::time::Duration;

/// Milliseconds on a clock that never goes back; only differences mean something.
pub fn monotonic_ms() -> u64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    millis(t.tv_sec, t.tv_nsec)
}

/// The time since 1970 in UTC.
pub fn unix_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Duration::from_millis(millis(t.tv_sec, t.tv_nsec))
}

/// One second of the clock in all the forms in which it is written.
#[derive(Debug, Default)]
pub struct Texts {
    second: u64,
    /// As in the error log: `2026/11/22 15:26:29`, local time.
    pub error_log: Vec<u8>,
    /// As `$time_local`: `22/Nov/2026:15:26:29 +0100`.
    pub local: Vec<u8>,
    /// As `$time_iso8601`: `2026-11-22T15:26:29+01:00`.
    pub iso8601: Vec<u8>,
    /// As the field `Date` (RFC 9110 section 5.6.7): `Sun, 22 Nov 2026 14:26:29 GMT`.
    pub http: Vec<u8>,
}

/// Gives the texts of the current second, which are made once per second and thread.
pub fn texts<R>(read: impl FnOnce(&Texts) -> R) -> R {
    let now = unix_time().as_secs();
    TEXTS.with_borrow_mut(|texts| {
        if texts.second != now {
            texts.fill(now);
        }
        read(texts)
    })
}

thread_local! {
    static TEXTS: RefCell<Texts> = RefCell::default();
}

impl Texts {
    fn fill(&mut self, second: u64) {
        use std::io::Write;
        self.second = second;
        let timestamp = i64::try_from(second)
            .ok()
            .and_then(|s| jiff::Timestamp::from_second(s).ok())
            .unwrap_or_default();
        let utc = timestamp.to_zoned(jiff::tz::TimeZone::UTC);
        let t = timestamp.to_zoned(jiff::tz::TimeZone::system());
        let (year, month, day) = (t.year(), t.month(), t.day());
        let (hour, minute, sec) = (t.hour(), t.minute(), t.second());
        let offset = t.offset().seconds() / 60;
        let sign = if offset < 0 { '-' } else { '+' };
        let (oh, om) = (offset.abs() / 60, offset.abs() % 60);
        self.error_log.clear();
        self.local.clear();
        self.iso8601.clear();
        self.http.clear();
        // Writing into a vector cannot fail.
        let _ = write!(
            self.error_log,
            "{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{sec:02}"
        );
        let _ = write!(
            self.local,
            "{day:02}/{}/{year:04}:{hour:02}:{minute:02}:{sec:02} {sign}{oh:02}{om:02}",
            name(&MONTHS, month - 1)
        );
        let _ = write!(
            self.iso8601,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{sec:02}{sign}{oh:02}:{om:02}"
        );
        let _ = write!(
            self.http,
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
            name(&DAYS, utc.weekday().to_monday_zero_offset()),
            utc.day(),
            name(&MONTHS, utc.month() - 1),
            utc.year(),
            utc.hour(),
            utc.minute(),
            utc.second(),
        );
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn name(names: &[&'static str], number: i8) -> &'static str {
    usize::try_from(number)
        .ok()
        .and_then(|n| names.get(n))
        .copied()
        .unwrap_or_default()
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
    fn one_second_reads_the_same_in_all_forms() {
        let mut t = Texts::default();
        t.fill(784_111_777);
        assert_eq!(t.http, b"Sun, 06 Nov 1994 08:49:37 GMT");
        let minute_and_second = |text: &[u8]| {
            let text = String::from_utf8_lossy(text).into_owned();
            assert!(text.contains(":37"), "{text}");
            text.len()
        };
        assert_eq!(minute_and_second(&t.error_log), 19);
        assert_eq!(minute_and_second(&t.local), 26);
        assert_eq!(minute_and_second(&t.iso8601), 25);
        assert!(t.error_log.starts_with(b"1994/11/0"));
    }

    #[test]
    fn the_clocks_advance() {
        let a = monotonic_ms();
        std::thread::sleep(Duration::from_millis(3));
        assert!(monotonic_ms() >= a + 2);
        assert!(unix_time().as_secs() > 1_600_000_000);
    }
}
