//! Settings: collected per block while the configuration is walked, merged downwards, then fixed.
//!
//! Every `http`, `server`, `location`, `if` and `limit_except` block is an entry of one list, parents first. A module
//! that a block does not mention shares its parent's settings: ten thousand locations that set nothing cost pointers.

use super::modules;
use super::phase::Handler;
use super::router::{self, LocationMatch, LocationTree, Router, ServerBuilder};
use super::variable::{Unknown, Variables, VariablesBuilder};
use super::{core, h2, upstream};
use crate::config::span::Span;
use crate::config::table::Collector;
use crate::cycle::Builder;
use bytes::Bytes;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// The number of a block in [`Http::locations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocationId(pub u32);

/// The number of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub u32);

/// Settings of one module as they are written in one block.
pub trait Settings: Default + Clone + 'static {
    /// What runs: every value set.
    type Conf: Send + Sync + 'static;
    /// Takes from the enclosing block what this one does not set. `kind` is this block's.
    fn inherit(&mut self, parent: &Self, kind: &BlockKind);

    /// Whether something of it does not hold in blocks inside that say nothing of this module.
    fn has_private(&self) -> bool {
        false
    }
    /// Fills in defaults; complains about combinations through `b.diagnostics`.
    fn build(&self, b: &mut Builder) -> Self::Conf;
}

/// Declares a module's settings: a struct of `Option`s to be written and merged, and one of plain values that runs.
///
/// ```text
/// settings! {
///     /// Settings of gzip as written.
///     pub GzipRaw,
///     /// Settings of gzip in force.
///     pub GzipConf {
///         /// Whether to compress.
///         enable: bool = false,
///     }
/// }
/// ```
///
/// A section `only_written { ... }` behind it has fields that are checked and then have no effect: they stay in the
/// first struct.
#[macro_export]
macro_rules! settings {
    ($(#[$rm:meta])* pub $raw:ident, $(#[$cm:meta])* pub $conf:ident {
        $($(#[$fm:meta])* $field:ident: $t:ty = $default:expr,)*
    } $(only_written { $($(#[$wm:meta])* $written:ident: $wt:ty,)* })?) => {
        $(#[$rm])*
        #[derive(Clone, Default)]
        pub struct $raw {
            $($(#[$fm])* pub $field: Option<$t>,)*
            $($($(#[$wm])* pub $written: $wt,)*)?
        }
        $(#[$cm])*
        #[derive(Clone)]
        pub struct $conf { $($(#[$fm])* pub $field: $t,)* }
        impl $crate::http::conf::Settings for $raw {
            type Conf = $conf;
            fn inherit(&mut self, parent: &Self, _kind: &$crate::http::conf::BlockKind) {
                let _ = parent;
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            }
            fn build(&self, _b: &mut $crate::cycle::Builder) -> $conf {
                $conf { $($field: self.$field.clone().unwrap_or_else(|| $default),)* }
            }
        }
    };
}

macro_rules! location_modules {
    ($($(#[$m:meta])* $name:ident: $raw:ty,)*) => {
        /// Settings of all modules as one block writes them.
        #[derive(Default)]
        pub struct LocationRaw { $($name: Option<Box<$raw>>,)* }

        impl LocationRaw {
            $($(#[$m])*
            pub fn $name(&mut self) -> &mut $raw {
                self.$name.get_or_insert_default()
            })*
        }

        /// Settings of all modules in force in one block.
        #[derive(Clone)]
        pub struct LocationConf { $($(#[$m])* pub $name: Arc<<$raw as Settings>::Conf>,)* }

        /// What children inherit from.
        #[derive(Clone)]
        struct Merged { $($name: Arc<$raw>,)* conf: LocationConf }

        fn merge_root(b: &mut Builder, raw: LocationRaw) -> Merged {
            $(let $name = raw.$name.map(|x| *x).unwrap_or_default();)*
            let conf = LocationConf { $($name: Arc::new($name.build(b)),)* };
            Merged { $($name: Arc::new($name),)* conf }
        }

        fn merge_child(b: &mut Builder, raw: LocationRaw, parent: &Merged, kind: &BlockKind) -> Merged {
            let mut merged = parent.clone();
            $(if let Some(mut own) = raw.$name.or_else(|| parent.$name.has_private().then(Box::default)) {
                own.inherit(&parent.$name, kind);
                merged.conf.$name = Arc::new(own.build(b));
                merged.$name = Arc::new(*own);
            })*
            merged
        }
    };
}

location_modules! {
    /// The core module.
    core: core::location::LocationRaw,
    /// HTTP/2.
    http2: h2::conf::Http2Raw,
    /// Why requests fail.
    explain: super::explain::ExplainRaw,
    /// The proxy module.
    proxy: modules::proxy::ProxyRaw,
    /// The FastCGI module.
    fastcgi: modules::fastcgi::FastcgiRaw,
    /// The uwsgi module.
    uwsgi: modules::uwsgi::UwsgiRaw,
    /// The SCGI module.
    scgi: modules::scgi::ScgiRaw,
    /// `add_header`, `expires`.
    headers: modules::headers::HeadersRaw,
    /// `gzip`.
    gzip: modules::gzip::GzipRaw,
    /// `gzip_static`.
    gzip_static: modules::gzip_static::GzipStaticRaw,
    /// `index`.
    index: modules::index::IndexRaw,
    /// `autoindex`.
    autoindex: modules::autoindex::AutoindexRaw,
    /// `charset`.
    charset: modules::charset::CharsetRaw,
    /// `modern_browser` and so on.
    browser: modules::browser::BrowserRaw,
    /// `error_log`.
    error_log: crate::log::ErrorLogRaw,
    /// The rewrite module.
    rewrite: modules::rewrite::RewriteRaw,
    /// `access_log`.
    log: modules::log::LogRaw,
    /// `allow`, `deny`.
    access: modules::access::AccessRaw,
    /// `auth_basic`.
    auth_basic: modules::auth_basic::AuthBasicRaw,
    /// `auth_request`.
    auth_request: modules::auth_request::AuthRequestRaw,
    /// `mirror`.
    mirror: modules::mirror::MirrorRaw,
    /// `limit_req`.
    limit_req: modules::limit_req::LimitReqRaw,
    /// `limit_conn`.
    limit_conn: modules::limit_conn::LimitConnRaw,
    /// `set_real_ip_from` and so on.
    realip: modules::realip::RealipRaw,
    /// `valid_referers`.
    referer: modules::referer::RefererRaw,
    /// `random_index`.
    random_index: modules::random_index::RandomIndexRaw,
    /// `secure_link`.
    secure_link: modules::secure_link::SecureLinkRaw,
    /// `userid`.
    userid: modules::userid::UseridRaw,
    /// `ssl_certificate` and so on.
    ssl: modules::ssl::SslRaw,
}

/// What belongs to one block alone and is never inherited.
#[derive(Default)]
pub struct Own {
    /// What answers: `proxy_pass` and the like.
    pub handler: Option<Arc<dyn Handler>>,
    /// The codes of the rewrite module, `if` included.
    pub rewrite: modules::rewrite::Codes,
    /// Whether a request for the location's prefix without its final slash is redirected to it: set by `proxy_pass`
    /// and its like.
    pub auto_redirect: bool,
    /// `try_files`.
    pub try_files: Option<modules::try_files::TryFiles>,
    /// `limit_except`: the methods that it lets alone, and the block that holds for all others.
    pub limit_except: Option<(Vec<super::head::Method>, LocationId)>,
}

/// What a block is.
#[derive(Clone, Debug)]
pub enum BlockKind {
    /// `http`
    Http,
    /// `server`
    Server,
    /// `location`
    Location(LocationMatch),
    /// `if` in a server or location
    If,
    /// `limit_except`
    LimitExcept,
}

impl BlockKind {
    /// How a location is chosen; nothing for other blocks.
    pub fn location(&self) -> Option<&LocationMatch> {
        match self {
            BlockKind::Location(how) => Some(how),
            _ => None,
        }
    }
}

/// A block while it is collected.
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// The block around it.
    pub parent: Option<LocationId>,
    /// The server that it belongs to.
    pub server: ServerId,
    /// Settings that are inherited.
    pub raw: LocationRaw,
    /// Settings that are not.
    pub own: Own,
    /// Where its name or its argument stands.
    pub span: Span,
}

/// The HTTP side while it is collected.
#[derive(Default)]
pub struct HttpBuilder {
    /// The end of the `http` block, if there was one: where nginx's messages about merged settings point.
    pub seen: Option<Span>,
    /// All blocks, parents first; the first is `http` itself.
    pub blocks: Vec<Block>,
    /// The block being walked.
    pub current: usize,
    /// The servers.
    pub servers: Vec<ServerBuilder>,
    /// The addresses that they listen on.
    pub ports: router::ports::Ports,
    /// Settings of servers that stand in `http`.
    pub server_defaults: core::server::ServerRaw,
    /// Whether a `server` block is being walked.
    pub in_server: bool,
    /// Names of variables.
    pub variables: VariablesBuilder,
    /// Settings of the core module that stand in `http` only.
    pub core: core::main::MainRaw,
    /// Upstream groups, explicit and implicit.
    pub upstream: upstream::conf::UpstreamBuilder,
    /// What connections to upstreams with TLS are made with.
    pub upstream_tls: upstream::tls::context::Contexts,
    /// The log module's formats.
    pub log: modules::log::LogBuilder,
    /// Settings of the map module.
    pub map: modules::map::MapBuilder,
    /// The names of all shared zones.
    pub zones: super::zone::ZonesBuilder,
    /// Maps between charsets.
    pub charset: modules::charset::CharsetBuilder,
    /// Zones of limit_req.
    pub limit_req: modules::limit_req::ZonesBuilder,
    /// Zones of limit_conn.
    pub limit_conn: modules::limit_conn::ZonesBuilder,
    /// Where directives stand.
    pub places: super::places::PlacesBuilder,
}

impl HttpBuilder {
    /// Settings of the block being walked.
    pub fn here(&mut self) -> &mut LocationRaw {
        self.block().0
    }

    /// What is not inherited, of the block being walked.
    pub fn own(&mut self) -> &mut Own {
        self.block().1
    }

    fn block(&mut self) -> (&mut LocationRaw, &mut Own) {
        // Directives of HTTP are only walked inside a block, whose number `current` is.
        if self.blocks.is_empty() {
            self.blocks
                .push(Block::new(BlockKind::Http, None, ServerId(0), NOWHERE));
        }
        let i = self.current.min(self.blocks.len() - 1);
        #[allow(
            clippy::indexing_slicing,
            reason = "the index was just bounded, and the list is not empty"
        )]
        let block = &mut self.blocks[i];
        (&mut block.raw, &mut block.own)
    }

    /// Settings of the server being walked, or those of `http` for all servers.
    pub fn server(&mut self) -> &mut core::server::ServerRaw {
        match self.servers.last_mut() {
            Some(s) if self.in_server => s.raw.get_or_insert_default(),
            _ => &mut self.server_defaults,
        }
    }

    /// Opens a block inside the current one; [`HttpBuilder::close`] leaves it. Returns what was current.
    pub fn open(&mut self, kind: BlockKind, span: Span) -> (LocationId, usize) {
        let parent = (!self.blocks.is_empty()).then_some(LocationId(self.current as u32));
        let server = ServerId(self.servers.len().saturating_sub(1) as u32);
        let id = self.blocks.len();
        self.blocks.push(Block::new(kind, parent, server, span));
        (
            LocationId(id as u32),
            std::mem::replace(&mut self.current, id),
        )
    }

    /// Goes back to the block that [`HttpBuilder::open`] returned.
    pub fn close(&mut self, outer: usize) {
        self.current = outer;
    }
}

const NOWHERE: Span = Span {
    source: crate::config::span::SourceId(0),
    start: 0,
    end: 0,
};

impl Block {
    fn new(kind: BlockKind, parent: Option<LocationId>, server: ServerId, span: Span) -> Self {
        Block {
            kind,
            parent,
            server,
            raw: LocationRaw::default(),
            own: Own::default(),
            span,
        }
    }
}

/// A thread's hold on the HTTP side of a cycle: requests take it without touching what threads share.
#[allow(
    clippy::redundant_allocation,
    reason = "counting the holders within a thread costs no atomic operation"
)]
pub type Held = Rc<Arc<Http>>;

/// The HTTP side of a cycle.
pub struct Http {
    /// Settings of the core module that stand in `http` only.
    pub core: core::main::MainConf,
    /// All servers.
    pub servers: Vec<Server>,
    /// All blocks: `http`, servers, locations, `if`s.
    pub locations: Vec<Location>,
    /// From an address to its servers.
    pub router: Router,
    /// What the names of variables stand for.
    pub variables: Variables,
    /// Upstream groups.
    pub upstream: upstream::conf::Upstreams,
    /// The log module's formats.
    pub log: modules::log::LogMain,
    /// Maps between charsets.
    pub charset: modules::charset::CharsetMain,
    /// Where directives stand.
    pub places: super::places::Places,
    /// The states of its shared memory zones.
    pub zones: Vec<Arc<dyn std::any::Any + Send + Sync>>,
}

/// A server in force.
pub struct Server {
    /// Its number.
    pub id: ServerId,
    /// The first `server_name`, for redirects and `$server_name`.
    pub name: Bytes,
    /// Settings that hold for a whole server.
    pub core: Arc<core::server::ServerConf>,
    /// Its own block: settings before a location is found.
    pub location: LocationId,
    /// Its named locations.
    pub named: HashMap<Bytes, LocationId>,
    /// TLS, if it has settings for it.
    pub tls: Option<Arc<modules::ssl::Tls>>,
}

/// A block in force.
pub struct Location {
    /// Its number.
    pub id: LocationId,
    /// What it is.
    pub kind: BlockKind,
    /// Settings of all modules.
    pub conf: LocationConf,
    /// What belongs to it alone.
    pub own: Own,
    /// The locations inside it.
    pub nested: LocationTree,
    /// The location whose name it goes by: itself, or for an `if` the location around it.
    pub named: LocationId,
    /// The block around it.
    pub parent: Option<LocationId>,
    /// The server that it belongs to.
    pub server: ServerId,
    /// Where it stands in the configuration.
    pub span: Span,
}

impl std::ops::Deref for Location {
    type Target = LocationConf;
    fn deref(&self) -> &LocationConf {
        &self.conf
    }
}

impl Http {
    /// The block with this number.
    pub fn location(&self, id: LocationId) -> &Location {
        #[allow(
            clippy::indexing_slicing,
            reason = "numbers are only made by this cycle's builder"
        )]
        &self.locations[id.0 as usize]
    }

    /// The name of the location that a block belongs to: the prefix, the path or the pattern; empty for a server.
    pub fn location_name(&self, id: LocationId) -> &[u8] {
        let named = self.location(self.location(id).named);
        named.kind.location().map_or(&b""[..], |how| &how.name)
    }

    /// The server with this number.
    pub fn server(&self, id: ServerId) -> &Server {
        #[allow(
            clippy::indexing_slicing,
            reason = "numbers are only made by this cycle's builder"
        )]
        &self.servers[id.0 as usize]
    }
}

/// Merges what was collected and puts it in force. Returns nothing for HTTP if there is no `http` block.
pub fn finish(b: &mut Builder) -> (Option<Arc<Http>>, Vec<crate::net::listen::ListenSpec>) {
    if b.http.seen.is_none() {
        return (None, Vec::new());
    }
    let core = std::mem::take(&mut b.http.core).build(b);
    let mut servers = router::servers(b);
    let locations = locations(b);
    modules::ssl::finish(b, &mut servers, &locations);
    add_temp_paths(b, &locations);
    let (router, listens) = router::listens(b, &servers);
    let upstream = upstream::conf::finish(b, locations.first().map(|http| &*http.conf.core));
    let log = modules::log::finish(b, &locations);
    let charset = modules::charset::finish(b);
    // Last, since everything above may name variables.
    let defined = b.http.variables.defined();
    let (variables, unknown) = std::mem::take(&mut b.http.variables).finish();
    let unused = |u: &Unknown| u.inherited && servers.is_empty();
    for u in unknown.iter().filter(|u| !unused(u)) {
        let d = super::variable::unknown(u, &defined, &b.sources);
        b.report(d);
    }
    (
        Some(Arc::new(Http {
            core,
            servers,
            locations,
            router,
            variables,
            upstream,
            log,
            charset,
            places: std::mem::take(&mut b.http.places).finish(),
            zones: std::mem::take(&mut b.http.zones.states),
        })),
        listens,
    )
}

/// Adds the directories for temporary files that are used by default, module by module.
fn add_temp_paths(b: &mut Builder, locations: &[Location]) {
    let of = |location: &Location| {
        [
            Arc::clone(&location.core.client_body_temp_path),
            Arc::clone(&location.proxy.passing.temp_path),
            Arc::clone(&location.fastcgi.common.passing.temp_path),
            Arc::clone(&location.uwsgi.common.passing.temp_path),
            Arc::clone(&location.scgi.common.passing.temp_path),
        ]
    };
    let mut all: [Vec<_>; 5] = Default::default();
    for location in locations {
        for (paths, path) in all.iter_mut().zip(of(location)) {
            // Most locations share those of the block around them.
            if !paths.last().is_some_and(|last| Arc::ptr_eq(last, &path)) {
                paths.push(path);
            }
        }
    }
    for path in all.iter().flatten() {
        b.temp_paths.add(&path.path);
    }
}

/// Merges all blocks downwards and builds the location trees.
fn locations(b: &mut Builder) -> Vec<Location> {
    let blocks = std::mem::take(&mut b.http.blocks);
    let mut merged: Vec<Merged> = Vec::with_capacity(blocks.len());
    let mut out: Vec<Location> = Vec::with_capacity(blocks.len());
    for (i, block) in blocks.into_iter().enumerate() {
        let id = LocationId(i as u32);
        let parent = block.parent.and_then(|p| merged.get(p.0 as usize));
        let conf = match parent {
            Some(parent) => merge_child(b, block.raw, parent, &block.kind),
            None => merge_root(b, block.raw),
        };
        let mut own = block.own;
        let mut named = id;
        if matches!(block.kind, BlockKind::If | BlockKind::LimitExcept)
            && let Some(around) = block.parent.and_then(|p| out.get(p.0 as usize))
        {
            // What answers goes down into an `if`; `return` and `try_files` do not.
            own.handler = own.handler.or_else(|| around.own.handler.clone());
            named = around.named;
        }
        out.push(Location {
            id,
            kind: block.kind,
            conf: conf.conf.clone(),
            own,
            nested: LocationTree::default(),
            named,
            parent: block.parent,
            server: block.server,
            span: block.span,
        });
        merged.push(conf);
    }
    router::trees(b, &mut out);
    out
}
