//! The names of the servers of one address.

use super::ServerName;
use crate::config::table::Collector;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::ServerId;
use crate::http::regex::{MatchFailed, Regex};
use crate::http::request::Request;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

type Map<V> = HashMap<Bytes, V, foldhash::fast::RandomState>;
type Set<'a> = HashSet<&'a [u8], foldhash::fast::RandomState>;

/// From a host to a server: exact names, then the longest `*.name`, then the longest `name.*`, then regular
/// expressions in their order.
#[derive(Default)]
pub struct Names {
    exact: Map<ServerId>,
    /// `*.name` and `.name` by the name behind the dot.
    heads: Map<Head>,
    /// `name.*` by the name before the dot.
    tails: Map<ServerId>,
    regexes: Vec<(Arc<Regex>, ServerId)>,
}

/// The name by which a server was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// The host itself.
    Exact,
    /// `*.name` or `.name`: what is behind so many bytes of the host.
    Head(usize),
    /// `name.*`: so many bytes of the host.
    Tail(usize),
    /// The regular expression with this number among those of the address.
    Regex(usize),
}

struct Head {
    server: ServerId,
    /// `.name`: the name itself is meant too.
    bare: bool,
}

impl Names {
    /// The server of a host, which is in lower case. The captures of a regular expression become the request's.
    ///
    /// # Errors
    /// A regular expression gave up, which has been logged.
    pub fn find(
        &self,
        req: &Request,
        host: &[u8],
    ) -> Result<Option<(ServerId, NameMatch)>, MatchFailed> {
        self.find_with(host, |regex| regex.exec(req, host))
    }

    /// The pattern of the regular expression with this number.
    pub fn pattern(&self, number: usize) -> Option<&str> {
        self.regexes.get(number).map(|(regex, _)| regex.as_str())
    }

    /// The server of a host, by `matches` for those with a regular expression.
    ///
    /// # Errors
    /// That of `matches`.
    pub fn find_with<E>(
        &self,
        host: &[u8],
        matches: impl Fn(&Regex) -> Result<bool, E>,
    ) -> Result<Option<(ServerId, NameMatch)>, E> {
        if let Some(server) = self.exact.get(host) {
            return Ok(Some((*server, NameMatch::Exact)));
        }
        if host.is_empty() {
            return Ok(None);
        }
        if let Some(found) = self.head(host).or_else(|| self.tail(host)) {
            return Ok(Some(found));
        }
        for (number, (regex, server)) in self.regexes.iter().enumerate() {
            if matches(regex)? {
                return Ok(Some((*server, NameMatch::Regex(number))));
            }
        }
        Ok(None)
    }

    fn head(&self, host: &[u8]) -> Option<(ServerId, NameMatch)> {
        if self.heads.is_empty() {
            return None;
        }
        if let Some(head) = self.heads.get(host).filter(|head| head.bare) {
            return Some((head.server, NameMatch::Head(0)));
        }
        memchr::memchr_iter(b'.', host)
            .find_map(|dot| Some((self.heads.get(host.get(dot + 1..)?)?, dot + 1)))
            .map(|(head, from)| (head.server, NameMatch::Head(from)))
    }

    fn tail(&self, host: &[u8]) -> Option<(ServerId, NameMatch)> {
        if self.tails.is_empty() {
            return None;
        }
        memchr::memrchr_iter(b'.', host)
            .find_map(|dot| Some((*self.tails.get(host.get(..dot)?)?, NameMatch::Tail(dot))))
    }

    /// Gathers the names of all servers of an address, which is named in complaints. `None` after an error.
    pub fn build<'a>(
        b: &mut Builder,
        address: &str,
        servers: impl Iterator<Item = (ServerId, &'a [ServerName])>,
    ) -> Self {
        let mut names = Names::default();
        let mut taken = Set::default();
        for (server, name) in servers.flat_map(|(id, names)| names.iter().map(move |n| (id, n))) {
            if let Some(regex) = &name.regex {
                names.regexes.push((Arc::clone(regex), server));
                continue;
            }
            let shown = String::from_utf8_lossy(&name.name);
            match names.add(server, &name.name, &mut taken) {
                Ok(()) => {}
                Err(Refused::Invalid) => {
                    let message =
                        format!("invalid server name or wildcard \"{shown}\" on {address}");
                    b.report(Diagnostic::new(message).label(name.span, ""));
                }
                Err(Refused::Conflict) => {
                    let message =
                        format!("conflicting server name \"{shown}\" on {address}, ignored");
                    let help = "another server has this name already, and gets its requests";
                    b.report(Diagnostic::warning(message).label(name.span, "").help(help));
                }
            }
        }
        names
    }

    /// Adds a name. `taken` has what counts as an exact name: `.name` takes the name for itself as well.
    fn add<'a>(
        &mut self,
        server: ServerId,
        name: &'a Bytes,
        taken: &mut Set<'a>,
    ) -> Result<(), Refused> {
        use std::collections::hash_map::Entry;
        let stars = memchr::memchr_iter(b'*', name).count();
        let dots = memchr::memmem::find(name, b"..").is_some();
        if stars > 1 || dots || memchr::memchr(0, name).is_some() {
            return Err(Refused::Invalid);
        }
        let (map, key, bare) = match &name[..] {
            [b'.', _, ..] => {
                if !taken.insert(name.get(1..).unwrap_or_default()) {
                    return Err(Refused::Conflict);
                }
                (true, name.slice(1..), true)
            }
            [b'*', b'.', _, ..] => (true, name.slice(2..), false),
            [_, .., b'.', b'*'] => (false, name.slice(..name.len() - 2), false),
            _ if stars > 0 => return Err(Refused::Invalid),
            _ => {
                if !taken.insert(name) {
                    return Err(Refused::Conflict);
                }
                self.exact.insert(name.clone(), server);
                return Ok(());
            }
        };
        let free = if map {
            match self.heads.entry(key) {
                Entry::Occupied(_) => false,
                Entry::Vacant(place) => {
                    place.insert(Head { server, bare });
                    true
                }
            }
        } else {
            match self.tails.entry(key) {
                Entry::Occupied(_) => false,
                Entry::Vacant(place) => {
                    place.insert(server);
                    true
                }
            }
        };
        if free { Ok(()) } else { Err(Refused::Conflict) }
    }
}

enum Refused {
    Invalid,
    Conflict,
}
