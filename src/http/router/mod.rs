//! From an address and a name to a server, from a path to a location.

use super::conf::{Http, Location, Server};
use super::core;
use super::phase::Verdict;
use super::request::Request;
use crate::cycle::Builder;
use crate::net::listen::ListenSpec;

/// How a location is chosen.
#[derive(Clone, Debug)]
pub enum LocationMatch {}

/// The locations of a server or location, ready to be searched.
#[derive(Default)]
pub struct LocationTree {}

/// From the number of a listening socket, the local address and the host to a server.
#[derive(Default)]
pub struct Router {}

/// A `server` block while it is collected.
#[derive(Default)]
pub struct ServerBuilder {
    /// Settings for the whole server.
    pub raw: core::server::ServerRaw,
}

/// Finds the location of the request's URI and puts its settings in force.
pub fn find_location(_req: &mut Request, _http: &Http) -> Verdict {
    Verdict::Declined
}

/// Fixes the servers; called before their blocks are merged.
pub fn servers(_b: &mut Builder) -> Vec<Server> {
    Vec::new()
}

/// Puts every location into the tree of the block around it, and named ones into their servers.
pub fn trees(_b: &mut Builder, _locations: &mut [Location]) {}

/// Groups the `listen` directives by socket, and the servers by address.
pub fn listens(_b: &mut Builder, _servers: &[Server]) -> (Router, Vec<ListenSpec>) {
    (Router::default(), Vec::new())
}

pub fn default_server(
    _h: &Http,
    _c: &crate::http::connection::Client,
) -> crate::http::conf::ServerId {
    crate::http::conf::ServerId(0)
}
pub fn set_virtual_server(_req: &mut Request) {}
