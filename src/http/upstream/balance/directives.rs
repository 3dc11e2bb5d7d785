//! The directives that choose a method: `hash`, `ip_hash`, `least_conn`, `least_time`, `random`.

use super::Balancer;
use super::hash::{Consistent, Hash};
use super::ip_hash::IpHash;
use super::least_conn::LeastConn;
use super::least_time::LeastTime;
use super::random::Random;
use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::{Builder, context::UPSTREAM, invalid_parameter};
use crate::diagnostic::Diagnostic;
use crate::http::value::Value;
use std::sync::Arc;

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("hash", UPSTREAM, Args::Between(1, 2), set_hash)
        .syntax("key [consistent]")
        .doc("Chooses a server by the hash of a key; with consistent, few keys move when the servers change."),
    Directive::custom("ip_hash", UPSTREAM, Args::Exactly(0), |b, node| {
        use_method(b, node, Arc::new(IpHash), true)
    })
    .doc("Chooses a server by the client's address."),
    Directive::custom("least_conn", UPSTREAM, Args::Exactly(0), |b, node| {
        use_method(b, node, Arc::new(LeastConn), false)
    })
    .doc("Chooses the server with the fewest connections for its weight."),
    Directive::custom("least_time", UPSTREAM, Args::Between(1, 2), set_least_time)
        .syntax("header | last_byte [inflight]")
        .doc(
            "Chooses the server that is likely to be done first, by its number of connections and the average time to \
             the head or to the last byte of its answers; with inflight, requests that still wait for that count, too.",
        ),
    Directive::custom("random", UPSTREAM, Args::Between(0, 2), set_random)
        .syntax("[two [least_conn]]")
        .doc("Chooses a server at random; with two, of two such servers the one with fewer connections."),
];

fn use_method(
    b: &mut Builder,
    node: &Node,
    method: Arc<dyn Balancer>,
    no_backup: bool,
) -> Result<(), Diagnostic> {
    let group = b.http.upstream.here();
    let redefined = group.balancer.replace(method).is_some();
    group.no_backup = no_backup;
    if redefined {
        b.warn(node, &node.name, "load balancing method redefined");
    }
    Ok(())
}

fn set_hash(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let key = Value::compile(b, node.arg(0).unwrap_or(&node.name))?;
    let method: Arc<dyn Balancer> = match node.arg(1) {
        None => Arc::new(Hash { key }),
        Some(word) if word.text == "consistent" => Arc::new(Consistent { key }),
        Some(word) => return Err(invalid_parameter(word)),
    };
    use_method(b, node, method, true)
}

fn set_least_time(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    let method = LeastTime {
        last_byte: word.text == "last_byte",
        inflight: node.arg(1).is_some(),
    };
    use_method(b, node, Arc::new(method), false)?;
    if let Some(word) = node.arg(1).filter(|word| word.text != "inflight") {
        return Err(invalid_parameter(word));
    }
    if std::mem::replace(&mut b.http.upstream.here().least_time, true) {
        return Err(node.fault("is duplicate"));
    }
    if !method.last_byte && word.text != "header" {
        let d = node.error_at(word, format!("invalid value \"{}\"", word.str()));
        return Err(d.help("it must be one of: header, last_byte"));
    }
    Ok(())
}

fn set_random(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if let Some(word) = node.arg(0).filter(|word| word.text != "two") {
        return Err(invalid_parameter(word));
    }
    if let Some(word) = node.arg(1).filter(|word| word.text != "least_conn") {
        return Err(invalid_parameter(word));
    }
    let two = node.arg(0).is_some();
    use_method(b, node, Arc::new(Random { two }), true)
}
