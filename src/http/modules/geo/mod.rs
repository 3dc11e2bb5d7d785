//! nginx's geo module: variables that depend on the client's address.

mod intervals;
mod networks;
mod ranges;

use crate::config::directive::{Args, Directive};
use crate::config::table::entries;
use crate::config::tree::{Node, Word};
use crate::cycle::context::HTTP;
use crate::cycle::{Builder, meaningless_bits};
use crate::diagnostic::Diagnostic;
use crate::http::connection::Peer;
use crate::http::forwarded::{self, Trusted};
use crate::http::head::Known;
use crate::http::request::Request;
use crate::http::variable::{Compute, VarId};
use crate::net::cidr::{Cidr, parse_ip};
use bytes::Bytes;
use intervals::Intervals;
use networks::Networks;
use ranges::Ranges;
use smallvec::SmallVec;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::block("geo", HTTP, Args::Between(1, 2), geo)
        .syntax("[$address] $variable")
        .doc(
            "Makes a variable whose value depends on the client's address, or on the address that another variable \
             holds: each line has a network, or with `ranges` in front a range of addresses, and the value for it. \
             `proxy` names proxies whose X-Forwarded-For is believed, `delete` takes a line out again.",
        ),
];

/// What stands for addresses that are none: those of Unix domain sockets, and texts that cannot be read.
const NO_ADDRESS: Ipv4Addr = Ipv4Addr::BROADCAST;

/// A `geo` block.
struct Geo {
    /// The variable that the address is taken from, if not the client's.
    source: Option<VarId>,
    proxies: Trusted,
    recursive: bool,
    volatile: bool,
    v4: Intervals,
    v6: Intervals,
    /// What holds outside of all ranges. Networks have it among them.
    default: Bytes,
    /// Whether addresses of IPv6 have no values of their own.
    v4_only: bool,
}

impl Compute for Geo {
    fn is_told(&self) -> bool {
        true
    }

    fn compute(&self, req: &Request, out: &mut Vec<u8>) -> bool {
        let ip = self.address(req).unwrap_or(IpAddr::V4(NO_ADDRESS));
        let found = match ip.to_canonical() {
            IpAddr::V4(ip) => self.v4.get(u32::from(ip).into()),
            IpAddr::V6(_) if self.v4_only => self.v4.get(u32::from(NO_ADDRESS).into()),
            IpAddr::V6(ip) => self.v6.get(ip.into()),
        };
        out.extend_from_slice(found.unwrap_or(&self.default));
        true
    }

    fn volatile(&self) -> bool {
        self.volatile
    }
}

impl Geo {
    fn address(&self, req: &Request) -> Option<IpAddr> {
        let peer = match self.source {
            None => req.remote.clone(),
            Some(variable) => {
                let ip = req.with_scratch(|req, text| {
                    req.variable(variable, text);
                    parse_ip(text)
                })?;
                Peer::Inet((ip, 0).into())
            }
        };
        if self.proxies.is_empty() {
            return peer.ip();
        }
        let lines: SmallVec<[&[u8]; 4]> = req.head.all(Known::XForwardedFor).collect();
        let lines = lines.into_iter();
        forwarded::client(&peer, lines, &self.proxies, self.recursive)
            .unwrap_or(peer)
            .ip()
    }
}

/// The block while it is read.
#[derive(Default)]
struct Reading {
    ranges: Option<Ranges>,
    networks: Networks,
    proxies: Trusted,
    recursive: bool,
    volatile: bool,
}

fn geo(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let (source, variable) = match &*node.args {
        [variable] => (None, variable),
        [source, variable] => (Some(source), variable),
        _ => return Ok(()),
    };
    let source = match source {
        Some(word) => {
            let name = name_of(word)?;
            Some(b.http.variables.reference(name, Some(word.span)))
        }
        None => None,
    };
    let name = name_of(variable)?;
    let refused = |message: String| Diagnostic::new(message).label(variable.span, "");
    b.http.variables.check(name).map_err(refused)?;
    let mut reading = Reading::default();
    entries(b, node, |b, line| reading.line(b, line));
    let geo = reading.finish(source);
    b.http
        .variables
        .define(name, Arc::new(geo))
        .map_err(refused)?;
    Ok(())
}

fn name_of(word: &Word) -> Result<&[u8], Diagnostic> {
    let name = word.text.strip_prefix(b"$");
    name.ok_or_else(|| {
        let message = format!("invalid variable name \"{}\"", word.str());
        Diagnostic::new(message).label(word.span, "it must begin with \"$\"")
    })
}

impl Reading {
    fn line(&mut self, b: &mut Builder, line: &Node) -> Result<(), Diagnostic> {
        let value = match (&line.name.text[..], &*line.args) {
            (b"ranges", []) => {
                if !self.networks.is_untouched() {
                    return Err(Diagnostic::new(
                        "the \"ranges\" directive must be the first directive inside \"geo\" block",
                    ));
                }
                self.ranges.get_or_insert_default();
                return Ok(());
            }
            (b"proxy_recursive", []) => {
                self.recursive = true;
                return Ok(());
            }
            (b"volatile", []) => {
                self.volatile = true;
                return Ok(());
            }
            // The loader has put the file in place of it.
            (b"include", [_]) => return Ok(()),
            (b"proxy", [net]) => {
                self.proxies.nets.push(network(b, line, net)?);
                return Ok(());
            }
            (_, [value]) => value,
            _ => return Err(Diagnostic::new("invalid number of the geo parameters")),
        };
        let mut warnings = Vec::new();
        let result = match &mut self.ranges {
            Some(ranges) => ranges.line(&line.name, value, &mut warnings),
            None => {
                let networks = &mut self.networks;
                networks.line(b, line, value, &mut warnings)
            }
        };
        for message in warnings {
            b.warn(line, &line.name, message);
        }
        result
    }

    fn finish(self, source: Option<VarId>) -> Geo {
        let v4_only = self.ranges.is_some();
        let (v4, v6, default) = match self.ranges {
            Some(ranges) => {
                let (v4, default) = ranges.finish();
                (v4, Intervals::default(), default)
            }
            None => {
                let (v4, v6) = self.networks.finish();
                (v4, v6, Bytes::new())
            }
        };
        Geo {
            source,
            proxies: self.proxies,
            recursive: self.recursive,
            volatile: self.volatile,
            v4,
            v6,
            default,
            v4_only,
        }
    }
}

/// Reads a network; warns where its address has bits behind the prefix.
fn network(b: &mut Builder, line: &Node, word: &Word) -> Result<Cidr, Diagnostic> {
    if word.text == "255.255.255.255" {
        return Ok(Cidr::host(Ipv4Addr::BROADCAST.into()));
    }
    let Some((net, spare_bits)) = Cidr::parse(&word.text) else {
        let message = format!("invalid network \"{}\"", word.str());
        return Err(Diagnostic::new(message).label(word.span, "as in 10.0.0.0/8 or 2001:db8::/32"));
    };
    if spare_bits {
        b.warn(line, word, meaningless_bits(word));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    #[test]
    fn messages_are_nginx_s() {
        for (text, want) in [
            ("geo x {}", r#"invalid variable name "x""#),
            ("geo x $y {}", r#"invalid variable name "x""#),
            ("geo $x y {}", r#"invalid variable name "y""#),
            ("geo $host {}", r#"the duplicate "host" variable"#),
            ("geo $nope $x {}", r#"unknown "nope" variable"#),
            ("geo $x { a; }", "invalid number of the geo parameters"),
            ("geo $x { a b; }", r#"invalid network "a""#),
            ("geo $x { proxy a; }", r#"invalid network "a""#),
            (
                "geo $x { 10.0.0.1/8 b; }",
                "low address bits of 10.0.0.1/8 are meaningless",
            ),
            (
                "geo $x { 10.0.0.0/8 b; 10.0.0.0/8 c; }",
                r#"duplicate network "10.0.0.0/8", value: "c", old value: "b""#,
            ),
            (
                "geo $x { default b; default c; }",
                r#"duplicate network "default", value: "c", old value: "b""#,
            ),
            ("geo $x { delete ::1; }", r#"no network "::1" to delete"#),
            (
                "geo $x { default b; ranges; }",
                r#"the "ranges" directive must be the first directive inside "geo" block"#,
            ),
            (
                "geo $x { ranges; 10.0.0.1 b; }",
                r#"invalid range "10.0.0.1""#,
            ),
            (
                "geo $x { ranges; 10.0.0.2-10.0.0.1 b; }",
                r#"invalid range "10.0.0.2-10.0.0.1""#,
            ),
            (
                "geo $x { ranges; 1.0.0.0-255.255.255.255 b; }",
                r#"invalid range "1.0.0.0-255.255.255.255""#,
            ),
            (
                "geo $x { ranges; 10.0.0.1-10.0.0.9 b; 10.0.0.5-10.0.0.12 c; }",
                r#"range "10.0.0.5-10.0.0.12" overlaps "10.0.0.1-10.0.0.9""#,
            ),
            (
                "geo $x { ranges; 10.0.0.1-10.0.0.9 b; 10.0.0.1-10.0.0.9 c; }",
                r#"duplicate range "10.0.0.1-10.0.0.9", value: "c", old value: "b""#,
            ),
            (
                "geo $x { ranges; delete 10.0.0.1-10.0.0.9; }",
                r#"no address range "10.0.0.1-10.0.0.9" to delete"#,
            ),
            (
                "geo $x { ranges; default a; default b; }",
                r#"duplicate default geo range value: "b", old value: "a""#,
            ),
            (
                "geo $x { proxy 10.0.0.0/8; proxy_recursive; volatile; default 1; ::/0 2; }",
                r#"duplicate network "::/0", value: "2", old value: "1""#,
            ),
            ("geo $arg_a $x { 255.255.255.255 b; }", ""),
        ] {
            let text = format!("events {{}} http {{ {text} }}");
            assert_eq!(first_complaint(&text), want, "{text}");
        }
    }
}
