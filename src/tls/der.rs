//! The little of DER (X.690) that is read and written here without a crate's help.

/// A value in DER, and how to go through its parts.
#[derive(Clone, Copy, Debug)]
pub struct Der<'a> {
    rest: &'a [u8],
}

/// A part.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Its identifier.
    pub tag: u8,
    /// What is in it.
    pub contents: &'a [u8],
    /// All of it.
    pub whole: &'a [u8],
}

/// `INTEGER`
pub const INTEGER: u8 = 0x02;
/// `BIT STRING`
pub const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`
pub const OCTET_STRING: u8 = 0x04;
/// `NULL`
pub const NULL: u8 = 0x05;
/// `OBJECT IDENTIFIER`
pub const OID: u8 = 0x06;
/// `ENUMERATED`
pub const ENUMERATED: u8 = 0x0a;
/// `GeneralizedTime`
pub const TIME: u8 = 0x18;
/// `SEQUENCE`
pub const SEQUENCE: u8 = 0x30;

impl<'a> Der<'a> {
    /// The parts of a text.
    pub fn new(rest: &'a [u8]) -> Self {
        Der { rest }
    }

    /// The next part, if it has this identifier.
    pub fn expect(&mut self, tag: u8) -> Option<Part<'a>> {
        let part = self.clone().next()?;
        if part.tag != tag {
            return None;
        }
        self.next()
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let all = self.rest;
        let (&tag, rest) = all.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (bytes, behind) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if bytes.is_empty() || bytes.len() > 4 {
                return None;
            }
            length = bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            rest = behind;
        }
        let (contents, rest) = rest.split_at_checked(length)?;
        let whole = all.get(..all.len() - rest.len())?;
        self.rest = rest;
        Some(Part {
            tag,
            contents,
            whole,
        })
    }
}

impl<'a> Part<'a> {
    /// The parts of this part.
    pub fn parts(self) -> Der<'a> {
        Der::new(self.contents)
    }
}

/// Writes a value that consists of these.
pub fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        let significant = bytes.get(skip..).unwrap_or_default();
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
        out.extend_from_slice(significant);
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 5, 127, 128, 300, 70_000] {
            let contents = vec![7; length];
            let text = write(SEQUENCE, &[&write(OCTET_STRING, &[&contents]), &[NULL, 0]]);
            let whole = Der::new(&text).next().unwrap();
            let mut parts = whole.parts();
            assert_eq!(parts.expect(OCTET_STRING).unwrap().contents, contents);
            assert_eq!(parts.next().unwrap().tag, NULL);
            assert!(parts.next().is_none());
        }
        assert!(
            Der::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff])
                .next()
                .is_none()
        );
        assert!(Der::new(&[0x30, 5, 1]).next().is_none());
    }
}
