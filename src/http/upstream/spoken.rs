//! What a server speaks that does not answer as it should: told from the first bytes.

use std::fmt;

/// So many bytes are kept of an answer that is none.
const LENGTH: usize = 32;

/// The first bytes of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    bytes: [u8; LENGTH],
    length: u8,
}

/// A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// An alert of TLS: the server expects TLS (RFC 8446 section 5.1).
    Tls,
    /// A frame that begins a connection of HTTP/2 (RFC 9113 section 3.4).
    Http2,
    /// HTTP/1.x.
    Http,
    /// SSH.
    Ssh,
    /// A text that begins as HTML.
    Html,
    /// Another text.
    Text,
    /// Nothing that is known.
    Unknown,
}

impl Start {
    /// The start of what has come.
    pub fn of(input: &[u8]) -> Self {
        let mut start = Start::default();
        for (place, byte) in start.bytes.iter_mut().zip(input) {
            *place = *byte;
            start.length += 1;
        }
        start
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// What they are the start of.
    pub fn spoken(&self) -> Spoken {
        const SETTINGS: u8 = 4;
        const GOAWAY: u8 = 7;
        match self.bytes() {
            [0x15, 0x03, ..] => Spoken::Tls,
            // Type, flags and the number of the stream, 0 for the connection itself.
            [0, _, _, SETTINGS | GOAWAY, 0 | 1, 0, 0, 0, 0, ..] => Spoken::Http2,
            text if text.starts_with(b"HTTP/") => Spoken::Http,
            text if text.starts_with(b"SSH-") => Spoken::Ssh,
            text if text.trim_ascii_start().starts_with(b"<") => Spoken::Html,
            text if !text.is_empty() && text.iter().all(is_text) => Spoken::Text,
            _ => Spoken::Unknown,
        }
    }
}

fn is_text(byte: &u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

/// The first line, or the bytes as hexadecimal numbers if they are no text. Safe to be put between apostrophes.
impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes();
        let line = bytes.split(|b| matches!(b, b'\r' | b'\n')).next();
        let line = line.unwrap_or_default();
        if !line.is_empty() && line.iter().all(is_text) {
            for byte in line {
                let byte = match byte {
                    b'"' | b'\'' | b'\\' | b'\t' => b' ',
                    byte => *byte,
                };
                write!(f, "{}", char::from(byte))?;
            }
            return Ok(());
        }
        for (i, byte) in bytes.iter().take(8).enumerate() {
            write!(f, "{}{byte:02x}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

/// Whether a 400 was sent because the request came without TLS, by what the body says: nginx, Go, Apache, Node's
/// proxies.
pub fn wants_tls(body: &[u8]) -> bool {
    const SENTENCES: [&[u8]; 3] = [
        b"The plain HTTP request was sent to HTTPS port",
        b"Client sent an HTTP request to an HTTPS server",
        b"speaking plain HTTP to an SSL-enabled server port",
    ];
    SENTENCES
        .iter()
        .any(|sentence| memchr::memmem::find(body, sentence).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_apart() {
        for (bytes, spoken, shown) in [
            (
                &b"\x15\x03\x01\x00\x02\x02\x46"[..],
                Spoken::Tls,
                "15 03 01 00 02 02 46",
            ),
            (
                b"\0\0\x12\x04\0\0\0\0\0\0\x03",
                Spoken::Http2,
                "00 00 12 04 00 00 00 00",
            ),
            (
                b"HTTP/1.1 400 Bad\r\nX: y",
                Spoken::Http,
                "HTTP/1.1 400 Bad",
            ),
            (
                b"SSH-2.0-OpenSSH_9.2\r\n",
                Spoken::Ssh,
                "SSH-2.0-OpenSSH_9.2",
            ),
            (b"<!DOCTYPE html>\n<p>", Spoken::Html, "<!DOCTYPE html>"),
            (b"-ERR \"unknown'\r\n", Spoken::Text, "-ERR  unknown "),
            (b"", Spoken::Unknown, ""),
            (b"\xff\x00", Spoken::Unknown, "ff 00"),
        ] {
            let start = Start::of(bytes);
            assert_eq!(
                (start.spoken(), start.to_string().as_str()),
                (spoken, shown)
            );
        }
        assert_eq!(Start::of(&[b'x'; 100]).bytes().len(), LENGTH);
    }
}
