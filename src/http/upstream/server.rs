//! `server` and `zone` in `upstream`.

use super::peers::Peer;
use super::resolved::Named;
use crate::config::span::Span;
use crate::config::tree::{Node, Word};
use crate::config::value::{parse_number, parse_seconds, parse_size};
use crate::cycle::{Builder, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use crate::http::zone;
use crate::net::address::{Addr, Address, AddressError, Options};
use bytes::Bytes;
use std::net::{Ipv4Addr, SocketAddr};

/// A `server` line.
pub struct ServerSpec {
    /// The address as it was written.
    pub name: Bytes,
    /// Where it was written; none for an address in `proxy_pass`.
    pub span: Option<Span>,
    /// What it resolved to.
    pub addrs: Vec<Addr>,
    /// The name and the port if it is resolved while the group is in use: `resolve`.
    pub named: Option<(Bytes, u16)>,
    /// `weight=`
    pub weight: i64,
    /// `max_conns=`
    pub max_conns: i64,
    /// `max_fails=`
    pub max_fails: i64,
    /// `fail_timeout=`, seconds.
    pub fail_timeout: i64,
    /// `backup`
    pub backup: bool,
    /// `down`
    pub down: bool,
}

impl ServerSpec {
    /// A server with nothing but addresses.
    pub fn of_addresses(addrs: Vec<Addr>) -> Self {
        ServerSpec {
            name: Bytes::new(),
            span: None,
            addrs,
            named: None,
            weight: 1,
            max_conns: 0,
            max_fails: 1,
            fail_timeout: 10,
            backup: false,
            down: false,
        }
    }

    /// A peer for each of its addresses.
    pub fn peers(&self) -> impl Iterator<Item = Peer> {
        self.addrs.iter().map(|addr| self.peer(addr.clone()))
    }

    fn peer(&self, addr: Addr) -> Peer {
        Peer {
            name: Bytes::from(addr.to_string()),
            addr,
            server: self.name.clone(),
            weight: self.weight,
            max_fails: self.max_fails,
            fail_timeout: self.fail_timeout,
            max_conns: self.max_conns,
            down: self.down,
        }
    }

    /// The server as one whose name is resolved while the group is in use.
    pub fn named(&self) -> Option<Named> {
        let (host, port) = self.named.clone()?;
        let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        Some(Named {
            host,
            port,
            backup: self.backup,
            like: self.peer(Addr::Inet(nowhere)),
        })
    }
}

const RESOLVE: &str = "a name is looked up when the configuration is read; with resolve (and a zone and a resolver) \
                       that is done while the server runs";

/// The setter of `server`.
pub fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let Some(name) = node.arg(0) else {
        return Ok(());
    };
    let mut spec = ServerSpec::of_addresses(Vec::new());
    let mut late = Late::default();
    for word in node.args.iter().skip(1) {
        parse_parameter(b, &mut spec, &mut late, word)?;
    }
    let refuse = |message: String| Err(Diagnostic::new(message).label(name.span, ""));
    let shown = name.str();
    if late.service.is_some() && !late.resolve {
        let message = format!("service upstream \"{shown}\" requires \"resolve\" parameter");
        return refuse(message);
    }
    let options = Options {
        no_resolve: late.resolve,
        ..Options::upstream(80)
    };
    let address = match Address::parse(&name.text, options) {
        Ok(address) => address,
        Err(e) => {
            let d = refuse(format!("{e} in upstream \"{shown}\""));
            return match e {
                AddressError::HostNotFound => d.map_err(|d| d.help(RESOLVE)),
                _ => d,
            };
        }
    };
    if let Some(word) = late.service {
        if !address.no_port {
            return refuse(format!("service upstream \"{shown}\" may not have port"));
        }
        if !address.addrs.is_empty() {
            return refuse(format!("service upstream \"{shown}\" requires domain name"));
        }
        return Err(not_supported(word));
    }
    if late.resolve && address.addrs.is_empty() {
        spec.named = Some((address.host.clone(), address.port));
    }
    spec.name = name.text.clone();
    spec.span = Some(name.span);
    spec.addrs = address.addrs;
    b.http.upstream.here().servers.push(spec);
    Ok(())
}

/// What is to be resolved while the group is in use.
#[derive(Default)]
struct Late<'a> {
    resolve: bool,
    service: Option<&'a Word>,
}

fn parse_parameter<'a>(
    b: &mut Builder,
    spec: &mut ServerSpec,
    late: &mut Late<'a>,
    word: &'a Word,
) -> Result<(), Diagnostic> {
    let number = |text: &[u8]| parse_number(text).ok_or_else(|| invalid_parameter(word));
    if let Some(text) = parameter(word, "weight") {
        spec.weight = number(text)?;
        if spec.weight == 0 {
            return Err(invalid_parameter(word));
        }
    } else if let Some(text) = parameter(word, "max_conns") {
        spec.max_conns = number(text)?;
    } else if let Some(text) = parameter(word, "max_fails") {
        spec.max_fails = number(text)?;
    } else if let Some(text) = parameter(word, "fail_timeout") {
        let time = parse_seconds(text).ok_or_else(|| invalid_parameter(word))?;
        spec.fail_timeout = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    } else if word.text == "backup" {
        if b.http.upstream.here().no_backup {
            let message = format!(
                "balancing method does not support parameter \"{}\"",
                word.str()
            );
            return Err(Diagnostic::new(message).label(word.span, ""));
        }
        spec.backup = true;
    } else if word.text == "down" {
        spec.down = true;
    } else if word.text == "resolve" {
        late.resolve = true;
    } else if let Some(service) = parameter(word, "service") {
        if service.is_empty() {
            return Err(Diagnostic::new("service is empty").label(word.span, ""));
        }
        late.service = Some(word);
    } else if word.text == "drain" || parameter(word, "route").is_some() {
        return Err(not_supported(word));
    } else {
        return Err(invalid_parameter(word));
    }
    Ok(())
}

fn not_supported(word: &Word) -> Diagnostic {
    let message = format!(
        "parameter \"{}\" is known to nginx, not supported by goodgate yet",
        word.str()
    );
    Diagnostic::new(message).label(word.span, "")
}

/// The setter of `zone`.
pub fn zone(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    const SMALLEST: u64 = 8 * 4096;
    let Some(name) = node.arg(0) else {
        return Ok(());
    };
    if name.text.is_empty() {
        return Err(node.error_at(name, format!("invalid zone name \"{}\"", name.str())));
    }
    let size = match node.arg(1) {
        // Another group gives it.
        None => 0,
        Some(word) => parse_size(&word.text)
            .ok_or_else(|| node.error_at(word, format!("invalid zone size \"{}\"", word.str())))?,
    };
    if let Some(word) = node.arg(1).filter(|_| size < SMALLEST) {
        return Err(node.error_at(word, format!("zone \"{}\" is too small", name.str())));
    }
    let zones = &mut b.http.zones;
    let declared = zones.declare(&name.text, size, zone::OF_GROUPS, name.span);
    declared.map_err(|message| node.error(message))?;
    b.http.upstream.here().zone = Some(name.text.clone());
    Ok(())
}
