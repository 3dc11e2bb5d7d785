//! By which listening socket a request comes.

use super::question::Question;
use crate::http::conf::Http;
use crate::http::connection::Peer;
use crate::http::router::Protocols;
use crate::net::address::Addr;
use crate::net::listen::ListenSpec;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The socket, and why it is this one.
pub struct Chosen {
    /// Its number.
    pub number: usize,
    /// The address that it is bound to.
    pub bound: Addr,
    /// The address whose servers answer: its own, or one that its wildcard covers.
    pub address: Addr,
    /// The address that the client connects to.
    pub local: Peer,
    /// What is spoken there.
    pub protocols: Protocols,
    /// Why, in a few words.
    pub why: String,
    /// What else the person should know.
    pub note: Option<String>,
}

/// An address that servers listen on.
struct Candidate {
    number: usize,
    bound: Addr,
    address: Addr,
    protocols: Protocols,
}

impl Candidate {
    fn inet(&self) -> Option<SocketAddr> {
        match &self.address {
            Addr::Inet(address) => Some(*address),
            Addr::Unix(_) => None,
        }
    }

    fn is_wildcard(&self) -> bool {
        self.inet().is_some_and(|a| a.ip().is_unspecified())
    }
}

/// Chooses the socket for a question.
///
/// # Errors
/// Nothing listens where the request would go: a sentence about that.
pub fn choose(http: &Http, listens: &[ListenSpec], q: &Question) -> Result<Chosen, String> {
    let all = candidates(http, listens);
    let (mut port, written) = q.port();
    let mut ip = q.ip();
    if let Some(to) = &q.to {
        if to.starts_with("unix:") {
            return unix(all, to);
        }
        let (to_ip, to_port) = address(to)?;
        (ip, port) = (to_ip.or(ip), to_port.unwrap_or(port));
    }
    let speaks = |c: &&Candidate| !q.tls || c.protocols.ssl;
    let mut why = format!("for port {port}");
    let mut fits: Vec<&Candidate> = on_port(&all, port).filter(speaks).collect();
    let mut note = None;
    if fits.is_empty() && on_port(&all, port).next().is_some() {
        return Err(format!("nothing on port {port} speaks TLS"));
    }
    if fits.is_empty() && !written && q.to.is_none() {
        // Often another port is passed on to this one, as from a container.
        let others: Vec<&Candidate> = all
            .iter()
            .filter(|c| c.inet().is_some() && c.protocols.ssl == q.tls)
            .collect();
        let first = others.first().and_then(|c| c.inet());
        if let Some(first) = first
            && others
                .iter()
                .all(|c| c.inet().is_some_and(|a| a.port() == first.port()))
        {
            note = Some(format!(
                "nothing listens on port {port}; taken is port {}, the only one",
                first.port()
            ));
            port = first.port();
            why = format!("for port {port}");
            fits = others;
        }
    }
    let by_ip = |ip: IpAddr| {
        let own = fits.iter().find(|c| c.inet().is_some_and(|a| a.ip() == ip));
        let family = |c: &&&Candidate| {
            c.is_wildcard() && c.inet().is_some_and(|a| a.is_ipv4() == ip.is_ipv4())
        };
        own.or_else(|| fits.iter().find(family)).copied()
    };
    let (found, local) = match ip {
        Some(ip) => (by_ip(ip), ip),
        None => {
            let wildcard = fits.iter().find(|c| c.is_wildcard());
            let found = wildcard.or(fits.first()).copied();
            (found, found.map_or(LOOPBACK, |c| local_of(c, &fits)))
        }
    };
    let Some(found) = found else {
        return Err(nothing(&all, ip, port));
    };
    let others: Vec<String> = fits
        .iter()
        .filter(|c| c.address != found.address && !(c.is_wildcard() && found.is_wildcard()))
        .map(|c| c.address.to_string())
        .collect();
    if ip.is_none() && !others.is_empty() && note.is_none() {
        note = Some(format!(
            "there is also {}: --to says which one is meant",
            others.join(", ")
        ));
    }
    Ok(Chosen {
        number: found.number,
        bound: found.bound.clone(),
        address: found.address.clone(),
        local: Peer::Inet(SocketAddr::new(local, port)),
        protocols: found.protocols,
        why,
        note,
    })
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn candidates(http: &Http, listens: &[ListenSpec]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (number, spec) in listens.iter().enumerate() {
        for (ip, behind) in http.router.behind(number) {
            let address = match (&spec.addr, ip) {
                (Addr::Inet(bound), Some(ip)) => Addr::Inet(SocketAddr::new(ip, bound.port())),
                (bound, _) => bound.clone(),
            };
            all.push(Candidate {
                number,
                bound: spec.addr.clone(),
                address,
                protocols: behind.protocols,
            });
        }
    }
    all
}

fn on_port(all: &[Candidate], port: u16) -> impl Iterator<Item = &Candidate> {
    all.iter()
        .filter(move |c| c.inet().is_some_and(|a| a.port() == port))
}

/// An address at which a connection comes to this candidate and no other.
fn local_of(found: &Candidate, all: &[&Candidate]) -> IpAddr {
    let Some(address) = found.inet() else {
        return LOOPBACK;
    };
    if !found.is_wildcard() {
        return address.ip();
    }
    let (loopback, other) = match address.is_ipv4() {
        true => (LOOPBACK, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        false => (
            IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        ),
    };
    let taken = |c: &&Candidate| c.inet().is_some_and(|a| a.ip() == loopback);
    if all.iter().any(taken) {
        other
    } else {
        loopback
    }
}

fn unix(all: Vec<Candidate>, to: &str) -> Result<Chosen, String> {
    let found = all.into_iter().find(|c| c.address.to_string() == to);
    let found = found.ok_or_else(|| format!("nothing listens on {to}"))?;
    Ok(Chosen {
        number: found.number,
        bound: found.bound,
        address: found.address,
        local: Peer::Unix,
        protocols: found.protocols,
        why: String::from("as told by --to"),
        note: None,
    })
}

/// `address`, `address:port`, `:port` or `port`.
fn address(to: &str) -> Result<(Option<IpAddr>, Option<u16>), String> {
    if let Ok(whole) = to.parse::<SocketAddr>() {
        return Ok((Some(whole.ip()), Some(whole.port())));
    }
    if let Ok(ip) = to.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok((Some(ip), None));
    }
    let port = to.trim_start_matches([':', '*']).parse();
    match port {
        Ok(port) => Ok((None, Some(port))),
        Err(_) => Err(format!("\"{to}\" is no address: 10.0.0.1:8080 is meant")),
    }
}

fn nothing(all: &[Candidate], ip: Option<IpAddr>, port: u16) -> String {
    let place = match ip {
        Some(ip) => SocketAddr::new(ip, port).to_string(),
        None => format!("port {port}"),
    };
    let all: Vec<String> = all.iter().map(|c| c.address.to_string()).collect();
    match all.is_empty() {
        true => String::from("the configuration listens nowhere"),
        false => format!(
            "nothing listens on {place}; the configuration listens on {} (the URL or --to says which is meant)",
            all.join(", ")
        ),
    }
}
