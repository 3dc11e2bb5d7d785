//! The host that a request names: validation and normal form (RFC 3986 section 3.2.2, as nginx reads it).

use super::h1::bad::Bad;
use super::head::{Head, Known};

/// A valid host, split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Length of the name: the bytes before the port and without a final dot. Brackets of an address are part of it.
    pub len: usize,
    /// The port; 0 if there is none (nginx does not tell `host:0` from `host`).
    pub port: u16,
    /// The name has capital letters.
    pub capitals: bool,
}

/// The text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid host")]
pub struct InvalidHost;

/// The host that decides about the server: that of an absolute-form target, else the Host field. Writes its name in
/// lower case to `name` and returns the port. `None` if the request names no host. The Host field must be valid even
/// where it does not count.
pub fn of_request(head: &Head, name: &mut Vec<u8>) -> Result<Option<u16>, Bad> {
    name.clear();
    let mut port = None;
    if let Some(authority) = head.authority {
        port = Some(lower_case(head.bytes(authority), name).map_err(|_| Bad::HostInLine)?);
    }
    if let Some(value) = head.get(Known::Host) {
        if port.is_some() {
            parse(value).map_err(|_| Bad::Host)?;
        } else {
            port = Some(lower_case(value, name).map_err(|_| Bad::Host)?);
        }
    }
    Ok(port)
}

/// Parses `text`, appends the name in lower case to `name`, returns the port (0 if there is none).
pub fn lower_case(text: &[u8], name: &mut Vec<u8>) -> Result<u16, InvalidHost> {
    let host = parse(text)?;
    let start = name.len();
    name.extend_from_slice(text.get(..host.len).unwrap_or_default());
    if host.capitals {
        name.get_mut(start..)
            .unwrap_or_default()
            .make_ascii_lowercase();
    }
    Ok(host.port)
}

/// Checks a host with an optional port.
pub fn parse(text: &[u8]) -> Result<Host, InvalidHost> {
    let literal = text.first() == Some(&b'[');
    let name_len = match memchr::memchr(if literal { b']' } else { b':' }, text) {
        Some(end) if literal => end + 1,
        None if literal => return Err(InvalidHost),
        end => end.unwrap_or(text.len()),
    };
    let (name, rest) = text.split_at_checked(name_len).ok_or(InvalidHost)?;
    let capitals = check_name(name, literal)?;
    let port = match rest.split_first() {
        None => 0,
        Some((b':', digits)) => parse_port(digits)?,
        Some(_) => return Err(InvalidHost),
    };
    let len = if name.ends_with(b".") {
        name.len() - 1
    } else {
        name.len()
    };
    if len == 0 {
        Err(InvalidHost)
    } else {
        Ok(Host {
            len,
            port,
            capitals,
        })
    }
}

/// Whether there are capital letters; an error if a byte is not allowed, or if two dots follow each other.
fn check_name(name: &[u8], literal: bool) -> Result<bool, InvalidHost> {
    let (mut capitals, mut dot) = (false, false);
    let inner = if literal {
        name.get(1..name.len().saturating_sub(1))
            .unwrap_or_default()
    } else {
        name
    };
    for &byte in inner {
        let is_dot = byte == b'.';
        if is_dot && dot {
            return Err(InvalidHost);
        }
        dot = is_dot;
        capitals |= byte.is_ascii_uppercase();
        let valid = match byte {
            b'-' | b'.' | b'_' | b'~' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            b'%' => !literal,
            b':' => literal,
            _ => byte.is_ascii_alphanumeric(),
        };
        if !valid {
            return Err(InvalidHost);
        }
    }
    Ok(capitals)
}

/// No digits at all are taken for no port.
fn parse_port(digits: &[u8]) -> Result<u16, InvalidHost> {
    digits.iter().try_fold(0u16, |port, byte| {
        let digit = byte
            .checked_sub(b'0')
            .filter(|digit| *digit < 10)
            .ok_or(InvalidHost)?;
        port.checked_mul(10)
            .and_then(|port| port.checked_add(u16::from(digit)))
            .ok_or(InvalidHost)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(text: &str) -> Option<(String, u16)> {
        let mut name = Vec::new();
        let port = lower_case(text.as_bytes(), &mut name).ok()?;
        Some((String::from_utf8(name).ok()?, port))
    }

    #[test]
    fn normal_forms() {
        for (text, name, port) in [
            ("L", "l", 0),
            ("abcd-ef.g02.xyz:", "abcd-ef.g02.xyz", 0),
            ("WWW.example.com:8080", "www.example.com", 8080),
            ("example.com.", "example.com", 0),
            ("example.com.:88", "example.com", 88),
            ("a_b~!$&'()*+,;=%41", "a_b~!$&'()*+,;=%41", 0),
            ("[abcd::EF98:0]:80", "[abcd::ef98:0]", 80),
            ("[::ffff:12.30.67.89]", "[::ffff:12.30.67.89]", 0),
            ("[v0.!$&'()*+,;=-._~:]", "[v0.!$&'()*+,;=-._~:]", 0),
            ("x:65535", "x", 65535),
        ] {
            assert_eq!(normal(text), Some((name.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in [
            "", ".", ":", ":80", "a..b", "..a", "a.:1.2", "x:65536", "x:1:2", "a/b", "a b", "a\t",
            "a\x02", "[a", "[a].", "[a]x", "[a/]:1", "[a..b]", "x[a]", "[%41]", "a@b", "é",
        ] {
            assert_eq!(normal(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn names_are_lower_case(text in "[\\[A-Za-z.:0-9\\]]{0,12}") {
            if let Some((name, _)) = normal(&text) {
                prop_assert!(!name.is_empty() && name == name.to_ascii_lowercase());
            }
        }
    }
}
