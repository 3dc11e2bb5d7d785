//! Servers of a group whose names are resolved while it is in use (`server name resolve`). What a request sees of the
//! group is a list that does not change; when addresses come and go another list takes its place, in which those that
//! stay are known as before.

use super::peers::{List, Peer, Peers};
use crate::net::address::Addr;
use crate::net::resolver::ResolveError;
use bytes::Bytes;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use tokio::time::Instant;

/// A server with a name to resolve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    /// The name.
    pub host: Bytes,
    /// The port at all of its addresses.
    pub port: u16,
    /// Whether it is one of the backup servers.
    pub backup: bool,
    /// What each of its addresses is like as a peer, but for the address.
    pub like: Peer,
}

impl Named {
    fn peer(&self, addr: &Addr) -> Peer {
        Peer {
            addr: addr.clone(),
            name: Bytes::from(addr.to_string()),
            ..self.like.clone()
        }
    }

    /// The addresses, each once.
    fn addrs(&self, ips: &[IpAddr]) -> Vec<Addr> {
        let mut addrs: Vec<Addr> = Vec::with_capacity(ips.len());
        for ip in ips {
            let addr = Addr::Inet(SocketAddr::new(*ip, self.port));
            if !addrs.contains(&addr) {
                addrs.push(addr);
            }
        }
        addrs
    }
}

/// What was heard of a name last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    /// Until when that holds; none before the first answer.
    pub until: Option<Instant>,
    /// Why there was no answer, the last time.
    pub why: Option<ResolveError>,
}

/// The servers of a group, as long as it is used.
#[derive(Debug)]
pub struct Live {
    /// Those with names.
    pub named: Box<[Named]>,
    now: Mutex<Arc<Peers>>,
    told: Mutex<Vec<Told>>,
}

/// The name of a group, its servers with addresses, the backup servers among them, and those with names.
type Key = (Bytes, Vec<Peer>, Vec<Peer>, Vec<Named>);
static KNOWN: LazyLock<Mutex<HashMap<Key, Weak<Live>>>> = LazyLock::new(Mutex::default);

impl Live {
    /// The servers of a named group: those of an earlier configuration if nothing in the group was changed. If
    /// something was, the addresses of names that it had before are known already.
    pub fn of(name: &Bytes, main: Vec<Peer>, backup: Vec<Peer>, named: Vec<Named>) -> Arc<Self> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, live| live.strong_count() > 0);
        let key = (name.clone(), main, backup, named);
        if let Some(live) = known.get(&key).and_then(Weak::upgrade) {
            return live;
        }
        let before: Vec<Arc<Live>> = known
            .iter()
            .filter(|((of, ..), _)| of == name)
            .filter_map(|(_, live)| live.upgrade())
            .collect();
        let live = Live::new(key.1.clone(), key.2.clone(), key.3.clone());
        for (number, named) in live.named.iter().enumerate() {
            let heard = before.iter().filter_map(|live| live.heard_of(&named.host));
            if let Some((until, ips)) = heard.max_by_key(|(until, _)| *until) {
                live.tell(number, &ips, until);
            }
        }
        known.insert(key, Arc::downgrade(&live));
        live
    }

    /// Of the names nothing is known yet.
    pub fn new(main: Vec<Peer>, backup: Vec<Peer>, named: Vec<Named>) -> Arc<Self> {
        Arc::new_cyclic(|live| Live {
            now: Mutex::new(Peers::of_live(main, backup, Weak::clone(live))),
            told: Mutex::new(vec![Told::default(); named.len()]),
            named: named.into(),
        })
    }

    /// The servers as they are now.
    pub fn now(&self) -> Arc<Peers> {
        Arc::clone(&self.lock())
    }

    /// The same; they stay like this until what is returned is dropped.
    pub fn lock(&self) -> MutexGuard<'_, Arc<Peers>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the addresses of a name in force.
    pub fn tell(&self, number: usize, ips: &[IpAddr], until: Instant) {
        let Some(named) = self.named.get(number) else {
            return;
        };
        let mut now = self.lock();
        let changed = match now.list_of(named.backup) {
            Some(list) => changed(list, named, number, ips),
            None => changed(&List::new(Vec::new()), named, number, ips),
        };
        if let Some(list) = changed {
            *now = Arc::new(now.with(named.backup, list));
        }
        drop(now);
        let why = ips.is_empty().then_some(ResolveError::NOT_FOUND);
        let until = Some(until);
        self.note(number, Told { until, why });
    }

    /// A name could not be resolved: what was known of it stays.
    pub fn fail(&self, number: usize, why: ResolveError) {
        let until = self.told(number).until;
        let why = Some(why);
        self.note(number, Told { until, why });
    }

    /// What was heard of a name last.
    pub fn told(&self, number: usize) -> Told {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(number).copied().unwrap_or_default()
    }

    fn note(&self, number: usize, what: Told) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = told.get_mut(number) {
            *told = what;
        }
    }

    /// The names that have no address now, and why.
    pub fn without_address(&self) -> Vec<(&Named, Option<ResolveError>)> {
        let now = self.now();
        let lacks = |(number, named): (usize, &Named)| {
            let list = now.list_of(named.backup);
            list.is_none_or(|list| list.of_name(number).next().is_none())
        };
        let all = self.named.iter().enumerate();
        let all = all.filter(|(number, named)| lacks((*number, named)));
        all.map(|(number, named)| (named, self.told(number).why))
            .collect()
    }

    /// The addresses of a name, if they are known, and until when they hold.
    fn heard_of(&self, host: &Bytes) -> Option<(Instant, Vec<IpAddr>)> {
        let number = self.named.iter().position(|named| named.host == *host)?;
        let until = self.told(number).until?;
        let named = self.named.get(number)?;
        let now = self.now();
        let peers = now.list_of(named.backup);
        let ips = peers.into_iter().flat_map(|list| list.of_name(number));
        let ips = ips.filter_map(|peer| match &peer.addr {
            Addr::Inet(address) => Some(address.ip()),
            Addr::Unix(_) => None,
        });
        Some((until, ips.collect()))
    }
}

/// The list with these addresses in place of those that the name had; nothing if they are the same.
fn changed(list: &List, named: &Named, number: usize, ips: &[IpAddr]) -> Option<List> {
    let addrs = named.addrs(ips);
    let goes = |peer: &Peer| !addrs.contains(&peer.addr);
    let comes = |addr: &&Addr| list.of_name(number).all(|peer| peer.addr != **addr);
    if !list.of_name(number).any(goes) && !addrs.iter().any(|addr| comes(&addr)) {
        return None;
    }
    let more = addrs.iter().filter(comes).map(|addr| named.peer(addr));
    Some(list.changed(number, goes, more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::upstream::peers::Health;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn peer(server: &'static str, last: u8) -> Peer {
        let addr = Addr::Inet(SocketAddr::new(ip(last), 80));
        Peer {
            name: Bytes::from(addr.to_string()),
            addr,
            server: Bytes::from_static(server.as_bytes()),
            weight: 1,
            max_fails: 1,
            fail_timeout: 10,
            max_conns: 0,
            down: false,
        }
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    fn named(host: &'static str, backup: bool) -> Named {
        Named {
            host: Bytes::from_static(host.as_bytes()),
            port: 80,
            backup,
            like: peer(host, 0),
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(9)
    }

    fn last_numbers(peers: &Peers) -> Vec<u8> {
        let last = |peer: &Peer| match peer.addr {
            Addr::Inet(SocketAddr::V4(address)) => address.ip().octets()[3],
            _ => 0,
        };
        peers.main.peers.iter().map(last).collect()
    }

    #[test]
    fn those_that_stay_are_known_as_before() {
        let live = Live::new(vec![peer("b", 1)], vec![], vec![named("a", false)]);
        assert!(live.now().main.peers.len() == 1 && live.without_address().len() == 1);
        live.tell(0, &[ip(2), ip(3), ip(2)], soon());
        let first = live.now();
        assert_eq!(last_numbers(&first), [1, 2, 3]);
        assert!(live.without_address().is_empty());
        let count = |index: usize| {
            let conns = |_: &Peer, health: &mut Health| {
                health.conns += 1;
                health.conns
            };
            first.with_peer(false, index, conns)
        };
        assert_eq!([count(0), count(2), count(2)], [Some(1), Some(1), Some(2)]);
        // In another order they are the same.
        live.tell(0, &[ip(3), ip(2)], soon());
        assert!(Arc::ptr_eq(&first, &live.now()));
        live.tell(0, &[ip(4), ip(3)], soon());
        let second = live.now();
        assert_eq!(
            (last_numbers(&second), second.id),
            (vec![1, 3, 4], first.id)
        );
        let conns: Vec<i64> = second.main.health().iter().map(|h| h.conns).collect();
        assert_eq!(conns, [1, 2, 0]);
        // Who was chosen from the first list is counted in the second, unless it is gone.
        assert_eq!([count(1), count(2)], [None, Some(3)]);
        assert_eq!(second.main.health()[1].conns, 3);
        live.tell(0, &[ip(4), ip(3), ip(2)], soon());
        assert_eq!(count(1), None);
    }

    #[test]
    fn backups_are_a_list_of_their_own_while_there_are_any() {
        let names = vec![named("a", false), named("a", true)];
        let live = Live::new(vec![], vec![], names);
        live.tell(1, &[ip(2)], soon());
        live.tell(0, &[ip(1)], soon());
        let now = live.now();
        assert!(!now.single() && now.backup.is_some());
        live.tell(1, &[], soon());
        let now = live.now();
        assert!(now.single() && now.backup.is_none());
        let why = live.without_address();
        assert_eq!(why.len(), 1);
        assert_eq!(why[0].1, Some(ResolveError::NOT_FOUND));
        live.fail(0, ResolveError::TimedOut);
        assert_eq!(last_numbers(&live.now()), [1]);
        assert_eq!(live.told(0).why, Some(ResolveError::TimedOut));
    }

    #[test]
    fn a_configuration_begins_with_what_the_one_before_knew() {
        let name = Bytes::from_static(b"live-test");
        let names = || vec![named("a", false), named("other", false)];
        let first = Live::of(&name, vec![], vec![], names());
        first.tell(0, &[ip(1), ip(2)], soon());
        let same = Live::of(&name, vec![], vec![], names());
        assert!(Arc::ptr_eq(&first, &same));
        let changed = Live::of(&name, vec![peer("b", 9)], vec![], names());
        assert_eq!(last_numbers(&changed.now()), [9, 1, 2]);
        assert_eq!(changed.told(0).until, first.told(0).until);
        assert!(changed.told(1).until.is_none());
        let elsewhere = Live::of(&Bytes::from_static(b"live-test-2"), vec![], vec![], names());
        assert!(elsewhere.now().main.peers.is_empty());
    }
}
