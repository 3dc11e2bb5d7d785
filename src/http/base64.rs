//! Base64 as nginx reads it: what stands behind a `=` is ignored, and so are bits that make no whole byte.

use base64::Engine;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The bytes of a text in the usual alphabet (RFC 4648, 4); nothing if it is not base64.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    with(&STANDARD, text)
}

/// The same in the alphabet for URLs (RFC 4648, 5).
pub fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    with(&URL_SAFE, text)
}

/// Writes bytes in the usual alphabet, padded.
pub fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn with(alphabet: &Alphabet, text: &[u8]) -> Option<Vec<u8>> {
    let end = memchr::memchr(b'=', text).unwrap_or(text.len());
    let engine = GeneralPurpose::new(alphabet, LENIENT);
    engine.decode(text.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_odd_bits_do_not_matter() {
        assert_eq!(decode(b"YQ").unwrap(), b"a");
        assert_eq!(decode(b"YQ==").unwrap(), b"a");
        assert_eq!(decode(b"YR=!").unwrap(), b"a");
        assert_eq!(decode(b"Y"), None);
        assert_eq!(decode(b"_-8"), None);
        assert_eq!(decode_url(b"_-8").unwrap(), [0xff, 0xef]);
        assert_eq!(encode(b"a"), "YQ==");
    }
}
