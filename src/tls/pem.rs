//! PEM as OpenSSL reads it (RFC 7468, RFC 1421): blocks between text that does not matter.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// A block of a PEM file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands behind `BEGIN`.
    pub label: String,
    /// The lines before the contents, such as `Proc-Type: 4,ENCRYPTED`.
    pub headers: Vec<(String, String)>,
    /// The contents.
    pub der: Vec<u8>,
}

/// Why a block could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemError {
    /// There is none.
    NoStartLine,
    /// It has no end, or another one.
    BadEndLine,
    /// Its contents are not base64.
    BadBase64,
}

impl PemError {
    /// OpenSSL's reason.
    pub fn reason(self) -> &'static str {
        match self {
            PemError::NoStartLine => "error:0480006C:PEM routines::no start line",
            PemError::BadEndLine => "error:04800066:PEM routines::bad end line",
            PemError::BadBase64 => "error:04800064:PEM routines::bad base64 decode",
        }
    }
}

/// Reads the blocks of a text in their order; the first error ends it.
pub fn blocks(text: &[u8]) -> Blocks<'_> {
    Blocks {
        lines: Lines(text),
        failed: false,
    }
}

/// Writes a block, with lines of 64 characters.
pub fn write(label: &str, der: &[u8], out: &mut Vec<u8>) {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    out.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in text.as_bytes().chunks(64) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
}

/// See [`blocks`].
pub struct Blocks<'a> {
    lines: Lines<'a>,
    failed: bool,
}

impl Iterator for Blocks<'_> {
    type Item = Result<Block, PemError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let label = self.lines.find_map(|line| marker(line, "-----BEGIN "))?;
        let block = self.contents(label);
        self.failed = block.is_err();
        Some(block)
    }
}

impl Blocks<'_> {
    fn contents(&mut self, label: String) -> Result<Block, PemError> {
        const BASE64: GeneralPurpose = GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut text = Vec::new();
        for line in self.lines.by_ref() {
            if let Some(end) = marker(line, "-----END ") {
                if end != label {
                    return Err(PemError::BadEndLine);
                }
                let der = BASE64.decode(&text).map_err(|_| PemError::BadBase64)?;
                return Ok(Block {
                    label,
                    headers,
                    der,
                });
            }
            let line = line.trim_ascii_end();
            if let (true, Some(colon)) = (text.is_empty(), memchr::memchr(b':', line)) {
                let (name, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                headers.push((text(name), text(value)));
                continue;
            }
            text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
        }
        Err(PemError::BadEndLine)
    }
}

/// The label between `-----BEGIN ` and `-----`.
fn marker(line: &[u8], start: &str) -> Option<String> {
    let rest = line.trim_ascii_end().strip_prefix(start.as_bytes())?;
    let label = rest.strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(label).into_owned())
}

struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.0).map_or(self.0.len(), |at| at + 1);
        let (line, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_around_blocks_does_not_matter() {
        let text = b"subject=/CN=x\n-----BEGIN A-----\r\nAQID\r\n-----END A-----\nnoise\n-----BEGIN B-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X,00\n\nBAU\n-----END B-----";
        let all: Vec<Block> = blocks(text).map(Result::unwrap).collect();
        assert_eq!(all.len(), 2);
        assert_eq!((&*all[0].label, &*all[0].der), ("A", &[1, 2, 3][..]));
        assert_eq!(all[1].der, [4, 5]);
        assert_eq!(all[1].headers[0].1, "4,ENCRYPTED");
    }

    #[test]
    fn what_is_broken_ends_the_list() {
        let first = |text: &[u8]| blocks(text).next().unwrap().unwrap_err();
        assert_eq!(first(b"-----BEGIN A-----\nAQID\n"), PemError::BadEndLine);
        assert_eq!(
            first(b"-----BEGIN A-----\nAQID\n-----END B-----\n"),
            PemError::BadEndLine
        );
        assert_eq!(
            first(b"-----BEGIN A-----\n#\n-----END A-----\n"),
            PemError::BadBase64
        );
        assert!(blocks(b"nothing").next().is_none());
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut out = Vec::new();
        write("CERTIFICATE", &[7; 100], &mut out);
        assert_eq!(blocks(&out).next().unwrap().unwrap().der, [7; 100]);
        assert!(out.split(|b| *b == b'\n').all(|line| line.len() <= 64));
    }
}
