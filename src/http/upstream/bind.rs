//! The local address of connections to upstreams: `proxy_bind` and its like.

use crate::config::tree::Node;
use crate::cycle::{Builder, invalid_parameter};
use crate::diagnostic::Diagnostic;
use crate::http::request::Request;
use crate::http::value::Value;
use crate::log::{self, Level};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// A local address, fixed or computed for each request.
#[derive(Clone, Debug)]
pub enum Bind {
    /// An address, and how it was written.
    Fixed(SocketAddr, Bytes),
    /// From variables.
    Computed(Value),
}

impl Bind {
    /// The address for a request; none if the variables yield nothing.
    pub fn of(&self, req: &Request) -> Option<(SocketAddr, Bytes)> {
        match self {
            Bind::Fixed(address, text) => Some((*address, text.clone())),
            Bind::Computed(value) => {
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
    let bind = match value.to_literal() {
        None => Bind::Computed(value),
        Some(text) => match parse(&text) {
            Some(address) => Bind::Fixed(address, text),
            None => {
                return Err(node.error_at(word, format!("invalid address \"{}\"", word.str())));
            }
        },
    };
    if let Some(word) = node.arg(1) {
        if word.text != "transparent" {
            return Err(invalid_parameter(word));
        }
        let message = "parameter \"transparent\" is known to nginx, not supported by goodgate yet";
        return Err(node.error_at(word, message));
    }
    *field(b) = Some(Some(bind));
    Ok(())
}

/// `10.0.0.1`, `10.0.0.1:80`, `[::1]`, `[::1]:80`; a bare `::1` too.
fn parse(text: &[u8]) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
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
