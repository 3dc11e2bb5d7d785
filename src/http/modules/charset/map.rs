//! `charset_map`: the codes of one charset in another.

use crate::config::table::entries;
use crate::config::tree::{Node, Word};
use crate::cycle::{Builder, invalid};
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::collections::HashMap;

/// A map between two charsets, in both directions.
pub(super) struct Map {
    pub(super) from: Bytes,
    pub(super) to: Bytes,
    pub(super) codes: Codes,
}

/// The codes.
pub(super) enum Codes {
    /// Both charsets have one byte for each character. What has no code is a question mark.
    Bytes {
        /// From the first to the second.
        forward: Box<[u8; 256]>,
        /// From the second to the first.
        back: Box<[u8; 256]>,
    },
    /// The second charset is UTF-8.
    Utf8 {
        /// The bytes of each code.
        forward: Vec<Bytes>,
        /// The code of each character.
        back: HashMap<u32, u8, foldhash::fast::FixedState>,
    },
}

impl Map {
    pub(super) fn is_utf8(&self) -> bool {
        matches!(self.codes, Codes::Utf8 { .. })
    }
}

/// The longest code in the second column, for characters below 65536.
const LONGEST: usize = 3;

/// Reads the block.
pub(super) fn read(b: &mut Builder, node: &Node) -> Result<Map, Diagnostic> {
    let (Some(from), Some(to)) = (node.arg(0), node.arg(1)) else {
        return Err(node.fault("is invalid"));
    };
    if from.text.eq_ignore_ascii_case(&to.text) {
        return Err(node.error(format!(
            "\"charset_map\" between the same charsets \"{}\" and \"{}\"",
            from.str(),
            to.str()
        )));
    }
    if from.text.eq_ignore_ascii_case(b"utf-8") {
        return Err(node
            .error("\"charset_map\" with \"utf-8\" charset should be given in the second column"));
    }
    let mut codes = match to.text.eq_ignore_ascii_case(b"utf-8") {
        true => utf8(),
        false => bytes(),
    };
    entries(b, node, |_, line| add(&mut codes, line));
    Ok(Map {
        from: from.text.clone(),
        to: to.text.clone(),
        codes,
    })
}

fn bytes() -> Codes {
    let identity: [u8; 256] =
        std::array::from_fn(|i| u8::try_from(i).ok().filter(u8::is_ascii).unwrap_or(b'?'));
    Codes::Bytes {
        forward: Box::new(identity),
        back: Box::new(identity),
    }
}

fn utf8() -> Codes {
    let forward = (0..=u8::MAX)
        .map(|code| Bytes::from(vec![if code.is_ascii() { code } else { b'?' }]))
        .collect();
    let back = (1..128u8).map(|code| (u32::from(code), code)).collect();
    Codes::Utf8 { forward, back }
}

fn add(codes: &mut Codes, line: &Node) -> Result<(), Diagnostic> {
    let [second] = line.args.as_slice() else {
        return Err(line.error("invalid parameters number"));
    };
    let code = hex_byte(&line.name.text).ok_or_else(|| invalid(&line.name))?;
    match codes {
        Codes::Bytes { forward, back } => {
            let other = hex_byte(&second.text).ok_or_else(|| invalid(second))?;
            if let Some(place) = forward.get_mut(usize::from(code)) {
                *place = other;
            }
            if let Some(place) = back.get_mut(usize::from(other)) {
                *place = code;
            }
        }
        Codes::Utf8 { forward, back } => {
            let (text, character) = character(second).ok_or_else(|| invalid(second))?;
            if let Some(place) = forward.get_mut(usize::from(code)) {
                *place = text;
            }
            back.insert(character, code);
        }
    }
    Ok(())
}

/// The bytes of a character in UTF-8, written in hexadecimal digits, and the character.
fn character(word: &Word) -> Option<(Bytes, u32)> {
    if word.text.len() / 2 > LONGEST {
        return None;
    }
    let bytes: Vec<u8> = word.text.chunks(2).map(hex_byte).collect::<Option<_>>()?;
    let character = match bytes.as_slice() {
        [ascii] if ascii.is_ascii() => u32::from(*ascii),
        other => {
            let mut characters = std::str::from_utf8(other).ok()?.chars();
            let first = characters.next()?;
            if characters.next().is_some() {
                return None;
            }
            u32::from(first)
        }
    };
    Some((Bytes::from(bytes), character))
}

/// One or two hexadecimal digits.
fn hex_byte(text: &[u8]) -> Option<u8> {
    if !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    u8::try_from(u32::from_str_radix(text, 16).ok()?).ok()
}
