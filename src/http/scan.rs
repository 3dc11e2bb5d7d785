//! Looking through short texts for bytes that need care, eight at a time. Most texts have none, and that is all that
//! these say: whoever hears "perhaps" looks closer.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Whether a text may have bytes that cannot stand in the value of a header field: CR, LF, NUL. A tab is suspected, too.
#[inline]
pub fn may_break_line(text: &[u8]) -> bool {
    any(text, |eight| below(eight, 0x0e), |byte| byte < 0x0e)
}

/// Whether a text may have bytes that logs escape: those outside of printable ASCII, quotes, backslashes.
#[inline]
pub fn may_need_escape(text: &[u8]) -> bool {
    let odd = |eight: u64| {
        (eight & HIGHS)
            | below(eight, b' ')
            | equal(eight, 0x7f)
            | equal(eight, b'"')
            | equal(eight, b'\\')
    };
    any(text, odd, |byte| {
        !(b' '..=b'~').contains(&byte) || byte == b'"' || byte == b'\\'
    })
}

#[inline]
fn any(text: &[u8], odd: impl Fn(u64) -> u64, is_odd: impl Fn(u8) -> bool) -> bool {
    let (eights, rest) = text.as_chunks::<8>();
    let found = eights
        .iter()
        .fold(0, |found, eight| found | odd(u64::from_ne_bytes(*eight)));
    found != 0 || rest.iter().any(|byte| is_odd(*byte))
}

/// Not zero if a byte is smaller than `limit`, which is at most 0x80. What it says beside bytes of 0x80 and above may be
/// too much, never too little.
#[inline]
fn below(eight: u64, limit: u8) -> u64 {
    eight.wrapping_sub(ONES * u64::from(limit)) & !eight & HIGHS
}

/// Not zero if a byte is `value`.
#[inline]
fn equal(eight: u64, value: u8) -> u64 {
    below(eight ^ (ONES * u64::from(value)), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_seen() {
        for length in 1..20 {
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut text = vec![b'a'; length];
                    text[at] = byte;
                    let breaks = matches!(byte, b'\r' | b'\n' | 0);
                    assert!(!breaks || may_break_line(&text), "{byte} at {at}");
                    assert_eq!(may_break_line(&text), byte < 0x0e, "{byte} at {at}");
                    let escaped = !(b' '..=b'~').contains(&byte) || byte == b'"' || byte == b'\\';
                    assert_eq!(may_need_escape(&text), escaped, "{byte} at {at}");
                }
            }
        }
        assert!(!may_break_line(b"") && !may_need_escape(b""));
    }
}
