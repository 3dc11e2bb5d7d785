//! Networks as the configuration writes them, for `allow`, `set_real_ip_from`, `geo`: an address, or one with the
//! length of its prefix.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cidr {
    /// IPv4.
    V4(Ipv4Net),
    /// IPv6.
    V6(Ipv6Net),
}

impl Cidr {
    /// Reads an address or a network. The flag says whether the address had bits behind the prefix, which are
    /// cleared: nginx warns `low address bits of ... are meaningless`.
    pub fn parse(text: &[u8]) -> Option<(Cidr, bool)> {
        let text = std::str::from_utf8(text).ok()?;
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix_length(prefix)?)),
            None => (text, None),
        };
        if let Some(ip) = inet_address(address) {
            let net = Ipv4Net::new(ip, prefix.unwrap_or(32)).ok()?;
            return Some((Cidr::V4(net.trunc()), net.trunc() != net));
        }
        let ip: Ipv6Addr = address.parse().ok()?;
        let net = Ipv6Net::new(ip, prefix.unwrap_or(128)).ok()?;
        Some((Cidr::V6(net.trunc()), net.trunc() != net))
    }

    /// The network of just one address.
    pub fn host(ip: IpAddr) -> Cidr {
        match ip {
            IpAddr::V4(ip) => Cidr::V4(ip.into()),
            IpAddr::V6(ip) => Cidr::V6(ip.into()),
        }
    }

    /// Whether the address is in it. An IPv4 address inside IPv6 (`::ffff:1.2.3.4`) is held against IPv4 networks.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self, ip.to_canonical()) {
            (Cidr::V4(net), IpAddr::V4(ip)) => net.contains(&ip),
            (Cidr::V6(net), IpAddr::V6(ip)) => net.contains(&ip),
            _ => false,
        }
    }
}

/// Reads an IP address as nginx does.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    match inet_address(text) {
        Some(ip) => Some(IpAddr::V4(ip)),
        None => text.parse().ok().map(IpAddr::V6),
    }
}

fn prefix_length(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Four decimal numbers, which may have leading zeros. The address of all ones means "none" to nginx.
fn inet_address(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next().filter(|part| part.len() <= 10)?;
        if !part.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        *octet = if part.is_empty() {
            0
        } else {
            part.parse().ok()?
        };
    }
    let ip = Ipv4Addr::from(octets);
    (parts.next().is_none() && !ip.is_broadcast()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_in_nginx() {
        let bad = [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "1.2.3.4/33",
            "1.2.3.4/",
            "::/129",
            "a",
            "255.255.255.255",
            "1.2.3.4/+8",
        ];
        for bad in bad {
            assert_eq!(Cidr::parse(bad.as_bytes()), None, "{bad}");
        }
        let parse = |text: &str| Cidr::parse(text.as_bytes()).unwrap();
        assert_eq!(parse("010.0.0.1").0, Cidr::host([10, 0, 0, 1].into()));
        assert_eq!(parse("10.0.0.1/8"), (parse("10.0.0.0/8").0, true));
        assert!(!parse("::1").1);
    }

    #[test]
    fn addresses_are_found_in_networks() {
        let has = |net: &str, ip: &str| {
            Cidr::parse(net.as_bytes())
                .unwrap()
                .0
                .contains(ip.parse().unwrap())
        };
        assert!(has("10.0.0.0/8", "10.1.2.3") && has("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!has("10.0.0.0/8", "11.1.2.3") && !has("::/0", "10.1.2.3"));
        assert!(has("2001:db8::/32", "2001:db8::1") && !has("2001:db8::/32", "2001:db9::1"));
    }
}
