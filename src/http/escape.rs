//! Escaping: percent-encoding of URIs in nginx's variants, HTML text, JSON strings.

/// Which bytes are percent-encoded. All of them encode control characters and space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A path: also `"#%<>?\^{|}` and the backtick, and what is not ASCII.
    Uri,
    /// A piece of a query: those of `Uri` and `&+;`.
    Args,
    /// Everything but letters, digits and `-._~`.
    UriComponent,
    /// A link in a page: those of `Uri` without `?`, and the single quote.
    Html,
    /// The target of a refresh: quotes, brackets, what is not ASCII, but not `#%?`.
    Refresh,
    /// A memcached key: only space, `%` and control characters.
    Memcached,
}

/// A set of bytes: one bit for each ASCII character, and whether the others are in it.
#[derive(Clone, Copy)]
struct Set {
    ascii: u128,
    others: bool,
}

const CONTROLS: u128 = 0xffff_ffff;
const NEVER: u128 = CONTROLS | 1 << 127 | bits(b" \"<>\\^`{|");

const URI: Set = Set {
    ascii: NEVER | bits(b"}#%?"),
    others: true,
};
const ARGS: Set = Set {
    ascii: URI.ascii | bits(b"&+;"),
    others: true,
};
const UNRESERVED: u128 =
    bits(b"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
const COMPONENT: Set = Set {
    ascii: !UNRESERVED,
    others: true,
};
const HTML: Set = Set {
    ascii: NEVER | bits(b"}#%'"),
    others: true,
};
// That `~` is encoded here and `}` is not is nginx's choice.
const REFRESH: Set = Set {
    ascii: NEVER | bits(b"'~"),
    others: true,
};
const MEMCACHED: Set = Set {
    ascii: CONTROLS | bits(b" %"),
    others: false,
};

const fn bits(chars: &[u8]) -> u128 {
    match chars {
        [first, rest @ ..] => 1 << *first | bits(rest),
        [] => 0,
    }
}

impl Set {
    fn has(self, byte: u8) -> bool {
        if byte < 128 {
            self.ascii >> byte & 1 == 1
        } else {
            self.others
        }
    }
}

impl Kind {
    fn set(self) -> Set {
        match self {
            Kind::Uri => URI,
            Kind::Args => ARGS,
            Kind::UriComponent => COMPONENT,
            Kind::Html => HTML,
            Kind::Refresh => REFRESH,
            Kind::Memcached => MEMCACHED,
        }
    }
}

/// Whether `escape` would change anything.
pub fn needed(kind: Kind, input: &[u8]) -> bool {
    let set = kind.set();
    input.iter().any(|byte| set.has(*byte))
}

/// Appends `input` with the bytes of `kind` as `%XX`.
pub fn escape(kind: Kind, input: &[u8], out: &mut Vec<u8>) {
    let set = kind.set();
    for &byte in input {
        if set.has(byte) {
            out.extend([b'%', upper_hex(byte >> 4), upper_hex(byte & 15)]);
        } else {
            out.push(byte);
        }
    }
}

fn upper_hex(digit: u8) -> u8 {
    if digit < 10 {
        b'0' + digit
    } else {
        b'A' + digit - 10
    }
}

/// What `unescape` does beyond decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unescape {
    /// Nothing.
    All,
    /// Stops behind a `?`, escaped or not: it starts the query.
    Uri,
    /// As `Uri`, and keeps escapes of what may not stand in a header plainly: controls, space to `%`, not ASCII.
    Redirect,
}

/// Appends `input` with escapes decoded, and returns how much of the input was read. Escapes that are none vanish,
/// as in nginx: `%zz` becomes `z`, `%4z` becomes nothing.
pub fn unescape(mode: Unescape, input: &[u8], out: &mut Vec<u8>) -> usize {
    let mut bytes = input.iter().copied().enumerate();
    let stops = mode != Unescape::All;
    while let Some((at, byte)) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            if byte == b'?' && stops {
                return at + 1;
            }
            continue;
        }
        let Some((_, first)) = bytes.next() else {
            break;
        };
        let Some(high) = hex(first) else {
            // What follows a lone percent sign is taken as it is, even a `?`.
            out.push(first);
            continue;
        };
        let Some((at, second)) = bytes.next() else {
            break;
        };
        let Some(low) = hex(second) else { continue };
        match high << 4 | low {
            b'?' if stops => {
                out.push(b'?');
                return at + 1;
            }
            decoded if mode == Unescape::Redirect && !(b'&'..0x7f).contains(&decoded) => {
                out.extend([b'%', first, second]);
            }
            decoded => out.push(decoded),
        }
    }
    input.len()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Appends the value of a header field (RFC 9110 section 5.5): line ends and zero bytes, which would end the field,
/// become spaces. Values made of variables can have them: `$uri` is decoded.
#[inline]
pub fn field_value(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(value);
    if super::scan::may_break_line(value) {
        on_one_line(out.get_mut(start..).unwrap_or_default());
    }
}

#[cold]
fn on_one_line(value: &mut [u8]) {
    for byte in value {
        if matches!(*byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

/// Appends `input` as HTML text or attribute value.
pub fn escape_html(input: &[u8], out: &mut Vec<u8>) {
    for &byte in input {
        match byte {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            _ => out.push(byte),
        }
    }
}

/// Appends `input` as the inside of a JSON string. Bytes that are not UTF-8 stay as they are.
pub fn escape_json(input: &[u8], out: &mut Vec<u8>) {
    for &byte in input {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend([upper_hex(byte >> 4), upper_hex(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(kind: Kind) -> String {
        let encoded = |byte: &u8| {
            let mut out = Vec::new();
            escape(kind, &[*byte], &mut out);
            out.len() == 3 && out == format!("%{byte:02X}").into_bytes()
        };
        (0x20..=0x80).filter(encoded).map(char::from).collect()
    }

    #[test]
    fn a_field_value_stays_on_its_line() {
        let mut out = b"X: ".to_vec();
        field_value(b"a\r\nSet-Cookie: b\0", &mut out);
        assert_eq!(out, b"X: a  Set-Cookie: b ");
    }

    #[test]
    fn sets() {
        assert_eq!(escaped(Kind::Uri), " \"#%<>?\\^`{|}\u{7f}\u{80}");
        assert_eq!(escaped(Kind::Args), " \"#%&+;<>?\\^`{|}\u{7f}\u{80}");
        assert_eq!(
            escaped(Kind::UriComponent),
            " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}\u{7f}\u{80}"
        );
        assert_eq!(escaped(Kind::Html), " \"#%'<>\\^`{|}\u{7f}\u{80}");
        assert_eq!(escaped(Kind::Refresh), " \"'<>\\^`{|~\u{7f}\u{80}");
        let mut key = Vec::new();
        escape(Kind::Memcached, b"a %\x01\x7f\xff\"", &mut key);
        assert_eq!(key, b"a%20%25%01\x7f\xff\"");
        assert!(needed(Kind::Uri, b"/a b") && !needed(Kind::Uri, b"/a&b"));
    }

    #[test]
    fn decoding() {
        for (mode, input, expected, read) in [
            (Unescape::All, "a%41%3f?b", "aA??b", 9),
            (Unescape::Uri, "a%41?b%41", "aA?", 5),
            (Unescape::Uri, "a%3Fb", "a?", 4),
            (Unescape::All, "%zz%4zx%", "zzx", 8),
            (
                Unescape::Redirect,
                "%41%20%0a%25%26%7F",
                "A%20%0a%25&%7F",
                18,
            ),
            (Unescape::Redirect, "%3f/", "?", 3),
        ] {
            let mut out = Vec::new();
            assert_eq!(unescape(mode, input.as_bytes(), &mut out), read, "{input}");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn html_and_json() {
        let mut out = Vec::new();
        escape_html(b"<a href=\"x&y\">'", &mut out);
        assert_eq!(out, b"&lt;a href=&quot;x&amp;y&quot;&gt;'");
        out.clear();
        escape_json(b"\"\\\n\r\t\x08\x0c\x1f\x7f/\xff", &mut out);
        assert_eq!(out, b"\\\"\\\\\\n\\r\\t\\b\\f\\u001F\x7f/\xff");
    }

    proptest! {
        #[test]
        fn there_and_back(input in proptest::collection::vec(any::<u8>(), 0..40)) {
            for kind in [Kind::Uri, Kind::Args, Kind::UriComponent, Kind::Html, Kind::Memcached] {
                let (mut out, mut back) = (Vec::new(), Vec::new());
                escape(kind, &input, &mut out);
                unescape(Unescape::All, &out, &mut back);
                prop_assert_eq!(&back, &input);
            }
        }
    }
}
