//! The state of a zone: for each key how far it is above its rate. A leaky bucket, counted in thousandths of a
//! request.

use crate::http::limits::Shards;
use crate::http::zone::cost;
use std::collections::HashMap;
use std::sync::Arc;

/// What one directive asks of a zone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Thousandths of requests per second.
    pub rate: i64,
    /// How far above the rate requests are still taken, in thousandths.
    pub burst: i64,
    /// How far above it they are not yet delayed, in thousandths.
    pub delay: i64,
}

/// What a look at a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Too many: the excess.
    Busy(i64),
    /// Taken: the excess.
    Taken(i64),
    /// It would be taken; it is held for [`State::account`] or [`State::release`].
    Held,
    /// There is no room for another key.
    Full,
}

/// The keys of a zone.
pub(super) struct State {
    shards: Shards<Shard>,
    /// The text of the key, which must not change while the state lives on.
    pub key: String,
}

impl State {
    pub(super) fn new(size: u64, key: String) -> State {
        State {
            shards: Shards::new(size, Shard::new),
            key,
        }
    }

    /// Whether a request is taken, and if `account`, counts it.
    pub(super) fn look(&self, key: &[u8], terms: Terms, now: u64, account: bool) -> Look {
        self.shards.of(key).look(key, terms, now, account)
    }

    /// Counts a request that was held; returns the excess.
    pub(super) fn account(&self, key: &[u8], terms: Terms, now: u64) -> i64 {
        let mut shard = self.shards.of(key);
        let Some(node) = shard.find(key) else {
            return 0;
        };
        let (excess, ms) = node.leaked(terms.rate, now);
        if ms != 0 {
            node.last = now;
        }
        node.excess = excess;
        node.held = node.held.saturating_sub(1);
        excess
    }

    /// Lets go of a key that was held.
    pub(super) fn release(&self, key: &[u8]) {
        if let Some(node) = self.shards.of(key).find(key) {
            node.held = node.held.saturating_sub(1);
        }
    }
}

/// Keys with a list from the one used last to the one not used for longest.
struct Shard {
    by_key: HashMap<Arc<[u8]>, usize, foldhash::quality::RandomState>,
    nodes: Vec<Node>,
    free: Vec<usize>,
    newest: usize,
    oldest: usize,
    /// How many bytes are left, as nginx would count them.
    room: u64,
}

struct Node {
    key: Arc<[u8]>,
    excess: i64,
    /// When it was last counted, in milliseconds.
    last: u64,
    /// How many requests are between look and account.
    held: u32,
    newer: usize,
    older: usize,
}

/// No node.
const NONE: usize = usize::MAX;
/// What nginx keeps for a key besides the key itself, in bytes.
const OVERHEAD: u64 = 80;
/// An entry is only given up by itself when it was not used for so long: milliseconds.
const IDLE: u64 = 60_000;

impl Node {
    /// The excess with this request counted, and the time since the last one.
    fn leaked(&self, rate: i64, now: u64) -> (i64, i64) {
        let ms = i64::try_from(now.saturating_sub(self.last)).unwrap_or(i64::MAX);
        let leaked = rate.saturating_mul(ms) / 1000;
        let excess = self.excess.saturating_sub(leaked).saturating_add(1000);
        (excess.max(0), ms)
    }
}

impl Shard {
    fn new(room: u64) -> Shard {
        Shard {
            by_key: HashMap::default(),
            nodes: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
            room,
        }
    }

    fn find(&mut self, key: &[u8]) -> Option<&mut Node> {
        let number = *self.by_key.get(key)?;
        self.nodes.get_mut(number)
    }

    fn look(&mut self, key: &[u8], terms: Terms, now: u64, account: bool) -> Look {
        let Some(&number) = self.by_key.get(key) else {
            return self.add(key, terms, now, account);
        };
        self.unlink(number);
        self.link(number);
        let Some(node) = self.nodes.get_mut(number) else {
            return Look::Full;
        };
        let (excess, ms) = node.leaked(terms.rate, now);
        if excess > terms.burst {
            return Look::Busy(excess);
        }
        if !account {
            node.held = node.held.saturating_add(1);
            return Look::Held;
        }
        node.excess = excess;
        if ms != 0 {
            node.last = now;
        }
        Look::Taken(excess)
    }

    fn add(&mut self, key: &[u8], terms: Terms, now: u64, account: bool) -> Look {
        self.expire(terms.rate, now, false);
        let price = cost(OVERHEAD + key.len() as u64);
        if self.room < price {
            self.expire(terms.rate, now, true);
        }
        let Some(room) = self.room.checked_sub(price) else {
            return Look::Full;
        };
        self.room = room;
        let key: Arc<[u8]> = key.into();
        let node = Node {
            key: Arc::clone(&key),
            excess: 0,
            last: if account { now } else { 0 },
            held: u32::from(!account),
            newer: NONE,
            older: NONE,
        };
        let number = match self.free.pop() {
            Some(number) => number,
            None => self.nodes.len(),
        };
        match self.nodes.get_mut(number) {
            Some(place) => *place = node,
            None => self.nodes.push(node),
        }
        self.by_key.insert(key, number);
        self.link(number);
        if account { Look::Taken(0) } else { Look::Held }
    }

    /// Gives up one or two old entries that have no excess left; with `force` the oldest one in any case.
    fn expire(&mut self, rate: i64, now: u64, mut force: bool) {
        let most = if force { 3 } else { 2 };
        for _ in 0..most {
            let Some(node) = self.nodes.get(self.oldest) else {
                return;
            };
            if node.held > 0 {
                return;
            }
            if !std::mem::take(&mut force) {
                let ms = now.saturating_sub(node.last);
                let leaked = rate.saturating_mul(i64::try_from(ms).unwrap_or(i64::MAX)) / 1000;
                if ms < IDLE || node.excess > leaked {
                    return;
                }
            }
            self.remove(self.oldest);
        }
    }

    fn remove(&mut self, number: usize) {
        self.unlink(number);
        if let Some(node) = self.nodes.get_mut(number) {
            let key = std::mem::replace(&mut node.key, Arc::from(&[][..]));
            self.by_key.remove(&key);
            self.room += cost(OVERHEAD + key.len() as u64);
            self.free.push(number);
        }
    }

    fn link(&mut self, number: usize) {
        let second = std::mem::replace(&mut self.newest, number);
        if let Some(node) = self.nodes.get_mut(number) {
            (node.newer, node.older) = (NONE, second);
        }
        match self.nodes.get_mut(second) {
            Some(node) => node.newer = number,
            None => self.oldest = number,
        }
    }

    fn unlink(&mut self, number: usize) {
        let Some(node) = self.nodes.get(number) else {
            return;
        };
        let (newer, older) = (node.newer, node.older);
        match self.nodes.get_mut(newer) {
            Some(node) => node.older = older,
            None => self.newest = older,
        }
        match self.nodes.get_mut(older) {
            Some(node) => node.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        rate: 2000,
        burst: 2000,
        delay: 0,
    };

    #[test]
    fn excess_leaks_at_the_rate() {
        let state = State::new(1 << 20, String::new());
        let look = |now| state.look(b"k", TERMS, now, true);
        assert_eq!(look(100_000), Look::Taken(0));
        assert_eq!(look(100_000), Look::Taken(1000));
        assert_eq!(look(100_000), Look::Taken(2000));
        assert_eq!(look(100_000), Look::Busy(3000));
        assert_eq!(look(100_250), Look::Busy(2500));
        assert_eq!(look(100_500), Look::Taken(2000));
        assert_eq!(state.look(b"other", TERMS, 100_500, true), Look::Taken(0));
    }

    #[test]
    fn what_is_held_counts_when_it_is_accounted() {
        let state = State::new(32768, String::new());
        assert_eq!(state.look(b"k", TERMS, 100_000, false), Look::Held);
        assert_eq!(state.account(b"k", TERMS, 100_000), 0);
        assert_eq!(state.look(b"k", TERMS, 100_000, false), Look::Held);
        state.release(b"k");
        assert_eq!(state.look(b"k", TERMS, 100_000, true), Look::Taken(1000));
    }

    #[test]
    fn a_full_zone_gives_up_its_oldest_key() {
        let state = State::new(32768, String::new());
        let count = crate::http::zone::usable(32768) / cost(OVERHEAD + 2);
        for n in 0..count + 1 {
            let key = (n as u16).to_be_bytes();
            assert_eq!(state.look(&key, TERMS, 100_000, true), Look::Taken(0));
        }
        let shard = state.shards.of(b"");
        assert_eq!(shard.by_key.len() as u64, count);
        assert!(!shard.by_key.contains_key(&[0_u8, 0][..]));
        assert!(shard.by_key.contains_key(&[0_u8, 1][..]));
        drop(shard);
        assert_eq!(state.look(&[7; 40_000], TERMS, 100_000, true), Look::Full);
    }

    #[test]
    fn keys_that_are_idle_go_two_at_a_time() {
        let state = State::new(32768, String::new());
        for key in [b"a", b"b", b"c"] {
            state.look(key, TERMS, 100_000, true);
        }
        state.look(b"new", TERMS, 160_000, true);
        let shard = state.shards.of(b"");
        assert_eq!(shard.by_key.len(), 2);
        assert!(shard.by_key.contains_key(&b"c"[..]));
    }
}
