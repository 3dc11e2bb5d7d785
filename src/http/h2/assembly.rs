//! Blocks of fields put together from their frames (RFC 9113 sections 6.2 and 6.10) and decoded. The h2 crate gets a
//! stand-in for each, since it ends the connection over values that its types cannot hold.

use super::block::Block;
use super::frames::{END_HEADERS, END_STREAM, Header, PADDED, PRIORITY, kind};
use super::hpack::{Decoder, Trouble};

/// What has been read of a block, and the table that blocks refer to.
#[derive(Debug, Default)]
pub struct Assembly {
    decoder: Decoder,
    /// The HEADERS frame that the block has begun with.
    open: Option<Header>,
    /// The frame that is being read, if it belongs to the block.
    frame: Option<Header>,
    coded: Vec<u8>,
    /// The frame's bytes about priority.
    priority: Vec<u8>,
}

/// A frame that is longer ends the connection as soon as its header is read.
const MOST_FRAME: u32 = 16384;
/// In the first byte of a block, what no block has: the index 0.
const NO_FIELD: u8 = 0x80;
/// GET, http, /: by their indices.
const ANY_REQUEST: [u8; 3] = [0x82, 0x86, 0x84];
/// How long the part of HEADERS about priority is.
const PRIORITY_LENGTH: usize = 5;

/// A block that is complete.
pub struct Whole {
    /// Its first frame.
    pub header: Header,
    /// Its fields, or what is wrong with it.
    pub block: Result<Block, Trouble>,
}

impl Assembly {
    /// A frame begins; whether what is in it belongs here. What the h2 crate is to get instead of what it goes without
    /// is appended to `out`.
    pub fn begin(&mut self, header: Header, out: &mut Vec<u8>) -> bool {
        self.frame = None;
        match (header.kind, self.open) {
            (_, _) if header.length > MOST_FRAME => {}
            (kind::HEADERS, None) => {
                self.coded.clear();
                self.priority.clear();
                self.open = Some(header);
                self.frame = Some(header);
                return true;
            }
            (kind::CONTINUATION, Some(open)) if open.stream == header.stream => {
                self.frame = Some(header);
                return true;
            }
            _ => {}
        }
        if let Some(open) = self.open.take() {
            // The crate is to see that something comes in between.
            let start = Header {
                length: 0,
                flags: open.flags & END_STREAM,
                ..open
            };
            out.extend_from_slice(&start.write());
        }
        false
    }

    /// Whether the frame that is being read belongs here.
    pub fn takes(&self) -> bool {
        self.frame.is_some()
    }

    /// Takes a piece of what is in it.
    pub fn take(&mut self, piece: &[u8]) {
        self.coded.extend_from_slice(piece);
    }

    /// The frame has come to its end: the block, if that was its last one. It has at most so many bytes.
    pub fn end(&mut self, most: usize) -> Option<Whole> {
        let frame = self.frame.take()?;
        let sound = frame.kind != kind::HEADERS || self.strip(frame.flags).is_some();
        if sound && frame.flags & END_HEADERS == 0 {
            return None;
        }
        let header = self.open.take()?;
        let mut block = Block::new(most);
        let decoded = match sound {
            true => self.decoder.decode(&self.coded, &mut block),
            false => Err(Trouble::Broken),
        };
        if self.coded.capacity() > MOST_FRAME as usize {
            self.coded = Vec::new();
        }
        Some(Whole {
            header,
            block: decoded.map(|()| block),
        })
    }

    /// Takes away what is not of the block: padding and priority.
    fn strip(&mut self, flags: u8) -> Option<()> {
        if flags & PADDED != 0 {
            let padding = usize::from(*self.coded.first()?);
            let end = self.coded.len().checked_sub(padding)?;
            self.coded.truncate(end);
            // The length of the padding must not be padding.
            self.coded.first()?;
            self.coded.remove(0);
        }
        if flags & PRIORITY != 0 {
            self.coded.get(..PRIORITY_LENGTH)?;
            self.priority.extend(self.coded.drain(..PRIORITY_LENGTH));
        }
        Some(())
    }

    /// Whether the stream is said to depend on itself, which the crate resets it for (RFC 7540 section 5.3.1).
    pub fn depends_on_itself(&self, header: Header) -> bool {
        self.priority
            .first_chunk::<4>()
            .is_some_and(|bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff == header.stream)
    }

    /// What the crate gets for a block: that a request begins, or that a stream ends.
    pub fn stand_in(&self, header: Header, is_request: bool, out: &mut Vec<u8>) {
        let fields: &[u8] = match is_request {
            true => &ANY_REQUEST,
            false => &[],
        };
        self.write(header, fields, out);
    }

    /// What it gets for one that cannot be decoded.
    pub fn stand_in_broken(&self, header: Header, out: &mut Vec<u8>) {
        self.write(header, &[NO_FIELD], out);
    }

    fn write(&self, header: Header, fields: &[u8], out: &mut Vec<u8>) {
        let has_priority = !self.priority.is_empty();
        let header = Header {
            length: (self.priority.len() + fields.len()) as u32,
            flags: header.flags & END_STREAM
                | END_HEADERS
                | if has_priority { PRIORITY } else { 0 },
            ..header
        };
        out.extend_from_slice(&header.write());
        out.extend_from_slice(&self.priority);
        out.extend_from_slice(fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of frames, each with its type, flags and payload on stream 1.
    fn assembled(frames: &[(u8, u8, &[u8])]) -> Option<Result<Vec<u8>, Trouble>> {
        let mut assembly = Assembly::default();
        let mut whole = None;
        for (kind, flags, payload) in frames {
            let header = Header {
                length: payload.len() as u32,
                kind: *kind,
                flags: *flags,
                stream: 1,
            };
            assert!(assembly.begin(header, &mut Vec::new()));
            payload.chunks(2).for_each(|piece| assembly.take(piece));
            whole = assembly.end(100);
        }
        let block = whole?.block;
        Some(block.map(|block| block.get(b"a").unwrap_or_default().to_vec()))
    }

    #[test]
    fn blocks_in_pieces() {
        let coded = b"\0\x01a\x03one";
        let padded = [b"\x02", &coded[..], b"\0\0"].concat();
        let all = [b"\x01\0\0\0\0\x10", &coded[..], b"\0"].concat();
        let one = Some(Ok(b"one".to_vec()));
        let (headers, continuation) = (kind::HEADERS, kind::CONTINUATION);
        assert_eq!(assembled(&[(headers, END_HEADERS, coded)]), one);
        assert_eq!(assembled(&[(headers, END_HEADERS | PADDED, &padded)]), one);
        let both = END_HEADERS | PADDED | PRIORITY;
        assert_eq!(assembled(&[(headers, both, &all)]), one);
        for cut in 0..coded.len() {
            let (start, rest) = coded.split_at(cut);
            let two = [(headers, 0, start), (continuation, END_HEADERS, rest)];
            assert_eq!(assembled(&two), one);
            assert_eq!(assembled(&two[..1]), None);
        }
    }

    #[test]
    fn frames_that_are_too_short_for_what_they_say() {
        for (flags, payload) in [
            (PADDED, &b""[..]),
            (PADDED, b"\x01"),
            (PADDED, b"\x03\0\0"),
            (PRIORITY, b"\0\0\0\0"),
            (PADDED | PRIORITY, b"\x01\0\0\0\0\0"),
        ] {
            for last in [0, END_HEADERS] {
                let broken = assembled(&[(kind::HEADERS, flags | last, payload)]);
                assert_eq!(broken, Some(Err(Trouble::Broken)), "{flags} {payload:?}");
            }
        }
    }

    #[test]
    fn what_comes_in_between_is_shown() {
        let mut assembly = Assembly::default();
        let header = |kind, stream| Header {
            length: 0,
            kind,
            flags: 0,
            stream,
        };
        let mut out = Vec::new();
        assert!(assembly.begin(header(kind::HEADERS, 1), &mut out));
        assert!(assembly.end(100).is_none() && out.is_empty());
        assert!(!assembly.begin(header(kind::CONTINUATION, 3), &mut out));
        assert_eq!(out, header(kind::HEADERS, 1).write());
        assert!(!assembly.begin(header(kind::CONTINUATION, 1), &mut out));
    }
}
