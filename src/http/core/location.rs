//! Settings of the core module that are inherited down to locations.

use super::error_page::{ErrorPages, set_error_page};
use super::keepalive::{self, KeepaliveDisable};
use super::rate::{self, Size};
use super::root::{Root, set_root};
use super::temp_path::TempPath;
use super::types::{Types, set_types};
use super::without_effect::WithoutEffect;
use super::{choose, set_number, set_size};
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::cycle::context::{EVERYWHERE, LOCATION, LOCATION_IF};
use crate::cycle::{Builder, once};
use crate::diagnostic::Diagnostic;
use crate::http::symlinks::Symlinks;
use crate::http::value::Value;
use crate::net::resolver::Dns;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

crate::settings! {
    /// As written.
    pub LocationRaw,
    /// In force.
    pub LocationConf {
        /// `satisfy any`.
        satisfy_any: bool = false,
        /// `internal`: only open to requests that were redirected inside.
        internal: bool = false,
        /// `root` or `alias`.
        root: Arc<Root> = Arc::new(Root {
            path: Value::default(),
            prefix: Bytes::new(),
            alias: super::root::Alias::No,
        }),
        /// `types`; `None` if there is no such block at all.
        types: Option<Arc<Types>> = None,
        /// `types_guess`: whether extensions that `types` does not have are looked up in a built-in list.
        types_guess: bool = false,
        /// `default_type`.
        default_type: Bytes = Bytes::from_static(b"text/plain"),
        /// `early_hints`: conditions, one of which must hold.
        early_hints: Arc<Vec<Value>> = Arc::default(),
        /// `error_page`.
        error_pages: ErrorPages = ErrorPages::default(),
        /// `recursive_error_pages`.
        recursive_error_pages: bool = false,
        /// `auth_delay`: how long a refused request waits for its answer.
        auth_delay: Duration = Duration::ZERO,
        /// `client_max_body_size`, bytes; 0 means no limit.
        client_max_body_size: u64 = 1 << 20,
        /// `client_body_buffer_size`, bytes.
        client_body_buffer_size: usize = 8192,
        /// `client_body_timeout`: between two reads.
        client_body_timeout: Duration = Duration::from_secs(60),
        /// `client_body_temp_path`.
        client_body_temp_path: Arc<TempPath> = Arc::default(),
        /// `client_body_in_file_only`.
        client_body_in_file_only: BodyInFile = BodyInFile::Off,
        /// `sendfile`.
        sendfile: bool = false,
        /// `sendfile_max_chunk`, bytes; 0 means no limit.
        sendfile_max_chunk: u64 = 2 << 20,
        /// `tcp_nodelay`.
        tcp_nodelay: bool = true,
        /// `send_timeout`: between two writes.
        send_timeout: Duration = Duration::from_secs(60),
        /// `limit_rate`, bytes per second.
        limit_rate: Option<Size> = None,
        /// `limit_rate_after`, bytes.
        limit_rate_after: Option<Size> = None,
        /// `keepalive_timeout`; zero means that connections are not kept.
        keepalive_timeout: Duration = Duration::from_secs(75),
        /// The second value of `keepalive_timeout`: the seconds that the field `Keep-Alive` says, if there is to be one.
        keepalive_header: Option<u64> = None,
        /// `keepalive_min_timeout`: a graceful stop leaves idle connections open for so long.
        keepalive_min_timeout: Duration = Duration::ZERO,
        /// `keepalive_requests`.
        keepalive_requests: u64 = 1000,
        /// `keepalive_time`: from the accept on.
        keepalive_time: Duration = Duration::from_secs(3600),
        /// `keepalive_disable`.
        keepalive_disable: KeepaliveDisable = KeepaliveDisable { msie6: true, ..KeepaliveDisable::default() },
        /// `lingering_close`.
        lingering_close: LingeringClose = LingeringClose::On,
        /// `lingering_time`: all in all.
        lingering_time: Duration = Duration::from_secs(30),
        /// `lingering_timeout`: between two reads.
        lingering_timeout: Duration = Duration::from_secs(5),
        /// `reset_timedout_connection`.
        reset_timedout_connection: bool = false,
        /// `absolute_redirect`.
        absolute_redirect: bool = true,
        /// `server_name_in_redirect`.
        server_name_in_redirect: bool = false,
        /// `port_in_redirect`.
        port_in_redirect: bool = true,
        /// `msie_padding`.
        msie_padding: bool = true,
        /// `msie_refresh`.
        msie_refresh: bool = false,
        /// `log_subrequest`.
        log_subrequest: bool = false,
        /// `log_not_found`.
        log_not_found: bool = true,
        /// `chunked_transfer_encoding`.
        chunked_transfer_encoding: bool = true,
        /// `etag`.
        etag: bool = true,
        /// `server_tokens`.
        server_tokens: ServerTokens = ServerTokens::On,
        /// `if_modified_since`.
        if_modified_since: IfModifiedSince = IfModifiedSince::Exact,
        /// `max_ranges`; 0 means that ranges are not served.
        max_ranges: i64 = i64::from(i32::MAX),
        /// `disable_symlinks`
        disable_symlinks: Arc<Symlinks> = Arc::default(),
        /// `post_action`: a path or the name of a location.
        post_action: Option<Bytes> = None,
        /// `resolver`
        resolver: Option<Arc<Dns>> = None,
        /// `resolver_timeout`
        resolver_timeout: Duration = Duration::from_secs(30),
    } only_written {
        /// Directives that have no effect here.
        without_effect: Option<Box<WithoutEffect>>,
    }
}

/// `client_body_in_file_only`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyInFile {
    /// Only what does not fit into memory goes to a file.
    Off,
    /// Everything, and the file stays.
    On,
    /// Everything, and the file is removed with the request.
    Clean,
}

/// `lingering_close`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LingeringClose {
    /// A connection closes at once.
    Off,
    /// It lingers if the client may still be sending.
    On,
    /// It always lingers.
    Always,
}

/// `server_tokens`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerTokens {
    /// The product's name alone.
    Off,
    /// With its version.
    On,
    /// With its version and the name of the build.
    Build,
}

impl ServerTokens {
    /// What the field `Server` and the built-in pages say.
    pub fn text(self) -> &'static str {
        match self {
            ServerTokens::Off => "goodgate",
            ServerTokens::On | ServerTokens::Build => crate::cli::version::PRODUCT,
        }
    }
}

/// `if_modified_since`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfModifiedSince {
    /// The field is ignored.
    Off,
    /// Only the very same time means not modified.
    Exact,
    /// So does any later one.
    Before,
}

const WITH_IF: Contexts = Contexts(EVERYWHERE.0 | LOCATION_IF.0);

type D = Directive<Builder>;

fn here(b: &mut Builder) -> &mut LocationRaw {
    b.http.here().core()
}

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::block("types", EVERYWHERE, Args::Exactly(0), set_types)
        .default("{ text/html html; image/gif gif; image/jpeg jpg; }")
        .doc("The types of files by the extensions of their names, one type and its extensions a line."),
    D::flag("types_guess", EVERYWHERE, |b| &mut here(b).types_guess)
        .default("off")
        .doc(
            "Whether an extension that no types block has is looked up in a built-in list before default_type is taken. \
             For a configuration of a few lines that serves files without a mime.types to include.",
        )
        .extension(),
    D::text("default_type", EVERYWHERE, |b| &mut here(b).default_type)
        .syntax("mime-type")
        .default("text/plain")
        .doc("The type of files whose extension is in no list."),
    D::custom("root", WITH_IF, Args::Exactly(1), set_root)
        .syntax("path")
        .default("html")
        .doc("The directory that the path of a request is appended to."),
    D::custom("alias", LOCATION, Args::Exactly(1), set_root)
        .syntax("path")
        .doc("What the location's prefix is replaced by to get a file name; all of the path for a regular expression."),
    D::offset("client_max_body_size", EVERYWHERE, |b| &mut here(b).client_max_body_size)
        .default("1m")
        .doc("The largest request body; a larger one gets a 413. 0 means no limit."),
    D::custom("client_body_buffer_size", EVERYWHERE, Args::Exactly(1), |b, node| {
        set_size(node, &mut here(b).client_body_buffer_size)
    })
        .syntax("size")
        .default("8k")
        .doc("How much of a request body is kept in memory before it goes to a temporary file."),
    D::time("client_body_timeout", EVERYWHERE, |b| &mut here(b).client_body_timeout)
        .default("60s")
        .doc("How long a client may be silent while it sends a body; then it gets a 408."),
    D::custom("client_body_temp_path", EVERYWHERE, Args::Between(1, 4), set_body_temp_path)
        .syntax("path [level1 [level2 [level3]]]")
        .default("client_body_temp")
        .doc("The directory for request bodies that do not fit into memory."),
    D::custom("client_body_in_file_only", EVERYWHERE, Args::Exactly(1), |b, node| {
        let words = [("off", BodyInFile::Off), ("on", BodyInFile::On), ("clean", BodyInFile::Clean)];
        choose(node, &words, &mut here(b).client_body_in_file_only)
    })
    .syntax("on | clean | off")
    .default("off")
    .doc("Whether every request body goes to a file, and whether that is removed in the end."),
    D::flag("sendfile", WITH_IF, |b| &mut here(b).sendfile)
        .default("off")
        .doc("Whether files are sent by sendfile(2)."),
    D::size("sendfile_max_chunk", EVERYWHERE, |b| &mut here(b).sendfile_max_chunk)
        .default("2m")
        .doc("How much one call of sendfile(2) may send, so that one fast client does not take the worker for itself."),
    D::flag("tcp_nodelay", EVERYWHERE, |b| &mut here(b).tcp_nodelay)
        .default("on")
        .doc("Whether small packets leave at once on kept connections."),
    D::time("send_timeout", EVERYWHERE, |b| &mut here(b).send_timeout)
        .default("60s")
        .doc("How long a client may take nothing of an answer before the connection is closed."),
    D::custom("limit_rate", WITH_IF, Args::Exactly(1), |b, node| {
        rate::set(b, node, |b| &mut here(b).limit_rate)
    })
    .syntax("rate")
    .default("0")
    .doc("How many bytes a second an answer is sent at; 0 means no limit."),
    D::custom("limit_rate_after", WITH_IF, Args::Exactly(1), |b, node| {
        rate::set(b, node, |b| &mut here(b).limit_rate_after)
    })
    .syntax("size")
    .default("0")
    .doc("How much of an answer is sent before limit_rate holds."),
    D::time("keepalive_time", EVERYWHERE, |b| &mut here(b).keepalive_time)
        .default("1h")
        .doc("How old a connection may be to be kept after a request."),
    D::custom("keepalive_timeout", EVERYWHERE, Args::Between(1, 2), keepalive::set_timeout)
        .syntax("timeout [header_timeout]")
        .default("75s")
        .doc("How long a connection is kept without a request; 0 turns it off. The second value goes into the field Keep-Alive."),
    D::time("keepalive_min_timeout", EVERYWHERE, |b| &mut here(b).keepalive_min_timeout)
        .syntax("timeout")
        .default("0")
        .doc("How long an idle connection stays open for a last request when the server stops."),
    D::custom("keepalive_requests", EVERYWHERE, Args::Exactly(1), |b, node| {
        set_number(node, &mut here(b).keepalive_requests)
    })
        .syntax("number")
        .default("1000")
        .doc("How many requests one connection may make."),
    D::custom("keepalive_disable", EVERYWHERE, Args::Between(1, 2), keepalive::set_disable)
        .syntax("none | browser ...")
        .default("msie6")
        .doc("Browsers whose connections are not kept: msie6 (after a POST), safari."),
    D::custom("satisfy", EVERYWHERE, Args::Exactly(1), |b, node| {
        choose(node, &[("all", false), ("any", true)], &mut here(b).satisfy_any)
    })
    .syntax("all | any")
    .default("all")
    .doc("Whether all of the modules that control access must agree, or one of them is enough."),
    D::time("auth_delay", EVERYWHERE, |b| &mut here(b).auth_delay)
        .default("0s")
        .doc("How long a request that is refused with 401 waits for its answer."),
    D::custom("internal", LOCATION, Args::Exactly(0), set_internal)
        .doc("The location is only for requests that were redirected inside; others get a 404."),
    D::custom("lingering_close", EVERYWHERE, Args::Exactly(1), |b, node| {
        let words = [("off", LingeringClose::Off), ("on", LingeringClose::On), ("always", LingeringClose::Always)];
        choose(node, &words, &mut here(b).lingering_close)
    })
    .syntax("off | on | always")
    .default("on")
    .doc("Whether what a client still sends is read before its connection is closed, so that it sees the answer."),
    D::time("lingering_time", EVERYWHERE, |b| &mut here(b).lingering_time)
        .default("30s")
        .doc("How long a connection may linger all in all."),
    D::time("lingering_timeout", EVERYWHERE, |b| &mut here(b).lingering_timeout)
        .default("5s")
        .doc("How long a lingering connection waits for more from the client."),
    D::flag("reset_timedout_connection", EVERYWHERE, |b| &mut here(b).reset_timedout_connection)
        .default("off")
        .doc("Whether connections that timed out, or get a 444, are reset rather than closed."),
    D::flag("absolute_redirect", EVERYWHERE, |b| &mut here(b).absolute_redirect)
        .default("on")
        .doc("Whether redirects of the server's own have scheme and host."),
    D::flag("server_name_in_redirect", EVERYWHERE, |b| &mut here(b).server_name_in_redirect)
        .default("off")
        .doc("Whether redirects name the first server_name rather than the host of the request."),
    D::flag("port_in_redirect", EVERYWHERE, |b| &mut here(b).port_in_redirect)
        .default("on")
        .doc("Whether redirects name the port, if it is not the protocol's own."),
    D::flag("msie_padding", EVERYWHERE, |b| &mut here(b).msie_padding)
        .default("on")
        .doc("Whether built-in error pages are made long enough for MSIE and Chrome to show them."),
    D::flag("msie_refresh", EVERYWHERE, |b| &mut here(b).msie_refresh)
        .default("off")
        .doc("Whether MSIE gets a page that refreshes in place of a redirect."),
    D::custom("early_hints", EVERYWHERE, Args::AtLeast(1), set_early_hints)
        .syntax("string ...")
        .doc(
            "Passes the 103 (Early Hints) of upstreams on to clients of HTTP/1.1 if one of these values is neither \
             empty nor 0.",
        ),
    D::flag("log_subrequest", EVERYWHERE, |b| &mut here(b).log_subrequest)
        .default("off")
        .doc("Whether subrequests, such as those of auth_request and mirror, have a line in the access log."),
    D::flag("log_not_found", EVERYWHERE, |b| &mut here(b).log_not_found)
        .default("on")
        .doc("Whether missing files are reported in the error log."),
    D::flag("recursive_error_pages", EVERYWHERE, |b| &mut here(b).recursive_error_pages)
        .default("off")
        .doc("Whether error_page also holds for errors of an error page."),
    D::custom("server_tokens", EVERYWHERE, Args::Exactly(1), |b, node| {
        let words = [("off", ServerTokens::Off), ("on", ServerTokens::On), ("build", ServerTokens::Build)];
        choose(node, &words, &mut here(b).server_tokens)
    })
    .syntax("on | off | build")
    .default("on")
    .doc("Whether the field Server and built-in pages show the version."),
    D::custom("if_modified_since", EVERYWHERE, Args::Exactly(1), |b, node| {
        let words = [
            ("off", IfModifiedSince::Off),
            ("exact", IfModifiedSince::Exact),
            ("before", IfModifiedSince::Before),
        ];
        choose(node, &words, &mut here(b).if_modified_since)
    })
    .syntax("off | exact | before")
    .default("exact")
    .doc("How the time in If-Modified-Since is compared with that of the file."),
    D::number("max_ranges", EVERYWHERE, |b| &mut here(b).max_ranges)
        .default("2147483647")
        .doc("How many ranges a request may ask for; with more of them, or at 0, it gets the whole."),
    D::flag("chunked_transfer_encoding", EVERYWHERE, |b| &mut here(b).chunked_transfer_encoding)
        .default("on")
        .doc("Whether answers of unknown length are chunked in HTTP/1.1; if not, the connection's end is theirs."),
    D::flag("etag", EVERYWHERE, |b| &mut here(b).etag)
        .default("on")
        .doc("Whether files get the field ETag."),
    D::custom("post_action", WITH_IF, Args::Exactly(1), set_post_action)
        .syntax("uri")
        .doc("Where a request is taken when it has been answered: a path or a named location, whose answer goes nowhere."),
    D::custom("resolver", EVERYWHERE, Args::AtLeast(1), |b, node| {
        let dns = Dns::parse(node)?;
        once(&mut here(b).resolver, &node.name, Some(dns))
    })
    .syntax("address ... [valid=time] [ipv4=on|off] [ipv6=on|off]")
    .doc("The name servers for hosts that only a request knows, as in proxy_pass with variables. What they answer is \
          kept as long as they say, or as long as valid= says."),
    D::time("resolver_timeout", EVERYWHERE, |b| &mut here(b).resolver_timeout)
        .default("30s")
        .doc("How long a request waits for a name to be resolved; then it gets a 502."),
    D::custom("error_page", WITH_IF, Args::AtLeast(2), set_error_page)
        .syntax("code ... [=[response]] uri")
        .doc("What is answered in place of an error: another path, a named location, or a redirect."),
];

fn set_internal(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    match here(b).internal.replace(true) {
        Some(_) => Err(node.fault("is duplicate")),
        None => Ok(()),
    }
}

fn set_post_action(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let target = node.arg(0).map(|word| word.text.clone());
    once(&mut here(b).post_action, &node.name, target)
}

fn set_body_temp_path(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if here(b).client_body_temp_path.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let path = TempPath::parse(b, node)?;
    here(b).client_body_temp_path = Some(Arc::new(path));
    Ok(())
}
fn set_early_hints(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let value = Value::compile(b, word)?;
        let field = &mut here(b).early_hints;
        Arc::make_mut(field.get_or_insert_default()).push(value);
    }
    Ok(())
}
