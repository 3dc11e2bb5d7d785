//! The client behind proxies: its address from a field such as `X-Forwarded-For`, as far as the proxies are trusted.

use super::connection::Peer;
use crate::net::cidr::{Cidr, parse_ip};
use std::net::{IpAddr, SocketAddr};

/// Whose word is taken.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// Their addresses.
    pub nets: Vec<Cidr>,
    /// Whether clients on Unix domain sockets are trusted.
    pub unix: bool,
}

impl Trusted {
    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty() && !self.unix
    }

    fn has(&self, peer: &Peer) -> bool {
        match peer.ip() {
            None => self.unix,
            Some(ip) => self.nets.iter().any(|net| net.contains(ip)),
        }
    }
}

/// The address that `values` give, field lines in their order, each a list with the nearest address last. Only a
/// trusted peer is believed; with `recursive` the next address is taken as long as the one before is trusted.
/// `None` if the peer's own address stays.
pub fn client<'a>(
    peer: &Peer,
    values: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &Trusted,
    recursive: bool,
) -> Option<Peer> {
    let mut found: Option<Peer> = None;
    for value in values.rev() {
        let mut rest = value;
        loop {
            let nearest = found.as_ref().unwrap_or(peer);
            if !trusted.has(nearest) {
                return found;
            }
            let (before, last) = split_last(rest);
            let Some(address) = address(last) else {
                return found;
            };
            found = Some(Peer::Inet(address));
            if !recursive {
                return found;
            }
            if before.is_empty() {
                break;
            }
            rest = before;
        }
    }
    found
}

/// The last item of a list separated by commas and spaces, and what stands before it.
fn split_last(list: &[u8]) -> (&[u8], &[u8]) {
    let separates = |c: &u8| matches!(c, b' ' | b',');
    let end = list
        .iter()
        .rposition(|c| !separates(c))
        .map_or(0, |i| i + 1);
    let list = list.get(..end).unwrap_or_default();
    // nginx never looks whether the first byte is a separator: then all of it is the item, and no address.
    let behind_first = list.get(1..).unwrap_or_default();
    let start = behind_first
        .iter()
        .rposition(separates)
        .map_or(0, |i| i + 2);
    let (before, last) = list.split_at(start);
    (
        before.get(..start.saturating_sub(1)).unwrap_or_default(),
        last,
    )
}

/// An address with or without a port: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`.
fn address(text: &[u8]) -> Option<SocketAddr> {
    let without_port = |ip: IpAddr| SocketAddr::new(ip, 0);
    if let Some(ip) = parse_ip(text) {
        return Some(without_port(ip));
    }
    let (ip, port) = match text.strip_prefix(b"[") {
        Some(rest) => {
            let end = memchr::memchr(b']', rest)?;
            let (ip, rest) = rest.split_at(end);
            match rest.get(1..)? {
                b"" => return parse_ip(ip).map(without_port),
                rest => (ip, rest.strip_prefix(b":")?),
            }
        }
        None => {
            let colon = memchr::memchr(b':', text)?;
            let (ip, port) = text.split_at(colon);
            (ip, port.get(1..)?)
        }
    };
    let digits = !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    let port: u16 = std::str::from_utf8(port).ok()?.parse().ok()?;
    let ip = parse_ip(ip)?;
    (digits && port > 0).then(|| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str], recursive: bool) -> Option<String> {
        let peer = Peer::Inet("127.0.0.1:5000".parse().unwrap());
        let nets =
            ["127.0.0.0/8", "10.0.0.0/8", "::1"].map(|n| Cidr::parse(n.as_bytes()).unwrap().0);
        let trusted = Trusted {
            nets: nets.to_vec(),
            unix: false,
        };
        let values = values.iter().map(|v| v.as_bytes());
        match client(&peer, values, &trusted, recursive)? {
            Peer::Inet(address) => Some(address.to_string()),
            Peer::Unix => None,
        }
    }

    #[test]
    fn the_last_address_is_that_of_the_client() {
        let one = |value: &str| found(&[value], false);
        assert_eq!(one("192.0.2.1").as_deref(), Some("192.0.2.1:0"));
        assert_eq!(one("10.0.0.1, 192.0.2.1 ,").as_deref(), Some("192.0.2.1:0"));
        assert_eq!(one("192.0.2.1:81").as_deref(), Some("192.0.2.1:81"));
        assert_eq!(one("[2001:db8::1]:81").as_deref(), Some("[2001:db8::1]:81"));
        assert_eq!(one("[2001:db8::1]").as_deref(), Some("[2001:db8::1]:0"));
        assert_eq!(one("2001:db8::1").as_deref(), Some("[2001:db8::1]:0"));
        for bad in [
            "",
            "x",
            "192.0.2.1, x",
            "192.0.2.1:0",
            "192.0.2.1:99999",
            "[::1",
            "[::1]x",
        ] {
            assert_eq!(one(bad), None, "{bad}");
        }
    }

    #[test]
    fn trusted_ones_are_passed_over() {
        let all = |values: &[&str]| found(values, true);
        assert_eq!(
            all(&["192.0.2.9, 192.0.2.1, 10.0.0.1"]).as_deref(),
            Some("192.0.2.1:0")
        );
        assert_eq!(all(&["10.0.0.2,10.0.0.1"]).as_deref(), Some("10.0.0.2:0"));
        assert_eq!(all(&["x, 10.0.0.1"]).as_deref(), Some("10.0.0.1:0"));
        assert_eq!(
            all(&["192.0.2.1", "10.0.0.1"]).as_deref(),
            Some("192.0.2.1:0")
        );
        assert_eq!(
            all(&["192.0.2.9", "192.0.2.1", "10.0.0.1"]).as_deref(),
            Some("192.0.2.1:0")
        );
        assert_eq!(
            found(&["192.0.2.1", "10.0.0.1"], false).as_deref(),
            Some("10.0.0.1:0")
        );
    }

    #[test]
    fn strangers_are_not_believed() {
        let peer = Peer::Inet("192.0.2.7:1".parse().unwrap());
        let mut trusted = Trusted::default();
        let value = || [&b"192.0.2.1"[..]].into_iter();
        assert_eq!(client(&peer, value(), &trusted, true), None);
        assert_eq!(client(&Peer::Unix, value(), &trusted, true), None);
        trusted.unix = true;
        assert!(client(&Peer::Unix, value(), &trusted, true).is_some());
    }
}
