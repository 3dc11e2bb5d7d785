//! `keepalive` and its companions: how many connections to a group stay open between requests, and for how long.

use super::conf::GroupBuilder;
use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::config::value::parse_number;
use crate::cycle::{Builder, context, invalid_parameter};
use crate::diagnostic::Diagnostic;
use std::time::Duration;

/// As written.
#[derive(Default)]
pub struct KeepaliveRaw {
    connections: Option<i64>,
    local: bool,
    time: Option<Duration>,
    timeout: Option<Duration>,
    requests: Option<i64>,
}

/// In force.
#[derive(Clone, Debug)]
pub struct Keepalive {
    /// The most idle connections that one thread keeps to the group.
    pub connections: usize,
    /// Whether a connection is used again only for the location that opened it.
    pub local: bool,
    /// The age at which a connection is not kept any more, in milliseconds.
    pub time_ms: u64,
    /// How long a connection may be idle.
    pub timeout: Duration,
    /// How many requests may pass through one connection.
    pub requests: u64,
}

impl KeepaliveRaw {
    /// Fills in nginx's defaults: 32 connections for each location; `keepalive 0` turns it off.
    pub fn build(&self) -> Option<Keepalive> {
        if self.connections == Some(0) {
            return None;
        }
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Some(Keepalive {
            connections: usize::try_from(self.connections.unwrap_or(32)).unwrap_or(usize::MAX),
            local: self.local || self.connections.is_none(),
            time_ms: self.time.map_or(3_600_000, millis),
            timeout: self.timeout.unwrap_or(Duration::from_secs(60)),
            requests: self
                .requests
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(1000),
        })
    }
}

fn here(b: &mut Builder) -> &mut GroupBuilder {
    b.http.upstream.here()
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("keepalive", context::UPSTREAM, Args::Between(1, 2), set)
        .syntax("connections [local]")
        .default("32 local")
        .doc("How many idle connections to the servers of the group each thread keeps; 0 keeps none."),
    Directive::time("keepalive_time", context::UPSTREAM, |b| &mut here(b).keepalive.time)
        .default("1h")
        .doc("The age at which a connection is closed after its request."),
    Directive::time("keepalive_timeout", context::UPSTREAM, |b| &mut here(b).keepalive.timeout)
        .default("60s")
        .doc("How long an idle connection stays open."),
    Directive::number("keepalive_requests", context::UPSTREAM, |b| &mut here(b).keepalive.requests)
        .default("1000")
        .doc("How many requests may pass through one connection."),
];

fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if here(b).keepalive.connections.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let Some(count) = node.arg(0) else {
        return Ok(());
    };
    let Some(n) = parse_number(&count.text) else {
        let message = format!(
            "invalid value \"{}\" in \"{}\" directive",
            count.str(),
            node.name.str()
        );
        return Err(node.error_at(count, message));
    };
    here(b).keepalive.connections = Some(n);
    match node.arg(1) {
        None => {}
        Some(word) if word.text == "local" => here(b).keepalive.local = true,
        Some(word) => return Err(invalid_parameter(word)),
    }
    Ok(())
}
