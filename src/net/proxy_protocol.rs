//! The PROXY protocol, versions 1 and 2: what a proxy in front says about the connection that it passes on
//! (<https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt>), read by nginx's rules.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest header that is looked at where TLS follows it, bytes: what nginx has room for.
pub const MOST: usize = 4097;

/// What the second version begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length of what follows.
const FIXED: usize = 16;

/// A connection as the proxy in front has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The address of the client, as text.
    pub source: Box<[u8]>,
    /// Its port.
    pub source_port: u16,
    /// The address that it connected to.
    pub destination: Box<[u8]>,
    /// The port.
    pub destination_port: u16,
    /// What else the proxy says: see [`super::tlv`].
    pub tlvs: Box<[u8]>,
}

/// Why a connection that begins so is closed. Displays nginx's words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// No header of either version.
    #[error("broken header: \"{0}\"")]
    Header(String),
    /// Another version behind the signature of the second.
    #[error("unknown PROXY protocol version: {0}")]
    Version(u8),
    /// Not all of it is there, or there is no room for it.
    #[error("header is too large")]
    TooLarge,
    /// It has no room for the addresses that it announces. nginx says nothing.
    #[error("header is too short for its addresses")]
    TooShort,
}

/// Reads a header, which must be whole: its length in bytes, and the connection that it describes, if it does.
///
/// # Errors
/// It is none.
pub fn parse(bytes: &[u8]) -> Result<(usize, Option<Header>), Broken> {
    if bytes.len() >= FIXED && bytes.starts_with(SIGNATURE) {
        return binary(bytes);
    }
    text(bytes).ok_or_else(|| {
        let line = memchr::memchr2(b'\r', b'\n', bytes).and_then(|end| bytes.get(..end));
        Broken::Header(String::from_utf8_lossy(line.unwrap_or(bytes)).into_owned())
    })
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 1234 80` and a line end.
fn text(bytes: &[u8]) -> Option<(usize, Option<Header>)> {
    let rest = bytes.strip_prefix(b"PROXY ").filter(|_| bytes.len() >= 8)?;
    let taken = |rest: &[u8]| bytes.len().saturating_sub(rest.len());
    if let Some(rest) = rest.strip_prefix(b"UNKNOWN") {
        let end = memchr::memmem::find(rest, b"\r\n")?;
        return Some((taken(rest.get(end.saturating_add(2)..)?), None));
    }
    let rest = rest
        .strip_prefix(b"TCP4 ")
        .or_else(|| rest.strip_prefix(b"TCP6 "))?;
    let (source, rest) = address(rest)?;
    let (destination, rest) = address(rest)?;
    let (source_port, rest) = port(rest, b' ')?;
    let (destination_port, rest) = port(rest, b'\r')?;
    let rest = rest.strip_prefix(b"\n")?;
    let header = Header {
        source: source.into(),
        source_port,
        destination: destination.into(),
        destination_port,
        tlvs: Box::default(),
    };
    Some((taken(rest), Some(header)))
}

/// What consists of an address's characters, up to a space; and what follows that.
fn address(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (address, rest) = until(bytes, b' ')?;
    let fits = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    address.iter().all(fits).then_some((address, rest))
}

fn port(bytes: &[u8], end: u8) -> Option<(u16, &[u8])> {
    let (digits, rest) = until(bytes, end)?;
    let number = crate::config::value::parse_number(digits)?;
    Some((u16::try_from(number).ok()?, rest))
}

/// What stands before the first such byte, and behind it.
fn until(bytes: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at(memchr::memchr(end, bytes)?);
    Some((before, rest.get(1..)?))
}

/// The second version, behind whose fixed part addresses and TLVs follow.
fn binary(bytes: &[u8]) -> Result<(usize, Option<Header>), Broken> {
    let (fixed, rest) = bytes.split_at_checked(FIXED).ok_or(Broken::TooLarge)?;
    let &[command, family, high, low] = fixed.last_chunk().ok_or(Broken::TooLarge)?;
    if command >> 4 != 2 {
        return Err(Broken::Version(command >> 4));
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    let rest = rest.get(..length).ok_or(Broken::TooLarge)?;
    let whole = FIXED.saturating_add(length);
    // PROXY over a stream; anything else, such as the health check of a proxy (LOCAL), describes no connection.
    if command & 0x0f != 1 || family & 0x0f != 1 {
        return Ok((whole, None));
    }
    let header = match family >> 4 {
        1 => addresses::<4>(rest, |ip| Ipv4Addr::from(ip).to_string()),
        2 => addresses::<16>(rest, |ip| Ipv6Addr::from(ip).to_string()),
        _ => return Ok((whole, None)),
    };
    Ok((whole, Some(header.ok_or(Broken::TooShort)?)))
}

/// Two addresses, two ports, TLVs.
fn addresses<const N: usize>(bytes: &[u8], show: fn([u8; N]) -> String) -> Option<Header> {
    let (source, rest) = bytes.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let (source_port, rest) = rest.split_first_chunk::<2>()?;
    let (destination_port, tlvs) = rest.split_first_chunk::<2>()?;
    let text = |ip: &[u8; N]| show(*ip).into_bytes().into_boxed_slice();
    Some(Header {
        source: text(source),
        source_port: u16::from_be_bytes(*source_port),
        destination: text(destination),
        destination_port: u16::from_be_bytes(*destination_port),
        tlvs: tlvs.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        match parse(bytes) {
            Ok((length, None)) => format!("{length}"),
            Ok((length, Some(h))) => format!(
                "{length} {}:{} {}:{}",
                String::from_utf8_lossy(&h.source),
                h.source_port,
                String::from_utf8_lossy(&h.destination),
                h.destination_port
            ),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn a_line() {
        assert_eq!(
            shown(b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\nGET /"),
            "41 192.0.2.1:123 192.0.2.2:5678"
        );
        assert_eq!(
            shown(b"PROXY TCP6 2001:DB8::1 ::1 65535 0\r\n"),
            "36 2001:DB8::1:65535 ::1:0"
        );
        assert_eq!(shown(b"PROXY UNKNOWN\r\n"), "15");
        assert_eq!(shown(b"PROXY UNKNOWN what ever 1 2\r\nGET /"), "29");
    }

    #[test]
    fn a_line_that_is_none() {
        for line in [
            "",
            "PROXY ",
            "PROXY TCP4 ",
            "PROXY TCP5 1.1.1.1 1.1.1.1 1 1",
            "PROXY TCP4 g 1.1.1.1 1 1",
            "PROXY TCP4 1.1.1.1 1.1.1.1 1",
            "PROXY TCP4 1.1.1.1 1.1.1.1 65536 1",
            "PROXY TCP4 1.1.1.1 1.1.1.1 1 -1",
            "PROXY TCP4 1.1.1.1 1.1.1.1  1",
            "PROXY UNKNOWN",
            "GET / HTTP/1.0",
        ] {
            let whole = format!("{line}\r");
            assert_eq!(
                shown(whole.as_bytes()),
                format!("broken header: \"{line}\"")
            );
        }
    }

    /// A header of the second version.
    fn second(command: u8, family: u8, length: u16, rest: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn bytes() {
        let inet = [192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46];
        let bytes = second(0x21, 0x11, 12, &[&inet[..], b"GET"].concat());
        assert_eq!(shown(&bytes), "28 192.0.2.1:123 192.0.2.2:5678");
        let mut inet6 = [0; 36];
        (
            inet6[0], inet6[1], inet6[15], inet6[31], inet6[33], inet6[35],
        ) = (0x20, 1, 1, 2, 7, 8);
        let bytes = second(0x21, 0x21, 36, &inet6);
        assert_eq!(shown(&bytes), "52 2001::1:7 ::2:8");
        let bytes = second(0x21, 0x11, 16, &[&inet[..], &[1, 0, 1, b'x']].concat());
        let (_, header) = parse(&bytes).unwrap();
        assert_eq!(&header.unwrap().tlvs[..], [1, 0, 1, b'x']);
        // LOCAL, a datagram, a family that has no addresses.
        for (command, family) in [(0x20, 0x11), (0x21, 0x12), (0x21, 0x01), (0x21, 0x31)] {
            assert_eq!(shown(&second(command, family, 12, &inet)), "28");
        }
    }

    #[test]
    fn bytes_that_are_wrong() {
        assert_eq!(
            shown(&second(0x11, 0x11, 0, &[])),
            "unknown PROXY protocol version: 1"
        );
        assert_eq!(
            shown(&second(0x21, 0x11, 13, &[0; 12])),
            "header is too large"
        );
        assert_eq!(
            parse(&second(0x21, 0x11, 11, &[0; 12])),
            Err(Broken::TooShort)
        );
        assert_eq!(shown(&SIGNATURE[..11]), "broken header: \"\"");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_taken_or_refused(
            start in prop::sample::select(vec![&b""[..], b"PROXY ", b"PROXY TCP4 ", SIGNATURE]),
            rest in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let bytes = [start, &rest].concat();
            if let Ok((length, _)) = parse(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
