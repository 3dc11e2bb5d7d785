//! Addresses that servers listen on: which sockets they need, and whose servers are behind each.

use super::names::Names;
use crate::cycle::Builder;
use crate::http::conf::{Http, Server, ServerId};
use crate::http::connection::{Client, Peer};
use crate::net::address::Addr;
use crate::net::listen::ListenSpec;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// An address as one `listen` describes it.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The socket.
    pub spec: ListenSpec,
    /// Whether options of the socket are given.
    pub set: bool,
    /// Whether it gets a socket of its own even beside a wildcard address.
    pub bind: bool,
    /// `default_server`
    pub default_server: bool,
    /// `ssl`, `http2`, `proxy_protocol`
    pub protocols: Protocols,
}

/// What is spoken on an address. One `listen` that asks for it is enough for all servers of the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocols {
    /// `ssl`
    pub ssl: bool,
    /// `http2`
    pub http2: bool,
    /// `proxy_protocol`
    pub proxy_protocol: bool,
}

impl Protocols {
    fn or(self, other: Protocols) -> Protocols {
        Protocols {
            ssl: self.ssl || other.ssl,
            http2: self.http2 || other.http2,
            proxy_protocol: self.proxy_protocol || other.proxy_protocol,
        }
    }
}

impl Listen {
    /// An address without parameters.
    pub fn new(spec: ListenSpec) -> Listen {
        Listen {
            spec,
            set: false,
            bind: false,
            default_server: false,
            protocols: Protocols::default(),
        }
    }

    fn is_wildcard(&self) -> bool {
        matches!(&self.spec.addr, Addr::Inet(addr) if addr.ip().is_unspecified())
    }
}

/// What one socket can be bound for: nginx groups addresses by these.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Port {
    Inet(u16),
    Inet6(u16),
    Unix,
}

/// All addresses while they are collected.
#[derive(Default)]
pub struct Ports {
    /// The addresses of each port, in the order in which they are first named.
    ports: Vec<Vec<usize>>,
    by_port: HashMap<Port, usize>,
    addresses: Vec<Bound>,
    by_address: HashMap<Addr, usize>,
}

struct Bound {
    listen: Listen,
    default_server: ServerId,
    servers: Vec<ServerId>,
    /// What the `listen` directives so far agree on, once there are two.
    agreed: Option<Protocols>,
    /// Whether they did not always agree.
    changed: bool,
}

impl Bound {
    /// Takes note of what another `listen` asks for; whether that is odd enough for nginx's warning.
    fn redefines(&mut self, listen: &Listen, was_set: bool) -> bool {
        let (new, old) = (listen.protocols, self.listen.protocols);
        let differs = self.agreed.is_some_and(|agreed| agreed != new);
        let odd = if new.or(old) != old {
            let odd = (was_set && !listen.set) || self.changed || new.or(old) != new;
            (self.agreed, self.changed) = (Some(old), true);
            return odd;
        } else if new.or(old) != new {
            self.changed = true;
            listen.set || differs
        } else {
            (listen.set && self.changed) || differs
        };
        self.agreed = Some(new);
        odd
    }
}

impl Ports {
    /// Adds a server to an address; the answer is nginx's warning if the protocols are not those of an earlier `listen`.
    ///
    /// # Errors
    /// nginx's sentence: the server or its options are there already.
    pub fn add(&mut self, server: ServerId, listen: Listen) -> Result<Option<String>, String> {
        let addr = &listen.spec.addr;
        let Some(&number) = self.by_address.get(addr) else {
            self.add_address(server, listen);
            return Ok(None);
        };
        let Some(bound) = self.addresses.get_mut(number) else {
            return Ok(None);
        };
        // Servers come one after the other, so that only the last one can be the same.
        if bound.servers.last() == Some(&server) {
            return Err(format!("a duplicate listen {addr}"));
        }
        bound.servers.push(server);
        let had_default = bound.listen.default_server;
        if listen.set && bound.listen.set {
            return Err(format!("duplicate listen options for {addr}"));
        }
        if listen.default_server && had_default {
            return Err(format!("a duplicate default server for {addr}"));
        }
        if listen.default_server {
            bound.default_server = server;
        }
        let is_default = had_default || listen.default_server;
        let protocols = bound.listen.protocols.or(listen.protocols);
        let was_set = bound.listen.set || listen.set;
        let warning = bound
            .redefines(&listen, was_set)
            .then(|| format!("protocol options redefined for {addr}"));
        if listen.set {
            bound.listen = listen;
        }
        bound.listen.default_server = is_default;
        bound.listen.protocols = protocols;
        Ok(warning)
    }

    /// The addresses on which TLS is spoken: the default server of each, and all servers.
    pub fn with_tls(&self) -> impl Iterator<Item = (ServerId, &[ServerId])> {
        let addresses = self.ports.iter().flatten();
        addresses
            .filter_map(|number| self.addresses.get(*number))
            .filter(|bound| bound.listen.protocols.ssl)
            .map(|bound| (bound.default_server, &bound.servers[..]))
    }

    fn add_address(&mut self, server: ServerId, listen: Listen) {
        let port = match &listen.spec.addr {
            Addr::Inet(addr) if addr.is_ipv4() => Port::Inet(addr.port()),
            Addr::Inet(addr) => Port::Inet6(addr.port()),
            Addr::Unix(_) => Port::Unix,
        };
        let next = self.ports.len();
        let port = *self.by_port.entry(port).or_insert(next);
        if port == next {
            self.ports.push(Vec::new());
        }
        let number = self.addresses.len();
        if let Some(addresses) = self.ports.get_mut(port) {
            addresses.push(number);
        }
        self.by_address.insert(listen.spec.addr.clone(), number);
        self.addresses.push(Bound {
            listen,
            default_server: server,
            servers: vec![server],
            agreed: None,
            changed: false,
        });
    }
}

/// From the number of a listening socket and the local address to the servers.
#[derive(Default)]
pub struct Router {
    addresses: Vec<Address>,
    sockets: Vec<Socket>,
    by_address: HashMap<Arc<Addr>, usize>,
}

/// The servers behind one address.
pub struct Address {
    /// The one for hosts that no server has.
    pub default_server: ServerId,
    /// The names of all; none if the default server is the only one.
    pub names: Option<Box<Names>>,
    /// What is spoken.
    pub protocols: Protocols,
}

/// A listening socket.
struct Socket {
    addr: Arc<Addr>,
    /// The number of the address that it is bound to.
    address: usize,
    /// The numbers of addresses that have no socket of their own, since this one's wildcard covers them.
    covered: HashMap<IpAddr, usize>,
    /// Whether nothing but HTTP/1 is spoken on any of these addresses.
    plain: bool,
}

impl Router {
    /// The address behind which the servers for a connection are; `None` if this configuration does not listen there.
    pub fn address(&self, client: &Client) -> Option<&Address> {
        let socket = self.socket(client)?;
        let mut number = socket.address;
        if !socket.covered.is_empty()
            && let Peer::Inet(local) = client.local()
        {
            number = socket.covered.get(&local.ip()).copied().unwrap_or(number);
        }
        self.addresses.get(number)
    }

    /// Whether nothing but HTTP/1 is spoken on any address of a listening socket, from the first byte on.
    pub fn is_plain(&self, listen: usize) -> bool {
        self.sockets.get(listen).is_none_or(|socket| socket.plain)
    }

    /// The addresses behind a listening socket: its own, then those that its wildcard covers.
    pub fn behind(&self, listen: usize) -> impl Iterator<Item = (Option<IpAddr>, &Address)> {
        let socket = self.sockets.get(listen);
        let own = socket.map(|socket| (None, socket.address));
        let covered = socket.into_iter().flat_map(|socket| &socket.covered);
        let covered = covered.map(|(ip, number)| (Some(*ip), *number));
        own.into_iter()
            .chain(covered)
            .filter_map(|(ip, number)| Some((ip, self.addresses.get(number)?)))
    }

    /// The address that a listening socket is bound to: a connection keeps it, to be found under another
    /// configuration.
    pub fn bound(&self, listen: usize) -> Option<Arc<Addr>> {
        self.sockets
            .get(listen)
            .map(|socket| Arc::clone(&socket.addr))
    }

    /// The socket that a connection came by. Its number holds for the configuration under which it was accepted; under
    /// another one the address decides.
    fn socket(&self, client: &Client) -> Option<&Socket> {
        self.socket_of(client.listen, client.bound.as_ref()?)
    }

    fn socket_of(&self, listen: usize, bound: &Arc<Addr>) -> Option<&Socket> {
        match self.sockets.get(listen) {
            Some(socket) if Arc::ptr_eq(&socket.addr, bound) => Some(socket),
            _ => self.sockets.get(*self.by_address.get(bound)?),
        }
    }

    /// Whether it is listened on the address that a connection came by: then it has an [`Router::address`].
    pub fn listens_for(&self, listen: usize, bound: &Arc<Addr>) -> bool {
        self.socket_of(listen, bound).is_some()
    }
}

/// Whether the `listen` that a connection came by has the parameter `http2`.
pub fn listens_http2(http: &Http, client: &Client) -> bool {
    let address = http.router.address(client);
    address.is_some_and(|address| address.protocols.http2)
}

/// The port that a connection came by; 0 for a unix socket.
pub fn port(http: &Http, client: &Client) -> u16 {
    match http.router.socket(client).map(|socket| &*socket.addr) {
        Some(Addr::Inet(addr)) => addr.port(),
        _ => 0,
    }
}

/// Groups the `listen` directives by socket, and the servers by address. The number of a socket is its place in the
/// list.
pub fn listens(b: &mut Builder, _servers: &[Server]) -> (Router, Vec<ListenSpec>) {
    let Ports {
        ports, addresses, ..
    } = std::mem::take(&mut b.http.ports);
    let builders = std::mem::take(&mut b.http.servers);
    let mut router = Router::default();
    let mut specs = Vec::new();
    for numbers in &ports {
        let mut numbers = numbers.clone();
        numbers.sort_by_key(|&number| match addresses.get(number).map(|a| &a.listen) {
            Some(listen) if listen.is_wildcard() => 2,
            Some(listen) if listen.bind => 0,
            _ => 1,
        });
        let mut covered = HashMap::new();
        let mut covers_plain = true;
        let bound = |number: &usize| addresses.get(*number);
        let wildcard = numbers
            .last()
            .and_then(bound)
            .is_some_and(|a| a.listen.is_wildcard());
        for address in numbers.iter().filter_map(bound) {
            let number = router.addresses.len();
            router.addresses.push(Address {
                default_server: address.default_server,
                names: names(b, address, &builders),
                protocols: address.listen.protocols,
            });
            let inet = match &address.listen.spec.addr {
                Addr::Inet(addr) => Some(*addr),
                Addr::Unix(_) => None,
            };
            let mut plain = address.listen.protocols == Protocols::default();
            let own = !wildcard || address.listen.bind || address.listen.is_wildcard();
            if let (false, Some(addr)) = (own, inet) {
                covered.insert(addr.ip(), number);
                covers_plain &= plain;
                continue;
            }
            if address.listen.is_wildcard() {
                plain &= covers_plain;
            }
            let addr = Arc::new(address.listen.spec.addr.clone());
            router.by_address.insert(Arc::clone(&addr), specs.len());
            specs.push(address.listen.spec.clone());
            router.sockets.push(Socket {
                addr,
                address: number,
                covered: match address.listen.is_wildcard() {
                    true => std::mem::take(&mut covered),
                    false => HashMap::new(),
                },
                plain,
            });
        }
    }
    (router, specs)
}

/// The names of the servers of an address. A single server needs none, unless its expression has captures.
fn names(
    b: &mut Builder,
    address: &Bound,
    builders: &[super::ServerBuilder],
) -> Option<Box<Names>> {
    let of = |id: &ServerId| builders.get(id.0 as usize).map(|server| &server.names[..]);
    let captures = of(&address.default_server)
        .and_then(|names| names.iter().rev().find_map(|name| name.regex.as_ref()))
        .is_some_and(|regex| regex.has_captures());
    if address.servers.len() < 2 && !captures {
        return None;
    }
    let empty = [super::ServerName {
        name: bytes::Bytes::new(),
        regex: None,
        span: b.http.seen?,
    }];
    let servers = address.servers.iter().map(|id| match of(id) {
        Some(names) if !names.is_empty() => (*id, names),
        _ => (*id, &empty[..]),
    });
    let shown = address.listen.spec.addr.to_string();
    Some(Box::new(Names::build(b, &shown, servers)))
}
