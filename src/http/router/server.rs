//! Servers: what they are made of, and which of them answers a request.

use super::How;
use crate::config::span::Span;
use crate::config::table::Collector;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::{Http, LocationId, Server, ServerId, Settings};
use crate::http::connection::Client;
use crate::http::core::server::ServerRaw;
use crate::http::regex::{MatchFailed, Regex};
use crate::http::request::Request;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// A `server` block while it is collected.
#[derive(Default)]
pub struct ServerBuilder {
    /// Settings for the whole server, if it has some of its own.
    pub raw: Option<ServerRaw>,
    /// The names; none stands for the empty one.
    pub names: Vec<ServerName>,
    /// Whether there is a `listen`.
    pub listens: bool,
    /// Its block.
    pub location: Option<LocationId>,
}

/// A name of a server.
pub struct ServerName {
    /// As written, in lower case; with the `~` of a regular expression.
    pub name: Bytes,
    /// The regular expression.
    pub regex: Option<Arc<Regex>>,
    /// Where it stands.
    pub span: Span,
}

/// The server that answers on an address when no name decides: for what happens before the head is read. `None` if
/// the configuration no longer listens on the address that the connection came by.
pub fn default_server(http: &Http, client: &Client) -> Option<ServerId> {
    Some(http.router.address(client)?.default_server)
}

/// Chooses the server by the request's host, and puts its settings in force. A host that no server has leaves it with
/// the server that it has already.
///
/// # Errors
/// A regular expression gave up on the host, which has been logged: the connection is to be closed.
pub fn set_virtual_server(req: &mut Request) -> Result<(), MatchFailed> {
    let address = req.http.router.address(&req.client);
    let Some(names) = address.and_then(|address| address.names.as_ref()) else {
        return Ok(());
    };
    if let Some(server) = names.find(req, &req.host)? {
        req.server = server;
        req.location = req.http.server(server).location;
    }
    Ok(())
}

/// The server that a host alone decides for, without taking note of captures.
pub fn virtual_server(http: &Http, client: &Client, host: &[u8]) -> Option<ServerId> {
    let names = http.router.address(client)?.names.as_ref()?;
    let found = names.find_with(host, |regex| Ok::<_, MatchFailed>(regex.is_match(host)));
    found.ok().flatten()
}

/// Fixes the servers; called before their blocks are merged.
pub fn servers(b: &mut Builder) -> Vec<Server> {
    let mut defaults = std::mem::take(&mut b.http.server_defaults);
    defaults
        .connection_pool_size
        .get_or_insert(DEFAULT_POOL_SIZE);
    let shared = Arc::new(defaults.build(b));
    if !b.http.servers.is_empty() {
        check_buffers(b, &defaults);
    }
    let mut named = named_locations(b);
    let mut servers = Vec::with_capacity(b.http.servers.len());
    for number in 0..b.http.servers.len() {
        let Some(server) = b.http.servers.get_mut(number) else {
            break;
        };
        let id = ServerId(number as u32);
        let location = server.location.unwrap_or(LocationId(0));
        let name = server
            .names
            .first()
            .map(|first| first.name.clone())
            .unwrap_or_default();
        let raw = server.raw.take();
        let core = match raw {
            None => Arc::clone(&shared),
            Some(mut raw) => {
                raw.inherit(&defaults, &crate::http::conf::BlockKind::Server);
                raw.connection_pool_size =
                    raw.connection_pool_size.or(defaults.connection_pool_size);
                check_buffers(b, &raw);
                Arc::new(raw.build(b))
            }
        };
        servers.push(Server {
            id,
            name: match name.strip_prefix(b".") {
                Some(rest) => name.slice_ref(rest),
                None => name,
            },
            core,
            location,
            named: named.remove(&id).unwrap_or_default(),
            tls: None,
        });
    }
    servers
}

/// nginx's `connection_pool_size` where none is written.
const DEFAULT_POOL_SIZE: u64 = 512;
/// The size of a large buffer where none is written.
const DEFAULT_BUFFER_SIZE: u64 = 8192;

fn check_buffers(b: &mut Builder, raw: &ServerRaw) {
    let buffers = raw
        .large_client_header_buffers
        .map_or(DEFAULT_BUFFER_SIZE, |(_, size)| size as u64);
    if buffers < raw.connection_pool_size.unwrap_or(DEFAULT_POOL_SIZE) {
        let mut d = Diagnostic::new(
            "the \"large_client_header_buffers\" size must be equal to or greater than \"connection_pool_size\"",
        );
        d.line = b.http.seen;
        b.report(d);
    }
}

/// The named locations of each server. Of two with the same name nginx uses the first.
fn named_locations(b: &Builder) -> HashMap<ServerId, HashMap<Bytes, LocationId>> {
    let mut named: HashMap<ServerId, HashMap<Bytes, LocationId>> = HashMap::new();
    for (number, block) in b.http.blocks.iter().enumerate() {
        if let Some(location) = block.kind.location()
            && matches!(location.how, How::Named)
        {
            let names = named.entry(block.server).or_default();
            names
                .entry(location.name.clone())
                .or_insert(LocationId(number as u32));
        }
    }
    named
}
