//! The group of servers that an address means which variables made.

use super::conf::Group;
use super::peers::Peer;
use crate::config::span::Span;
use crate::http::request::Request;
use crate::log::{self, Level};
use crate::net::address::{Addr, Address};
use bytes::Bytes;
use std::sync::Arc;

/// A group of the configuration if it has this name, else the address by itself. `span` is where the directive
/// stands that names it.
///
/// # Errors
/// The status to answer with, its reason logged: there is no port, or the name would have to be resolved.
pub fn group(req: &Request, address: &Address, span: Span) -> Result<Arc<Group>, u16> {
    let groups = &req.http.upstream;
    if let Some(group) = groups.find(&address.host, address.port, address.no_port) {
        return Ok(Arc::clone(group));
    }
    let host = String::from_utf8_lossy(&address.host);
    let unix = matches!(address.addrs.first(), Some(Addr::Unix(_)));
    if address.port == 0 && !unix {
        let message = format_args!("no port in upstream \"{host}\"");
        log::request(req, Level::Error, message);
        return Err(500);
    }
    if address.addrs.is_empty() {
        let message = format_args!("no resolver defined to resolve {host}");
        log::request(req, Level::Error, message);
        return Err(502);
    }
    let peers = address.addrs.iter().take(1).map(|addr| Peer {
        addr: addr.clone(),
        name: Bytes::from(addr.to_string()),
        server: Bytes::new(),
        weight: 1,
        max_fails: 1,
        fail_timeout: 10,
        max_conns: 0,
        down: false,
    });
    Ok(Group::of_address(
        address.host.clone(),
        peers.collect(),
        span,
    ))
}
