//! Recognising field names: one multiplication and one comparison, whatever the number of names.

/// A perfect hash of a fixed list of names, found by the compiler.
pub struct Table {
    seed: u32,
    /// Number of the name in each slot; 255 in empty ones.
    slots: [u8; 256],
}

const EMPTY: u8 = 255;

impl Table {
    /// Finds a seed that gives each name a slot of its own. Does not come to an end, and so does not compile, if two
    /// names have the same length and the same first, middle and last byte. Names are in lower case.
    pub const fn new(names: &[&[u8]]) -> Table {
        let mut seed = 0x9e37_79b1;
        loop {
            if let Some(slots) = place(names, seed) {
                return Table { seed, slots };
            }
            seed = seed.wrapping_add(0x61c8_8646);
        }
    }

    /// The number of the only name in the list that this one may be; a number beyond the list if it is none of them.
    pub fn candidate(&self, name: &[u8]) -> usize {
        let (Some(first), Some(middle), Some(last)) =
            (name.first(), name.get(name.len() / 2), name.last())
        else {
            return usize::from(EMPTY);
        };
        let slot = slot(*first, *middle, *last, name.len(), self.seed);
        self.slots
            .get(usize::from(slot))
            .map_or(usize::from(EMPTY), |number| usize::from(*number))
    }
}

/// Whether `name`, a token, is `known` in any case. `known` is in lower case and has letters, digits and dashes only:
/// none of these is what the bit of the case would make of another character of a token.
pub fn is_named(name: &[u8], known: &[u8]) -> bool {
    const CASE: u64 = 0x2020_2020_2020_2020;
    if name.len() != known.len() {
        return false;
    }
    let (words, rest) = name.as_chunks::<8>();
    let (known_words, known_rest) = known.as_chunks::<8>();
    let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes) | CASE;
    words
        .iter()
        .zip(known_words)
        .all(|(a, b)| number(a) == number(b))
        && rest
            .iter()
            .zip(known_rest)
            .all(|(a, b)| a | 0x20 == b | 0x20)
}

#[allow(
    clippy::indexing_slicing,
    reason = "runs in the compiler: a wrong index does not build"
)]
const fn place(names: &[&[u8]], seed: u32) -> Option<[u8; 256]> {
    let mut slots = [EMPTY; 256];
    let mut number = 0;
    while number < names.len() {
        let name = names[number];
        let slot = slot(
            name[0],
            name[name.len() / 2],
            name[name.len() - 1],
            name.len(),
            seed,
        ) as usize;
        if slots[slot] != EMPTY {
            return None;
        }
        slots[slot] = number as u8;
        number += 1;
    }
    Some(slots)
}

/// Letters count the same in both cases.
const fn slot(first: u8, middle: u8, last: u8, len: usize, seed: u32) -> u8 {
    let key = u32::from_le_bytes([first | 0x20, middle | 0x20, last | 0x20, len as u8]);
    (key.wrapping_mul(seed) >> 24) as u8
}

#[cfg(test)]
mod tests {
    use super::is_named;
    use crate::http::head::Known;

    #[test]
    fn names_are_compared_in_any_case() {
        let known = b"access-control-max-age";
        assert!(is_named(b"Access-CONTROL-max-Age", known));
        for n in 0..known.len() {
            let mut name = known.to_vec();
            name[n] = b'q';
            assert!(!is_named(&name, known));
            name[n] = b'_';
            assert!(!is_named(&name, known));
        }
        assert!(!is_named(&known[1..], known) && is_named(b"", b""));
    }

    #[test]
    fn names() {
        assert_eq!(Known::of(b"Host"), Known::Host);
        assert_eq!(Known::of(b"IF-NONE-match"), Known::IfNoneMatch);
        assert_eq!(Known::of(b"content-range"), Known::ContentRange);
        assert_eq!(Known::of(b"te"), Known::Te);
        for name in [&b""[..], b"h", b"hosts", b"hxst", b"x-host", &[b'a'; 1000]] {
            assert_eq!(Known::of(name), Known::Other);
        }
    }
}
