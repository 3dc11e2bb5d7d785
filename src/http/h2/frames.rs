//! Where frames begin and end in a stream of bytes (RFC 9113 section 4.1). What is in them is the h2 crate's business.

/// The length of a frame's header.
pub const HEADER: usize = 9;

/// Types of frames.
pub mod kind {
    #![allow(missing_docs, reason = "the names are those of RFC 9113 section 6")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The flag of DATA and HEADERS that ends a stream; of SETTINGS and PING, that it acknowledges one.
pub const END_STREAM: u8 = 1;
/// See [`END_STREAM`].
pub const ACK: u8 = 1;
/// The flag of HEADERS and CONTINUATION that ends a block of fields.
pub const END_HEADERS: u8 = 4;

/// The flag of DATA and HEADERS that are padded.
pub const PADDED: u8 = 8;
/// The flag of HEADERS that say something about priority.
pub const PRIORITY: u8 = 0x20;

/// The header of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The length of what follows, in bytes.
    pub length: u32,
    /// The type.
    pub kind: u8,
    /// The flags.
    pub flags: u8,
    /// The stream; 0 is the connection.
    pub stream: u32,
}

impl Header {
    /// Reads it.
    pub fn read(bytes: [u8; HEADER]) -> Header {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes;
        Header {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind,
            flags,
            stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
        }
    }

    /// As it is sent.
    pub fn write(self) -> [u8; HEADER] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A frame begins: all of its header is there.
    Begin(Header),
    /// Some of what follows the header.
    Payload(&'a [u8]),
    /// A header that is not complete.
    Partial,
}

/// Goes through bytes and keeps its place.
#[derive(Debug, Default)]
pub struct Scanner {
    header: [u8; HEADER],
    have: usize,
    left: usize,
}

impl Scanner {
    /// Whether the next byte is the first one of a frame.
    pub fn at_start(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// How many bytes may pass for certain before the next frame starts.
    pub fn rest(&self) -> usize {
        match self.have {
            0 => self.left,
            have => HEADER - have,
        }
    }

    /// Takes a step; moves `bytes` behind it. There must be some.
    pub fn step<'a>(&mut self, bytes: &mut &'a [u8]) -> Step<'a> {
        if self.left > 0 {
            let (payload, rest) = bytes.split_at(self.left.min(bytes.len()));
            self.left -= payload.len();
            *bytes = rest;
            return Step::Payload(payload);
        }
        let (own, rest) = bytes.split_at((HEADER - self.have).min(bytes.len()));
        for (slot, byte) in self.header.iter_mut().skip(self.have).zip(own) {
            *slot = *byte;
        }
        *bytes = rest;
        self.have += own.len();
        if self.have < HEADER {
            return Step::Partial;
        }
        self.have = 0;
        let header = Header::read(self.header);
        self.left = header.length as usize;
        Step::Begin(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let ping = Header {
            length: 8,
            kind: kind::PING,
            flags: ACK,
            stream: 0,
        };
        let data = Header {
            length: 3,
            kind: kind::DATA,
            flags: END_STREAM,
            stream: 0x7fff_ffff,
        };
        let bytes = [&ping.write()[..], b"12345678", &data.write(), b"abc"].concat();
        for size in 1..bytes.len() {
            let mut scanner = Scanner::default();
            let (mut headers, mut payload) = (Vec::new(), Vec::new());
            for mut piece in bytes.chunks(size) {
                while !piece.is_empty() {
                    match scanner.step(&mut piece) {
                        Step::Begin(header) => headers.push(header),
                        Step::Payload(some) => payload.extend_from_slice(some),
                        Step::Partial => assert!(piece.is_empty()),
                    }
                }
            }
            assert_eq!(
                (&headers[..], &payload[..]),
                (&[ping, data][..], &b"12345678abc"[..])
            );
            assert!(scanner.at_start());
        }
    }
}
