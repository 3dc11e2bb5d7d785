//! `server` and `zone` in `upstream`.

use super::peers::Peer;
use crate::config::span::Span;
use crate::config::tree::{Node, Word};
use crate::config::value::{parse_number, parse_seconds, parse_size};
use crate::cycle::{Builder, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use crate::http::zone;
use crate::net::address::{Addr, Address, Options};
use bytes::Bytes;

/// A `server` line.
pub struct ServerSpec {
    /// The address as it was written.
    pub name: Bytes,
    /// Where it was written; none for an address in `proxy_pass`.
    pub span: Option<Span>,
    /// What it resolved to.
    pub addrs: Vec<Addr>,
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
        self.addrs.iter().map(|addr| Peer {
            addr: addr.clone(),
            name: Bytes::from(addr.to_string()),
            server: self.name.clone(),
            weight: self.weight,
            max_fails: self.max_fails,
            fail_timeout: self.fail_timeout,
            max_conns: self.max_conns,
            down: self.down,
        })
    }
}

/// The setter of `server`.
pub fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let Some(name) = node.arg(0) else {
        return Ok(());
    };
    let mut spec = ServerSpec::of_addresses(Vec::new());
    for word in node.args.iter().skip(1) {
        parse_parameter(b, &mut spec, word)?;
    }
    let address = Address::parse(&name.text, Options::upstream(80)).map_err(|e| {
        Diagnostic::new(format!("{e} in upstream \"{}\"", name.str())).label(name.span, "")
    })?;
    spec.name = name.text.clone();
    spec.span = Some(name.span);
    spec.addrs = address.addrs;
    b.http.upstream.here().servers.push(spec);
    Ok(())
}

fn parse_parameter(b: &mut Builder, spec: &mut ServerSpec, word: &Word) -> Result<(), Diagnostic> {
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
    } else if is_of_nginx(word) {
        let message = format!(
            "parameter \"{}\" is known to nginx, not supported by goodgate yet",
            word.str()
        );
        return Err(Diagnostic::new(message).label(word.span, ""));
    } else {
        return Err(invalid_parameter(word));
    }
    Ok(())
}

fn is_of_nginx(word: &Word) -> bool {
    word.text == "resolve"
        || word.text == "drain"
        || parameter(word, "service").is_some()
        || parameter(word, "route").is_some()
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
