//! Bytes that need not be text, in messages of the error log: nginx writes names, paths and fields as they are.
//!
//! A message is formatted, and what is formatted is text. So bytes that are none travel as characters that nobody uses,
//! the last 128 of Unicode's private ones, and become themselves again where the line is put together.

use std::fmt::{self, Display, Formatter, Write};

/// Bytes in a message: `format_args!("\"{}\" is forbidden", Raw(path))`. Only for what goes to the error log.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a>(pub &'a [u8]);

/// The stand-in of the byte 0 would be this; only bytes from 128 on have one.
const BASE: u32 = 0x10_ff00;
/// What all stand-ins begin with as UTF-8.
const LEAD: u8 = 0xf4;

impl Display for Raw<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0) {
            Ok(text) if memchr::memchr(LEAD, self.0).is_none() => f.write_str(text),
            _ => self.stand_in(f),
        }
    }
}

impl Raw<'_> {
    #[cold]
    fn stand_in(self, f: &mut Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                // A real character that would be taken for a stand-in.
                if byte_of(c).is_some() {
                    let mut bytes = [0; 4];
                    bytes_in(c.encode_utf8(&mut bytes).as_bytes(), f)?;
                } else {
                    f.write_char(c)?;
                }
            }
            bytes_in(chunk.invalid(), f)?;
        }
        Ok(())
    }
}

fn bytes_in(bytes: &[u8], f: &mut Formatter<'_>) -> fmt::Result {
    for byte in bytes {
        let c = char::from_u32(BASE + u32::from(*byte)).unwrap_or(char::REPLACEMENT_CHARACTER);
        f.write_char(c)?;
    }
    Ok(())
}

/// The byte that a character stands for.
fn byte_of(c: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(c).checked_sub(BASE)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

/// Makes bytes again of the characters that stand for them, from this place of a formatted message on.
pub fn restore(message: &mut Vec<u8>, start: usize) {
    let written = message.get(start..).unwrap_or_default();
    if memchr::memchr(LEAD, written).is_none() {
        return;
    }
    let written = message.split_off(start);
    let mut rest = &written[..];
    while let Some(at) = memchr::memchr(LEAD, rest) {
        let (text, c) = rest.split_at(at);
        message.extend_from_slice(text);
        let (byte, length) = match c.first_chunk().and_then(byte_in) {
            Some(byte) => (byte, 4),
            None => (LEAD, 1),
        };
        message.push(byte);
        rest = c.get(length..).unwrap_or_default();
    }
    message.extend_from_slice(rest);
}

/// The byte that the character with this UTF-8 stands for.
fn byte_in(utf8: &[u8; 4]) -> Option<u8> {
    byte_of(std::str::from_utf8(utf8).ok()?.chars().next()?)
}

/// A message as text, for readers that need text: what is none is shown as U+FFFD.
pub fn lossy(message: fmt::Arguments<'_>) -> String {
    let mut bytes = message.to_string().into_bytes();
    restore(&mut bytes, 0);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        let private = "\u{10ff80} \u{10ffff} \u{10ff7f} \u{10fff}".as_bytes();
        let all: Vec<u8> = (0..=255).collect();
        let cases: [&[u8]; 7] = [
            b"",
            b"plain",
            "größe".as_bytes(),
            b"caf\xe9/\xff",
            b"\xf4\x8f",
            private,
            &all,
        ];
        for case in cases {
            let mut out = format!("\u{10ffff}{}", Raw(case)).into_bytes();
            restore(&mut out, 4);
            assert_eq!(out.split_off(4), case);
        }
    }

    #[test]
    fn readers_of_text_get_text() {
        let message = lossy(format_args!(
            "\"{}\" and {}",
            Raw(b"caf\xe9"),
            Raw("é".as_bytes())
        ));
        assert_eq!(message, "\"caf\u{fffd}\" and é");
    }
}
