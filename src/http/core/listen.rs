//! `listen`.

use crate::config::table::Collector;
use crate::config::tree::{Node, Word};
use crate::config::value::{parse_number, parse_seconds, parse_size};
use crate::cycle::{Builder, invalid_parameter, slice};
use crate::diagnostic::Diagnostic;
use crate::http::conf::ServerId;
use crate::http::router::ports::Listen;
use crate::net::address::{Addr, Address, Options};
use crate::net::listen::{KeepAlive, ListenSpec};
use std::net::{Ipv4Addr, SocketAddr};

/// `listen address [parameters]`
pub fn set_listen(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let server = ServerId(b.http.servers.len().saturating_sub(1) as u32);
    if let Some(server) = b.http.servers.last_mut() {
        server.listens = true;
    }
    let Some((word, parameters)) = node.args.split_first() else {
        return Err(node.fault("invalid value"));
    };
    let address = Address::parse(&word.text, Options::listen(80)).map_err(|e| {
        let message = format!("{e} in \"{}\" of the \"listen\" directive", word.str());
        node.error_at(word, message)
    })?;
    let mut listen = Listen::new(ListenSpec::new(Addr::Inet(SocketAddr::from((
        Ipv4Addr::UNSPECIFIED,
        0,
    )))));
    for parameter in parameters {
        set_parameter(b, node, &mut listen, parameter)?;
    }
    for (i, addr) in address.addrs.iter().enumerate() {
        if address.addrs.iter().take(i).any(|earlier| earlier == addr) {
            continue;
        }
        let mut listen = listen.clone();
        listen.spec.addr = addr.clone();
        let added = b.http.ports.add(server, listen);
        if let Some(message) = added.map_err(|message| node.error_at(word, message))? {
            let d = Diagnostic::warning(message).at(node.end);
            b.report(d.label(word.span, ""));
        }
    }
    Ok(())
}

/// What a server without `listen` listens on.
pub fn listen_by_default(b: &mut Builder, server: ServerId) -> Result<(), Diagnostic> {
    if b.http.servers.last().is_some_and(|server| server.listens) {
        return Ok(());
    }
    let port = if b.options.superuser { 80 } else { 8000 };
    let addr = Addr::Inet(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    let added = b.http.ports.add(server, Listen::new(ListenSpec::new(addr)));
    added.map(drop).map_err(Diagnostic::new)
}

fn set_parameter(
    b: &mut Builder,
    node: &Node,
    listen: &mut Listen,
    word: &Word,
) -> Result<(), Diagnostic> {
    let text = &word.text[..];
    let bad = |what: &str| node.error_at(word, format!("{what} \"{}\"", word.str()));
    match text {
        b"default_server" | b"default" => {
            listen.default_server = true;
            return Ok(());
        }
        b"proxy_protocol" => {
            listen.protocols.proxy_protocol = true;
            return Ok(());
        }
        b"ssl" => {
            listen.protocols.ssl = true;
            return Ok(());
        }
        b"http2" => {
            listen.protocols.http2 = true;
            let message = "the \"listen ... http2\" directive is deprecated, use the \"http2\" directive instead";
            let d = Diagnostic::warning(message).at(node.end);
            b.report(d.label(word.span, ""));
            return Ok(());
        }
        b"quic" | b"multipath" => {
            return Err(node.error_at(
                word,
                format!(
                    "the \"{}\" parameter of the \"listen\" directive is known to nginx, not supported by goodgate yet",
                    word.str()
                ),
            ));
        }
        _ if text.starts_with(b"accept_filter=") => {
            let message = format!(
                "accept filters \"{}\" are not supported on this platform, ignored",
                word.str()
            );
            b.report(
                Diagnostic::warning(message)
                    .at(node.end)
                    .label(word.span, ""),
            );
            return Ok(());
        }
        b"bind" => {}
        b"deferred" => listen.spec.deferred = true,
        b"reuseport" => listen.spec.reuseport = true,
        b"ipv6only=on" => listen.spec.ipv6only = true,
        b"ipv6only=off" => listen.spec.ipv6only = false,
        _ if text.starts_with(b"ipv6only=o") => {
            let flag = slice(word, b"ipv6only=".len());
            let message = format!(
                "invalid ipv6only flags \"{}\"",
                String::from_utf8_lossy(&flag)
            );
            return Err(node.error_at(word, message));
        }
        _ => {
            let Some(at) = memchr::memchr(b'=', text) else {
                return Err(invalid_parameter(word));
            };
            let (key, value) = text.split_at(at + 1);
            let size = || parse_size(value).and_then(|n| usize::try_from(n).ok());
            match key {
                b"fastopen=" => {
                    let number = parse_number(value).and_then(|n| u32::try_from(n).ok());
                    listen.spec.fastopen = Some(number.ok_or_else(|| bad("invalid fastopen"))?);
                }
                b"backlog=" => {
                    let number = parse_number(value).and_then(|n| i32::try_from(n).ok());
                    let number = number.filter(|n| *n > 0);
                    listen.spec.backlog = Some(number.ok_or_else(|| bad("invalid backlog"))?);
                }
                b"rcvbuf=" => {
                    listen.spec.rcvbuf = Some(size().ok_or_else(|| bad("invalid rcvbuf"))?);
                }
                b"sndbuf=" => {
                    listen.spec.sndbuf = Some(size().ok_or_else(|| bad("invalid sndbuf"))?);
                }
                b"so_keepalive=" => {
                    let message = || {
                        let shown = String::from_utf8_lossy(value);
                        node.error_at(word, format!("invalid so_keepalive value: \"{shown}\""))
                    };
                    listen.spec.keepalive = Some(keepalive(value).ok_or_else(message)?);
                }
                _ => return Err(invalid_parameter(word)),
            }
        }
    }
    // All of these are options of the socket: it is bound on its own, even beside a wildcard.
    listen.set = true;
    listen.bind = true;
    Ok(())
}

/// `on`, `off` or `[keepidle]:[keepintvl]:[keepcnt]`.
fn keepalive(value: &[u8]) -> Option<KeepAlive> {
    match value {
        b"on" => {
            return Some(KeepAlive {
                on: true,
                ..KeepAlive::default()
            });
        }
        b"off" => return Some(KeepAlive::default()),
        _ => {}
    }
    let mut parts = value.splitn(3, |&byte| byte == b':');
    let mut seconds = || match parts.next() {
        None | Some([]) => Some(None),
        Some(text) => Some(Some(u32::try_from(parse_seconds(text)?.as_secs()).ok()?)),
    };
    let (idle, interval) = (seconds()?, seconds()?);
    let count = match parts.next() {
        None | Some([]) => None,
        Some(text) => Some(u32::try_from(parse_number(text)?).ok()?),
    };
    let given = |value: Option<u32>| value.filter(|n| *n > 0);
    let keepalive = KeepAlive {
        on: true,
        idle: given(idle),
        interval: given(interval),
        count: given(count),
    };
    (keepalive.idle.is_some() || keepalive.interval.is_some() || keepalive.count.is_some())
        .then_some(keepalive)
}
