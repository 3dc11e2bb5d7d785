//! `proxy_pass`: where requests go.

use super::request::HttpCodec;
use super::rewrite::Rule;
use super::variables::Context;
use crate::boxed::boxed;
use crate::config::span::Span;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::BlockKind;
use crate::http::phase::{Handler, Step, Verdict};
use crate::http::request::Request;
use crate::http::router::How;
use crate::http::upstream::computed::Aim;
use crate::http::upstream::conf::{GroupId, reference};
use crate::http::upstream::exchange::{self, Plan};
use crate::http::upstream::request_body;
use crate::http::value::Value;
use crate::log::{self, Level};
use crate::net::address::{Addr, Address, Options};
use bytes::Bytes;
use std::rc::Rc;
use std::sync::Arc;

/// What later directives of the block need to know about its `proxy_pass`.
#[derive(Clone, Debug)]
pub struct Written {
    /// The URL, if it has no variables.
    pub url: Option<Bytes>,
    has_uri: bool,
    location: Bytes,
}

impl Written {
    /// What `proxy_redirect default` stands for.
    pub fn default_redirect(&self) -> Option<Arc<Rule>> {
        let url = self.url.as_ref()?;
        Some(Arc::new(if self.has_uri {
            Rule::text(url.clone(), self.location.clone())
        } else {
            let mut from = url.to_vec();
            from.push(b'/');
            Rule::text(from.into(), Bytes::from_static(b"/"))
        }))
    }
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// `$proxy_host`
    pub host: Bytes,
    /// `$proxy_port`
    pub port: Bytes,
    /// The URL's path and query; empty if it has none.
    pub uri: Bytes,
    /// How much of the request's path `uri` takes the place of.
    pub location_len: usize,
    /// Whether `uri` was computed and is sent as it is.
    pub computed: bool,
    /// Whether TLS is spoken.
    pub tls: bool,
}

enum Where {
    Fixed(Target, GroupId),
    Computed(Value),
}

/// The handler of locations with `proxy_pass`.
struct Pass {
    to: Where,
    span: Span,
}

/// The setter.
pub fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().proxy().pass.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some(word) = node.arg(0) else {
        return Ok(());
    };
    let (location, takes_uri) = place(b);
    let value = Value::compile(b, word)?;
    let span = word.span;
    let (to, url, has_uri) = match value.to_literal() {
        None => {
            b.http.here().proxy().passing.tls.used = true;
            (Where::Computed(value), None, false)
        }
        Some(url) => {
            let (tls, address) = parse_url(&url, node)?;
            b.http.here().proxy().passing.tls.used = tls;
            let group = reference(b, &address, span)?;
            let mut target = Target::of(tls, &address);
            if !takes_uri && !target.uri.is_empty() {
                let message = "\"proxy_pass\" cannot have URI part in location given by regular expression, \
                               or inside named location, or inside \"if\" statement, or inside \"limit_except\" block";
                return Err(node
                    .error_at(word, message)
                    .help("leave out everything behind the host, the slash included"));
            }
            target.location_len = if takes_uri { location.len() } else { 0 };
            let has_uri = !target.uri.is_empty();
            (Where::Fixed(target, group), Some(url), has_uri)
        }
    };
    b.http.own().auto_redirect = location.ends_with(b"/");
    b.http.own().handler = Some(Arc::new(Pass { to, span }));
    b.http.here().proxy().pass = Some(Written {
        url,
        has_uri,
        location,
    });
    Ok(())
}

/// The name of the location being walked, and whether the URL may have a URI part in it.
fn place(b: &Builder) -> (Bytes, bool) {
    match b.http.blocks.get(b.http.current).map(|block| &block.kind) {
        Some(BlockKind::Location(l)) => {
            let takes = !matches!(l.how, How::Regex(_) | How::Named);
            (l.name.clone(), takes)
        }
        _ => (Bytes::new(), false),
    }
}

fn parse_url(url: &Bytes, node: &Node) -> Result<(bool, Address), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    let Some((tls, rest)) = scheme(url) else {
        let d = node.error_at(word, "invalid URL prefix");
        return Err(d.help("a URL is meant: http://127.0.0.1:3000"));
    };
    let address = Address::parse(&rest, options(tls)).map_err(|e| {
        let shown = String::from_utf8_lossy(&rest);
        node.error_at(word, format!("{e} in upstream \"{shown}\""))
    })?;
    Ok((tls, address))
}

/// Whether a URL asks for TLS, and what follows its scheme.
fn scheme(url: &Bytes) -> Option<(bool, Bytes)> {
    [(false, &b"http://"[..]), (true, b"https://")]
        .into_iter()
        .find(|(_, scheme)| starts_with(url, scheme))
        .map(|(tls, scheme)| (tls, url.slice(scheme.len()..)))
}

fn options(tls: bool) -> Options {
    Options {
        no_resolve: true,
        ..Options::pass(default_port(tls))
    }
}

fn default_port(tls: bool) -> u16 {
    match tls {
        true => 443,
        false => 80,
    }
}

fn starts_with(url: &[u8], scheme: &[u8]) -> bool {
    url.get(..scheme.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

impl Target {
    fn of(tls: bool, address: &Address) -> Self {
        let (host, port) = match address.addrs.first() {
            Some(Addr::Unix(_)) => (Bytes::from_static(b"localhost"), Bytes::new()),
            _ if address.no_port || address.port == default_port(tls) => {
                let port = match tls {
                    true => "443",
                    false => "80",
                };
                (address.host.clone(), Bytes::from_static(port.as_bytes()))
            }
            _ => {
                let mut host = address.host.to_vec();
                host.push(b':');
                host.extend_from_slice(&address.port_text);
                (host.into(), address.port_text.clone())
            }
        };
        Target {
            host,
            port,
            uri: address.uri.clone(),
            location_len: 0,
            computed: false,
            tls,
        }
    }
}

impl Handler for Pass {
    fn handle<'a>(&'a self, req: &'a mut Request) -> Step<'a> {
        Step::Wait(boxed(|| self.run(req)))
    }

    fn name(&self) -> &'static str {
        "proxy_pass"
    }
}

impl Pass {
    async fn run(&self, req: &mut Request) -> Verdict {
        let http = Rc::clone(&req.http);
        let conf = &http.location(req.location).conf.proxy;
        let computed;
        let (target, aim) = match &self.to {
            Where::Fixed(target, group) => match http.upstream.get(*group) {
                Some(group) => (target, Aim::Group(Arc::clone(group))),
                None => return Verdict::Status(500),
            },
            Where::Computed(value) => match compute(req, value) {
                Some((target, address)) => {
                    computed = Box::new(target);
                    (&*computed, Aim::Address(Box::new(address)))
                }
                None => {
                    req.extensions.insert(Context::default());
                    return Verdict::Status(500);
                }
            },
        };
        // Variables tell where a request was to go, also where it comes to nothing.
        req.extensions.insert(Context {
            host: target.host.clone(),
            port: target.port.clone(),
            ..Context::default()
        });
        let has_body = req.body.is_present();
        let streams = has_body
            && !conf.passing.request_buffering
            && conf.body.is_none()
            && conf.passing.pass_request_body
            && !req.body.complete
            && (!req.body.chunked || !conf.http10);
        let streams = match request_body::read(req, has_body, streams).await {
            Ok(start) => start,
            Err(e) => return Verdict::Status(e.status()),
        };
        let chunked = conf.body.is_none() && req.body.chunked && streams.is_some();
        let length = match &conf.body {
            Some(body) => Some(body.eval(req).len() as u64),
            None => req.body.length.filter(|_| !chunked),
        };
        if let Some(context) = req.extensions.get_mut::<Context>() {
            (context.body_length, context.chunked) = (length, chunked);
        }
        let plan = Plan {
            passing: &conf.passing,
            group: match aim.group(req, &conf.passing, self.span).await {
                Ok(group) => group,
                Err(status) => return Verdict::Status(status),
            },
            tls: target.tls,
            span: self.span,
            streams,
            sends_body: conf.body.is_none() && conf.passing.pass_request_body && has_body,
        };
        let mut codec = HttpCodec::new(conf, target);
        exchange::run(req, &mut codec, &plan).await
    }
}

/// Takes apart a URL that variables made; nothing if it is none, which the error log is told.
fn compute(req: &Request, value: &Value) -> Option<(Target, Address)> {
    let url = value.eval_bytes(req);
    let error = |message: std::fmt::Arguments<'_>| {
        log::request(req, Level::Error, message);
        None
    };
    let shown = String::from_utf8_lossy(&url);
    let Some((tls, rest)) = scheme(&url).filter(|(_, rest)| !rest.is_empty()) else {
        return error(format_args!("invalid URL prefix in \"{shown}\""));
    };
    let mut address = match Address::parse(&rest, options(tls)) {
        Ok(address) => address,
        Err(e) => {
            let shown = String::from_utf8_lossy(&rest);
            return error(format_args!("{e} in upstream \"{shown}\""));
        }
    };
    if address.uri.starts_with(b"?") {
        let mut uri = vec![b'/'];
        uri.extend_from_slice(&address.uri);
        address.uri = uri.into();
    }
    let mut target = Target::of(tls, &address);
    target.computed = true;
    Some((target, address))
}
