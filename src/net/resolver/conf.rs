//! `resolver`: the name servers, and what is asked of them.

use super::Dns;
use crate::config::tree::{Node, Word};
use crate::config::value;
use crate::diagnostic::Diagnostic;
use crate::net::address::{Addr, Address, Options};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The port of name servers.
const PORT: u16 = 53;

impl Dns {
    /// Reads the arguments of the directive.
    ///
    /// # Errors
    /// A name server that is no address, a parameter with a wrong value, both families turned off, no server at all:
    /// in nginx's words.
    pub fn parse(node: &Node) -> Result<Arc<Dns>, Diagnostic> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut dns = Dns {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            servers: Vec::new(),
            valid: None,
            ipv4: true,
            ipv6: true,
        };
        for word in &node.args {
            if let Some(text) = word.text.strip_prefix(b"valid=") {
                let time = value::parse_seconds(text).ok_or_else(|| invalid(word))?;
                dns.valid = Some(time).filter(|time| *time > Duration::ZERO);
            } else if let Some(text) = word.text.strip_prefix(b"ipv4=") {
                dns.ipv4 = flag(text).ok_or_else(|| invalid(word))?;
            } else if let Some(text) = word.text.strip_prefix(b"ipv6=") {
                dns.ipv6 = flag(text).ok_or_else(|| invalid(word))?;
            } else {
                dns.servers.extend(servers(word)?);
            }
        }
        if !dns.ipv4 && !dns.ipv6 {
            return Err(node.error("\"ipv4\" and \"ipv6\" cannot both be \"off\""));
        }
        if dns.servers.is_empty() {
            let d = node.error("no name servers defined");
            return Err(d.help("name at least one: resolver 127.0.0.53 valid=30s;"));
        }
        Ok(Arc::new(dns))
    }
}

fn invalid(word: &Word) -> Diagnostic {
    Diagnostic::new(format!("invalid parameter: {}", word.str())).label(word.span, "")
}

fn flag(text: &[u8]) -> Option<bool> {
    match text {
        b"on" => Some(true),
        b"off" => Some(false),
        _ => None,
    }
}

/// A host may have several addresses, each of which is a server.
fn servers(word: &Word) -> Result<Vec<SocketAddr>, Diagnostic> {
    let refuse = |reason: String| {
        let message = format!("{reason} in resolver \"{}\"", word.str());
        Diagnostic::new(message).label(word.span, "")
    };
    let address =
        Address::parse(&word.text, Options::upstream(PORT)).map_err(|e| refuse(e.to_string()))?;
    let inet = address.addrs.into_iter().map(|addr| match addr {
        Addr::Inet(address) => Ok(address),
        Addr::Unix(_) => Err(refuse("invalid host".to_owned())),
    });
    inet.collect()
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::{cycle, first_complaint};
    use std::time::Duration;

    fn http(text: &str) -> String {
        format!("events {{}} http {{ {text} }}")
    }

    #[test]
    fn servers_parameters_and_inheritance() {
        let text = "resolver 127.0.0.1 [::1]:5353 valid=10s ipv6=off; resolver_timeout 5s; \
                    server { listen 18080; location / { resolver 10.0.0.1:54; } }";
        let cycle = cycle(&http(text));
        let http = cycle.http.as_ref().unwrap();
        let of = |i: usize| &http.locations[i].core;
        let outer = of(1).resolver.as_ref().unwrap();
        let servers: Vec<_> = outer.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["127.0.0.1:53", "[::1]:5353"]);
        assert_eq!(outer.valid, Some(Duration::from_secs(10)));
        assert!(outer.ipv4 && !outer.ipv6);
        assert_eq!(of(1).resolver_timeout, Duration::from_secs(5));
        let inner = of(2).resolver.as_ref().unwrap();
        assert_eq!(inner.servers[0].to_string(), "10.0.0.1:54");
        assert_ne!(inner.id, outer.id);
    }

    #[test]
    fn complaints_are_nginx_s() {
        for (text, complaint) in [
            ("resolver 127.0.0.1 valid=x;", "invalid parameter: valid=x"),
            ("resolver 127.0.0.1 ipv6=1;", "invalid parameter: ipv6=1"),
            (
                "resolver 127.0.0.1 ipv4=off ipv6=off;",
                "\"ipv4\" and \"ipv6\" cannot both be \"off\"",
            ),
            ("resolver valid=1s;", "no name servers defined"),
            (
                "resolver 127.0.0.1:x;",
                "invalid port in resolver \"127.0.0.1:x\"",
            ),
            (
                "resolver 127.0.0.1; resolver 127.0.0.2;",
                "\"resolver\" directive is duplicate",
            ),
        ] {
            assert_eq!(first_complaint(&http(text)), complaint);
        }
    }
}
