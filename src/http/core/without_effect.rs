//! Directives of locations that are read as nginx reads them and then have no effect here, each with its reason.

use super::{invalid_value, set_buffers, set_size};
use crate::config::directive::{Args, Directive};
use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::config::value::{parse_number, parse_offset, parse_seconds};
use crate::cycle::Builder;
use crate::cycle::context::EVERYWHERE;
use crate::diagnostic::Diagnostic;
use crate::http::value::Value;
use std::time::Duration;

/// Their values: kept only to refuse duplicates.
#[derive(Clone, Debug, Default)]
pub struct WithoutEffect {
    client_body_in_single_buffer: Option<bool>,
    tcp_nopush: Option<bool>,
    types_hash_max_size: Option<i64>,
    types_hash_bucket_size: Option<i64>,
    subrequest_output_buffer_size: Option<u64>,
    aio: Option<()>,
    aio_write: Option<bool>,
    read_ahead: Option<u64>,
    directio: Option<()>,
    directio_alignment: Option<u64>,
    send_lowat: Option<u64>,
    proxy_send_lowat: Option<u64>,
    fastcgi_send_lowat: Option<u64>,
    postpone_output: Option<u64>,
    output_buffers: Option<(usize, usize)>,
    open_file_cache: Option<()>,
    open_file_cache_valid: Option<Duration>,
    open_file_cache_min_uses: Option<i64>,
    open_file_cache_errors: Option<bool>,
    open_file_cache_events: Option<bool>,
    names: Vec<bytes::Bytes>,
}

/// Whether a directive stands in this block for the first time: for those whose value is not kept.
pub fn is_first(b: &mut Builder, name: &bytes::Bytes) -> bool {
    let names = &mut here(b).names;
    let first = !names.contains(name);
    if first {
        names.push(name.clone());
    }
    first
}

type D = Directive<Builder>;

fn here(b: &mut Builder) -> &mut WithoutEffect {
    b.http.here().core().without_effect.get_or_insert_default()
}

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::flag("client_body_in_single_buffer", EVERYWHERE, |b| {
        &mut here(b).client_body_in_single_buffer
    })
    .default("off")
    .doc("No effect: $request_body puts the pieces of a body together where it is used."),
    D::flag("tcp_nopush", EVERYWHERE, |b| &mut here(b).tcp_nopush)
        .default("off")
        .doc("No effect: a head always leaves together with the start of its file."),
    D::number("types_hash_max_size", EVERYWHERE, |b| {
        &mut here(b).types_hash_max_size
    })
    .default("1024")
    .doc("No effect: the table of types grows as needed."),
    D::number("types_hash_bucket_size", EVERYWHERE, |b| {
        &mut here(b).types_hash_bucket_size
    })
    .default("64")
    .doc("No effect: the table of types has no buckets of a fixed size."),
    D::size("subrequest_output_buffer_size", EVERYWHERE, |b| {
        &mut here(b).subrequest_output_buffer_size
    })
    .default("4k")
    .doc("No effect: no response body is gathered for a subrequest."),
    D::custom("aio", EVERYWHERE, Args::Exactly(1), set_aio)
        .syntax("on | off | threads[=pool]")
        .default("off")
        .doc("No effect: small files come from memory, larger ones go out by sendfile."),
    D::flag("aio_write", EVERYWHERE, |b| &mut here(b).aio_write)
        .default("off")
        .doc("No effect: temporary files are written through the page cache."),
    D::size("read_ahead", EVERYWHERE, |b| &mut here(b).read_ahead)
        .default("0")
        .doc("No effect: the system's own reading ahead is left as it is."),
    D::custom("directio", EVERYWHERE, Args::Exactly(1), set_directio)
        .syntax("size | off")
        .default("off")
        .doc("No effect: files always go through the page cache, from where sendfile takes them."),
    D::offset("directio_alignment", EVERYWHERE, |b| {
        &mut here(b).directio_alignment
    })
    .default("512")
    .doc("No effect: see directio."),
    D::custom("send_lowat", EVERYWHERE, Args::Exactly(1), set_send_lowat)
        .syntax("size")
        .default("0")
        .doc("No effect on Linux, where the system does not support it."),
    D::size("postpone_output", EVERYWHERE, |b| {
        &mut here(b).postpone_output
    })
    .default("1460")
    .doc("No effect: what is ready is sent together, and never kept back."),
    D::custom("output_buffers", EVERYWHERE, Args::Exactly(2), |b, node| {
        set_buffers(node, &mut here(b).output_buffers)
    })
    .syntax("number size")
    .default("2 32k")
    .doc("No effect: files are not read into buffers to be sent."),
    D::custom(
        "open_file_cache",
        EVERYWHERE,
        Args::Between(1, 2),
        set_open_file_cache,
    )
    .syntax("off | max=N [inactive=time]")
    .default("off")
    .doc("No effect: open files are always kept for reuse, and checked at each request."),
    D::seconds("open_file_cache_valid", EVERYWHERE, |b| {
        &mut here(b).open_file_cache_valid
    })
    .default("60s")
    .doc("No effect: an open file is checked at each request."),
    D::number("open_file_cache_min_uses", EVERYWHERE, |b| {
        &mut here(b).open_file_cache_min_uses
    })
    .default("1")
    .doc("No effect: see open_file_cache."),
    D::flag("open_file_cache_errors", EVERYWHERE, |b| {
        &mut here(b).open_file_cache_errors
    })
    .default("off")
    .doc("No effect: that a file is missing is never remembered."),
    D::flag("open_file_cache_events", EVERYWHERE, |b| {
        &mut here(b).open_file_cache_events
    })
    .default("off")
    .doc("No effect: nginx has it for other systems than Linux."),
];

fn set_aio(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let field = &mut here(b).aio;
    if field.replace(()).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let value = node.arg(0).map(|w| &w.text[..]).unwrap_or_default();
    match value {
        b"on" | b"off" | b"threads" => Ok(()),
        _ if value.starts_with(b"threads=") => {
            let word = node.arg(0).unwrap_or(&node.name);
            let pool = Value::compile_from(b, word, b"threads=".len())?;
            if let Some(name) = pool.to_literal() {
                let used = &mut b.core.without_effect.thread_pools_used;
                used.push((name, word.span, node.end));
            }
            Ok(())
        }
        _ => Err(invalid_value(node, 0)),
    }
}

fn set_directio(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let field = &mut here(b).directio;
    if field.replace(()).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    if word.text == "off" || parse_offset(&word.text).is_some() {
        return Ok(());
    }
    Err(invalid_value(node, 0))
}

fn set_send_lowat(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    lowat(b, node, |none| &mut none.send_lowat)
}

/// `proxy_send_lowat`.
///
/// # Errors
/// What is no size, or given twice.
pub fn set_proxy_send_lowat(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    lowat(b, node, |none| &mut none.proxy_send_lowat)
}

/// `fastcgi_send_lowat`.
///
/// # Errors
/// What is no size, or given twice.
pub fn set_fastcgi_send_lowat(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    lowat(b, node, |none| &mut none.fastcgi_send_lowat)
}

fn lowat(
    b: &mut Builder,
    node: &Node,
    field: fn(&mut WithoutEffect) -> &mut Option<u64>,
) -> Result<(), Diagnostic> {
    set_size(node, field(here(b)))?;
    let message = format!("\"{}\" is not supported, ignored", node.name.str());
    let d = Diagnostic::warning(message).at(node.end);
    b.report(d.label(node.name.span, ""));
    Ok(())
}

fn set_open_file_cache(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if here(b).open_file_cache.replace(()).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let (mut max, mut off) = (false, false);
    for word in &node.args {
        let text = &word.text[..];
        let valid = if let Some(number) = text.strip_prefix(b"max=") {
            max = true;
            parse_number(number).is_some_and(|n| n > 0)
        } else if let Some(time) = text.strip_prefix(b"inactive=") {
            parse_seconds(time).is_some()
        } else {
            off |= text == b"off";
            text == b"off"
        };
        if !valid {
            let message = format!("invalid \"open_file_cache\" parameter \"{}\"", word.str());
            return Err(node.error_at(word, message));
        }
    }
    if !off && !max {
        return Err(node.error("\"open_file_cache\" must have the \"max\" parameter"));
    }
    Ok(())
}
