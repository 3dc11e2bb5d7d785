//! The type-length-value items of a PROXY protocol header, as `$proxy_protocol_tlv_NAME` asks for them.

/// One item, or what is said about the certificate of the client.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The bytes of an item.
    Bytes(&'a [u8]),
    /// `ssl_verify`: what came of the verification, 0 for a valid certificate.
    Verified(u32),
}

/// Why there is no value. Displays nginx's words for the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The header has no such item, which nobody needs to know.
    #[error("there is none")]
    None,
    /// The items do not fill their space.
    #[error("broken PROXY protocol TLV")]
    Broken,
    /// No number behind `0x`.
    #[error("invalid PROXY protocol TLV \"{0}\"")]
    Invalid(String),
    /// Nobody knows this name.
    #[error("unknown PROXY protocol TLV \"{0}\"")]
    Unknown(String),
}

/// The item that holds those about TLS.
const SSL: u64 = 0x20;
/// What it begins with: a byte of flags, and four of what came of the verification.
const SSL_FIXED: usize = 5;

/// The value of an item by its name, such as `alpn`, `0x05`, `ssl_cn`.
///
/// # Errors
/// There is none.
pub fn find<'a>(tlvs: &'a [u8], name: &[u8]) -> Result<Value<'a>, Missing> {
    let Some(part) = name.strip_prefix(b"ssl_") else {
        return item(tlvs, kind(name, name, of_connection)?).map(Value::Bytes);
    };
    let ssl = item(tlvs, SSL)?;
    let (fixed, rest) = ssl.split_at_checked(SSL_FIXED).ok_or(Missing::None)?;
    if let (b"verify", Some(number)) = (part, fixed.last_chunk()) {
        return Ok(Value::Verified(u32::from_be_bytes(*number)));
    }
    item(rest, kind(part, name, of_tls)?).map(Value::Bytes)
}

/// The type that a name stands for; `whole` is what messages call it.
fn kind(name: &[u8], whole: &[u8], known: fn(&[u8]) -> Option<u64>) -> Result<u64, Missing> {
    let shown = || String::from_utf8_lossy(whole).into_owned();
    match name.strip_prefix(b"0x") {
        Some(digits) => hexadecimal(digits).ok_or_else(|| Missing::Invalid(shown())),
        None => known(name).ok_or_else(|| Missing::Unknown(shown())),
    }
}

fn of_connection(name: &[u8]) -> Option<u64> {
    Some(match name {
        b"alpn" => 0x01,
        b"authority" => 0x02,
        b"unique_id" => 0x05,
        b"ssl" => SSL,
        b"netns" => 0x30,
        _ => return None,
    })
}

fn of_tls(name: &[u8]) -> Option<u64> {
    Some(match name {
        b"version" => 0x21,
        b"cn" => 0x22,
        b"cipher" => 0x23,
        b"sig_alg" => 0x24,
        b"key_alg" => 0x25,
        _ => return None,
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| plain)?;
    u64::from_str_radix(digits, 16).ok()
}

/// The first item of a type.
fn item(mut rest: &[u8], wanted: u64) -> Result<&[u8], Missing> {
    while !rest.is_empty() {
        let (&[kind, high, low], values) = rest.split_first_chunk().ok_or(Missing::Broken)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (value, next) = values.split_at_checked(length).ok_or(Missing::Broken)?;
        if u64::from(kind) == wanted {
            return Ok(value);
        }
        rest = next;
    }
    Err(Missing::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TLVS: &[u8] =
        b"\x01\x00\x02h2\x20\x00\x0b\x01\x00\x00\x00\x07\x22\x00\x03abc\xae\x00\x01x";

    #[test]
    fn items_by_name() {
        let find = |name: &str| find(TLVS, name.as_bytes());
        assert_eq!(find("alpn"), Ok(Value::Bytes(b"h2")));
        assert_eq!(find("0xae"), Ok(Value::Bytes(b"x")));
        assert_eq!(find("0x01"), Ok(Value::Bytes(b"h2")));
        assert_eq!(find("ssl_cn"), Ok(Value::Bytes(b"abc")));
        assert_eq!(find("ssl_0x22"), Ok(Value::Bytes(b"abc")));
        assert_eq!(find("ssl_verify"), Ok(Value::Verified(7)));
        for none in ["netns", "ssl_version", "0x02"] {
            assert_eq!(find(none), Err(Missing::None), "{none}");
        }
        assert_eq!(find("0x"), Err(Missing::Invalid("0x".into())));
        assert_eq!(find("ssl_0xg"), Err(Missing::Invalid("ssl_0xg".into())));
        assert_eq!(find("what"), Err(Missing::Unknown("what".into())));
        assert_eq!(find("ssl_what"), Err(Missing::Unknown("ssl_what".into())));
    }

    #[test]
    fn broken_items() {
        for tlvs in [&b"\x02"[..], b"\x02\x00", b"\x02\x00\x02x"] {
            assert_eq!(find(tlvs, b"alpn"), Err(Missing::Broken));
        }
        assert_eq!(find(b"\x20\x00\x01x", b"ssl_cn"), Err(Missing::None));
        assert_eq!(find(b"\x20\x00\x06123456", b"ssl_cn"), Err(Missing::Broken));
    }
}
