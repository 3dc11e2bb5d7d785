//! Directives of nginx's `ngx_http_v2_module`.

use crate::config::directive::{Args, Contexts, Directive};
use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::config::value::{parse_number, parse_size};
use crate::cycle::Builder;
use crate::cycle::context::{HTTP, LOCATION, SERVER};
use crate::diagnostic::Diagnostic;
use crate::http::variable::Variable;

crate::settings! {
    /// As written.
    pub Http2Raw,
    /// In force.
    pub Http2Conf {
        /// `http2`.
        enable: bool = false,
        /// `http2_max_concurrent_streams`.
        max_concurrent_streams: u32 = 128,
        /// `http2_body_preread_size`: what a client may send of a body before anybody reads it.
        body_preread_size: u32 = 65536,
        /// `http2_chunk_size`: the most that a frame of a response's body has.
        chunk_size: usize = 8192,
        /// `http2_recv_buffer_size`: the most that is read from a connection at once.
        recv_buffer_size: usize = 256 * 1024,
    } only_written {
        /// `http2_pool_size`.
        pool_size: Option<()>,
        /// `http2_streams_index_size`.
        streams_index_size: Option<()>,
    }
}

type D = Directive<Builder>;

const SERVERS: Contexts = Contexts(HTTP.0 | SERVER.0);
const LOCATIONS: Contexts = Contexts(HTTP.0 | SERVER.0 | LOCATION.0);
const ONE: Args = Args::Exactly(1);

fn here(b: &mut Builder) -> &mut Http2Raw {
    b.http.here().http2()
}

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::flag("http2", SERVERS, |b| &mut here(b).enable)
        .default("off")
        .doc("Whether HTTP/2 is spoken: over TLS if the client asks for it, without TLS if it begins with HTTP/2's preface."),
    D::custom("http2_recv_buffer_size", HTTP, ONE, set_recv_buffer_size)
        .syntax("size")
        .default("256k")
        .doc("The most that is read from a connection at once."),
    D::custom("http2_pool_size", SERVERS, ONE, set_pool_size)
        .syntax("size")
        .default("4k")
        .doc("No effect: memory of a connection is not taken from a pool of its own."),
    D::custom("http2_max_concurrent_streams", SERVERS, ONE, set_max_concurrent_streams)
        .syntax("number")
        .default("128")
        .doc("How many requests of one connection are served at once."),
    D::custom("http2_max_concurrent_pushes", SERVERS, ONE, obsolete)
        .syntax("number")
        .doc("Obsolete: nothing is pushed."),
    D::custom("http2_max_requests", SERVERS, ONE, obsolete)
        .syntax("number")
        .doc("Obsolete: keepalive_requests holds."),
    D::custom("http2_max_field_size", SERVERS, ONE, obsolete)
        .syntax("size")
        .doc("Obsolete: large_client_header_buffers holds."),
    D::custom("http2_max_header_size", SERVERS, ONE, obsolete)
        .syntax("size")
        .doc("Obsolete: large_client_header_buffers holds."),
    D::custom("http2_body_preread_size", SERVERS, ONE, set_body_preread_size)
        .syntax("size")
        .default("64k")
        .doc("How much a client may send of each body before it is asked for."),
    D::custom("http2_streams_index_size", SERVERS, ONE, set_streams_index_size)
        .syntax("number")
        .default("32")
        .doc("No effect: the table of streams grows as needed."),
    D::custom("http2_recv_timeout", SERVERS, ONE, obsolete)
        .syntax("time")
        .doc("Obsolete: client_header_timeout holds."),
    D::custom("http2_idle_timeout", SERVERS, ONE, obsolete)
        .syntax("time")
        .doc("Obsolete: keepalive_timeout holds."),
    D::custom("http2_chunk_size", LOCATIONS, ONE, set_chunk_size)
        .syntax("size")
        .default("8k")
        .doc("The most that a frame of a response's body has: small frames let several responses share a connection evenly."),
    D::custom("http2_push_preload", LOCATIONS, ONE, obsolete)
        .syntax("on | off")
        .doc("Obsolete: nothing is pushed."),
    D::custom("http2_push", LOCATIONS, ONE, obsolete)
        .syntax("uri | off")
        .doc("Obsolete: nothing is pushed."),
];

/// The table.
pub static VARIABLES: &[Variable] = &[Variable::new("http2", |req, out| {
    if req.client.h2.get().is_some() {
        let encrypted = req.client.stream.tls().is_some();
        out.extend_from_slice(if encrypted { b"h2" } else { b"h2c" });
    }
    true
})];

/// What nginx keeps of a frame that it has not read whole; its buffer must be larger.
const STATE_BUFFER: u64 = 16;
/// The largest window (RFC 9113 section 6.9.1).
pub const MAX_WINDOW: u32 = i32::MAX as u32;
/// The largest frame (RFC 9113 section 4.2).
const MAX_FRAME: u64 = (1 << 24) - 1;
/// The least that nginx takes for a pool, and what the size must be a multiple of.
const MIN_POOL_SIZE: u64 = 112;
const POOL_ALIGNMENT: u64 = 16;

fn size(node: &Node, taken: bool) -> Result<u64, Diagnostic> {
    if taken {
        return Err(node.fault("is duplicate"));
    }
    let size = node.arg(0).and_then(|word| parse_size(&word.text));
    size.ok_or_else(|| node.fault("invalid value"))
}

fn number(node: &Node, taken: bool) -> Result<u64, Diagnostic> {
    if taken {
        return Err(node.fault("is duplicate"));
    }
    let number = node.arg(0).and_then(|word| parse_number(&word.text));
    let number = number.and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| node.fault("invalid number"))
}

fn set_recv_buffer_size(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let size = size(node, here(b).recv_buffer_size.is_some())?;
    if size <= STATE_BUFFER {
        return Err(node.fault("value is too small"));
    }
    here(b).recv_buffer_size = Some(usize::try_from(size).unwrap_or(usize::MAX));
    Ok(())
}

fn set_pool_size(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let size = size(node, here(b).pool_size.is_some())?;
    if size < MIN_POOL_SIZE {
        let message = format!("the pool size must be no less than {MIN_POOL_SIZE}");
        return Err(Diagnostic::new(message));
    }
    if size % POOL_ALIGNMENT != 0 {
        let message = format!("the pool size must be a multiple of {POOL_ALIGNMENT}");
        return Err(Diagnostic::new(message));
    }
    here(b).pool_size = Some(());
    Ok(())
}

fn set_max_concurrent_streams(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let number = number(node, here(b).max_concurrent_streams.is_some())?;
    here(b).max_concurrent_streams = Some(u32::try_from(number).unwrap_or(u32::MAX));
    Ok(())
}

fn set_body_preread_size(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let size = size(node, here(b).body_preread_size.is_some())?;
    let size = u32::try_from(size).ok().filter(|size| *size <= MAX_WINDOW);
    let Some(size) = size else {
        let message = format!("the maximum body preread buffer size is {MAX_WINDOW}");
        return Err(Diagnostic::new(message));
    };
    here(b).body_preread_size = Some(size);
    Ok(())
}

fn set_streams_index_size(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let number = number(node, here(b).streams_index_size.is_some())?;
    if !number.is_power_of_two() {
        return Err(node.fault("must be a power of two"));
    }
    here(b).streams_index_size = Some(());
    Ok(())
}

fn set_chunk_size(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let size = size(node, here(b).chunk_size.is_some())?;
    if size == 0 {
        return Err(Diagnostic::new("the http2 chunk size cannot be zero"));
    }
    here(b).chunk_size = Some(size.min(MAX_FRAME) as usize);
    Ok(())
}

/// What holds in place of directives that nginx no longer has.
static SUCCESSORS: [(&[u8], &str); 5] = [
    (b"http2_recv_timeout", "client_header_timeout"),
    (b"http2_idle_timeout", "keepalive_timeout"),
    (b"http2_max_requests", "keepalive_requests"),
    (b"http2_max_field_size", "large_client_header_buffers"),
    (b"http2_max_header_size", "large_client_header_buffers"),
];

fn obsolete(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let name = node.name.str();
    let successor = SUCCESSORS
        .iter()
        .find(|(old, _)| *old == &node.name.text[..]);
    let message = match successor {
        Some((_, new)) => {
            format!("the \"{name}\" directive is obsolete, use the \"{new}\" directive instead")
        }
        None => format!("the \"{name}\" directive is obsolete, ignored"),
    };
    b.report(
        Diagnostic::warning(message)
            .at(node.end)
            .label(node.name.span, ""),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    fn complaint(directive: &str) -> String {
        first_complaint(&format!("events {{}} http {{ {directive}; }}"))
    }

    #[test]
    fn values_are_checked_as_in_nginx() {
        for (directive, message) in [
            (
                "http2_recv_buffer_size 16",
                "\"http2_recv_buffer_size\" directive value is too small",
            ),
            (
                "http2_pool_size 64",
                "the pool size must be no less than 112",
            ),
            (
                "http2_pool_size 1001",
                "the pool size must be a multiple of 16",
            ),
            (
                "http2_body_preread_size 4g",
                "\"http2_body_preread_size\" directive invalid value",
            ),
            (
                "http2_body_preread_size 4096m",
                "the maximum body preread buffer size is 2147483647",
            ),
            (
                "http2_streams_index_size 6",
                "\"http2_streams_index_size\" directive must be a power of two",
            ),
            ("http2_chunk_size 0", "the http2 chunk size cannot be zero"),
            (
                "http2_max_concurrent_streams x",
                "\"http2_max_concurrent_streams\" directive invalid number",
            ),
            ("http2 on; http2 off", "\"http2\" directive is duplicate"),
            (
                "http2_max_field_size 8k",
                "the \"http2_max_field_size\" directive is obsolete, use the \"large_client_header_buffers\" directive instead",
            ),
            (
                "http2_push /x",
                "the \"http2_push\" directive is obsolete, ignored",
            ),
            (
                "http2 on; http2_chunk_size 64k; http2_streams_index_size 64",
                "",
            ),
        ] {
            assert_eq!(complaint(directive), message, "{directive}");
        }
    }
}
