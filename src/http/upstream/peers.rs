//! The servers of a group and what is known of them: weights, failures, connections. Shared by all threads; kept over
//! a reload if the group is written as before.

use super::balance::least_time::{Times, Watch};
use super::balance::{Balancer, Group};
use super::kind::Kind;
use super::resolved::Live;
use super::state::UpstreamState;
use crate::http::request::Request;
use crate::net::address::Addr;
use bytes::Bytes;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// A server as it is configured; one with several addresses is several peers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Where to connect to.
    pub addr: Addr,
    /// The address as `$upstream_addr` shows it.
    pub name: Bytes,
    /// The server as it was written.
    pub server: Bytes,
    /// `weight=`
    pub weight: i64,
    /// `max_fails=`; 0: failures are not counted.
    pub max_fails: i64,
    /// `fail_timeout=` in seconds.
    pub fail_timeout: i64,
    /// `max_conns=`; 0: no limit.
    pub max_conns: i64,
    /// `down`
    pub down: bool,
}

/// What changes of a peer.
#[derive(Clone, Debug)]
pub struct Health {
    /// What smooth weighted round robin goes by.
    pub current_weight: i64,
    /// The weight, lowered by failures; recovers by 1 at each look.
    pub effective_weight: i64,
    /// Failures since the last success.
    pub fails: i64,
    /// When it failed last, in seconds.
    pub accessed: i64,
    /// How it failed then.
    pub failed_by: Option<Kind>,
    /// When a try of it began last after `fail_timeout`, in seconds.
    pub checked: i64,
    /// Connections in use.
    pub conns: i64,
    /// How long its answers took.
    pub times: Times,
    /// Unique in the process where lists take each other's place: it is the same in each.
    born: u64,
}

/// The main or the backup servers of a group.
#[derive(Debug)]
pub struct List {
    /// As configured.
    pub peers: Box<[Peer]>,
    /// Which of the group's servers with names each belongs to, if it belongs to one.
    named: Box<[Option<usize>]>,
    health: Mutex<Vec<Health>>,
    /// What `hash ... consistent` goes by, once it is asked.
    pub points: OnceLock<Vec<(u32, Bytes)>>,
}

impl List {
    /// A list in which nothing has happened yet.
    pub fn new(peers: Vec<Peer>) -> Self {
        List {
            health: Mutex::new(peers.iter().map(Health::of).collect()),
            named: vec![None; peers.len()].into(),
            peers: peers.into(),
            points: OnceLock::new(),
        }
    }

    /// The peers of the group's server with this number among those with names.
    pub fn of_name(&self, number: usize) -> impl Iterator<Item = &Peer> {
        let pairs = self.peers.iter().zip(&self.named);
        pairs.filter_map(move |(peer, of)| (*of == Some(number)).then_some(peer))
    }

    /// The list without those of a name that go, and with more of them at the end.
    pub fn changed(
        &self,
        number: usize,
        goes: impl Fn(&Peer) -> bool,
        more: impl Iterator<Item = Peer>,
    ) -> List {
        let (mut peers, mut named, mut all) = (Vec::new(), Vec::new(), Vec::new());
        let health = self.health();
        for ((peer, of), health) in self.peers.iter().zip(&self.named).zip(health.iter()) {
            if *of != Some(number) || !goes(peer) {
                peers.push(peer.clone());
                named.push(*of);
                all.push(health.clone());
            }
        }
        for peer in more {
            let mut health = Health::of(&peer);
            health.born = NEXT.fetch_add(1, Ordering::Relaxed);
            all.push(health);
            peers.push(peer);
            named.push(Some(number));
        }
        List {
            peers: peers.into(),
            named: named.into(),
            health: Mutex::new(all),
            points: OnceLock::new(),
        }
    }

    /// The same list as it is now.
    fn copy(&self) -> List {
        self.changed(0, |_| false, std::iter::empty())
    }

    /// Gives each a number of its own.
    fn numbered(self) -> List {
        for health in self.health().iter_mut() {
            health.born = NEXT.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    fn with<T>(&self, index: usize, act: impl FnOnce(&Peer, &mut Health) -> T) -> Option<T> {
        let mut health = self.health();
        Some(act(self.peers.get(index)?, health.get_mut(index)?))
    }

    fn position_of(&self, born: u64) -> Option<usize> {
        self.health().iter().position(|health| health.born == born)
    }

    /// What is known of the peers, in their order; locked while it is looked at.
    pub fn health(&self) -> MutexGuard<'_, Vec<Health>> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many peers may be tried.
    fn tries(&self) -> usize {
        self.peers.iter().filter(|p| !p.down).count()
    }
}

/// All servers of a group.
#[derive(Debug)]
pub struct Peers {
    /// Unique in the process: what idle connections are found by.
    pub id: u64,
    /// The main servers.
    pub main: List,
    /// The backup servers.
    pub backup: Option<List>,
    /// Where the lists stand that take the place of these, if names are resolved.
    live: Option<Weak<Live>>,
}

type Key = (Bytes, Vec<Peer>, Vec<Peer>);
static KNOWN: LazyLock<Mutex<HashMap<Key, Weak<Peers>>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Peers {
    /// Peers that nobody else knows of.
    pub fn new(main: Vec<Peer>, backup: Vec<Peer>) -> Arc<Self> {
        Arc::new(Peers {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            main: List::new(main),
            backup: (!backup.is_empty()).then(|| List::new(backup)),
            live: None,
        })
    }

    /// The first servers of a group whose names are resolved.
    pub fn of_live(main: Vec<Peer>, backup: Vec<Peer>, live: Weak<Live>) -> Arc<Self> {
        Arc::new(Peers {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            main: List::new(main).numbered(),
            backup: (!backup.is_empty()).then(|| List::new(backup).numbered()),
            live: Some(live),
        })
    }

    /// The same servers with another list in place of one.
    pub fn with(&self, backup: bool, list: List) -> Self {
        let (main, backup) = match backup {
            true => (self.main.copy(), Some(list)),
            false => (list, self.backup.as_ref().map(List::copy)),
        };
        Peers {
            id: self.id,
            main,
            backup: backup.filter(|list| !list.peers.is_empty()),
            live: self.live.clone(),
        }
    }

    /// The main or the backup servers, if there are any such.
    pub fn list_of(&self, backup: bool) -> Option<&List> {
        match backup {
            true => self.backup.as_ref(),
            false => Some(&self.main),
        }
    }

    /// Looks at a peer. If another list has taken this one's place the peer is looked for there: it may be gone.
    pub fn with_peer<T>(
        &self,
        backup: bool,
        index: usize,
        act: impl FnOnce(&Peer, &mut Health) -> T,
    ) -> Option<T> {
        let live = self.live();
        match live.as_ref().map(|live| live.lock()) {
            Some(now) if !std::ptr::eq(&**now, self) => self.with_same(&now, backup, index, act),
            _ => self.list(backup).with(index, act),
        }
    }

    /// Looks at the same peer where it is now.
    fn with_same<T>(
        &self,
        now: &Peers,
        backup: bool,
        index: usize,
        act: impl FnOnce(&Peer, &mut Health) -> T,
    ) -> Option<T> {
        let born = self.list(backup).with(index, |_, health| health.born)?;
        let list = now.list_of(backup)?;
        list.with(list.position_of(born)?, act)
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.live.as_ref().and_then(Weak::upgrade)
    }

    /// The peers of a named group: those of an earlier configuration if nothing in the group was changed.
    pub fn named(name: &Bytes, main: Vec<Peer>, backup: Vec<Peer>) -> Arc<Self> {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, peers| peers.strong_count() > 0);
        let key = (name.clone(), main, backup);
        if let Some(peers) = known.get(&key).and_then(Weak::upgrade) {
            return peers;
        }
        let peers = Peers::new(key.1.clone(), key.2.clone());
        known.insert(key, Arc::downgrade(&peers));
        peers
    }

    /// Whether there is one server only: its failures do not matter, there is nobody else to ask.
    pub fn single(&self) -> bool {
        self.main.peers.len() == 1 && self.backup.is_none()
    }

    fn list(&self, backup: bool) -> &List {
        match &self.backup {
            Some(list) if backup => list,
            _ => &self.main,
        }
    }
}

/// How a request fared with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer came, or the request was given up for reasons of the client.
    Fine,
    /// The answer (403, 404) made us go on to another, which is no fault of the peer.
    Next,
    /// It failed, and how.
    Failed(Kind),
}

/// The choice of peers for one request: which were tried, how many tries are left.
pub struct Choice {
    peers: Arc<Peers>,
    tried: SmallVec<[u64; 1]>,
    backup: bool,
    /// How many more peers may be tried, the current one included.
    pub tries: usize,
    /// What a balancer remembers between tries.
    pub memory: super::balance::Memory,
}

impl Choice {
    /// Nothing tried yet.
    pub fn new(peers: Arc<Peers>) -> Self {
        let tries = peers.main.tries() + peers.backup.as_ref().map_or(0, List::tries);
        Choice {
            peers,
            tried: SmallVec::new(),
            backup: false,
            tries,
            memory: Default::default(),
        }
    }

    /// The peer to try next: one of the main servers, else of the backup servers.
    pub fn pick(&mut self, balancer: &dyn Balancer, req: &Request) -> Option<Lease> {
        let peers = Arc::clone(&self.peers);
        balancer.prepare(req, &mut self.memory);
        let live = peers.live();
        let now = live.as_ref().map(|live| live.lock());
        loop {
            let list = peers.list(self.backup);
            if let Some(index) = pick_from(list, peers.single(), balancer, self) {
                if let Some(now) = now.filter(|now| !Arc::ptr_eq(now, &peers)) {
                    peers.with_same(&now, self.backup, index, |_, health| health.conns += 1);
                }
                return Some(Lease {
                    backup: self.backup,
                    peers,
                    index,
                    held: true,
                    watch: None,
                });
            }
            if self.backup || peers.backup.is_none() {
                return None;
            }
            self.backup = true;
            self.tried.clear();
        }
    }

    /// Ends a try. Returns whether the peer is left out from now on for its failures.
    pub fn release(&mut self, mut lease: Lease, outcome: Outcome) -> bool {
        self.tries = if self.peers.single() {
            0
        } else {
            self.tries.saturating_sub(1)
        };
        lease.end(outcome)
    }

    /// Whether this peer of the current list was tried.
    pub fn was_tried(&self, index: usize) -> bool {
        self.tried
            .get(index / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Takes note that it was.
    pub fn mark_tried(&mut self, index: usize) {
        let word = index / 64;
        if self.tried.len() <= word {
            self.tried.resize(word + 1, 0);
        }
        if let Some(word) = self.tried.get_mut(word) {
            *word |= 1 << (index % 64);
        }
    }
}

fn pick_from(
    list: &List,
    single: bool,
    balancer: &dyn Balancer,
    choice: &mut Choice,
) -> Option<usize> {
    let mut health = list.health();
    let index = if single {
        let (peer, health) = (list.peers.first()?, health.first()?);
        (!peer.down && (peer.max_conns == 0 || health.conns < peer.max_conns)).then_some(0)?
    } else {
        let mut group = Group {
            peers: &list.peers,
            points: &list.points,
            health: &mut health,
            now: now(),
        };
        balancer.pick(&mut group, choice)?
    };
    health.get_mut(index)?.conns += 1;
    Some(index)
}

/// A peer in use. Its connection stops counting when this is dropped, however that comes about.
pub struct Lease {
    peers: Arc<Peers>,
    backup: bool,
    index: usize,
    held: bool,
    /// For `least_time`.
    watch: Option<Box<Watch>>,
}

impl Lease {
    /// The peer.
    pub fn peer(&self) -> &Peer {
        #[allow(
            clippy::indexing_slicing,
            reason = "the number was found in this very list, which never changes"
        )]
        &self.peers.list(self.backup).peers[self.index]
    }

    /// The group's number, and the server as it was written.
    pub fn server(&self) -> (u64, Bytes) {
        (self.group(), self.peer().server.clone())
    }

    /// Whether it is one of the backup servers.
    pub fn is_backup(&self) -> bool {
        self.backup
    }

    /// The group's number.
    pub fn group(&self) -> u64 {
        self.peers.id
    }

    /// Has the time that the answer takes counted, if the group's method goes by it.
    pub fn watch(&mut self, balancer: &dyn Balancer, state: &UpstreamState) {
        let alone = self.peers.single();
        let method = balancer.least_time();
        self.watch = method.map(|m| Box::new(Watch::new(m, state.clone(), alone)));
    }

    /// The head of the answer has come.
    pub fn on_header(&mut self) {
        if let Some(watch) = &mut self.watch {
            self.peers.with_peer(self.backup, self.index, |_, health| {
                watch.on_header(health);
            });
        }
    }

    /// Ends the use before the answer is read to its end: nginx accounts for a success when the connection is freed.
    pub fn end(&mut self, outcome: Outcome) -> bool {
        if !std::mem::replace(&mut self.held, false) {
            return false;
        }
        let single = self.peers.single();
        let watch = self.watch.take();
        let end = |peer: &Peer, health: &mut Health| {
            health.conns = health.conns.saturating_sub(1);
            if let Some(mut watch) = watch {
                watch.on_end(health, outcome == Outcome::Fine);
            }
            health.end(peer, single, outcome)
        };
        let ended = self.peers.with_peer(self.backup, self.index, end);
        ended.unwrap_or(false)
    }
}

impl Health {
    fn of(peer: &Peer) -> Self {
        Health {
            current_weight: 0,
            effective_weight: peer.weight,
            fails: 0,
            accessed: 0,
            failed_by: None,
            checked: 0,
            conns: 0,
            times: Times::default(),
            born: 0,
        }
    }

    /// Takes note of how a request fared. Returns whether the peer is left out from now on.
    fn end(&mut self, peer: &Peer, single: bool, outcome: Outcome) -> bool {
        if single {
            self.fails = 0;
            return false;
        }
        let Outcome::Failed(kind) = outcome else {
            // A try after `fail_timeout` went well.
            if self.accessed < self.checked {
                self.fails = 0;
            }
            return false;
        };
        let now = now();
        self.fails = self.fails.saturating_add(1);
        self.accessed = now;
        self.checked = now;
        self.failed_by = Some(kind);
        if peer.max_fails == 0 {
            return false;
        }
        self.effective_weight =
            (self.effective_weight - peer.weight / peer.max_fails.max(1)).max(0);
        self.fails >= peer.max_fails
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.end(Outcome::Fine);
    }
}

/// Seconds, far enough from 0 for "never".
pub fn now() -> i64 {
    i64::try_from(crate::clock::unix_time().as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn peer(name: &'static str, weight: i64) -> Peer {
        Peer {
            addr: Addr::Unix(name.into()),
            name: Bytes::from_static(name.as_bytes()),
            server: Bytes::from_static(name.as_bytes()),
            weight,
            max_fails: 1,
            fail_timeout: 10,
            max_conns: 0,
            down: false,
        }
    }

    #[test]
    fn a_group_written_as_before_keeps_its_state() {
        let name = Bytes::from_static(b"peers-test");
        let first = Peers::named(&name, vec![peer("a", 1)], vec![]);
        let again = Peers::named(&name, vec![peer("a", 1)], vec![]);
        let changed = Peers::named(&name, vec![peer("a", 2)], vec![]);
        assert_eq!(first.id, again.id);
        assert_ne!(first.id, changed.id);
    }
}
