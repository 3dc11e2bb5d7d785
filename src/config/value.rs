//! Sizes, times, numbers and flags, read just as nginx reads them.

use std::time::Duration;

/// A whole number without sign. None if it is empty, has another character than digits, or does not fit 63 bits.
pub fn parse_number(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    text.iter()
        .try_fold(0i64, |value, &byte| digit(value, byte))
}

/// A size in bytes: a number, with `k` for KiB or `m` for MiB behind it, in either case.
pub fn parse_size(text: &[u8]) -> Option<u64> {
    scaled(text, |unit| match unit {
        b'k' | b'K' => 1 << 10,
        b'm' | b'M' => 1 << 20,
        _ => 1,
    })
}

/// As [`parse_size`], and `g` for GiB: what nginx allows where a size is one of a file or body.
pub fn parse_offset(text: &[u8]) -> Option<u64> {
    scaled(text, |unit| match unit {
        b'g' | b'G' => 1 << 30,
        b'k' | b'K' => 1 << 10,
        b'm' | b'M' => 1 << 20,
        _ => 1,
    })
}

/// `on` or `off`, in either case.
pub fn parse_flag(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"on") {
        return Some(true);
    }
    text.eq_ignore_ascii_case(b"off").then_some(false)
}

/// A time down to milliseconds: `90`, `1m30s`, `1h 30m`, `500ms`. Units `w`, `d`, `h`, `m`, `s`, `ms`, from the
/// largest to the smallest, each at most once; a bare number is seconds.
pub fn parse_time(text: &[u8]) -> Option<Duration> {
    time(text, false)
        .and_then(|ms| u64::try_from(ms).ok())
        .map(Duration::from_millis)
}

/// A time in whole seconds: as [`parse_time`] without `ms`, but with `y` (365 days) and `M` (30 days).
pub fn parse_seconds(text: &[u8]) -> Option<Duration> {
    time(text, true)
        .and_then(|s| u64::try_from(s).ok())
        .map(Duration::from_secs)
}

fn digit(value: i64, byte: u8) -> Option<i64> {
    let digit = char::from(byte).to_digit(10)?;
    value.checked_mul(10)?.checked_add(i64::from(digit))
}

fn scaled(text: &[u8], scale_of: fn(u8) -> i64) -> Option<u64> {
    let (&unit, digits) = text.split_last()?;
    let scale = scale_of(unit);
    let digits = if scale == 1 { text } else { digits };
    parse_number(digits)?
        .checked_mul(scale)
        .and_then(|size| u64::try_from(size).ok())
}

/// The units in the order in which they may follow one another.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Step {
    Start,
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Last,
}

fn time(text: &[u8], whole_seconds: bool) -> Option<i64> {
    let mut step = if whole_seconds {
        Step::Start
    } else {
        Step::Month
    };
    let (mut total, mut value, mut valid) = (0i64, 0i64, false);
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte.is_ascii_digit() {
            value = digit(value, byte)?;
            valid = true;
            continue;
        }
        let (unit, seconds) = match (byte, behind) {
            (b'y', _) => (Step::Year, 60 * 60 * 24 * 365),
            (b'M', _) => (Step::Month, 60 * 60 * 24 * 30),
            (b'w', _) => (Step::Week, 60 * 60 * 24 * 7),
            (b'd', _) => (Step::Day, 60 * 60 * 24),
            (b'h', _) => (Step::Hour, 60 * 60),
            (b'm', [b's', behind @ ..]) if !whole_seconds => {
                rest = behind;
                (Step::Millisecond, 0)
            }
            (b'm', [b's', ..]) => return None,
            (b'm', _) => (Step::Minute, 60),
            (b's', _) => (Step::Second, 1),
            // A number that a space follows is seconds, and the last.
            (b' ', _) if step < Step::Second => (Step::Last, 1),
            _ => return None,
        };
        if unit <= step {
            return None;
        }
        step = unit;
        let scale = match (unit, whole_seconds) {
            (Step::Millisecond, _) => 1,
            (_, true) => seconds,
            (_, false) => seconds * 1000,
        };
        total = total.checked_add(value.checked_mul(scale)?)?;
        value = 0;
        rest = rest.trim_ascii_start_spaces();
    }
    if !valid {
        return None;
    }
    let scale = if whole_seconds { 1 } else { 1000 };
    total.checked_add(value.checked_mul(scale)?)
}

trait TrimSpaces {
    fn trim_ascii_start_spaces(&self) -> &Self;
}

impl TrimSpaces for [u8] {
    /// Spaces only: a tab in a time is an error.
    fn trim_ascii_start_spaces(&self) -> &[u8] {
        let spaces = self.iter().take_while(|&&b| b == b' ').count();
        self.get(spaces..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(text: &str) -> Option<u128> {
        parse_time(text.as_bytes()).map(|d| d.as_millis())
    }

    fn sec(text: &str) -> Option<u64> {
        parse_seconds(text.as_bytes()).map(|d| d.as_secs())
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(parse_number(b"0017"), Some(17));
        assert_eq!(parse_number(b"9223372036854775807"), Some(i64::MAX));
        for bad in ["", "-1", "+1", "1k", " 1", "9223372036854775808"] {
            assert_eq!(parse_number(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size(b"8k"), Some(8192));
        assert_eq!(parse_size(b"1M"), Some(1 << 20));
        assert_eq!(parse_offset(b"2g"), Some(2 << 30));
        for bad in ["", "k", "1g", "1kk", "9223372036854775807k", "1.5m"] {
            assert_eq!(parse_size(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn times_go_from_large_to_small_units() {
        assert_eq!(ms("90"), Some(90_000));
        assert_eq!(ms("1h 30m"), Some(5_400_000));
        assert_eq!(ms("1m30s500ms"), Some(90_500));
        assert_eq!(ms("1s 5"), Some(6_000));
        assert_eq!(ms("30 "), Some(30_000));
        assert_eq!(ms("1w"), Some(604_800_000));
        for bad in [
            "",
            "s",
            "1x",
            "1y",
            "1M",
            "1s1m",
            "1ms1s",
            "1m1m",
            " ",
            "1 1s",
            "9223372036854775807",
        ] {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn seconds_have_months_and_years_but_no_milliseconds() {
        assert_eq!(sec("1y1M"), Some(34_128_000));
        assert_eq!(sec("1d"), Some(86_400));
        assert_eq!((sec("1ms"), sec("1M1y"), sec("1y1y")), (None, None, None));
    }

    #[test]
    fn flags_are_on_and_off() {
        assert_eq!(parse_flag(b"On"), Some(true));
        assert_eq!(parse_flag(b"OFF"), Some(false));
        assert_eq!(parse_flag(b"yes"), None);
    }

    proptest! {
        #[test]
        fn nothing_overflows(text in "[0-9]{0,22}[ yMwdhmskKgG]{0,3}[0-9]{0,22}[ yMwdhmskKgG]{0,2}") {
            let bytes = text.as_bytes();
            let _ = (parse_number(bytes), parse_size(bytes), parse_offset(bytes), parse_time(bytes), parse_seconds(bytes));
        }

        #[test]
        fn what_is_written_is_read(value in 0..=(i64::MAX as u64 >> 20)) {
            prop_assert_eq!(parse_number(value.to_string().as_bytes()), i64::try_from(value).ok());
            prop_assert_eq!(parse_size(format!("{value}m").as_bytes()), Some(value << 20));
        }
    }
}
