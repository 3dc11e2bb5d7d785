//! What a word says once its escapes are resolved.

use bytes::{Bytes, BytesMut};

/// Resolves `\"`, `\'`, `\\`, `\t`, `\r` and `\n`, in quotes or without. A backslash before anything else stays, and
/// so do both characters: `\.` in a regex needs no doubling. Without any escape, the result is the same slice.
pub fn unescape(raw: Bytes) -> Bytes {
    let Some(first) = memchr::memchr(b'\\', &raw) else {
        return raw;
    };
    let (head, tail) = raw.split_at(first);
    let mut out = BytesMut::with_capacity(raw.len());
    out.extend_from_slice(head);
    let mut bytes = tail.iter().copied().peekable();
    let mut changed = false;
    while let Some(byte) = bytes.next() {
        let meant = match (byte, bytes.peek()) {
            (b'\\', Some(&next @ (b'"' | b'\'' | b'\\'))) => Some(next),
            (b'\\', Some(b't')) => Some(b'\t'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            (b'\\', Some(b'n')) => Some(b'\n'),
            _ => None,
        };
        if meant.is_some() {
            changed = true;
            bytes.next();
        }
        out.extend_from_slice(&[meant.unwrap_or(byte)]);
    }
    if changed { out.freeze() } else { raw }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &'static str, want: &str) {
        assert_eq!(
            unescape(Bytes::from_static(raw.as_bytes())),
            want.as_bytes()
        );
    }

    #[test]
    fn resolves_only_the_six_escapes() {
        check(r"plain", "plain");
        check(r#"\"\'\\"#, "\"'\\");
        check(r"a\tb\rc\nd", "a\tb\rc\nd");
        check(r"\.php$", r"\.php$");
        check(r"\\.", r"\.");
        check(r"\;\{", r"\;\{");
        check(r"\\n", r"\n");
    }

    #[test]
    fn without_escape_the_slice_is_shared() {
        let raw = Bytes::from(String::from(r"~ \.(gif|jpg)$"));
        assert_eq!(unescape(raw.clone()).as_ptr(), raw.as_ptr());
    }
}
