//! The group of servers that an address means which variables made.

use super::conf::Group;
use super::failure::{Cause, Failure};
use super::peers::Peer;
use super::settings::Passing;
use super::state::Stage;
use crate::boxed::boxed;
use crate::config::span::Span;
use crate::http::explain;
use crate::http::request::Request;
use crate::http::trace::Event;
use crate::log::{self, Level};
use crate::net::address::{Addr, Address};
use crate::net::resolver::ResolveError;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;

/// Where a request goes.
pub enum Aim {
    /// To a group that is known beforehand.
    Group(Arc<Group>),
    /// To an address that variables made.
    Address(Box<Address>),
}

impl Aim {
    /// The group; to be asked for when the client's body is there, as nginx does.
    ///
    /// # Errors
    /// The status to answer with.
    pub async fn group(
        self,
        req: &Request,
        passing: &Passing,
        span: Span,
    ) -> Result<Arc<Group>, u16> {
        match self {
            Aim::Group(group) => Ok(group),
            // In a box of its own: most groups are known.
            Aim::Address(address) => boxed(|| group(req, &address, passing, span)).await,
        }
    }
}

/// A group of the configuration if it has this name, else the address by itself, resolved by `resolver` if it is a
/// name. `span` is where the directive stands that names it.
///
/// # Errors
/// The status to answer with, its reason logged: there is no port, no `resolver`, or the name does not resolve.
async fn group(
    req: &Request,
    address: &Address,
    passing: &Passing,
    span: Span,
) -> Result<Arc<Group>, u16> {
    let groups = &req.http.upstream;
    if let Some(group) = groups.find(&address.host, address.port, address.no_port) {
        return Ok(Arc::clone(group));
    }
    let unix = matches!(address.addrs.first(), Some(Addr::Unix(_)));
    if address.port == 0 && !unix {
        let host = String::from_utf8_lossy(&address.host);
        let message = format_args!("no port in upstream \"{host}\"");
        log::request(req, Level::Error, message);
        return Err(500);
    }
    let peers = match address.addrs.first() {
        Some(addr) => vec![peer(addr.clone())],
        None => resolve(req, address, passing, span)
            .await?
            .into_iter()
            .map(peer)
            .collect(),
    };
    Ok(Group::of_address(address.host.clone(), peers, span))
}

async fn resolve(
    req: &Request,
    address: &Address,
    passing: &Passing,
    span: Span,
) -> Result<Vec<Addr>, u16> {
    let core = &req.location(&req.http).core;
    let refuse = |cause: Cause| {
        let mut failure = Failure::new(cause, Stage::Resolving);
        failure.span = Some(span);
        failure.location = req.location;
        failure.facts.waited = Some(core.resolver_timeout);
        explain::no_attempt(req, failure);
        Err(502)
    };
    let Some(dns) = &core.resolver else {
        return refuse(Cause::NoResolver(address.host.clone()));
    };
    if req.is_rehearsal() {
        req.trace(|| Event::WouldResolve {
            host: address.host.clone(),
        });
        return Ok(Vec::new());
    }
    let resolver = req.worker.resolvers.of(dns);
    req.client.watch.set(!passing.ignore_client_abort);
    let outcome = resolver.resolve(&address.host, core.resolver_timeout).await;
    req.client.watch.set(false);
    match outcome {
        Ok(ips) => {
            let addr = |ip| Addr::Inet(SocketAddr::new(ip, address.port));
            Ok(ips.into_iter().map(addr).collect())
        }
        Err(e) => {
            let host = address.host.strip_suffix(b".").unwrap_or(&address.host);
            refuse(Cause::Unresolved {
                host: Bytes::copy_from_slice(host),
                late: e == ResolveError::TimedOut,
                why: e.to_string(),
            })
        }
    }
}

/// A server that is asked once and not remembered.
fn peer(addr: Addr) -> Peer {
    Peer {
        name: Bytes::from(addr.to_string()),
        addr,
        server: Bytes::new(),
        weight: 1,
        max_fails: 1,
        fail_timeout: 10,
        max_conns: 0,
        down: false,
    }
}
