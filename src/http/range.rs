//! The Range field (RFC 9110 section 14), as nginx reads it.

use std::ops::Range;

use smallvec::SmallVec;

/// What a Range field asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Send everything: the field is no byte range, asks for too many, or for more than there is.
    Ignore,
    /// 416.
    NotSatisfiable,
    /// These parts, in the order asked for, none of them empty; at least one.
    Parts(SmallVec<[Range<u64>; 1]>),
}

/// Reads the value of a Range field for a body of `length` bytes. `max_ranges` is the directive's value, `None` if it
/// is not set: then overlapping ranges are still bounded by about the length of the body.
pub fn parse(value: &[u8], length: u64, max_ranges: Option<u64>) -> Ranges {
    let Some((unit, list)) = value.split_at_checked(6) else {
        return Ranges::Ignore;
    };
    if !unit.eq_ignore_ascii_case(b"bytes=") || list.is_empty() || max_ranges == Some(0) {
        return Ranges::Ignore;
    }
    let most = max_ranges.unwrap_or(u64::from(i32::MAX.unsigned_abs()));
    let mut parts: SmallVec<[Range<u64>; 1]> = SmallVec::new();
    let mut size = 0u64;
    for spec in list.split(|b| *b == b',') {
        let Some(range) = one(spec, length) else {
            return Ranges::NotSatisfiable;
        };
        if range.is_empty() {
            if range.start == 0 {
                return Ranges::Ignore;
            }
            continue;
        }
        let Some(sum) = size
            .checked_add(range.end - range.start)
            .filter(|sum| *sum <= i64::MAX as u64)
        else {
            return Ranges::NotSatisfiable;
        };
        size = sum;
        parts.push(range);
        if parts.len() as u64 > most {
            return Ranges::Ignore;
        }
    }
    match parts.len() as u64 {
        0 => Ranges::NotSatisfiable,
        1 => Ranges::Parts(parts),
        _ if size > length => Ranges::Ignore,
        // Each part has a head of its own: many small ones could make more of the answer than the body is.
        count
            if max_ranges.is_none()
                && size.saturating_add(count * 256) > length.saturating_add(4096) =>
        {
            Ranges::Ignore
        }
        _ => Ranges::Parts(parts),
    }
}

/// `first-last`, `first-` or `-suffix`, cut to the length; `None` if it is none of these.
fn one(spec: &[u8], length: u64) -> Option<Range<u64>> {
    let spec = without_spaces(spec);
    if let Some(suffix) = spec.strip_prefix(b"-") {
        let (suffix, rest) = number(suffix)?;
        return without_spaces(rest)
            .is_empty()
            .then(|| length.saturating_sub(suffix)..length);
    }
    let (first, rest) = number(spec)?;
    let last = without_spaces(without_spaces(rest).strip_prefix(b"-")?);
    if last.is_empty() {
        return Some(first..length);
    }
    let (last, rest) = number(last)?;
    without_spaces(rest)
        .is_empty()
        .then(|| first..length.min(last.saturating_add(1)))
}

fn without_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|b| **b == b' ').count();
    text.get(spaces..).unwrap_or_default()
}

/// Digits at the start, below 2^63.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits)?;
    super::h1::framing::content_length(digits).map(|number| (number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(value: &str, length: u64, max: Option<u64>) -> String {
        match parse(value.as_bytes(), length, max) {
            Ranges::Ignore => "all".into(),
            Ranges::NotSatisfiable => "416".into(),
            Ranges::Parts(parts) => parts
                .iter()
                .map(|r| format!("{}-{}", r.start, r.end))
                .collect::<Vec<_>>()
                .join(","),
        }
    }

    #[test]
    fn as_nginx() {
        for (value, expected) in [
            ("bytes=0-0", "0-1"),
            ("BYTES= 2 - 4 ", "2-5"),
            ("bytes=5-", "5-10"),
            ("bytes=5-100", "5-10"),
            ("bytes=-3", "7-10"),
            ("bytes=-100", "0-10"),
            ("bytes=-0", "416"),
            ("bytes=10-", "416"),
            ("bytes=9-5", "416"),
            ("bytes=0-0,9-9", "0-1,9-10"),
            ("bytes=0-0, 50-60, 9-", "0-1,9-10"),
            ("bytes=0-8,1-9", "all"),
            ("bytes=", "all"),
            ("bytes", "all"),
            ("lines=0-1", "all"),
            ("bytes=x", "416"),
            ("bytes=1", "416"),
            ("bytes=-", "416"),
            ("bytes=1-2x", "416"),
            ("bytes=1-2,", "416"),
            ("bytes=-9223372036854775807", "0-10"),
            ("bytes=0-9223372036854775808", "416"),
        ] {
            assert_eq!(of(value, 10, None), expected, "{value}");
        }
        assert_eq!(of("bytes=0-0,1-1", 10, Some(1)), "all");
        assert_eq!(of("bytes=0-0", 10, Some(0)), "all");
        assert_eq!(of("bytes=0-", 0, None), "all");
        assert_eq!(of("bytes=-1", 0, None), "all");
        assert_eq!(of("bytes=1-", 0, None), "416");
        let many = format!("bytes={}", vec!["0-0"; 17].join(","));
        assert_eq!(of(&many, 20, None), "all");
        assert!(of(&many, 20, Some(20)).starts_with("0-1,"));
    }

    proptest! {
        #[test]
        fn parts_are_inside(value in "bytes=[0-9, -]{0,20}", length in 0u64..200) {
            if let Ranges::Parts(parts) = parse(value.as_bytes(), length, None) {
                prop_assert!(!parts.is_empty());
                prop_assert!(parts.iter().all(|r| r.start < r.end && r.end <= length));
            }
        }
    }
}
