//! Settings of the core module that hold for a whole server.

use super::early_body;
use super::listen::set_listen;
use super::server_name::set_server_name;
use super::{invalid_value, set_buffers, set_number, set_size};
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::config::value::parse_size;
use crate::cycle::Builder;
use crate::cycle::context::{HTTP, SERVER};
use crate::diagnostic::Diagnostic;
use crate::http::value::Value;
use std::sync::Arc;
use std::time::Duration;

crate::settings! {
    /// As written.
    pub ServerRaw,
    /// In force.
    pub ServerConf {
        /// `client_header_timeout`: for the whole head.
        client_header_timeout: Duration = Duration::from_secs(60),
        /// `client_header_buffer_size`, bytes.
        client_header_buffer_size: usize = 1024,
        /// `large_client_header_buffers`: how many, and bytes of each.
        large_client_header_buffers: (usize, usize) = (4, 8192),
        /// `client_body_early_read`: conditions, one of which must hold.
        client_body_early_read: Arc<Vec<Value>> = Arc::default(),
        /// `max_headers`: how many fields a request may have.
        max_headers: usize = 1000,
        /// `ignore_invalid_headers`.
        ignore_invalid_headers: bool = true,
        /// `merge_slashes`.
        merge_slashes: bool = true,
        /// `underscores_in_headers`.
        underscores_in_headers: bool = false,
    } only_written {
        /// `connection_pool_size`, bytes; checked against the large buffers.
        connection_pool_size: Option<u64>,
        /// `request_pool_size`, bytes.
        request_pool_size: Option<u64>,
    }
}

const HERE: Contexts = Contexts(HTTP.0 | SERVER.0);

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("connection_pool_size", HERE, Args::Exactly(1), |b, node| {
        pool_size(node, &mut b.http.server().connection_pool_size)
    })
    .syntax("size")
    .default("512")
    .doc("No effect: memory of a connection is not taken from a pool of its own."),
    D::custom("request_pool_size", HERE, Args::Exactly(1), |b, node| {
        pool_size(node, &mut b.http.server().request_pool_size)
    })
    .syntax("size")
    .default("4k")
    .doc("No effect: memory of a request is not taken from a pool of its own."),
    D::time("client_header_timeout", HERE, |b| &mut b.http.server().client_header_timeout)
        .default("60s")
        .doc("How long a client may take to send the head of a request; then it gets a 408."),
    D::custom("client_header_buffer_size", HERE, Args::Exactly(1), |b, node| {
        set_size(node, &mut b.http.server().client_header_buffer_size)
    })
        .syntax("size")
        .default("1k")
        .doc("The buffer that a request head is read into before large_client_header_buffers are needed."),
    D::custom("large_client_header_buffers", HERE, Args::Exactly(2), set_large_buffers)
        .syntax("number size")
        .default("4 8k")
        .doc("How many buffers of which size a request head may fill. A request line that is longer than one gets a 414, a field a 400."),
    D::custom("client_body_early_read", HERE, Args::AtLeast(1), early_body::set)
        .syntax("string ...")
        .doc(
            "Reads the body of a request before its location is sought, if one of these values is neither empty nor 0; \
             variables such as $request_body are known from then on.",
        ),
    D::custom("max_headers", HERE, Args::Exactly(1), |b, node| {
        set_number(node, &mut b.http.server().max_headers)
    })
        .syntax("number")
        .default("1000")
        .doc("How many header fields a request may have; more get a 400."),
    D::flag("ignore_invalid_headers", HERE, |b| &mut b.http.server().ignore_invalid_headers)
        .default("on")
        .doc("Whether header fields with odd characters in their names are dropped."),
    D::flag("merge_slashes", HERE, |b| &mut b.http.server().merge_slashes)
        .default("on")
        .doc("Whether several slashes in a row in a path count as one."),
    D::flag("underscores_in_headers", HERE, |b| &mut b.http.server().underscores_in_headers)
        .default("off")
        .doc("Whether names of header fields may have underscores; if not, such fields count as invalid."),
    D::custom("listen", SERVER, Args::AtLeast(1), set_listen)
        .syntax("address[:port] | port | unix:path [default_server] [ssl] [http2] [proxy_protocol] [bind] [backlog=number] [rcvbuf=size] [sndbuf=size] [deferred] [fastopen=number] [ipv6only=on|off] [reuseport] [so_keepalive=on|off|[keepidle]:[keepintvl]:[keepcnt]]")
        .default("*:80 | *:8000")
        .doc("An address and port, or a unix socket, on which the server answers."),
    D::custom("server_name", SERVER, Args::AtLeast(1), set_server_name)
        .syntax("name ...")
        .default("\"\"")
        .doc("The names of the server: exact, with a wildcard at one end, or a regular expression behind a tilde."),
];

fn set_large_buffers(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    set_buffers(node, &mut b.http.server().large_client_header_buffers)
}

/// The least that nginx takes for a pool, and what the size must be a multiple of.
const MIN_POOL_SIZE: u64 = 112;
const POOL_ALIGNMENT: u64 = 16;

fn pool_size(node: &Node, field: &mut Option<u64>) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some(size) = node.arg(0).and_then(|w| parse_size(&w.text)) else {
        return Err(invalid_value(node, 0));
    };
    if size < MIN_POOL_SIZE {
        return Err(Diagnostic::new(format!(
            "the pool size must be no less than {MIN_POOL_SIZE}"
        )));
    }
    if size % POOL_ALIGNMENT != 0 {
        return Err(Diagnostic::new(format!(
            "the pool size must be a multiple of {POOL_ALIGNMENT}"
        )));
    }
    *field = Some(size);
    Ok(())
}
