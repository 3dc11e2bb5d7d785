//! `fastcgi_pass`, `uwsgi_pass` and `scgi_pass`: where requests go.

use super::CgiRaw;
use crate::config::span::Span;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::BlockKind;
use crate::http::phase::{Handler, Step, Verdict};
use crate::http::request::Request;
use crate::http::upstream::codec::Codec;
use crate::http::upstream::computed::Aim;
use crate::http::upstream::conf::{GroupId, reference};
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
    /// Whether TLS is spoken, where the address is fixed.
    tls: bool,
    /// What may stand in front of the address.
    schemes: Schemes,
    span: Span,
}

/// Answers with what the servers say.
pub type Ask = for<'a> fn(&'a Destination, &'a mut Request) -> Step<'a>;

/// What is particular to the `*_pass` of a protocol.
pub struct PassKind {
    /// The directive's name.
    pub name: &'static str,
    /// What may stand in front of the address.
    pub schemes: Schemes,
    /// Whether `/x` is redirected to `location /x/` if the address has variables, too.
    pub redirects_computed: bool,
    /// Answers with what the servers say.
    pub ask: Ask,
}

/// The setter of a protocol's `*_pass`.
///
/// # Errors
/// Those of [`Destination::parse`].
pub fn set(
    b: &mut Builder,
    node: &Node,
    raw: fn(&mut Builder) -> &mut CgiRaw,
    kind: &PassKind,
) -> Result<(), Diagnostic> {
    let to = Destination::parse(b, node, raw, kind)?;
    let (name, ask) = (kind.name, kind.ask);
    b.http.own().handler = Some(Arc::new(Pass { to, name, ask }));
    Ok(())
}

/// The handler of such a location.
struct Pass {
    to: Destination,
    name: &'static str,
    ask: Ask,
}

impl Handler for Pass {
    fn handle<'a>(&'a self, req: &'a mut Request) -> Step<'a> {
        (self.ask)(&self.to, req)
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

/// What may stand in front of an address: nothing, or `uwsgi://` and with TLS `suwsgi://`.
#[derive(Clone, Copy)]
pub struct Schemes(pub &'static str);

enum Where {
    Fixed(GroupId),
    Computed(Value),
}

impl Destination {
    /// Reads the directive. With variables, any of the schemes may come out of them.
    ///
    /// # Errors
    /// nginx's `is duplicate`, and what is no address.
    fn parse(
        b: &mut Builder,
        node: &Node,
        raw: fn(&mut Builder) -> &mut CgiRaw,
        kind: &PassKind,
    ) -> Result<Self, Diagnostic> {
        if raw(b).pass {
            return Err(node.fault("is duplicate"));
        }
        let word = node.arg(0).unwrap_or(&node.name);
        let value = Value::compile(b, word)?;
        let (span, schemes) = (word.span, kind.schemes);
        let (to, tls) = match value.to_literal() {
            None => (Where::Computed(value), !schemes.0.is_empty()),
            Some(text) => {
                let (tls, rest) = schemes.strip(&text);
                let address = Address::parse(&rest, options()).map_err(|e| {
                    let shown = String::from_utf8_lossy(&rest);
                    node.error_at(word, format!("{e} in upstream \"{shown}\""))
                })?;
                (Where::Fixed(reference(b, &address, span)?), tls)
            }
        };
        raw(b).passing.tls.used = tls;
        raw(b).pass = true;
        let block = b.http.blocks.get(b.http.current).map(|block| &block.kind);
        let slash =
            matches!(block, Some(BlockKind::Location(location)) if location.name.ends_with(b"/"));
        let fixed = matches!(to, Where::Fixed(_));
        b.http.own().auto_redirect = slash && (fixed || kind.redirects_computed);
        Ok(Destination {
            to,
            tls,
            schemes,
            span,
        })
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
        let (aim, tls) = match self.aim(req) {
            Ok(found) => found,
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
        let group = match aim.group(req, passing, self.span).await {
            Ok(group) => group,
            Err(status) => return Verdict::Status(status),
        };
        let plan = Plan {
            passing,
            group,
            tls,
            span: self.span,
            streams,
            sends_body: passing.pass_request_body && has_body,
        };
        exchange::run(req, codec, &plan).await
    }

    /// Where a request goes, and whether TLS is spoken there.
    fn aim(&self, req: &Request) -> Result<(Aim, bool), u16> {
        let value = match &self.to {
            Where::Fixed(group) => {
                let http = Rc::clone(&req.http);
                let group = http.upstream.get(*group).cloned().ok_or(500u16)?;
                return Ok((Aim::Group(group), self.tls));
            }
            Where::Computed(value) => value,
        };
        let text = value.eval_bytes(req);
        let (tls, rest) = self.schemes.strip(&text);
        match Address::parse(&rest, options()) {
            Ok(address) => Ok((Aim::Address(Box::new(address)), tls)),
            Err(e) => {
                let shown = String::from_utf8_lossy(&rest);
                let message = format_args!("{e} in upstream \"{shown}\"");
                log::request(req, Level::Error, message);
                Err(500)
            }
        }
    }
}

impl Schemes {
    /// Whether a text asks for TLS, and what follows the scheme.
    fn strip(self, text: &Bytes) -> (bool, Bytes) {
        let scheme = self.0;
        if scheme.is_empty() {
            return (false, text.clone());
        }
        let starts = |text: &[u8]| {
            text.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        if starts(text) {
            return (false, text.slice(scheme.len()..));
        }
        match text.split_first() {
            Some((b's' | b'S', rest)) if starts(rest) => (true, text.slice(scheme.len() + 1..)),
            _ => (false, text.clone()),
        }
    }
}

fn options() -> Options {
    Options {
        no_resolve: true,
        ..Options::upstream(0)
    }
}
