//! Huffman's code for strings in compressed heads (RFC 7541 section 5.2 and appendix B).

use super::hpack::Trouble::{self, Broken};
use std::sync::LazyLock;

/// How many bits the code of each byte has, and that of the end of a string. Codes of a length follow each other in the
/// order of the bytes, and longer ones follow shorter ones, so that nothing else needs to be known.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The symbol that ends a string and must not stand in one.
const END: u16 = 256;

/// Codes of one length.
struct Group {
    bits: u32,
    /// The first code, in the upper bits of a word.
    first: u32,
    /// Behind the last one.
    end: u64,
    symbols: Vec<u16>,
}

static GROUPS: LazyLock<Vec<Group>> = LazyLock::new(|| {
    let mut next = 0_u64;
    let mut groups = Vec::new();
    for bits in 1..=30_u8 {
        let of_length = (0_u16..)
            .zip(&LENGTHS)
            .filter(|(_, length)| **length == bits);
        let symbols: Vec<u16> = of_length.map(|(symbol, _)| symbol).collect();
        let first = next;
        next += (symbols.len() as u64) << (32 - bits);
        if !symbols.is_empty() {
            groups.push(Group {
                bits: bits.into(),
                first: first as u32,
                end: next,
                symbols,
            });
        }
    }
    groups
});

/// Appends to `out` what `coded` stands for.
pub fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), Trouble> {
    let groups = &**GROUPS;
    let mut coded = coded.iter();
    // Bits that have been read, from the highest on, and how many.
    let (mut bits, mut have) = (0_u64, 0_u32);
    loop {
        while have <= 56
            && let Some(byte) = coded.next()
        {
            bits |= u64::from(*byte) << (56 - have);
            have += 8;
        }
        if have == 0 {
            return Ok(());
        }
        // What is missing counts as padding.
        let window = ((bits | u64::MAX.checked_shr(have).unwrap_or(0)) >> 32) as u32;
        let group = groups.iter().find(|group| u64::from(window) < group.end);
        let group = group.ok_or(Broken)?;
        if group.bits > have {
            let is_padding = have < 8 && window == u32::MAX;
            return is_padding.then_some(()).ok_or(Broken);
        }
        let number = window.wrapping_sub(group.first) >> (32 - group.bits);
        match group.symbols.get(number as usize) {
            Some(&symbol) if symbol < END => out.push(symbol as u8),
            _ => return Err(Broken),
        }
        bits <<= group.bits;
        have -= group.bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, Trouble> {
        let mut out = Vec::new();
        decode(coded, &mut out).map(|()| out)
    }

    #[test]
    fn the_examples_of_the_rfc() {
        for (coded, text) in [
            (&[][..], &b""[..]),
            (
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ],
                b"www.example.com",
            ),
            (&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], b"no-cache"),
            (
                &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf],
                b"custom-value",
            ),
            // The rarest: 23 bits and 28.
            (&[0xff, 0xff, 0xb1], b"\x01"),
            (&[0xff, 0xff, 0xfe, 0x2f], b"\x02"),
        ] {
            assert_eq!(decoded(coded).as_deref(), Ok(text), "{coded:x?}");
        }
    }

    #[test]
    fn what_is_no_code() {
        for coded in [
            // Padding of a whole byte, padding that is not ones, a code that is cut, the end in the middle.
            &[0xff][..],
            &[0x07, 0xff],
            &[0x00],
            &[0xff, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xff],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(decoded(coded), Err(Broken), "{coded:x?}");
        }
        assert_eq!(decoded(&[0x07]).as_deref(), Ok(&b"0"[..]));
    }
}
