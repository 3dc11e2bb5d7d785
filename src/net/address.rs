//! Addresses as the configuration writes them, for `listen` and for upstreams: `8080`, `*:80`, `10.0.0.1:80`,
//! `[::1]:80`, `example.com:3000/path`, `unix:/run/app.sock`.

use super::resolve;
use bytes::Bytes;
use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The longest path of a unix socket: `sun_path` of Linux less the closing NUL.
const MAX_UNIX_PATH: usize = 107;

/// One address that can be bound or connected to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Addr {
    /// IPv4 or IPv6 with a port.
    Inet(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Addr {
    /// As nginx writes it: `127.0.0.1:80`, `[::1]:80`, `unix:/path`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Inet(address) => write!(f, "{address}"),
            Addr::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What is wrong with an address. Displays nginx's words, which its messages begin with:
/// `host not found in upstream "app"`, `invalid port in "a:b" of the "listen" directive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Text where no text may be, such as a path in `listen`.
    #[error("invalid host")]
    InvalidHost,
    /// No number from 1 to 65535.
    #[error("invalid port")]
    InvalidPort,
    /// The end is before the start.
    #[error("invalid port range")]
    InvalidPortRange,
    /// Nothing where the host should be.
    #[error("no host")]
    NoHost,
    /// No IPv6 address between the brackets.
    #[error("invalid IPv6 address")]
    InvalidIpv6,
    /// `unix:` alone.
    #[error("no path in the unix domain socket")]
    NoPath,
    /// More than the 107 bytes that the system takes.
    #[error("too long path in the unix domain socket")]
    TooLongPath,
    /// The name does not resolve.
    #[error("host not found")]
    HostNotFound,
}

/// How an address is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The port if none is written.
    pub default_port: u16,
    /// As in `listen`: a port alone, `*` and port ranges are allowed.
    pub listen: bool,
    /// Whether a URI may follow, as in `proxy_pass`.
    pub uri_part: bool,
    /// Whether host names stay unresolved: `addrs` is empty then.
    pub no_resolve: bool,
}

impl Options {
    /// For the `listen` directive.
    pub fn listen(default_port: u16) -> Self {
        Options {
            default_port,
            listen: true,
            ..Self::default()
        }
    }

    /// For an upstream's `server`.
    pub fn upstream(default_port: u16) -> Self {
        Options {
            default_port,
            ..Self::default()
        }
    }

    /// For `proxy_pass` and its like, behind the scheme.
    pub fn pass(default_port: u16) -> Self {
        Options {
            default_port,
            uri_part: true,
            ..Self::default()
        }
    }
}

/// An address taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// What it stands for: several for a host with several addresses and for a port range.
    pub addrs: Vec<Addr>,
    /// The host as written, brackets included; for a unix socket its path. Empty if only a port was written.
    pub host: Bytes,
    /// The port, or the default one; 0 for a unix socket.
    pub port: u16,
    /// The last port of a range.
    pub last_port: Option<u16>,
    /// The port as it is written; empty if it is not.
    pub port_text: Bytes,
    /// What follows, from its `/` or `?` on; for a unix socket, what follows the second colon.
    pub uri: Bytes,
    /// Whether the port was left to the default.
    pub no_port: bool,
    /// Whether it means all addresses of the machine.
    pub wildcard: bool,
}

impl Address {
    /// Reads an address and, unless told not to, resolves its host.
    pub fn parse(text: &Bytes, options: Options) -> Result<Address, AddressError> {
        if text
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"unix:"))
        {
            return unix(&text.slice(5..), options);
        }
        match text.first() {
            Some(b'[') => inet6(text, options),
            _ => inet(text, options),
        }
    }
}

fn unix(rest: &Bytes, options: Options) -> Result<Address, AddressError> {
    let (path, uri) = match memchr::memchr(b':', rest) {
        Some(colon) if options.uri_part => (rest.slice(..colon), rest.slice(colon + 1..)),
        _ => (rest.clone(), Bytes::new()),
    };
    match path.len() {
        0 => return Err(AddressError::NoPath),
        1..=MAX_UNIX_PATH => {}
        _ => return Err(AddressError::TooLongPath),
    }
    let addrs = vec![Addr::Unix(PathBuf::from(OsStr::from_bytes(&path)))];
    Ok(Address {
        addrs,
        host: path,
        uri,
        ..Address::default()
    })
}

fn inet(text: &Bytes, options: Options) -> Result<Address, AddressError> {
    let (text, uri) = split_uri(text, memchr::memchr2(b'/', b'?', text), options)?;
    let mut address = Address {
        uri,
        ..Address::default()
    };
    let host = match memchr::memchr(b':', &text) {
        Some(colon) => {
            address.set_ports(text.slice(colon + 1..), options)?;
            text.slice(..colon)
        }
        None => {
            if options.listen && address.port_alone(&text)? {
                return Ok(address.with_ips([IpAddr::V4(Ipv4Addr::UNSPECIFIED)]));
            }
            address.set_default_port(options);
            text
        }
    };
    address.host = host.clone();
    if host.is_empty() {
        return Err(AddressError::NoHost);
    }
    if options.listen && host == "*" {
        return Ok(address.with_ips([IpAddr::V4(Ipv4Addr::UNSPECIFIED)]));
    }
    if let Some(ip) = ipv4(&host) {
        return Ok(address.with_ips([IpAddr::V4(ip)]));
    }
    if options.no_resolve {
        return Ok(address);
    }
    let ips = resolve::lookup(&host).ok_or(AddressError::HostNotFound)?;
    Ok(address.with_ips(ips))
}

fn inet6(text: &Bytes, options: Options) -> Result<Address, AddressError> {
    let close = memchr::memchr(b']', text).ok_or(AddressError::InvalidHost)?;
    let (host, rest) = (text.slice(..=close), text.slice(close + 1..));
    let (rest, uri) = split_uri(&rest, memchr::memchr(b'/', &rest), options)?;
    let mut address = Address {
        uri,
        host: host.clone(),
        ..Address::default()
    };
    match rest.first() {
        None => address.set_default_port(options),
        Some(b':') => address.set_ports(rest.slice(1..), options)?,
        Some(_) => return Err(AddressError::InvalidHost),
    }
    let inner = host.get(1..close).unwrap_or_default();
    if inner.is_empty() {
        return Err(AddressError::NoHost);
    }
    let ip = std::str::from_utf8(inner)
        .ok()
        .and_then(|s| s.parse::<Ipv6Addr>().ok());
    Ok(address.with_ips([IpAddr::V6(ip.ok_or(AddressError::InvalidIpv6)?)]))
}

/// Cuts off the URI that begins at `at`.
fn split_uri(
    text: &Bytes,
    at: Option<usize>,
    options: Options,
) -> Result<(Bytes, Bytes), AddressError> {
    match at {
        None => Ok((text.clone(), Bytes::new())),
        Some(at) if options.uri_part && !options.listen => Ok((text.slice(..at), text.slice(at..))),
        Some(_) => Err(AddressError::InvalidHost),
    }
}

impl Address {
    fn set_default_port(&mut self, options: Options) {
        self.port = options.default_port;
        self.no_port = true;
    }

    /// `80`, or `8000-8009` in a `listen`.
    fn set_ports(&mut self, text: Bytes, options: Options) -> Result<(), AddressError> {
        let (first, last) = split_range(&text, options.listen);
        self.last_port = last
            .map(|last| port(last).ok_or(AddressError::InvalidPort))
            .transpose()?;
        self.port = port(first).ok_or(AddressError::InvalidPort)?;
        self.port_text = text;
        self.check_range()
    }

    /// Whether the text is a port or a port range and nothing else; false if it must be a host.
    fn port_alone(&mut self, text: &Bytes) -> Result<bool, AddressError> {
        let (first, last) = split_range(text, true);
        if !is_number(first) || !last.is_none_or(is_number) {
            return Ok(false);
        }
        let options = Options {
            listen: true,
            ..Options::default()
        };
        self.set_ports(text.clone(), options).map(|()| true)
    }

    fn check_range(&self) -> Result<(), AddressError> {
        match self.last_port {
            Some(last) if self.port > last => Err(AddressError::InvalidPortRange),
            _ => Ok(()),
        }
    }

    /// Every address with every port.
    fn with_ips(mut self, ips: impl IntoIterator<Item = IpAddr>) -> Self {
        let ports = self.port..=self.last_port.unwrap_or(self.port);
        self.addrs = ips
            .into_iter()
            .flat_map(|ip| {
                ports
                    .clone()
                    .map(move |port| Addr::Inet(SocketAddr::new(ip, port)))
            })
            .collect();
        self.wildcard =
            matches!(self.addrs.first(), Some(Addr::Inet(first)) if first.ip().is_unspecified());
        self
    }
}

fn split_range(text: &[u8], allowed: bool) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'-', text) {
        Some(dash) if allowed => (text.get(..dash).unwrap_or_default(), text.get(dash + 1..)),
        _ => (text, None),
    }
}

/// Digits that make a number which nginx's own conversion can hold; longer ones are host names to it.
fn is_number(text: &[u8]) -> bool {
    number(text).is_some()
}

fn port(text: &[u8]) -> Option<u16> {
    number(text)
        .and_then(|n| u16::try_from(n).ok())
        .filter(|&port| port != 0)
}

fn number(text: &[u8]) -> Option<i64> {
    let digits = std::str::from_utf8(text)
        .ok()
        .filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok()
}

/// Four numbers with dots between. As in nginx an empty number is 0 and leading zeros mean nothing; the
/// address 255.255.255.255 is taken for a name.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = text.split(|&b| b == b'.');
    for octet in &mut octets {
        for &byte in parts.next()? {
            let digit = char::from(byte).to_digit(10)?;
            *octet = octet
                .checked_mul(10)?
                .checked_add(u8::try_from(digit).ok()?)?;
        }
    }
    let ip = Ipv4Addr::from(octets);
    (parts.next().is_none() && ip != Ipv4Addr::BROADCAST).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &'static str, options: Options) -> Result<String, AddressError> {
        let address = Address::parse(&Bytes::from_static(text.as_bytes()), options)?;
        Ok(address
            .addrs
            .iter()
            .map(Addr::to_string)
            .collect::<Vec<_>>()
            .join(" "))
    }

    #[test]
    fn listen_takes_ports_addresses_and_ranges() {
        let listen = |text| shown(text, Options::listen(80));
        for (text, want) in [
            ("8080", "0.0.0.0:8080"),
            ("*:8080", "0.0.0.0:8080"),
            ("*", "0.0.0.0:80"),
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:81", "127.0.0.1:81"),
            ("[::]:80", "[::]:80"),
            ("[::1]", "[::1]:80"),
            ("8000-8002", "0.0.0.0:8000 0.0.0.0:8001 0.0.0.0:8002"),
            ("[::1]:8000-8001", "[::1]:8000 [::1]:8001"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("UNIX:a:b", "unix:a:b"),
        ] {
            assert_eq!(listen(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn errors_are_nginx_s() {
        let listen = |text| shown(text, Options::listen(80)).unwrap_err().to_string();
        for (text, want) in [
            ("0", "invalid port"),
            ("65536", "invalid port"),
            ("127.0.0.1:x", "invalid port"),
            ("127.0.0.1:", "invalid port"),
            ("9-8", "invalid port range"),
            ("1-0", "invalid port"),
            ("127.0.0.1:9-8", "invalid port range"),
            (":80", "no host"),
            ("", "no host"),
            ("[]", "no host"),
            ("[::1", "invalid host"),
            ("[::1]x", "invalid host"),
            ("[::x]:80", "invalid IPv6 address"),
            ("127.0.0.1/x", "invalid host"),
            ("unix:", "no path in the unix domain socket"),
            ("no-such-host.invalid", "host not found"),
        ] {
            assert_eq!(listen(text), want, "{text}");
        }
        let long = Bytes::from(format!("unix:/{}", "x".repeat(107)));
        assert_eq!(
            Address::parse(&long, Options::listen(80)),
            Err(AddressError::TooLongPath)
        );
    }

    #[test]
    fn a_pass_has_a_uri_and_a_default_port() {
        let parse = |text: &'static str| {
            Address::parse(&Bytes::from_static(text.as_bytes()), Options::pass(80)).unwrap()
        };
        let a = parse("127.0.0.1:3000/a:b?c");
        assert_eq!(
            (&a.host[..], a.port, &a.uri[..], a.no_port),
            (&b"127.0.0.1"[..], 3000, &b"/a:b?c"[..], false)
        );
        let a = parse("127.0.0.1?x:y");
        assert_eq!((a.port, &a.uri[..], a.no_port), (80, &b"?x:y"[..], true));
        let a = parse("unix:/run/app.sock:/base");
        assert_eq!(
            (&a.host[..], &a.uri[..]),
            (&b"/run/app.sock"[..], &b"/base"[..])
        );
        assert_eq!(parse("[::1]:8080/x").port_text, "8080");
    }

    #[test]
    fn dotted_numbers_are_read_as_nginx_reads_them() {
        assert_eq!(ipv4(b"010.1..3"), Some(Ipv4Addr::new(10, 1, 0, 3)));
        for bad in [
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.x",
            "255.255.255.255",
        ] {
            assert_eq!(ipv4(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn names_can_stay_unresolved() {
        let options = Options {
            no_resolve: true,
            ..Options::upstream(80)
        };
        let address = Address::parse(&Bytes::from_static(b"app.example:8080"), options).unwrap();
        assert!(address.addrs.is_empty());
        assert_eq!(
            (&address.host[..], address.port),
            (&b"app.example"[..], 8080)
        );
    }
}
