//! What `proxy_*`, `fastcgi_*` and the like have in common: time limits, buffers, when to ask another server, which
//! header fields to hide. The prefix differs, the meaning does not.

use super::failure::condition;
use super::head::Known;
pub use super::store::set_access;
use super::tls::Tls;
use super::tls::settings::TlsRaw;
use crate::config::span::Span;
use crate::config::table::Collector;
use crate::config::tree::{Node, Word};
use crate::config::value::{parse_number, parse_size};
use crate::cycle::{Builder, duplicate_value};
use crate::diagnostic::Diagnostic;
use crate::http::core::rate::Size;
use crate::http::core::temp_path::TempPath;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Which of an answer's fields are without effect: `*_ignore_headers`, as bits.
pub mod ignore {
    /// `X-Accel-Redirect`
    pub const X_ACCEL_REDIRECT: u32 = 1 << 1;
    /// `X-Accel-Limit-Rate`
    pub const X_ACCEL_LIMIT_RATE: u32 = 1 << 6;
    /// `X-Accel-Buffering`
    pub const X_ACCEL_BUFFERING: u32 = 1 << 7;
    /// `X-Accel-Charset`
    pub const X_ACCEL_CHARSET: u32 = 1 << 8;
    /// All names. Those without a constant of their own only mean something to a cache.
    pub const NAMES: &[(&str, u32)] = &[
        ("X-Accel-Redirect", X_ACCEL_REDIRECT),
        ("X-Accel-Expires", 1 << 2),
        ("X-Accel-Limit-Rate", X_ACCEL_LIMIT_RATE),
        ("X-Accel-Buffering", X_ACCEL_BUFFERING),
        ("X-Accel-Charset", X_ACCEL_CHARSET),
        ("Expires", 1 << 3),
        ("Cache-Control", 1 << 4),
        ("Set-Cookie", 1 << 5),
        ("Vary", 1 << 9),
    ];
}

/// The words of `*_next_upstream`.
pub const CONDITIONS: &[(&str, u32)] = &[
    ("error", condition::ERROR),
    ("timeout", condition::TIMEOUT),
    ("invalid_header", condition::INVALID_HEADER),
    ("non_idempotent", condition::NON_IDEMPOTENT),
    ("http_500", condition::HTTP_500),
    ("http_502", condition::HTTP_502),
    ("http_503", condition::HTTP_503),
    ("http_504", condition::HTTP_504),
    ("http_403", condition::HTTP_403),
    ("http_404", condition::HTTP_404),
    ("http_429", condition::HTTP_429),
    ("updating", condition::UPDATING),
    ("off", condition::OFF),
];

/// The words of `fastcgi_next_upstream`, `uwsgi_next_upstream` and `scgi_next_upstream`.
pub const CGI_CONDITIONS: &[(&str, u32)] = &[
    ("error", condition::ERROR),
    ("timeout", condition::TIMEOUT),
    ("invalid_header", condition::INVALID_HEADER),
    ("non_idempotent", condition::NON_IDEMPOTENT),
    ("http_500", condition::HTTP_500),
    ("http_503", condition::HTTP_503),
    ("http_403", condition::HTTP_403),
    ("http_404", condition::HTTP_404),
    ("http_429", condition::HTTP_429),
    ("updating", condition::UPDATING),
    ("off", condition::OFF),
];

/// As written.
#[derive(Clone, Default)]
#[allow(
    missing_docs,
    reason = "the fields are the directives without their prefix"
)]
pub struct PassingRaw {
    pub connect_timeout: Option<Duration>,
    pub send_timeout: Option<Duration>,
    pub read_timeout: Option<Duration>,
    pub buffering: Option<bool>,
    pub request_buffering: Option<bool>,
    pub buffer_size: Option<u64>,
    pub buffers: Option<(u64, u64)>,
    pub busy_buffers_size: Option<u64>,
    pub max_temp_file_size: Option<u64>,
    pub temp_file_write_size: Option<u64>,
    pub temp_path: Option<Arc<TempPath>>,
    pub next_upstream: Option<u32>,
    pub next_upstream_tries: Option<i64>,
    pub next_upstream_timeout: Option<Duration>,
    pub ignore_client_abort: Option<bool>,
    pub intercept_errors: Option<bool>,
    pub pass_request_headers: Option<bool>,
    pub pass_request_body: Option<bool>,
    pub pass_trailers: Option<bool>,
    pub socket_keepalive: Option<bool>,
    pub socket_rcvbuf: Option<u64>,
    pub socket_sndbuf: Option<u64>,
    pub force_ranges: Option<bool>,
    pub limit_rate: Option<Option<Size>>,
    pub bind: Option<Option<super::bind::Bind>>,
    pub store: Option<Option<super::store::Store>>,
    pub store_access: Option<u32>,
    pub ignore_headers: Option<u32>,
    pub hide_header: Option<Vec<Bytes>>,
    pub pass_header: Option<Vec<Bytes>>,
    /// `*_ssl_*`, which only some protocols have.
    pub tls: TlsRaw,
    /// Where the first of these was written, for complaints about their combination.
    pub span: Option<Span>,
}

/// In force.
#[derive(Clone)]
#[allow(
    missing_docs,
    reason = "the fields are the directives without their prefix"
)]
pub struct Passing {
    pub connect_timeout: Duration,
    pub send_timeout: Duration,
    pub read_timeout: Duration,
    pub buffering: bool,
    pub request_buffering: bool,
    /// Bytes: the most that the head of an answer may have.
    pub buffer_size: usize,
    /// How many buffers, and how large each.
    pub buffers: (usize, usize),
    /// Bytes; 0: no temporary file.
    pub max_temp_file_size: u64,
    pub temp_path: Arc<TempPath>,
    /// Bits of [`condition`].
    pub next_upstream: u32,
    /// 0: no limit.
    pub next_upstream_tries: usize,
    /// Milliseconds; 0: no limit.
    pub next_upstream_timeout_ms: u64,
    pub ignore_client_abort: bool,
    pub intercept_errors: bool,
    pub pass_request_headers: bool,
    pub pass_request_body: bool,
    pub pass_trailers: bool,
    pub socket_keepalive: bool,
    pub socket_rcvbuf: usize,
    pub socket_sndbuf: usize,
    pub force_ranges: bool,
    pub limit_rate: Option<Size>,
    pub bind: Option<super::bind::Bind>,
    pub store: Option<super::store::Store>,
    /// A file mode.
    pub store_access: u32,
    /// Bits of [`ignore`].
    pub ignore_headers: u32,
    /// Header fields of answers that are not passed on.
    pub hidden: Hidden,
    /// What holds for TLS, where it may be spoken.
    pub tls: Option<Tls>,
}

impl PassingRaw {
    /// Takes from the enclosing block what this one does not set.
    pub fn inherit(&mut self, parent: &Self) {
        macro_rules! fields {
            ($($field:ident)*) => {
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            };
        }
        fields! {
            connect_timeout send_timeout read_timeout buffering request_buffering buffer_size buffers
            busy_buffers_size max_temp_file_size temp_file_write_size temp_path next_upstream next_upstream_tries
            next_upstream_timeout ignore_client_abort intercept_errors pass_request_headers pass_request_body
            pass_trailers socket_keepalive socket_rcvbuf socket_sndbuf force_ranges limit_rate bind ignore_headers
            hide_header pass_header store store_access
        }
        self.tls.inherit(&parent.tls);
    }

    /// Fills in nginx's defaults and complains about sizes that do not go together. `prefix` is `proxy` or the
    /// like, `temp_path` the default of its `*_temp_path`; `hidden` are the fields that are hidden by default.
    pub fn build(
        &self,
        b: &mut Builder,
        prefix: &'static str,
        temp_path: &str,
        hidden: &[&str],
    ) -> Passing {
        const PAGE: u64 = 4096;
        let buffer_size = self.buffer_size.unwrap_or(PAGE);
        let (count, each) = self.buffers.unwrap_or((8, PAGE));
        let largest = buffer_size.max(each);
        let busy = self.busy_buffers_size.unwrap_or(largest.saturating_mul(2));
        let write = self
            .temp_file_write_size
            .unwrap_or(largest.saturating_mul(2));
        let max_file = self.max_temp_file_size.unwrap_or(1 << 30);
        if let Some(message) = complaint(prefix, (count, each), largest, busy, write, max_file) {
            let mut d = Diagnostic::new(message);
            if let Some(span) = self.span {
                d = d.at(span).label(span, "");
            }
            // nginx finds out when the block is complete, and names its last line.
            d.line = b.http.seen.or(d.line);
            b.report(d);
        }
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let mut next = self
            .next_upstream
            .unwrap_or(condition::ERROR | condition::TIMEOUT);
        if next & condition::OFF != 0 {
            next = condition::OFF;
        }
        let timeout = self.next_upstream_timeout.unwrap_or_default();
        let minute = Duration::from_secs(60);
        Passing {
            connect_timeout: self.connect_timeout.unwrap_or(minute),
            send_timeout: self.send_timeout.unwrap_or(minute),
            read_timeout: self.read_timeout.unwrap_or(minute),
            buffering: self.buffering.unwrap_or(true),
            request_buffering: self.request_buffering.unwrap_or(true),
            buffer_size: size(buffer_size),
            buffers: (size(count), size(each)),
            max_temp_file_size: max_file,
            temp_path: self.temp_path.clone().unwrap_or_else(|| {
                Arc::new(TempPath {
                    path: b.path(temp_path.as_bytes()),
                    levels: [1, 2, 0],
                })
            }),
            next_upstream: next,
            next_upstream_tries: self
                .next_upstream_tries
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0),
            next_upstream_timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            ignore_client_abort: self.ignore_client_abort.unwrap_or(false),
            intercept_errors: self.intercept_errors.unwrap_or(false),
            pass_request_headers: self.pass_request_headers.unwrap_or(true),
            pass_request_body: self.pass_request_body.unwrap_or(true),
            pass_trailers: self.pass_trailers.unwrap_or(false),
            socket_keepalive: self.socket_keepalive.unwrap_or(false),
            socket_rcvbuf: size(self.socket_rcvbuf.unwrap_or(0)),
            socket_sndbuf: size(self.socket_sndbuf.unwrap_or(0)),
            force_ranges: self.force_ranges.unwrap_or(false),
            limit_rate: self.limit_rate.clone().flatten(),
            bind: self.bind.clone().flatten(),
            store: self.store.clone().flatten(),
            store_access: self.store_access.unwrap_or(0o600),
            ignore_headers: self.ignore_headers.unwrap_or(0),
            hidden: Hidden::new(
                hidden,
                self.hide_header.as_deref().unwrap_or_default(),
                self.pass_header.as_deref().unwrap_or_default(),
            ),
            tls: self.tls.build(b, prefix),
        }
    }
}

/// nginx's sentence about sizes that do not go together.
fn complaint(
    p: &str,
    (count, each): (u64, u64),
    largest: u64,
    busy: u64,
    write: u64,
    max_file: u64,
) -> Option<String> {
    let of_largest =
        format!("the maximum of the value of \"{p}_buffer_size\" and one of the \"{p}_buffers\"");
    if count < 2 {
        return Some(format!("there must be at least 2 \"{p}_buffers\""));
    }
    if busy < largest {
        return Some(format!(
            "\"{p}_busy_buffers_size\" must be equal to or greater than {of_largest}"
        ));
    }
    if busy > (count - 1).saturating_mul(each) {
        return Some(format!(
            "\"{p}_busy_buffers_size\" must be less than the size of all \"{p}_buffers\" minus one buffer"
        ));
    }
    if write < largest {
        return Some(format!(
            "\"{p}_temp_file_write_size\" must be equal to or greater than {of_largest}"
        ));
    }
    if max_file != 0 && max_file < largest {
        return Some(format!(
            "\"{p}_max_temp_file_size\" must be equal to zero to disable temporary files usage or must be equal to \
             or greater than {of_largest}"
        ));
    }
    None
}

/// Header fields of answers that are not passed on.
#[derive(Clone, Debug)]
pub struct Hidden {
    known: [bool; Known::COUNT + 1],
    /// In lower case.
    others: Box<[Bytes]>,
}

impl Hidden {
    fn new(defaults: &[&str], hide: &[Bytes], pass: &[Bytes]) -> Self {
        let mut hidden = Hidden {
            known: [false; Known::COUNT + 1],
            others: Box::default(),
        };
        let mut others = Vec::new();
        let defaults = defaults.iter().map(|name| name.as_bytes());
        for name in defaults.chain(hide.iter().map(|name| &name[..])) {
            if pass.iter().any(|passed| passed.eq_ignore_ascii_case(name)) {
                continue;
            }
            match (
                Known::of(name),
                hidden.known.get_mut(Known::of(name) as usize),
            ) {
                (Known::Other, _) | (_, None) => {
                    others.push(Bytes::from(name.to_ascii_lowercase()));
                }
                (_, Some(slot)) => *slot = true,
            }
        }
        hidden.others = others.into();
        hidden
    }

    /// Whether a field is among them.
    pub fn has(&self, known: Known, name: &[u8]) -> bool {
        match known {
            Known::Other => self.others.iter().any(|h| h.eq_ignore_ascii_case(name)),
            known => self.known.get(known as usize).copied().unwrap_or(false),
        }
    }
}

/// Sets bits named by words: `*_next_upstream`, `*_ignore_headers`.
///
/// # Errors
/// `invalid value "x"`; a word given twice is a warning.
pub fn set_bits(
    b: &mut Builder,
    node: &Node,
    words: &[(&str, u32)],
    field: fn(&mut Builder) -> &mut Option<u32>,
) -> Result<(), Diagnostic> {
    for word in &node.args {
        let bit = words
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&word.text));
        let Some((_, bit)) = bit else {
            let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
            let d = node.error_at(word, format!("invalid value \"{}\"", word.str()));
            return Err(d.help(format!("it must be one of: {}", names.join(", "))));
        };
        let bits = field(b).get_or_insert(0);
        if *bits & bit != 0 {
            b.warn(node, word, duplicate_value(word));
        } else {
            *bits |= bit;
        }
    }
    Ok(())
}

/// `*_buffers number size`
///
/// # Errors
/// nginx's `is duplicate` and `invalid value`.
pub fn set_buffers(node: &Node, field: &mut Option<(u64, u64)>) -> Result<(), Diagnostic> {
    if field.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let positive = |word: Option<&Word>, parse: fn(&[u8]) -> Option<u64>| {
        word.and_then(|w| parse(&w.text)).filter(|n| *n > 0)
    };
    let count = positive(node.arg(0), |t| {
        parse_number(t).and_then(|n| u64::try_from(n).ok())
    });
    let (Some(count), Some(size)) = (count, positive(node.arg(1), parse_size)) else {
        return Err(node.fault("invalid value"));
    };
    *field = Some((count, size));
    Ok(())
}

/// The directives that all protocols have, with their prefix. `$at` leads from the builder to the settings;
/// `$conditions` are the words of `*_next_upstream`.
#[macro_export]
macro_rules! passing_directives {
    ($prefix:literal, $at:path, $conditions:ident) => {{
        use $crate::config::directive::{Args, Directive};
        use $crate::cycle::context::EVERYWHERE;
        use $crate::http::upstream::settings;
        &[
            Directive::time(concat!($prefix, "_connect_timeout"), EVERYWHERE, |b| &mut $at(b).connect_timeout)
                .default("60s").doc("How long a connection to a server may take to be made."),
            Directive::time(concat!($prefix, "_send_timeout"), EVERYWHERE, |b| &mut $at(b).send_timeout)
                .default("60s").doc("How long a server may take nothing of a request, between two writes."),
            Directive::time(concat!($prefix, "_read_timeout"), EVERYWHERE, |b| &mut $at(b).read_timeout)
                .default("60s").doc("How long a server may send nothing of an answer, between two reads."),
            Directive::flag(concat!($prefix, "_buffering"), EVERYWHERE, |b| &mut $at(b).buffering)
                .default("on").doc("Whether an answer is read as fast as the server sends it, or as fast as the client takes it."),
            Directive::flag(concat!($prefix, "_request_buffering"), EVERYWHERE, |b| &mut $at(b).request_buffering)
                .default("on").doc("Whether a request's body is read whole before a server is asked."),
            Directive::size(concat!($prefix, "_buffer_size"), EVERYWHERE, |b| &mut $at(b).buffer_size)
                .default("4k").doc("The buffer for the head of an answer, which must fit into it."),
            Directive::custom(concat!($prefix, "_buffers"), EVERYWHERE, Args::Exactly(2), |b, node| {
                $at(b).span.get_or_insert(node.name.span.to(node.end));
                settings::set_buffers(node, &mut $at(b).buffers)
            }).syntax("number size").default("8 4k").doc("The buffers for the body of one answer."),
            Directive::size(concat!($prefix, "_busy_buffers_size"), EVERYWHERE, |b| &mut $at(b).busy_buffers_size)
                .default("8k").doc("How much of the buffers may be on its way to the client; checked against the buffers, while what is on its way is limited by what the client's connection takes."),
            Directive::size(concat!($prefix, "_max_temp_file_size"), EVERYWHERE, |b| &mut $at(b).max_temp_file_size)
                .default("1024m").doc("How much of an answer may wait in a temporary file for a slow client; 0: nothing."),
            Directive::size(concat!($prefix, "_temp_file_write_size"), EVERYWHERE, |b| &mut $at(b).temp_file_write_size)
                .default("8k").doc("How much is written to a temporary file at once; checked against the buffers, all of which are written here."),
            Directive::custom(concat!($prefix, "_temp_path"), EVERYWHERE, Args::Between(1, 4), |b, node| {
                if $at(b).temp_path.is_some() {
                    return Err(node.fault("is duplicate"));
                }
                let path = $crate::http::core::temp_path::TempPath::parse(b, node)?;
                $at(b).temp_path = Some(std::sync::Arc::new(path));
                Ok(())
            }).syntax("path [level1 [level2 [level3]]]").doc("Where temporary files for answers are made."),
            Directive::custom(concat!($prefix, "_next_upstream"), EVERYWHERE, Args::AtLeast(1), |b, node| {
                settings::set_bits(b, node, settings::$conditions, |b| &mut $at(b).next_upstream)
            }).syntax("error | timeout | invalid_header | http_500 | ... | non_idempotent | off ...").default("error timeout")
                .doc("In which cases another server of the group is asked."),
            Directive::number(concat!($prefix, "_next_upstream_tries"), EVERYWHERE, |b| &mut $at(b).next_upstream_tries)
                .default("0").doc("How many servers are asked at most; 0: all."),
            Directive::time(concat!($prefix, "_next_upstream_timeout"), EVERYWHERE, |b| &mut $at(b).next_upstream_timeout)
                .default("0").doc("How long other servers are asked; 0: no limit."),
            Directive::flag(concat!($prefix, "_ignore_client_abort"), EVERYWHERE, |b| &mut $at(b).ignore_client_abort)
                .default("off").doc("Whether a request goes on at the server when its client has gone away."),
            Directive::flag(concat!($prefix, "_intercept_errors"), EVERYWHERE, |b| &mut $at(b).intercept_errors)
                .default("off").doc("Whether error_page applies to answers with a status of 300 or more."),
            Directive::flag(concat!($prefix, "_pass_request_headers"), EVERYWHERE, |b| &mut $at(b).pass_request_headers)
                .default("on").doc("Whether the client's header fields are passed on."),
            Directive::flag(concat!($prefix, "_pass_request_body"), EVERYWHERE, |b| &mut $at(b).pass_request_body)
                .default("on").doc("Whether the client's body is passed on."),
            Directive::flag(concat!($prefix, "_socket_keepalive"), EVERYWHERE, |b| &mut $at(b).socket_keepalive)
                .default("off").doc("Whether TCP probes idle connections to servers (SO_KEEPALIVE)."),
            Directive::size(concat!($prefix, "_socket_rcvbuf"), EVERYWHERE, |b| &mut $at(b).socket_rcvbuf)
                .doc("The receive buffer of connections to servers (SO_RCVBUF)."),
            Directive::size(concat!($prefix, "_socket_sndbuf"), EVERYWHERE, |b| &mut $at(b).socket_sndbuf)
                .doc("The send buffer of connections to servers (SO_SNDBUF)."),
            Directive::flag(concat!($prefix, "_force_ranges"), EVERYWHERE, |b| &mut $at(b).force_ranges)
                .default("off").doc("Whether ranges are served from any answer."),
            Directive::custom(concat!($prefix, "_limit_rate"), EVERYWHERE, Args::Exactly(1), |b, node| {
                $crate::http::core::rate::set(b, node, |b| &mut $at(b).limit_rate)
            }).syntax("rate").default("0").doc("Bytes per second that are read of an answer; 0: no limit. Only with buffering."),
            Directive::custom(concat!($prefix, "_bind"), EVERYWHERE, Args::Between(1, 2), |b, node| {
                $crate::http::upstream::bind::set(b, node, |b| &mut $at(b).bind)
            }).syntax("address [transparent] | off").doc("The local address of connections to servers."),
            Directive::custom(concat!($prefix, "_store"), EVERYWHERE, Args::Exactly(1), |b, node| {
                $crate::http::upstream::store::set(b, node, |b| &mut $at(b).store)
            }).syntax("on | off | string").default("off")
                .doc("Keeps answers of 200 as files: where root or alias would look for them, or under a name with variables. Only with buffering."),
            Directive::custom(concat!($prefix, "_store_access"), EVERYWHERE, Args::Between(1, 3), |b, node| {
                settings::set_access(node, &mut $at(b).store_access)
            }).syntax("users:permissions ...").default("user:rw").doc("Who may read and write these files: user:, group: and all: with r or rw."),
            Directive::custom(concat!($prefix, "_ignore_headers"), EVERYWHERE, Args::AtLeast(1), |b, node| {
                settings::set_bits(b, node, settings::ignore::NAMES, |b| &mut $at(b).ignore_headers)
            }).syntax("field ...").doc("Header fields of answers that have no effect here."),
            Directive::custom(concat!($prefix, "_hide_header"), EVERYWHERE, Args::Exactly(1), |b, node| {
                $at(b).hide_header.get_or_insert_default().extend(node.arg(0).map(|w| w.text.clone()));
                Ok(())
            }).syntax("field").doc("A header field of answers that is not passed to the client."),
            Directive::custom(concat!($prefix, "_pass_header"), EVERYWHERE, Args::Exactly(1), |b, node| {
                $at(b).pass_header.get_or_insert_default().extend(node.arg(0).map(|w| w.text.clone()));
                Ok(())
            }).syntax("field").doc("A header field of answers that is passed to the client though it would be hidden."),
        ]
    }};
}
