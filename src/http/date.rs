//! Points in time as HTTP and logs write them. Seconds count from 1970, UTC; nothing here allocates.

use jiff::tz::TimeZone;
use std::cell::RefCell;
use std::path::Path;

/// A point in time, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1970 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 is Sunday.
    pub weekday: u8,
}

const WEEK: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

const DAY: i64 = 86_400;
/// Days from 1 March of the year 0 to 1970.
const EPOCH: i64 = 719_468;
/// Days of 400 years.
const ERA: i64 = 146_097;
/// The last second of 9999: years have four digits.
const LAST: i64 = 253_402_300_799;

impl Civil {
    /// Takes a time apart; one before 1970 or after 9999 is moved to the nearest that is not.
    pub fn of(seconds: i64) -> Civil {
        let seconds = seconds.clamp(0, LAST);
        let (days, rest) = (seconds / DAY, seconds % DAY);
        // Years start on 1 March here, so that the leap day is the last of a year.
        let (era, day_of_era) = ((days + EPOCH) / ERA, (days + EPOCH) % ERA);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / (ERA - 1)) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Civil {
            year: year as u16,
            month: month as u8,
            day: day as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            weekday: ((days + 4) % 7) as u8,
        }
    }

    fn month_name(self) -> [u8; 3] {
        MONTHS
            .get(usize::from(self.month).saturating_sub(1))
            .map_or(*b"Jan", |name| **name)
    }
}

/// Days from 1970 to a date.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = if month <= 2 { month + 9 } else { month - 3 };
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - EPOCH
}

/// `Sun, 22 Nov 2026 15:26:29 GMT` (RFC 9110 section 5.6.7). Times that are written again and again, as those of files
/// are, are remembered.
pub fn http_date(seconds: i64) -> [u8; 29] {
    DATES.with_borrow_mut(|dates| {
        let place = usize::try_from(seconds.rem_euclid(REMEMBERED)).unwrap_or(0);
        match dates.get_mut(place) {
            Some((known, text)) if *known == seconds => *text,
            Some(slot) => {
                *slot = (seconds, new_http_date(seconds));
                slot.1
            }
            None => new_http_date(seconds),
        }
    })
}

/// How many dates a thread remembers.
const REMEMBERED: i64 = 61;

thread_local! {
    /// A time that nobody means stands for none.
    static DATES: RefCell<[(i64, [u8; 29]); REMEMBERED as usize]> =
        const { RefCell::new([(i64::MIN, [0; 29]); REMEMBERED as usize]) };
}

fn new_http_date(seconds: i64) -> [u8; 29] {
    let t = Civil::of(seconds);
    let [w1, w2, w3] = WEEK
        .get(usize::from(t.weekday))
        .map_or(*b"Sun", |name| **name);
    let [m1, m2, m3] = t.month_name();
    let ([d1, d2], [y1, y2, y3, y4]) = (two(t.day), four(t.year));
    let ([h1, h2], [n1, n2], [s1, s2]) = (two(t.hour), two(t.minute), two(t.second));
    [
        w1, w2, w3, b',', b' ', d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', h1, h2, b':',
        n1, n2, b':', s1, s2, b' ', b'G', b'M', b'T',
    ]
}

/// `Thu, 31-Dec-37 23:55:55 GMT`: the time at which a cookie expires; beyond 2037 the year has four digits.
pub fn cookie_time(seconds: i64) -> String {
    let t = Civil::of(seconds);
    let text = |name: &[u8; 3]| String::from_utf8_lossy(name).into_owned();
    let weekday = WEEK
        .get(usize::from(t.weekday))
        .map_or_else(String::new, |name| text(name));
    let month = text(&t.month_name());
    let year = match t.year {
        ..=2037 => format!("{:02}", t.year % 100),
        _ => t.year.to_string(),
    };
    format!(
        "{weekday}, {:02}-{month}-{year} {:02}:{:02}:{:02} GMT",
        t.day, t.hour, t.minute, t.second
    )
}

/// `22/Nov/2026:15:26:29 +0000`: `$time_local`. `offset` is that of the local time zone, in seconds east of UTC.
pub fn access_time(seconds: i64, offset: i32) -> [u8; 26] {
    let t = local(seconds, offset);
    let [m1, m2, m3] = t.month_name();
    let ([d1, d2], [y1, y2, y3, y4]) = (two(t.day), four(t.year));
    let ([h1, h2], [n1, n2], [s1, s2]) = (two(t.hour), two(t.minute), two(t.second));
    let [sign, a, b, c, d] = zone(offset);
    [
        d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', h1, h2, b':', n1, n2, b':', s1, s2,
        b' ', sign, a, b, c, d,
    ]
}

/// `2026/11/22 15:26:29`: the start of an error log line.
pub fn error_time(seconds: i64, offset: i32) -> [u8; 19] {
    let t = local(seconds, offset);
    let ([y1, y2, y3, y4], [m1, m2], [d1, d2]) = (four(t.year), two(t.month), two(t.day));
    let ([h1, h2], [n1, n2], [s1, s2]) = (two(t.hour), two(t.minute), two(t.second));
    [
        y1, y2, y3, y4, b'/', m1, m2, b'/', d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2,
    ]
}

/// `2026-11-22T15:26:29+00:00`: `$time_iso8601`.
pub fn iso8601(seconds: i64, offset: i32) -> [u8; 25] {
    let t = local(seconds, offset);
    let ([y1, y2, y3, y4], [m1, m2], [d1, d2]) = (four(t.year), two(t.month), two(t.day));
    let ([h1, h2], [n1, n2], [s1, s2]) = (two(t.hour), two(t.minute), two(t.second));
    let [sign, a, b, c, d] = zone(offset);
    [
        y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, sign,
        a, b, b':', c, d,
    ]
}

/// `Nov 22 15:26:29`, days below ten with a space: what syslog wants (RFC 3164 section 4.1.2).
pub fn syslog_time(seconds: i64, offset: i32) -> [u8; 15] {
    let t = local(seconds, offset);
    let ([m1, m2, m3], [d1, d2]) = (t.month_name(), two(t.day));
    let d1 = if d1 == b'0' { b' ' } else { d1 };
    let ([h1, h2], [n1, n2], [s1, s2]) = (two(t.hour), two(t.minute), two(t.second));
    [
        m1, m2, m3, b' ', d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2,
    ]
}

/// The machine's time zone (`TZ` or `/etc/localtime`), read once.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Reads it as the C library does: one file, and not the whole database of zones.
    pub fn system() -> Zone {
        let zone = match std::env::var("TZ") {
            Err(_) => file_zone(Path::new("/etc/localtime")),
            Ok(name) => {
                let name = name.strip_prefix(':').unwrap_or(&name);
                // An absolute name takes the place of the directory.
                let file = Path::new("/usr/share/zoneinfo").join(name);
                match name {
                    "" => None,
                    _ => file_zone(&file).or_else(|| TimeZone::posix(name).ok()),
                }
            }
        };
        Zone(zone.unwrap_or(TimeZone::UTC))
    }

    /// Seconds east of UTC at a point in time.
    pub fn offset(&self, seconds: i64) -> i32 {
        jiff::Timestamp::from_second(seconds).map_or(0, |time| self.0.to_offset(time).seconds())
    }
}

fn file_zone(path: &Path) -> Option<TimeZone> {
    TimeZone::tzif("", &std::fs::read(path).ok()?).ok()
}

fn local(seconds: i64, offset: i32) -> Civil {
    // nginx counts the offset in minutes.
    Civil::of(seconds.saturating_add(i64::from(offset / 60 * 60)))
}

/// `+hhmm`
fn zone(offset: i32) -> [u8; 5] {
    let minutes = offset.unsigned_abs() / 60;
    let [h1, h2] = two((minutes / 60 % 100) as u8);
    let [m1, m2] = two((minutes % 60) as u8);
    [if offset < 0 { b'-' } else { b'+' }, h1, h2, m1, m2]
}

fn two(number: u8) -> [u8; 2] {
    [b'0' + number / 10 % 10, b'0' + number % 10]
}

fn four(number: u16) -> [u8; 4] {
    let [a, b] = two((number / 100 % 100) as u8);
    let [c, d] = two((number % 100) as u8);
    [a, b, c, d]
}

/// Reads a date in any of the three forms of RFC 9110 section 5.6.7, as loosely as nginx: names of days are not
/// looked at, months by the letters that tell them apart, what follows the time is ignored.
pub fn parse_http_time(text: &[u8]) -> Option<i64> {
    let day_end = text
        .iter()
        .position(|b| matches!(b, b',' | b' '))
        .unwrap_or(text.len());
    let asctime = text.get(day_end) == Some(&b' ');
    let rest = text.get(day_end + 1..)?;
    let spaces = rest.iter().take_while(|b| **b == b' ').count();
    let mut reader = Reader(rest.get(spaces..).filter(|rest| rest.len() >= 18)?);
    let (day, month, year);
    let time;
    if asctime {
        month = reader.month()?;
        reader.any()?;
        if reader.0.first() == Some(&b' ') {
            reader.any()?;
        }
        day = match (reader.number(1)?, reader.0.first()) {
            (day, Some(b' ')) => day,
            (tens, _) => tens * 10 + reader.number(1)?,
        };
        time = reader.time()?;
        reader.expect(b' ')?;
        year = reader.number(4)?;
    } else {
        day = reader.number(2)?;
        let separator = reader.any().filter(|b| matches!(b, b' ' | b'-'))?;
        month = reader.month()?;
        reader.expect(separator)?;
        year = match separator {
            b' ' => reader.number(4)?,
            _ => match reader.number(2)? {
                year @ ..70 => year + 2000,
                year => year + 1900,
            },
        };
        time = reader.time()?;
    }
    let (hour, minute, second) = time;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if day == 29 && leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if hour > 23 || minute > 59 || second > 59 || day > last {
        return None;
    }
    Some(days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn any(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.any().filter(|b| *b == byte).map(|_| ())
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let (text, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        text.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i64::from(byte - b'0'))
        })
    }

    fn month(&mut self) -> Option<i64> {
        let (text, rest) = self.0.split_at_checked(3)?;
        self.0 = rest;
        Some(match *text {
            [b'J', b'a', _] => 1,
            [b'J', _, b'n'] => 6,
            [b'J', ..] => 7,
            [b'F', ..] => 2,
            [b'M', _, b'r'] => 3,
            [b'M', ..] => 5,
            [b'A', b'p', _] => 4,
            [b'A', ..] => 8,
            [b'S', ..] => 9,
            [b'O', ..] => 10,
            [b'N', ..] => 11,
            [b'D', ..] => 12,
            _ => return None,
        })
    }

    /// ` hh:mm:ss`
    fn time(&mut self) -> Option<(i64, i64, i64)> {
        self.expect(b' ')?;
        let hour = self.number(2)?;
        self.expect(b':')?;
        let minute = self.number(2)?;
        self.expect(b':')?;
        Some((hour, minute, self.number(2)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIME: i64 = 1_795_361_189;

    #[test]
    fn forms() {
        assert_eq!(&http_date(TIME), b"Sun, 22 Nov 2026 15:26:29 GMT");
        assert_eq!(&http_date(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&http_date(-5), b"Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(&http_date(951_782_400), b"Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(&http_date(i64::MAX), b"Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(&access_time(TIME, 0), b"22/Nov/2026:15:26:29 +0000");
        assert_eq!(&access_time(TIME, -12_600), b"22/Nov/2026:11:56:29 -0330");
        assert_eq!(&error_time(TIME, 3600), b"2026/11/22 16:26:29");
        assert_eq!(&iso8601(TIME, 20_700), b"2026-11-22T21:11:29+05:45");
        assert_eq!(&syslog_time(TIME - 15 * DAY, 0), b"Nov  7 15:26:29");
    }

    #[test]
    fn reads_the_three_forms() {
        for text in [
            "Sun, 22 Nov 2026 15:26:29 GMT",
            "Sunday, 22-Nov-26 15:26:29 GMT",
            "Sun Nov 22 15:26:29 2026",
            "x,   22 Nov 2026 15:26:29",
        ] {
            assert_eq!(parse_http_time(text.as_bytes()), Some(TIME), "{text}");
        }
        assert_eq!(
            parse_http_time(b"Sun Nov  8 08:49:37 1998"),
            Some(910_514_977)
        );
        assert_eq!(
            parse_http_time(b"Tue, 29 Feb 2000 00:00:00 GMT"),
            Some(951_782_400)
        );
        for text in [
            "",
            "Sun",
            "Sun, 32 Nov 2026 15:26:29 GMT",
            "Mon, 29 Feb 2100 15:26:29 GMT",
            "Sun, 22 Nov 2026 24:26:29 GMT",
            "Sun, 22 Nov 2026 15:60:29 GMT",
            "Sun, 22 Xov 2026 15:26:29 GMT",
            "Sun, 22 Nov 2026",
            "22 Nov 2026 15:26:29",
            "Sun, 22 Nov 2026 15-26-29 GMT",
            "Sun, 22-Nov 2026 15:26:29 GMT",
        ] {
            assert_eq!(parse_http_time(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(seconds in 0..LAST) {
            prop_assert_eq!(parse_http_time(&http_date(seconds)), Some(seconds));
            let time = jiff::Timestamp::from_second(seconds).unwrap();
            let text = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            prop_assert_eq!(text.as_bytes(), &http_date(seconds)[..]);
        }

        #[test]
        fn no_panic(text in "[A-Za-z, :0-9-]{0,40}") {
            let _ = parse_http_time(text.as_bytes());
        }
    }
}
