//! Settings of the proxy module.

use super::cookie::{self, Flags};
use super::headers::{self, Headers};
use super::pass::{self, Written};
use super::redirect;
use super::rewrite::Rule;
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::{EVERYWHERE, LIMIT_EXCEPT, LOCATION, LOCATION_IF};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::core::without_effect;
use crate::http::upstream::settings::{Passing, PassingRaw};
use crate::http::upstream::tls::settings::TlsRaw;
use crate::http::value::Value;
use bytes::Bytes;
use std::sync::Arc;

/// As written.
#[derive(Clone, Default)]
pub struct ProxyRaw {
    /// What all protocols have in common.
    pub passing: PassingRaw,
    /// `proxy_pass` of this very block.
    pub pass: Option<Written>,
    /// `proxy_redirect`: whether it is not `off`.
    pub redirect: Option<bool>,
    /// Its rules.
    pub redirects: Option<Vec<Arc<Rule>>>,
    /// `proxy_cookie_domain`; the inner `None`: off.
    pub cookie_domains: Option<Option<Vec<Arc<Rule>>>>,
    /// `proxy_cookie_path`
    pub cookie_paths: Option<Option<Vec<Arc<Rule>>>>,
    /// `proxy_cookie_flags`
    pub cookie_flags: Option<Option<Vec<Arc<Flags>>>>,
    /// `proxy_set_header`
    pub headers: Option<Arc<Vec<(Bytes, Value)>>>,
    /// `proxy_set_body`
    pub body: Option<Value>,
    /// `proxy_method`
    pub method: Option<Value>,
    /// `proxy_http_version`: the number of the word.
    pub http_version: Option<usize>,
    /// `proxy_headers_hash_max_size`, without effect.
    pub headers_hash_max_size: Option<i64>,
    /// `proxy_headers_hash_bucket_size`, without effect.
    pub headers_hash_bucket_size: Option<i64>,
    /// `proxy_pass_trailers`, which only this protocol has.
    pub pass_trailers: Option<bool>,
}

/// In force.
pub struct ProxyConf {
    /// What all protocols have in common.
    pub passing: Passing,
    /// Rules for `Location` and `Refresh`; `None`: they stay as they are.
    pub redirects: Option<Vec<Arc<Rule>>>,
    /// Rules for the `Domain` of cookies.
    pub cookie_domains: Option<Vec<Arc<Rule>>>,
    /// Rules for their `Path`.
    pub cookie_paths: Option<Vec<Arc<Rule>>>,
    /// Rules for their flags.
    pub cookie_flags: Option<Vec<Arc<Flags>>>,
    /// Header fields of requests.
    pub headers: Headers,
    /// What is sent in place of the client's body.
    pub body: Option<Value>,
    /// The method in place of the client's.
    pub method: Option<Value>,
    /// Whether requests are sent with HTTP/1.0.
    pub http10: bool,
}

/// Header fields of answers that are hidden by default.
const HIDDEN: &[&str] = &[
    "Date",
    "Server",
    "X-Pad",
    "X-Accel-Expires",
    "X-Accel-Redirect",
    "X-Accel-Limit-Rate",
    "X-Accel-Buffering",
    "X-Accel-Charset",
];

impl Settings for ProxyRaw {
    type Conf = ProxyConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        self.passing.inherit(&parent.passing);
        macro_rules! fields {
            ($($field:ident)*) => {
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            };
        }
        fields! {
            redirect cookie_domains cookie_paths cookie_flags headers body method http_version pass_trailers
        }
        if self.redirect != Some(false) && self.redirects.is_none() {
            let own = || self.pass.as_ref().and_then(Written::default_redirect);
            self.redirects = parent
                .redirects
                .clone()
                .or_else(|| own().map(|rule| vec![rule]));
        }
    }

    fn build(&self, b: &mut Builder) -> ProxyConf {
        let mut passing =
            self.passing
                .build(b, "proxy", crate::cli::defaults::PROXY_TEMP_PATH, HIDDEN);
        passing.pass_trailers = self.pass_trailers.unwrap_or(false);
        let redirects = self.redirects.clone();
        ProxyConf {
            passing,
            redirects: redirects.filter(|_| self.redirect != Some(false)),
            cookie_domains: self.cookie_domains.clone().flatten(),
            cookie_paths: self.cookie_paths.clone().flatten(),
            cookie_flags: self.cookie_flags.clone().flatten(),
            headers: Headers::build(self.headers.as_deref().map_or(&[], |h| &h[..])),
            body: self.body.clone(),
            method: self.method.clone(),
            http10: self.http_version == Some(0),
        }
    }
}

fn here(b: &mut Builder) -> &mut ProxyRaw {
    b.http.here().proxy()
}

fn passing(b: &mut Builder) -> &mut PassingRaw {
    &mut b.http.here().proxy().passing
}

fn tls(b: &mut Builder) -> &mut TlsRaw {
    &mut passing(b).tls
}

/// The directives that all protocols have.
pub static PASSING: &[Directive<Builder>] =
    crate::passing_directives!("proxy", passing, CONDITIONS);

/// Those about TLS.
pub static TLS: &[Directive<Builder>] = crate::upstream_tls_directives!("proxy", tls);

/// Where a handler may be named.
const PLACES: Contexts = Contexts(LOCATION.0 | LOCATION_IF.0 | LIMIT_EXCEPT.0);

/// The others.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("proxy_pass", PLACES, Args::Exactly(1), pass::set)
        .syntax("URL")
        .doc("Passes requests to a server or a group of servers: http://host:port, http://group, http://unix:/path; the \
              same with https:// by TLS. \
              With a path behind it, that takes the place of the location's name in the request."),
    Directive::custom("proxy_redirect", EVERYWHERE, Args::Between(1, 2), redirect::set)
        .syntax("default | off | redirect replacement")
        .default("default")
        .doc("Changes Location and Refresh of answers so that the client comes back to us."),
    Directive::custom("proxy_cookie_domain", EVERYWHERE, Args::Between(1, 2), cookie::set_domain)
        .syntax("off | domain replacement")
        .default("off")
        .doc("Changes the Domain of cookies."),
    Directive::custom("proxy_cookie_path", EVERYWHERE, Args::Between(1, 2), cookie::set_path)
        .syntax("off | path replacement")
        .default("off")
        .doc("Changes the Path of cookies."),
    Directive::custom("proxy_cookie_flags", EVERYWHERE, Args::Between(1, 4), cookie::set_flags)
        .syntax("off | cookie [flag ...]")
        .default("off")
        .doc("Sets or removes the flags secure, httponly and samesite of cookies."),
    Directive::custom("proxy_set_header", EVERYWHERE, Args::Exactly(2), headers::set)
        .syntax("field value")
        .default("Host $proxy_host; Connection \"\"")
        .doc("Sets a header field of requests; an empty value leaves the field out. Inherited only where a block has \
              no proxy_set_header of its own."),
    Directive::custom("proxy_set_body", EVERYWHERE, Args::Exactly(1), |b, node| value(node, b, |b| &mut here(b).body))
        .syntax("value")
        .doc("What is sent in place of the client's body."),
    Directive::custom("proxy_method", EVERYWHERE, Args::Exactly(1), |b, node| value(node, b, |b| &mut here(b).method))
        .syntax("method")
        .doc("The method of requests, in place of the client's."),
    Directive::custom("proxy_http_version", EVERYWHERE, Args::Exactly(1), set_http_version)
        .syntax("1.0 | 1.1")
        .default("1.1")
        .doc("The version of HTTP towards servers."),
    Directive::flag("proxy_pass_trailers", EVERYWHERE, |b| &mut here(b).pass_trailers)
        .default("off")
        .doc("Whether trailer fields of answers are passed to the client."),
    Directive::custom("proxy_send_lowat", EVERYWHERE, Args::Exactly(1), without_effect::set_proxy_send_lowat)
        .syntax("size")
        .doc("No effect: on Linux it has none in nginx either, which says so."),
    Directive::number("proxy_headers_hash_max_size", EVERYWHERE, |b| &mut here(b).headers_hash_max_size)
        .default("512")
        .doc("No effect: tables here size themselves."),
    Directive::number("proxy_headers_hash_bucket_size", EVERYWHERE, |b| &mut here(b).headers_hash_bucket_size)
        .default("64")
        .doc("No effect: tables here size themselves."),
];

fn value(
    node: &Node,
    b: &mut Builder,
    field: fn(&mut Builder) -> &mut Option<Value>,
) -> Result<(), Diagnostic> {
    if field(b).is_some() {
        return Err(node.fault("is duplicate"));
    }
    let value = Value::compile(b, node.arg(0).unwrap_or(&node.name))?;
    *field(b) = Some(value);
    Ok(())
}

fn set_http_version(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if here(b).http_version.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    here(b).http_version = Some(match &word.text[..] {
        b"1.0" => 0,
        b"1.1" => 1,
        b"2" => {
            let message =
                "\"proxy_http_version 2\" is known to nginx, not supported by goodgate yet";
            return Err(node.error_at(word, message));
        }
        _ => {
            let d = node.error_at(word, format!("invalid value \"{}\"", word.str()));
            return Err(d.help("it must be one of: 1.0, 1.1"));
        }
    });
    Ok(())
}
