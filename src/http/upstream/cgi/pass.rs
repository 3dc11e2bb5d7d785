//! `fastcgi_pass`, `uwsgi_pass` and `scgi_pass`: where requests go.

use super::CgiRaw;
use crate::config::span::Span;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::BlockKind;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::upstream::codec::Codec;
use crate::http::upstream::computed;
use crate::http::upstream::conf::{Group, GroupId, reference};
use crate::http::upstream::exchange::{self, Plan};
use crate::http::upstream::request_body;
use crate::http::upstream::settings::Passing;
use crate::http::value::Value;
use crate::log::{self, Level};
use crate::net::address::{Address, Options};
use bytes::Bytes;
use std::rc::Rc;
use std::sync::Arc;

/// The servers that a directive names.
pub struct Destination {
    to: Where,
    /// What may stand in front of the address: `uwsgi://`.
    scheme: &'static str,
    span: Span,
}

enum Where {
    Fixed(GroupId),
    Computed(Value),
}

impl Destination {
    /// Reads the directive. `scheme` may stand in front of the address; the same with an `s` before it is TLS.
    ///
    /// # Errors
    /// nginx's `is duplicate`, and what is no address.
    pub fn parse(
        b: &mut Builder,
        node: &Node,
        raw: fn(&mut Builder) -> &mut CgiRaw,
        scheme: &'static str,
    ) -> Result<Self, Diagnostic> {
        if raw(b).pass {
            return Err(node.fault("is duplicate"));
        }
        let word = node.arg(0).unwrap_or(&node.name);
        let value = Value::compile(b, word)?;
        let span = word.span;
        let to = match value.to_literal() {
            None => Where::Computed(value),
            Some(text) => {
                let Some(rest) = strip(&text, scheme) else {
                    let message = format!(
                        "\"s{scheme}\" in \"{}\" is known to nginx, not supported by goodgate yet",
                        node.name.str()
                    );
                    return Err(node.error_at(word, message));
                };
                let address = Address::parse(&rest, options()).map_err(|e| {
                    let shown = String::from_utf8_lossy(&rest);
                    node.error_at(word, format!("{e} in upstream \"{shown}\""))
                })?;
                Where::Fixed(reference(b, &address, span)?)
            }
        };
        raw(b).pass = true;
        let block = b.http.blocks.get(b.http.current).map(|block| &block.kind);
        let slash =
            matches!(block, Some(BlockKind::Location(location)) if location.name.ends_with(b"/"));
        b.http.own().auto_redirect = slash;
        Ok(Destination { to, scheme, span })
    }

    /// Sends a request there and puts the answer into the response. `chunked`: a body of unknown length may be sent
    /// as it arrives.
    pub async fn ask<C: Codec>(
        &self,
        req: &mut Request,
        codec: &mut C,
        passing: &Passing,
        chunked: bool,
    ) -> Verdict {
        let group = match self.group(req, passing).await {
            Ok(group) => group,
            Err(status) => return Verdict::Status(status),
        };
        let has_body = req.body.is_present();
        let streams = has_body
            && !passing.request_buffering
            && passing.pass_request_body
            && !req.body.complete
            && (chunked || !req.body.chunked);
        let streams = match request_body::read(req, has_body, streams).await {
            Ok(start) => start,
            Err(e) => return Verdict::Status(e.status()),
        };
        let plan = Plan {
            passing,
            group,
            span: self.span,
            streams,
            sends_body: passing.pass_request_body && has_body,
        };
        exchange::run(req, codec, &plan).await
    }

    async fn group(&self, req: &Request, passing: &Passing) -> Result<Arc<Group>, u16> {
        let value = match &self.to {
            Where::Fixed(group) => {
                let http = Rc::clone(&req.http);
                return http.upstream.get(*group).cloned().ok_or(500);
            }
            Where::Computed(value) => value,
        };
        let text = value.eval_bytes(req);
        let Some(rest) = strip(&text, self.scheme) else {
            let shown = String::from_utf8_lossy(&text);
            let message = format_args!("\"{shown}\": TLS is not supported yet");
            log::request(req, Level::Error, message);
            return Err(500);
        };
        match Address::parse(&rest, options()) {
            Ok(address) => computed::group(req, &address, passing, self.span).await,
            Err(e) => {
                let shown = String::from_utf8_lossy(&rest);
                let message = format_args!("{e} in upstream \"{shown}\"");
                log::request(req, Level::Error, message);
                Err(500)
            }
        }
    }
}

/// Without the scheme, if it is there. `None`: it is that of TLS.
fn strip(text: &Bytes, scheme: &str) -> Option<Bytes> {
    if scheme.is_empty() {
        return Some(text.clone());
    }
    let starts = |text: &[u8]| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    if starts(text) {
        return Some(text.slice(scheme.len()..));
    }
    let tls = matches!(text.split_first(), Some((b's' | b'S', rest)) if starts(rest));
    (!tls).then(|| text.clone())
}

fn options() -> Options {
    Options {
        no_resolve: true,
        ..Options::upstream(0)
    }
}
