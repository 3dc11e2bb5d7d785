//! Access by client address: `allow`, `deny`.

use crate::config::directive::{Args, Contexts, Directive};
use crate::config::span::Span;
use crate::config::tree::Node;
use crate::cycle::context::{EVERYWHERE, LIMIT_EXCEPT};
use crate::cycle::{Builder, invalid_parameter, meaningless_bits};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Http, Settings};
use crate::http::connection::Peer;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::trace::Event;
use crate::log::{self, Level};
use crate::net::cidr::Cidr;
use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr};

type D = Directive<Builder>;

const BLOCKS: Contexts = Contexts(EVERYWHERE.0 | LIMIT_EXCEPT.0);

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("allow", BLOCKS, Args::Exactly(1), |b, node| {
        set(b, node, true)
    })
    .syntax("address | CIDR | unix: | all")
    .doc("Lets clients with these addresses in. The first rule that fits decides."),
    D::custom("deny", BLOCKS, Args::Exactly(1), |b, node| {
        set(b, node, false)
    })
    .syntax("address | CIDR | unix: | all")
    .doc("Refuses clients with these addresses (403). The first rule that fits decides."),
];

/// Rules in the order in which they are written, each kind of address by itself.
#[derive(Clone, Default)]
pub struct AccessRaw {
    v4: Vec<Rule<Ipv4Net>>,
    v6: Vec<Rule<Ipv6Net>>,
    /// What holds for clients on Unix domain sockets.
    unix: Option<Decision>,
}

type Rule<N> = (N, Decision);

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decision {
    allows: bool,
    /// Where it stands.
    at: Span,
}

impl Settings for AccessRaw {
    type Conf = AccessRaw;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.v4.is_empty() && self.v6.is_empty() && self.unix.is_none() {
            *self = parent.clone();
        }
    }

    fn build(&self, _: &mut Builder) -> AccessRaw {
        self.clone()
    }
}

/// The access phase.
pub fn handle(req: &mut Request, http: &Http) -> Verdict {
    let location = req.location(http);
    let Some(Decision { allows, at }) = location.access.decide(&req.remote) else {
        return Verdict::Declined;
    };
    req.trace(|| Event::Rule { at, allows });
    match allows {
        true => Verdict::Allowed,
        false => {
            // With `satisfy any` somebody else may still let the client in.
            if !location.core.satisfy_any {
                log::request(req, Level::Error, format_args!("access forbidden by rule"));
            }
            Verdict::Status(403)
        }
    }
}

impl AccessRaw {
    fn decide(&self, peer: &Peer) -> Option<Decision> {
        match peer.ip() {
            None => self.unix,
            Some(IpAddr::V4(ip)) => self.decide_v4(ip),
            Some(IpAddr::V6(ip)) => match ip.to_ipv4_mapped() {
                Some(ip) if !self.v4.is_empty() => self.decide_v4(ip),
                _ => first(&self.v6, |net| net.contains(&ip)),
            },
        }
    }

    fn decide_v4(&self, ip: Ipv4Addr) -> Option<Decision> {
        first(&self.v4, |net| net.contains(&ip))
    }
}

fn first<N>(rules: &[Rule<N>], fits: impl Fn(&N) -> bool) -> Option<Decision> {
    let rule = rules.iter().find(|(net, _)| fits(net));
    rule.map(|(_, decision)| *decision)
}

fn set(b: &mut Builder, node: &Node, allows: bool) -> Result<(), Diagnostic> {
    let allow = Decision {
        allows,
        at: node.name.span,
    };
    let word = node.arg(0).unwrap_or(&node.name);
    match &*word.text {
        b"all" => {
            let rules = b.http.here().access();
            rules.v4.push((Ipv4Net::default(), allow));
            rules.v6.push((Ipv6Net::default(), allow));
            rules.unix.get_or_insert(allow);
        }
        b"unix:" => {
            b.http.here().access().unix.get_or_insert(allow);
        }
        text => {
            let (net, spare_bits) = Cidr::parse(text).ok_or_else(|| {
                invalid_parameter(word)
                    .help("an address, a network as in 10.0.0.0/8, unix: or all is meant")
            })?;
            if spare_bits {
                b.warn(node, word, meaningless_bits(word));
            }
            match net {
                Cidr::V4(net) => b.http.here().access().v4.push((net, allow)),
                Cidr::V6(net) => b.http.here().access().v6.push((net, allow)),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::span::SourceId;

    fn rules(texts: &[(&str, bool)]) -> AccessRaw {
        let mut rules = AccessRaw::default();
        let at = Span {
            source: SourceId(0),
            start: 0,
            end: 0,
        };
        for (text, allows) in texts {
            let allows = *allows;
            let decision = Decision { allows, at };
            match Cidr::parse(text.as_bytes()).unwrap().0 {
                Cidr::V4(net) => rules.v4.push((net, decision)),
                Cidr::V6(net) => rules.v6.push((net, decision)),
            }
        }
        rules
    }

    fn decide(rules: &AccessRaw, ip: &str) -> Option<bool> {
        let ip: IpAddr = ip.parse().unwrap();
        let decision = rules.decide(&Peer::Inet((ip, 1).into()));
        decision.map(|decision| decision.allows)
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = rules(&[
            ("10.0.0.1", false),
            ("10.0.0.0/8", true),
            ("0.0.0.0/0", false),
            ("2001:db8::/32", true),
        ]);
        assert_eq!(decide(&rules, "10.0.0.1"), Some(false));
        assert_eq!(decide(&rules, "10.0.0.2"), Some(true));
        assert_eq!(decide(&rules, "192.0.2.1"), Some(false));
        assert_eq!(decide(&rules, "::ffff:10.1.1.1"), Some(true));
        assert_eq!(decide(&rules, "2001:db8::5"), Some(true));
        assert_eq!(decide(&rules, "2001:db9::5"), None);
        assert_eq!(rules.decide(&Peer::Unix), None);
    }

    #[test]
    fn mapped_addresses_go_by_ipv6_rules_if_there_are_no_others() {
        let rules = rules(&[("::/0", false)]);
        assert_eq!(decide(&rules, "::ffff:10.1.1.1"), Some(false));
        assert_eq!(decide(&rules, "10.1.1.1"), None);
    }
}
