//! Compressed heads taken apart (RFC 7541). The h2 crate's decoder ends a connection where a value does not fit the types
//! of the http crate; this one takes values as bytes and leaves it to the request to judge them.

use super::block::Block;
use super::huffman;
use Trouble::Broken;
use std::collections::VecDeque;

/// Why a block was not decoded. Those that follow it cannot be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It makes no sense.
    Broken,
    /// It says more than is wanted; its last field has a name or value of this length.
    TooLarge(usize),
}

/// The size of the dynamic table, which the server does not change.
const TABLE_SIZE: usize = 4096;
/// What a field counts there beside its text (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;

/// One direction's decoder, with its table.
#[derive(Debug)]
pub struct Decoder {
    /// The newest first.
    entries: VecDeque<Entry>,
    size: usize,
    most: usize,
}

#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    name: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder {
            entries: VecDeque::new(),
            size: 0,
            most: TABLE_SIZE,
        }
    }
}

impl Decoder {
    /// Writes the fields of a whole block to `into`.
    pub fn decode(&mut self, mut coded: &[u8], into: &mut Block) -> Result<(), Trouble> {
        let mut first = true;
        while let Some(byte) = coded.first() {
            match byte {
                0x80.. => {
                    let index = integer(&mut coded, 7)?;
                    let (name, value) = self.entry(index)?;
                    into.name().extend_from_slice(name);
                    into.value().extend_from_slice(value);
                    into.end()?;
                }
                0x40.. => {
                    self.literal(&mut coded, 6, into)?;
                    self.insert(into);
                    into.end()?;
                }
                0x20.. => {
                    let size = integer(&mut coded, 5)?;
                    if !first || size > TABLE_SIZE {
                        return Err(Broken);
                    }
                    self.most = size;
                    self.evict(0);
                    continue;
                }
                _ => {
                    self.literal(&mut coded, 4, into)?;
                    into.end()?;
                }
            }
            first = false;
        }
        Ok(())
    }

    /// A field that is written out, its name possibly not.
    fn literal(&self, coded: &mut &[u8], prefix: u32, into: &mut Block) -> Result<(), Trouble> {
        match integer(coded, prefix)? {
            0 => string(coded, into.name())?,
            index => into.name().extend_from_slice(self.entry(index)?.0),
        }
        string(coded, into.value())?;
        match into.current().0.is_empty() {
            true => Err(Broken),
            false => Ok(()),
        }
    }

    fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), Trouble> {
        let index = index.checked_sub(1).ok_or(Broken)?;
        if let Some((name, value)) = STATIC_TABLE.get(index) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let entry = self.entries.get(index - STATIC_TABLE.len()).ok_or(Broken)?;
        entry.text.split_at_checked(entry.name).ok_or(Broken)
    }

    /// Puts the field that has just been read into the table.
    fn insert(&mut self, block: &Block) {
        let (name, value) = block.current();
        let size = name.len().saturating_add(value.len());
        let size = size.saturating_add(OVERHEAD);
        self.evict(size);
        if size <= self.most {
            self.size += size;
            self.entries.push_front(Entry {
                text: [name, value].concat().into(),
                name: name.len(),
            });
        }
    }

    /// Drops the oldest until there is room for so much.
    fn evict(&mut self, room: usize) {
        while self.size.saturating_add(room) > self.most
            && let Some(entry) = self.entries.pop_back()
        {
            self.size = self.size.saturating_sub(entry.text.len() + OVERHEAD);
        }
    }
}

/// A number whose first bits share a byte with something else (RFC 7541 section 5.1).
fn integer(coded: &mut &[u8], prefix: u32) -> Result<usize, Trouble> {
    let (first, mut rest) = coded.split_first().ok_or(Broken)?;
    let mask = u8::MAX >> 8_u32.saturating_sub(prefix);
    let mut number = usize::from(first & mask);
    if number == usize::from(mask) {
        for shift in [0, 7, 14, 21, 28] {
            let (byte, behind) = rest.split_first().ok_or(Broken)?;
            rest = behind;
            number = number.saturating_add(usize::from(byte & 0x7f) << shift);
            if byte & 0x80 == 0 {
                *coded = rest;
                return Ok(number);
            }
        }
        return Err(Broken);
    }
    *coded = rest;
    Ok(number)
}

fn string(coded: &mut &[u8], out: &mut Vec<u8>) -> Result<(), Trouble> {
    let is_huffman = coded.first().is_some_and(|byte| byte & 0x80 != 0);
    let length = integer(coded, 7)?;
    let (own, rest) = coded.split_at_checked(length).ok_or(Broken)?;
    *coded = rest;
    match is_huffman {
        true => huffman::decode(own, out),
        false => {
            out.extend_from_slice(own);
            Ok(())
        }
    }
}

/// Appendix A.
const STATIC_TABLE: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(decoder: &mut Decoder, coded: &[u8]) -> Result<String, Trouble> {
        let mut block = Block::new(1000);
        decoder.decode(coded, &mut block)?;
        let lines = block.fields().map(|(name, value)| {
            let (name, value) = (name.escape_ascii(), value.escape_ascii());
            format!("{name}={value} ")
        });
        Ok(lines.collect())
    }

    /// RFC 7541 appendix C.4: requests with Huffman's code, one after the other.
    #[test]
    fn the_requests_of_the_rfc() {
        let mut decoder = Decoder::default();
        let base = ":method=GET :scheme=http :path=/ :authority=www.example.com ";
        let first = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        assert_eq!(decoded(&mut decoder, first).as_deref(), Ok(base));
        let second = b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf";
        let with = format!("{base}cache-control=no-cache ");
        assert_eq!(decoded(&mut decoder, second), Ok(with));
        let third = b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf";
        let all = ":method=GET :scheme=https :path=/index.html :authority=www.example.com custom-key=custom-value ";
        assert_eq!(decoded(&mut decoder, third).as_deref(), Ok(all));
        assert_eq!(decoder.size, 164);
    }

    #[test]
    fn the_table_drops_what_is_old() {
        let mut decoder = Decoder::default();
        let add = |text: &str| [b"\x40\x01", text.as_bytes()].concat();
        // Room for two of 34 bytes.
        let all = [
            &b"\x3f\x2d"[..],
            &add("a\x011"),
            &add("b\x012"),
            &add("c\x013"),
            b"\xbe\xbf",
        ];
        let fields = decoded(&mut decoder, &all.concat());
        assert_eq!(fields.as_deref(), Ok("a=1 b=2 c=3 c=3 b=2 "));
        assert_eq!(decoded(&mut decoder, b"\xc0"), Err(Broken));
        // What is larger than the table empties it.
        let large = [&b"\x40\x01d\x40"[..], &[b'x'; 64]].concat();
        assert!(decoded(&mut decoder, &large).is_ok());
        assert_eq!((decoder.size, decoder.entries.len()), (0, 0));
    }

    #[test]
    fn what_unfolds_is_not_followed_to_its_end() {
        let entry = [&b"\x40\x01a\x7f\x01"[..], &[b'x'; 128], &[0xbe; 100]].concat();
        let trouble = decoded(&mut Decoder::default(), &entry);
        assert_eq!(trouble, Err(Trouble::TooLarge(128)));
    }

    #[test]
    fn values_are_bytes() {
        let fields = decoded(&mut Decoder::default(), b"\x04\x03/\xe9\0\x02\x00");
        assert_eq!(fields.as_deref(), Ok(":path=/\\xe9\\x00 :method= "));
    }

    #[test]
    fn what_is_broken() {
        for coded in [
            &b"\x80"[..],
            b"\xbe",
            b"\xff",
            b"\xff\xff\xff\xff\xff\xff\x7f",
            b"\x00",
            b"\x00\x00\x01a",
            b"\x00\x01a",
            b"\x00\x01a\x02b",
            b"\x04\x81\xff",
            b"\x3f\xe2\x1f",
            b"\x82\x20",
        ] {
            assert_eq!(
                decoded(&mut Decoder::default(), coded),
                Err(Broken),
                "{coded:x?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(blocks in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..60), 1..5)) {
            let mut decoder = Decoder::default();
            for coded in blocks {
                let _ = decoded(&mut decoder, &coded);
                let size: usize = decoder.entries.iter().map(|entry| entry.text.len() + OVERHEAD).sum();
                proptest::prop_assert!(decoder.size == size && size <= decoder.most);
            }
        }
    }
}
