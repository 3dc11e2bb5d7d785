//! A client of HTTP/2 that sends whatever frames a test wants, and knows just enough of HPACK for that.

use crate::common::Server;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;

/// The error code by which a server asks for moderation.
pub const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The status that a HEADERS frame begins with.
    pub fn status(&self) -> u16 {
        match self.payload[..] {
            [0x88, ..] => 200,
            [0x89, ..] => 204,
            [0x8a, ..] => 206,
            [0x8b, ..] => 304,
            [0x8c, ..] => 400,
            [0x8d, ..] => 404,
            [0x8e, ..] => 500,
            // A literal with the name of entry 8, its value in Huffman's code.
            [0x08 | 0x48, length, ref rest @ ..] if length & 0x80 != 0 => {
                digits(&rest[..usize::from(length & 0x7f)])
            }
            [0x08 | 0x48, 3, a, b, c, ..] => [a, b, c]
                .iter()
                .fold(0, |number, digit| number * 10 + u16::from(digit - b'0')),
            _ => panic!("no status in {:x?}", self.payload),
        }
    }

    /// The number behind so many bytes.
    pub fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

/// Decimal digits in Huffman's code (RFC 7541 appendix B): 0 to 2 have five bits, the others six.
fn digits(bytes: &[u8]) -> u16 {
    let all: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut number, mut at) = (0, 0);
    while at + 5 <= all.len() {
        let five = u16::from_str_radix(&all[at..at + 5], 2).unwrap();
        if five < 3 {
            (number, at) = (number * 10 + five, at + 5);
        } else if at + 6 <= all.len() {
            let six = u16::from_str_radix(&all[at..at + 6], 2).unwrap();
            let Some(digit) = six.checked_sub(0b01_1001).filter(|n| *n < 7) else {
                break;
            };
            (number, at) = (number * 10 + digit + 3, at + 6);
        } else {
            break;
        }
    }
    number
}

/// A frame as it is sent.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A setting.
pub fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// Fields as literals without indexing.
pub fn block<T: AsRef<[u8]>>(fields: &[(T, T)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            length(text.as_ref().len(), &mut out);
            out.extend(text.as_ref());
        }
    }
    out
}

fn length(mut length: usize, out: &mut Vec<u8>) {
    if length < 127 {
        return out.push(length as u8);
    }
    out.push(127);
    length -= 127;
    while length >= 128 {
        out.push((length % 128) as u8 | 128);
        length /= 128;
    }
    out.push(length as u8);
}

/// The head of a GET.
pub fn get(path: &str) -> Vec<u8> {
    block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
    ])
}

/// A connection.
pub struct Client {
    pub stream: TcpStream,
}

impl Client {
    /// Connects to the first port and says hello.
    pub fn new(server: &Server) -> Client {
        Client::with(server, &[])
    }

    /// The same with these settings.
    pub fn with(server: &Server, settings: &[u8]) -> Client {
        Client::on(server.connect(0), settings)
    }

    /// The same on a connection that there is.
    pub fn on(stream: TcpStream, settings: &[u8]) -> Client {
        let mut client = Client { stream };
        client.stream.set_nodelay(true).unwrap();
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.send(SETTINGS, 0, 0, settings);
        let first = client.read().expect("the server's settings");
        assert_eq!((first.kind, first.flags, first.stream), (SETTINGS, 0, 0));
        client.send(SETTINGS, ACK, 0, &[]);
        client
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload));
    }

    /// Makes a request without a body.
    pub fn get(&mut self, stream: u32, path: &str) {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &get(path));
    }

    /// Lets so much more come on a stream, 0 being all.
    pub fn open(&mut self, stream: u32, more: u32) {
        self.send(WINDOW_UPDATE, 0, stream, &more.to_be_bytes());
    }

    /// The next frame; none when the connection is over.
    pub fn read(&mut self) -> Option<Frame> {
        let mut header = [0; 9];
        self.fill(&mut header)?;
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        self.fill(&mut payload)?;
        Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            payload,
        })
    }

    fn fill(&mut self, buf: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(buf) {
            Ok(()) => Some(()),
            Err(e) if e.kind() == ErrorKind::WouldBlock => panic!("nothing comes"),
            Err(_) => None,
        }
    }

    /// Reads until a frame is such; all that came.
    pub fn until(&mut self, is_last: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let mut all = Vec::new();
        loop {
            let Some(frame) = self.read() else {
                panic!("the connection is over after {all:?}");
            };
            let last = is_last(&frame);
            all.push(frame);
            if last {
                return all;
            }
        }
    }

    /// The status and the body of the response on a stream.
    pub fn response(&mut self, stream: u32) -> (u16, Vec<u8>) {
        let ends = |f: &Frame| {
            f.stream == stream
                && (f.kind == RST_STREAM || f.flags & END_STREAM != 0)
                && f.kind != SETTINGS
        };
        let frames = self.until(ends);
        let own = || frames.iter().filter(|f| f.stream == stream);
        assert!(own().all(|f| f.kind != RST_STREAM), "{frames:?}");
        let head = own().find(|f| f.kind == HEADERS).unwrap();
        let body = own().filter(|f| f.kind == DATA);
        let body = body.flat_map(|f| f.payload.clone()).collect();
        (head.status(), body)
    }

    /// All that comes until the connection is over.
    pub fn rest(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.read()).collect()
    }

    /// The error code of the GOAWAY that the connection ends with.
    pub fn last_words(&mut self) -> u32 {
        let frames = self.rest();
        let last = frames.iter().rfind(|f| f.kind == GOAWAY);
        last.unwrap_or_else(|| panic!("{} frames", frames.len()))
            .number(4)
    }

    /// Sends this again and again while reading, until the server has had enough; the error code that it ends with.
    pub fn flood(mut self, piece: &[u8], times: usize) -> u32 {
        let mut writer = self.stream.try_clone().unwrap();
        let pieces = piece.repeat(64);
        let writing = std::thread::spawn(move || {
            writer
                .set_write_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            for _ in 0..times.div_ceil(64) {
                if writer.write_all(&pieces).is_err() {
                    return;
                }
            }
        });
        let code = self.last_words();
        writing.join().unwrap();
        code
    }
}
