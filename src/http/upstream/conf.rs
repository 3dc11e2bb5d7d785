//! `upstream { }` blocks and the groups that a bare address makes.

use super::balance::{Balancer, round_robin::RoundRobin};
use super::peers::{Peer, Peers};
use super::renew::Renewal;
use super::resolved::{Live, Named};
use super::server::{self, ServerSpec};
use crate::config::directive::{Args, Directive};
use crate::config::source::Sources;
use crate::config::span::Span;
use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::cycle::{Builder, context};
use crate::diagnostic::Diagnostic;
use crate::http::core::location::LocationConf as CoreConf;
use crate::net::address::Address;
use crate::net::resolver::Dns;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The number of a group in [`Upstreams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupId(pub u32);

/// A group while it is collected.
pub struct GroupBuilder {
    host: Bytes,
    port: u16,
    no_port: bool,
    /// Whether an `upstream` block names it, rather than an address in `proxy_pass`.
    explicit: bool,
    /// What messages about it point at.
    span: Span,
    /// Its servers in the order of the configuration.
    pub servers: Vec<ServerSpec>,
    /// `keepalive` and its companions.
    pub keepalive: super::keepalive::KeepaliveRaw,
    /// The method, if it is not round robin.
    pub balancer: Option<Arc<dyn Balancer>>,
    /// Whether the method knows `backup`.
    pub no_backup: bool,
    /// Whether `least_time` was set, which may be done once.
    pub least_time: bool,
    /// `zone`
    pub zone: Option<Bytes>,
    /// `resolver`
    pub resolver: Option<Arc<Dns>>,
    /// `resolver_timeout`
    pub resolver_timeout: Option<Duration>,
}

/// Groups while they are collected.
#[derive(Default)]
pub struct UpstreamBuilder {
    groups: Vec<GroupBuilder>,
    current: usize,
}

impl UpstreamBuilder {
    /// The group whose block is walked.
    pub fn here(&mut self) -> &mut GroupBuilder {
        if self.groups.is_empty() {
            let span = Span {
                source: crate::config::span::SourceId(0),
                start: 0,
                end: 0,
            };
            self.groups
                .push(GroupBuilder::new(Bytes::new(), 0, true, span));
        }
        let i = self.current.min(self.groups.len() - 1);
        #[allow(
            clippy::indexing_slicing,
            reason = "the index was just bounded, and the list is not empty"
        )]
        &mut self.groups[i]
    }
}

impl GroupBuilder {
    fn new(host: Bytes, port: u16, no_port: bool, span: Span) -> Self {
        GroupBuilder {
            host,
            port,
            no_port,
            explicit: false,
            span,
            servers: Vec::new(),
            keepalive: Default::default(),
            balancer: None,
            no_backup: false,
            least_time: false,
            zone: None,
            resolver: None,
            resolver_timeout: None,
        }
    }
}

/// A group in force.
pub struct Group {
    /// Its name, or the host of the address that made it.
    pub name: Bytes,
    port: u16,
    servers: Servers,
    /// How one is chosen.
    pub balancer: Arc<dyn Balancer>,
    /// Whether and how connections to them are kept.
    pub keepalive: Option<super::keepalive::Keepalive>,
    /// Where it is configured.
    pub span: Span,
    /// Its servers as they were written, and where.
    pub places: Box<[(Bytes, Span)]>,
    /// Whether it was made for one request, and nothing is known of it afterwards.
    pub fleeting: bool,
}

/// The servers of a group.
enum Servers {
    /// All with addresses.
    Fixed(Arc<Peers>),
    /// Some with names, and who is asked for them.
    Live(Arc<Live>, Renewal),
}

impl Group {
    /// Its servers as they are now.
    pub fn peers(&self) -> Arc<Peers> {
        match &self.servers {
            Servers::Fixed(peers) => Arc::clone(peers),
            Servers::Live(live, _) => live.now(),
        }
    }

    /// The same where names are resolved while it is in use.
    pub fn live(&self) -> Option<&Arc<Live>> {
        match &self.servers {
            Servers::Fixed(_) => None,
            Servers::Live(live, _) => Some(live),
        }
    }

    /// The name of an `upstream`, or the address in its place.
    pub fn shown(&self) -> Bytes {
        if self.port != 0 {
            let name = String::from_utf8_lossy(&self.name);
            return Bytes::from(format!("{name}:{}", self.port));
        }
        match &*self.peers().main.peers {
            // Without a name of its own it goes by its only server.
            [only] if only.server.is_empty() => only.name.clone(),
            _ => self.name.clone(),
        }
    }

    /// A group for one address that only a request knows.
    pub fn of_address(name: Bytes, peers: Vec<Peer>, span: Span) -> Arc<Self> {
        Arc::new(Group {
            name,
            port: 0,
            servers: Servers::Fixed(Peers::new(peers, Vec::new())),
            balancer: Arc::new(RoundRobin),
            keepalive: None,
            span,
            places: Box::default(),
            fleeting: true,
        })
    }

    /// Where a server was written; none if the address stands in `proxy_pass` itself.
    pub fn place_of(&self, server: &[u8]) -> Option<Span> {
        let found = self.places.iter().find(|(name, _)| name == server);
        found.map(|(_, span)| *span)
    }

    /// The number by which its TLS sessions are known. All those made for one request have the same.
    pub fn sessions(&self) -> u64 {
        match self.fleeting {
            true => 0,
            false => self.peers().id,
        }
    }
}

/// Groups in force.
#[derive(Default)]
pub struct Upstreams {
    groups: Vec<Arc<Group>>,
    /// Where in the list the groups are, by the numbers of their peers: made when a failure is to be explained.
    by_peers: OnceLock<HashMap<u64, usize>>,
}

impl Upstreams {
    /// The group with this number.
    pub fn get(&self, id: GroupId) -> Option<&Arc<Group>> {
        self.groups.get(id.0 as usize)
    }

    /// The group whose peers have this number.
    pub fn of_peers(&self, id: u64) -> Option<&Arc<Group>> {
        let by_peers = self.by_peers.get_or_init(|| {
            let numbers = self.groups.iter().map(|group| group.peers().id);
            numbers.zip(0..).collect()
        });
        self.groups.get(*by_peers.get(&id)?)
    }

    /// The groups with names that are resolved while they are in use, and who is asked for them.
    pub fn renewed(&self) -> impl Iterator<Item = (&Arc<Live>, &Renewal)> {
        self.groups.iter().filter_map(|group| match &group.servers {
            Servers::Fixed(_) => None,
            Servers::Live(live, renewal) => Some((live, renewal)),
        })
    }

    /// The group that an address computed per request means, if there is one of this name.
    pub fn find(&self, host: &[u8], port: u16, no_port: bool) -> Option<&Arc<Group>> {
        self.groups.iter().find(|g| {
            ((g.port == 0 && no_port) || g.port == port) && g.name.eq_ignore_ascii_case(host)
        })
    }
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::block("upstream", context::HTTP, Args::Exactly(1), upstream)
        .syntax("name")
        .doc("Defines a group of servers that proxy_pass and the like may name."),
    Directive::custom("server", context::UPSTREAM, Args::AtLeast(1), server::set)
        .syntax(
            "address [weight=number] [max_conns=number] [max_fails=number] [fail_timeout=time] [backup] [down] [resolve]",
        )
        .doc("A server of the group: an address, a host name or a unix socket, with weight=, max_conns=, max_fails=, \
              fail_timeout=, backup and down. A name is resolved when the configuration is read; with resolve it is \
              resolved by resolver, again and again while the group is in use. This takes a zone. SRV records (service=) \
              are not supported."),
    Directive::custom("zone", context::UPSTREAM, Args::Between(1, 2), server::zone)
        .syntax("name [size]")
        .doc("Names the memory in which nginx's workers share the state of the group. Here all threads always share it; \
              the name and the size are checked and otherwise without meaning."),
    Directive::custom("resolver", context::UPSTREAM, Args::AtLeast(1), set_resolver)
        .syntax("address ... [valid=time] [ipv4=on|off] [ipv6=on|off]")
        .doc("The name servers for servers of the group with resolve, in place of those of http. A name is asked for \
              again when the time is over for which the answer holds, which valid= overrides."),
    Directive::time("resolver_timeout", context::UPSTREAM, |b: &mut Builder| {
        &mut b.http.upstream.here().resolver_timeout
    })
    .default("30s")
    .doc("How long an answer is waited for, and how long it takes until a name server that had none is asked again."),
];

fn set_resolver(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.upstream.here().resolver.is_some() {
        return Err(node.fault("is duplicate"));
    }
    b.http.upstream.here().resolver = Some(Dns::parse(node)?);
    Ok(())
}

fn upstream(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let Some(name) = node.arg(0) else {
        return Ok(());
    };
    let index = declare(b, &name.text, node)?;
    let outer = std::mem::replace(&mut b.http.upstream.current, index);
    b.within(context::UPSTREAM, node.items());
    let empty = b.http.upstream.here().servers.is_empty();
    b.http.upstream.current = outer;
    if empty {
        let d = Diagnostic::new("no servers are inside upstream").at(node.close);
        return Err(d
            .label(node.name.span, "this group is empty")
            .help("add at least one: server 127.0.0.1:3000;"));
    }
    Ok(())
}

/// Makes the group of an `upstream` block; a `proxy_pass` before it may have named it already.
fn declare(b: &mut Builder, name: &Bytes, node: &Node) -> Result<usize, Diagnostic> {
    let shown = String::from_utf8_lossy(name);
    for (i, group) in b.http.upstream.groups.iter_mut().enumerate() {
        if !group.host.eq_ignore_ascii_case(name) {
            continue;
        }
        if group.explicit {
            let d = node.error(format!("duplicate upstream \"{shown}\""));
            return Err(d.label(group.span, "the first one is here"));
        }
        if !group.no_port {
            let message = format!("upstream \"{shown}\" may not have port {}", group.port);
            return Err(Diagnostic::new(message)
                .at(group.span)
                .label(group.span, ""));
        }
        group.explicit = true;
        group.port = 0;
        group.span = node.name.span;
        return Ok(i);
    }
    let mut group = GroupBuilder::new(name.clone(), 0, true, node.name.span);
    group.explicit = true;
    b.http.upstream.groups.push(group);
    Ok(b.http.upstream.groups.len() - 1)
}

/// The group that an address in `proxy_pass` and the like means: an `upstream` block's (which may still follow), or
/// one of its own.
///
/// # Errors
/// `upstream "x" may not have port 80`.
pub fn reference(b: &mut Builder, address: &Address, span: Span) -> Result<GroupId, Diagnostic> {
    let unix = matches!(
        address.addrs.first(),
        Some(crate::net::address::Addr::Unix(_))
    );
    let groups = &mut b.http.upstream.groups;
    for (i, group) in groups.iter().enumerate() {
        if !group.host.eq_ignore_ascii_case(&address.host) {
            continue;
        }
        if group.explicit && !address.no_port && !unix {
            let host = String::from_utf8_lossy(&address.host);
            let message = format!("upstream \"{host}\" may not have port {}", address.port);
            return Err(Diagnostic::new(message).label(span, ""));
        }
        if group.port != 0 && address.port != 0 && group.port != address.port {
            continue;
        }
        return Ok(GroupId(i as u32));
    }
    let mut group = GroupBuilder::new(address.host.clone(), address.port, address.no_port, span);
    // Of an address that lacks its port, an `upstream` of that name may still be made.
    if !address.addrs.is_empty() && (address.port != 0 || unix) {
        group
            .servers
            .push(ServerSpec::of_addresses(address.addrs.clone()));
    }
    groups.push(group);
    Ok(GroupId((groups.len() - 1) as u32))
}

/// Fixes the groups. `core` is what holds in `http`.
pub fn finish(b: &mut Builder, core: Option<&CoreConf>) -> Upstreams {
    let builder = std::mem::take(&mut b.http.upstream);
    let mut groups = Vec::with_capacity(builder.groups.len());
    for group in builder.groups {
        match build(group, core, &b.sources) {
            Ok(group) => groups.push(Arc::new(group)),
            Err(d) => b.report(d),
        }
    }
    Upstreams {
        groups,
        by_peers: OnceLock::new(),
    }
}

fn build(
    group: GroupBuilder,
    core: Option<&CoreConf>,
    sources: &Sources,
) -> Result<Group, Diagnostic> {
    let name = String::from_utf8_lossy(&group.host).into_owned();
    let refuse = |message: String| {
        Err(Diagnostic::new(message)
            .at(group.span)
            .label(group.span, ""))
    };
    let named: Vec<Named> = group.servers.iter().filter_map(ServerSpec::named).collect();
    let renewal = match named.is_empty() {
        true => None,
        false => Some(renewal(&group, core, sources)?),
    };
    let mut servers = group.servers;
    if servers.is_empty() && !group.explicit {
        if group.port == 0 {
            return refuse(format!("no port in upstream \"{name}\""));
        }
        let Some(ips) = crate::net::resolve::lookup(&group.host) else {
            return refuse(format!("host not found in upstream \"{name}\"")).map_err(
                |d: Diagnostic| {
                    d.help("no upstream block has this name, and it does not resolve as a host")
                },
            );
        };
        let addr = |ip| crate::net::address::Addr::Inet(std::net::SocketAddr::new(ip, group.port));
        servers.push(ServerSpec::of_addresses(
            ips.into_iter().map(addr).collect(),
        ));
    }
    let peers = |backup: bool| -> Vec<Peer> {
        let of = servers.iter().filter(|s| s.backup == backup);
        of.flat_map(ServerSpec::peers).collect()
    };
    let (main, backup) = (peers(false), peers(true));
    if main.is_empty() && group.explicit && named.iter().all(|named| named.backup) {
        return refuse(format!("no servers in upstream \"{name}\""));
    }
    let places = servers
        .iter()
        .filter_map(|s| Some((s.name.clone(), s.span?)));
    Ok(Group {
        places: places.collect(),
        servers: match renewal {
            None => Servers::Fixed(Peers::named(&group.host, main, backup)),
            Some(renewal) => Servers::Live(Live::of(&group.host, main, backup, named), renewal),
        },
        name: group.host,
        port: group.port,
        balancer: group.balancer.unwrap_or_else(|| Arc::new(RoundRobin)),
        keepalive: group.explicit.then(|| group.keepalive.build()).flatten(),
        span: group.span,
        fleeting: false,
    })
}

/// Who is asked for the names of a group.
fn renewal(
    group: &GroupBuilder,
    core: Option<&CoreConf>,
    sources: &Sources,
) -> Result<Renewal, Diagnostic> {
    let name = String::from_utf8_lossy(&group.host);
    let named = |server: &&ServerSpec| server.named.is_some();
    let written = group.servers.iter().find(named).and_then(|s| s.span);
    let written = written.unwrap_or(group.span);
    if group.zone.is_none() {
        let place = sources.place(group.span);
        let message = format!(
            "resolving names at run time requires upstream \"{name}\" in {place} to be in shared memory"
        );
        let d = Diagnostic::new(message).label(written, "with resolve");
        return Err(d.help(format!("give the group a zone: zone {name} 64k;")));
    }
    let dns = group.resolver.clone();
    let Some(dns) = dns.or_else(|| core?.resolver.clone()) else {
        let message =
            format!("no resolver defined to resolve names at run time in upstream \"{name}\"");
        let d = Diagnostic::new(message)
            .at(group.span)
            .label(written, "with resolve");
        return Err(d.help("name a name server in http or in the group: resolver 127.0.0.53;"));
    };
    let timeout = group
        .resolver_timeout
        .or(core.map(|core| core.resolver_timeout));
    Ok(Renewal {
        dns,
        timeout: timeout.unwrap_or(Duration::from_secs(30)),
    })
}
