//! nginx's realip: the client's address as trusted proxies name it.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::context::EVERYWHERE;
use crate::cycle::{Builder, meaningless_bits};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Http, Settings};
use crate::http::connection::Peer;
use crate::http::forwarded::{self, Trusted};
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::trace::Event;
use crate::http::variable::Variable;
use crate::net::cidr::Cidr;
use crate::net::resolve::lookup;
use bytes::Bytes;
use std::io::Write;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("set_real_ip_from", EVERYWHERE, Args::Exactly(1), set_from)
        .syntax("address | CIDR | host | unix:")
        .doc("A proxy whose word about the client's address is taken."),
    D::custom("real_ip_header", EVERYWHERE, Args::Exactly(1), set_header)
        .syntax("field | X-Real-IP | X-Forwarded-For | proxy_protocol")
        .default("X-Real-IP")
        .doc("The field in which proxies name the client's address, or the PROXY protocol, which also has its port."),
    D::flag("real_ip_recursive", EVERYWHERE, |b| &mut b.http.here().realip().recursive)
        .default("off")
        .doc("Whether trusted addresses in the field are passed over, back to the first that is not trusted."),
];

/// `$realip_remote_addr`, `$realip_remote_port`: the address of the connection.
pub static VARIABLES: &[Variable] = &[
    Variable::new("realip_remote_addr", |req, out| {
        out.extend_from_slice(&req.client.peer_text);
        true
    }),
    Variable::new("realip_remote_port", |req, out| {
        if let Peer::Inet(address) = &req.client.peer {
            let _ = write!(out, "{}", address.port());
        }
        true
    }),
];

/// As one block writes it.
#[derive(Clone, Default)]
pub struct RealipRaw {
    from: Trusted,
    header: Option<Bytes>,
    recursive: Option<bool>,
}

/// In force.
pub struct RealipConf {
    from: Trusted,
    field: Field,
    recursive: bool,
}

/// Where the address is.
enum Field {
    Known(Known),
    Named(Bytes),
    ProxyProtocol,
}

impl Settings for RealipRaw {
    type Conf = RealipConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.from.is_empty() {
            self.from = parent.from.clone();
        }
        self.header = self.header.take().or_else(|| parent.header.clone());
        self.recursive = self.recursive.or(parent.recursive);
    }

    fn build(&self, _: &mut Builder) -> RealipConf {
        let field = match self.header.as_deref() {
            None | Some(b"X-Real-IP") => Field::Known(Known::XRealIp),
            Some(b"X-Forwarded-For") => Field::Known(Known::XForwardedFor),
            Some(b"proxy_protocol") => Field::ProxyProtocol,
            Some(name) => Field::Named(Bytes::copy_from_slice(name)),
        };
        RealipConf {
            from: self.from.clone(),
            field,
            recursive: self.recursive.unwrap_or(false),
        }
    }
}

fn set_from(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    if &*word.text == b"unix:" {
        b.http.here().realip().from.unix = true;
        return Ok(());
    }
    if let Some((net, spare_bits)) = Cidr::parse(&word.text) {
        if spare_bits {
            b.warn(node, word, meaningless_bits(word));
        }
        b.http.here().realip().from.nets.push(net);
        return Ok(());
    }
    let addresses = lookup(&word.text).ok_or_else(|| {
        let message = format!("host not found in set_real_ip_from \"{}\"", word.str());
        node.error_at(word, message)
    })?;
    let nets = &mut b.http.here().realip().from.nets;
    nets.extend(addresses.into_iter().map(Cidr::host));
    Ok(())
}

fn set_header(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().realip().header.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(0).unwrap_or(&node.name);
    b.http.here().realip().header = Some(word.text.clone());
    Ok(())
}

/// Takes the client's address from the request, once: called when the head is read, and again before access is
/// checked, where the location may have settings of its own.
pub fn handle(req: &mut Request, http: &Http) {
    let conf = &req.location(http).realip;
    if conf.from.is_empty() || req.remote != req.client.peer {
        return;
    }
    let head = &req.head;
    let found = match &conf.field {
        Field::ProxyProtocol => req.client.proxied.get().and_then(|header| {
            let value = std::iter::once(&*header.source);
            let mut peer = forwarded::client(&req.remote, value, &conf.from, conf.recursive)?;
            if let Peer::Inet(address) = &mut peer {
                address.set_port(header.source_port);
            }
            Some(peer)
        }),
        Field::Known(Known::XForwardedFor) => {
            let values: Vec<&[u8]> = head.all(Known::XForwardedFor).collect();
            forwarded::client(&req.remote, values.into_iter(), &conf.from, conf.recursive)
        }
        field => {
            let value = match field {
                Field::Known(known) => head.get(*known),
                Field::Named(name) => head
                    .iter()
                    .find(|(_, field, _)| field.eq_ignore_ascii_case(name))
                    .map(|(_, _, value)| value),
                Field::ProxyProtocol => None,
            };
            forwarded::client(&req.remote, value.into_iter(), &conf.from, conf.recursive)
        }
    };
    if let Some(peer) = found {
        req.remote = peer;
        req.trace(|| {
            let mut address = Vec::new();
            req.remote.write_ip(&mut address);
            Event::RealIp { address }
        });
    }
}
