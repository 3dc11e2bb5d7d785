//! The local address of connections to upstreams: `proxy_bind` and its like.

use crate::config::tree::Node;
use crate::cycle::{Builder, invalid_parameter};
use crate::diagnostic::Diagnostic;
use crate::http::request::Request;
use crate::http::value::Value;
use crate::log::{self, Level};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// A local address.
#[derive(Clone, Debug)]
pub struct Bind {
    /// Where it comes from.
    pub local: Local,
    /// `transparent`: it may be an address of another machine, the client's say.
    pub transparent: bool,
}

/// An address, fixed or computed for each request.
#[derive(Clone, Debug)]
pub enum Local {
    /// An address, and how it was written.
    Fixed(SocketAddr, Bytes),
    /// From variables.
    Computed(Value),
}

impl Local {
    /// The address for a request; none if the variables yield nothing.
    pub fn of(&self, req: &Request) -> Option<(SocketAddr, Bytes)> {
        match self {
            Local::Fixed(address, text) => Some((*address, text.clone())),
            Local::Computed(value) => {
                let text = value.eval_bytes(req);
                let address = parse(&text);
                if address.is_none() && !text.is_empty() {
                    let shown = String::from_utf8_lossy(&text);
                    log::request(
                        req,
                        Level::Error,
                        format_args!("invalid local address \"{shown}\""),
                    );
                }
                address.map(|address| (address, text))
            }
        }
    }
}

/// The setter.
///
/// # Errors
/// `invalid address "x"`, duplicates.
pub fn set(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut Builder) -> &mut Option<Option<Bind>>,
) -> Result<(), Diagnostic> {
    if field(b).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    if node.args.len() == 1 && word.text == "off" {
        *field(b) = Some(None);
        return Ok(());
    }
    let value = Value::compile(b, word)?;
    let local = match value.to_literal() {
        None => Local::Computed(value),
        Some(text) => match parse(&text) {
            Some(address) => Local::Fixed(address, text),
            None => {
                return Err(node.error_at(word, format!("invalid address \"{}\"", word.str())));
            }
        },
    };
    if let Some(word) = node.arg(1)
        && word.text != "transparent"
    {
        return Err(invalid_parameter(word));
    }
    let transparent = node.arg(1).is_some();
    *field(b) = Some(Some(Bind { local, transparent }));
    Ok(())
}

/// `10.0.0.1`, `10.0.0.1:80`, `[::1]`, `[::1]:80`; a bare `::1` too. A port is one from 1 on.
fn parse(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address).filter(|address| address.port() != 0);
    }
    let inner = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    inner
        .parse::<IpAddr>()
        .ok()
        .map(|ip| SocketAddr::new(ip, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, want) in [
            ("10.0.0.1", Some("10.0.0.1:0")),
            ("10.0.0.1:80", Some("10.0.0.1:80")),
            ("[::1]:80", Some("[::1]:80")),
            ("[::1]", Some("[::1]:0")),
            ("10.0.0.1:0", None),
            ("[::1]:0", None),
            ("::1", Some("[::1]:0")),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(
                parse(text.as_bytes()).map(|a| a.to_string()).as_deref(),
                want,
                "{text}"
            );
        }
    }
}
