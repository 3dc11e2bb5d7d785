//! The directives of gzip, those of nginx's core module among them.

use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::config::value::{parse_number, parse_size};
use crate::cycle::context::{EVERYWHERE, LOCATION_IF};
use crate::cycle::{Builder, duplicate_value, invalid};
use crate::diagnostic::Diagnostic;
use crate::http::mime_types::MimeTypes;
use crate::http::regex::Regex;
use std::sync::Arc;

crate::settings! {
    /// Settings of gzip as written.
    pub GzipRaw,
    /// Settings of gzip in force.
    pub GzipConf {
        /// Whether to compress.
        enable: bool = false,
        /// Which content types.
        types: MimeTypes = super::default_types(),
        /// 1 is the fastest, 9 the smallest.
        level: u32 = 1,
        /// The size of the window as a power of two, 9 to 15.
        window_bits: u8 = 15,
        /// Number and size of the buffers for compressed data.
        buffers: (u64, u64) = (32, 4096),
        /// Shorter bodies are left as they are, if their length is known.
        min_length: u64 = 20,
        /// Whether to pass on compressed data as soon as there is some.
        no_buffer: bool = false,
        /// Whether to send `Vary: Accept-Encoding`.
        vary: bool = false,
        /// The lowest version of HTTP: a number of [`VERSIONS`].
        http_version: usize = 1,
        /// What is compressed for requests that came through a proxy: bits of [`PROXIED`].
        proxied: u16 = OFF,
        /// Whether Internet Explorer up to 6 gets nothing compressed.
        disable_msie6: bool = false,
        /// Patterns of user agents that get nothing compressed.
        disable: Option<Arc<Vec<Regex>>> = None,
    } only_written {
        /// `gzip_hash`, which is only checked.
        hash: Option<u64>,
        /// `postpone_gzipping`, which is only checked.
        postpone: Option<u64>,
    }
}

/// The versions that `gzip_http_version` knows.
const VERSIONS: &[&str] = &["1.0", "1.1"];

/// The words of `gzip_proxied`; the bit of each is its place.
pub(super) const PROXIED: &[&str] = &[
    "off",
    "expired",
    "no-cache",
    "no-store",
    "private",
    "no_last_modified",
    "no_etag",
    "auth",
    "any",
];
pub(super) const OFF: u16 = 1;
pub(super) const EXPIRED: u16 = 1 << 1;
pub(super) const NO_CACHE: u16 = 1 << 2;
pub(super) const NO_STORE: u16 = 1 << 3;
pub(super) const PRIVATE: u16 = 1 << 4;
pub(super) const NO_LAST_MODIFIED: u16 = 1 << 5;
pub(super) const NO_ETAG: u16 = 1 << 6;
pub(super) const AUTH: u16 = 1 << 7;
pub(super) const ANY: u16 = 1 << 8;

const AND_IF: Contexts = Contexts(EVERYWHERE.0 | LOCATION_IF.0);

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::flag("gzip", AND_IF, |b| &mut b.http.here().gzip().enable)
        .default("off")
        .doc("Compresses answers with gzip."),
    D::custom("gzip_types", EVERYWHERE, Args::AtLeast(1), set_types)
        .syntax("mime-type ... | *")
        .default("text/html")
        .doc("The types that are compressed, besides text/html; * means all."),
    D::custom("gzip_comp_level", EVERYWHERE, Args::Exactly(1), set_level)
        .syntax("level")
        .default("1")
        .doc("From 1 (fast) to 9 (small)."),
    D::custom("gzip_window", EVERYWHERE, Args::Exactly(1), set_window)
        .syntax("size")
        .default("32k")
        .doc("The window of the compression: how far back repetitions are looked for."),
    D::custom("gzip_hash", EVERYWHERE, Args::Exactly(1), set_hash)
        .syntax("size")
        .default("128k")
        .doc("No effect: the compressor chooses the size of its tables itself."),
    D::size("postpone_gzipping", EVERYWHERE, |b| {
        &mut b.http.here().gzip().postpone
    })
    .default("0")
    .doc("No effect: compressors are kept for reuse, so there is no allocation to put off."),
    D::flag("gzip_no_buffer", EVERYWHERE, |b| {
        &mut b.http.here().gzip().no_buffer
    })
    .default("off")
    .doc("Passes on what is compressed at once instead of gathering it."),
    D::custom("gzip_buffers", EVERYWHERE, Args::Exactly(2), set_buffers)
        .syntax("number size")
        .default("32 4k")
        .doc("How much compressed data is gathered before it is sent."),
    D::size("gzip_min_length", EVERYWHERE, |b| {
        &mut b.http.here().gzip().min_length
    })
    .default("20")
    .doc("Bodies that are known to be shorter are not compressed."),
    D::flag("gzip_vary", EVERYWHERE, |b| &mut b.http.here().gzip().vary)
        .default("off")
        .doc("Sends \"Vary: Accept-Encoding\" with whatever may be compressed."),
    D::choice("gzip_http_version", EVERYWHERE, VERSIONS, |b| {
        &mut b.http.here().gzip().http_version
    })
    .syntax("1.0 | 1.1")
    .default("1.1")
    .doc("The lowest version of HTTP that gets compressed answers."),
    D::custom("gzip_proxied", EVERYWHERE, Args::AtLeast(1), set_proxied)
        .syntax("off | expired | no-cache | no-store | private | no_last_modified | no_etag | auth | any ...")
        .default("off")
        .doc("Which answers are compressed for requests with a Via field."),
    D::custom("gzip_disable", EVERYWHERE, Args::AtLeast(1), set_disable)
        .syntax("regex ... | msie6")
        .doc("User agents that get nothing compressed."),
];

fn set_types(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    MimeTypes::add(b, node, |b| &mut b.http.here().gzip().types, &["text/html"]);
    Ok(())
}

fn set_level(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    if b.http.here().gzip().level.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let level = parse_number(&word.text).ok_or_else(|| node.fault("invalid number"))?;
    let level = u32::try_from(level).ok().filter(|l| (1..=9).contains(l));
    let level = level.ok_or_else(|| node.error_at(word, "value must be between 1 and 9"))?;
    b.http.here().gzip().level = Some(level);
    Ok(())
}

fn set_window(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    if b.http.here().gzip().window_bits.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let size = parse_size(&word.text).ok_or_else(|| node.fault("invalid value"))?;
    let bits = (9u8..=15).find(|bits| 1u64 << bits == size);
    let bits = bits.ok_or_else(|| node.fault("must be 512, 1k, 2k, 4k, 8k, 16k, or 32k"))?;
    b.http.here().gzip().window_bits = Some(bits);
    Ok(())
}

fn set_hash(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    let field = &mut b.http.here().gzip().hash;
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let size = parse_size(&word.text).ok_or_else(|| node.fault("invalid value"))?;
    if !size.is_power_of_two() || !(512..=128 << 10).contains(&size) {
        let must = "must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k";
        return Err(node.fault(must));
    }
    *field = Some(size);
    Ok(())
}

fn set_buffers(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().gzip().buffers.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let number = node.arg(0).and_then(|w| parse_number(&w.text));
    let size = node.arg(1).and_then(|w| parse_size(&w.text));
    match (number.and_then(|n| u64::try_from(n).ok()), size) {
        (Some(number @ 1..), Some(size @ 1..)) => {
            b.http.here().gzip().buffers = Some((number, size));
            Ok(())
        }
        _ => Err(node.fault("invalid value")),
    }
}

fn set_proxied(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        let known = PROXIED
            .iter()
            .position(|w| w.as_bytes().eq_ignore_ascii_case(&word.text));
        let bit = 1u16 << known.ok_or_else(|| invalid(word))?;
        let mask = b.http.here().gzip().proxied.get_or_insert(0);
        if *mask & bit != 0 {
            b.warn(node, word, duplicate_value(word));
            continue;
        }
        *mask |= bit;
    }
    Ok(())
}

fn set_disable(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    for word in &node.args {
        if word.text == "msie6" {
            b.http.here().gzip().disable_msie6 = Some(true);
            continue;
        }
        let regex = Regex::compile(b, &word.text, true, word.span)?;
        let all = b.http.here().gzip().disable.get_or_insert(None);
        let all = all.get_or_insert_default();
        // Nobody else holds the list while its block is read.
        if let Some(all) = Arc::get_mut(all) {
            all.push(regex);
        }
    }
    Ok(())
}
