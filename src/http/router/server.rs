//! Servers: what they are made of, and which of them answers a request.

use super::How;
use crate::config::span::Span;
use crate::config::table::Collector;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::{Http, LocationId, Server, ServerId, Settings};
use crate::http::connection::Client;
use crate::http::core::server::ServerRaw;
use crate::http::modules::ssl;
use crate::http::regex::{MatchFailed, Regex};
use crate::http::request::Request;
use crate::http::trace::Event;
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

/// The server that answers as long as no request names one: the one that the client named in a TLS handshake, else
/// that of the address. `None` if the configuration no longer listens on the address that the connection came by.
pub fn default_server(http: &Http, client: &Client) -> Option<ServerId> {
    let address = http.router.address(client)?;
    let named = ssl::host(client).and_then(|host| virtual_server(http, client, host));
    Some(named.unwrap_or(address.default_server))
}

/// What nginx says of [`NoServer::Misdirected`].
pub const MISDIRECTED: &str =
    "client attempted to request the server name different from the one that was negotiated";

/// Why no server answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoServer {
    /// A regular expression gave up on the host, which has been logged: the connection is to be closed.
    Failed,
    /// The host is not the one of the TLS handshake, and its server wants to know who asks (421).
    Misdirected,
}

/// Chooses the server by the request's host, and puts its settings in force. A host that no server has leaves it with
/// the server that it has already, unless the client named that one in a TLS handshake.
///
/// # Errors
/// There is none to answer.
pub fn set_virtual_server(req: &mut Request) -> Result<(), NoServer> {
    let Some(address) = req.http.router.address(&req.client) else {
        return Ok(());
    };
    let found = match &address.names {
        Some(names) => names
            .find(req, &req.host)
            .map_err(|MatchFailed| NoServer::Failed)?,
        None => None,
    };
    if let Some((id, by)) = found {
        req.trace(|| Event::Server { id, by });
    }
    let mut found = found.map(|(server, _)| server);
    if let Some(named) = ssl::host(&req.client)
        && *named != *req.host
    {
        let server = found.unwrap_or(address.default_server);
        if ssl::verifies(req.http.server(server)) {
            return Err(NoServer::Misdirected);
        }
        found = Some(server);
    }
    if let Some(server) = found {
        req.server = server;
        req.location = req.http.server(server).location;
    }
    Ok(())
}

/// The server that a host alone decides for, without taking note of captures.
pub fn virtual_server(http: &Http, client: &Client, host: &[u8]) -> Option<ServerId> {
    let names = http.router.address(client)?.names.as_ref()?;
    let found = names.find_with(host, |regex| Ok::<_, MatchFailed>(regex.is_match(host)));
    found.ok().flatten().map(|(server, _)| server)
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
