//! Sessions that the server keeps, so that clients can take them up again: bounded in size and time, one cache for all
//! threads.

use rustls::server::StoresServerSessions;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tells apart what must not be taken up from each other: a session belongs to the certificates and authorities that it
/// was made with (nginx: session id context).
pub type Context = [u8; 32];

/// What a cache may hold.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// So many bytes.
    Bytes(usize),
    /// So many sessions.
    Sessions(usize),
}

/// A cache of sessions.
pub struct Cache {
    limit: Limit,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    sessions: HashMap<Box<[u8]>, Session, foldhash::fast::RandomState>,
    /// The keys in the order in which they came; those that are gone since may still be named.
    order: VecDeque<(u64, Box<[u8]>)>,
    next: u64,
    bytes: usize,
}

struct Session {
    value: Vec<u8>,
    until: Instant,
    number: u64,
}

/// What a session costs besides its key, which is kept twice, and its value.
const OVERHEAD: usize = 96;

impl Session {
    fn cost(&self, key: &[u8]) -> usize {
        self.value.len() + 2 * key.len() + OVERHEAD
    }
}

impl Cache {
    /// An empty one.
    pub fn new(limit: Limit) -> Self {
        Cache {
            limit,
            kept: Mutex::default(),
        }
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.kept().sessions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: Box<[u8]>, value: Vec<u8>, time: Duration) -> bool {
        let now = Instant::now();
        let Some(until) = now.checked_add(time) else {
            return false;
        };
        let mut kept = self.kept();
        kept.remove(&key);
        let number = kept.next;
        kept.next = kept.next.wrapping_add(1);
        let session = Session {
            value,
            until,
            number,
        };
        let cost = session.cost(&key);
        let (bytes, sessions) = match self.limit {
            Limit::Bytes(bytes) => (bytes, usize::MAX),
            Limit::Sessions(sessions) => (usize::MAX, sessions),
        };
        if cost > bytes || sessions == 0 {
            return false;
        }
        kept.expire(now);
        while kept.bytes.saturating_add(cost) > bytes || kept.sessions.len() >= sessions {
            if !kept.forget_oldest() {
                break;
            }
        }
        kept.bytes = kept.bytes.saturating_add(cost);
        kept.order.push_back((number, key.clone()));
        kept.sessions.insert(key, session);
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let kept = self.kept();
        let session = kept.sessions.get(key)?;
        (session.until > Instant::now()).then(|| session.value.clone())
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let session = self.kept().remove(key)?;
        (session.until > Instant::now()).then_some(session.value)
    }
}

impl Kept {
    fn remove(&mut self, key: &[u8]) -> Option<Session> {
        let session = self.sessions.remove(key)?;
        self.bytes = self.bytes.saturating_sub(session.cost(key));
        Some(session)
    }

    /// Forgets some of the oldest that are over: as many as are sure to come in.
    fn expire(&mut self, now: Instant) {
        for _ in 0..3 {
            let Some((number, key)) = self.order.front() else {
                return;
            };
            let there = self.sessions.get(key).filter(|s| s.number == *number);
            if there.is_some_and(|session| session.until > now) {
                return;
            }
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some((number, key)) = self.order.pop_front() else {
            return false;
        };
        if self.sessions.get(&key).is_some_and(|s| s.number == number) {
            self.remove(&key);
        }
        true
    }
}

/// The way of one configuration to a cache.
pub struct Sessions {
    /// None: nothing is kept.
    pub cache: Option<Arc<Cache>>,
    /// What they belong to.
    pub context: Context,
    /// How long they are kept.
    pub timeout: Duration,
}

impl Sessions {
    fn key(&self, id: &[u8]) -> Box<[u8]> {
        [&self.context[..16], id].concat().into()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, id: Vec<u8>, value: Vec<u8>) -> bool {
        let cache = self.cache.as_ref();
        cache.is_some_and(|cache| cache.put(self.key(&id), value, self.timeout))
    }

    fn get(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.cache.as_ref()?.get(&self.key(id))
    }

    fn take(&self, id: &[u8]) -> Option<Vec<u8>> {
        self.cache.as_ref()?.take(&self.key(id))
    }

    fn can_cache(&self) -> bool {
        self.cache.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(limit: Limit, timeout: u64) -> Sessions {
        Sessions {
            cache: Some(Arc::new(Cache::new(limit))),
            context: [1; 32],
            timeout: Duration::from_secs(timeout),
        }
    }

    #[test]
    fn the_oldest_make_room() {
        let few = sessions(Limit::Sessions(2), 9);
        for id in [1, 2, 3] {
            assert!(few.put(vec![id], vec![id]));
        }
        assert_eq!((few.get(&[1]), few.get(&[3])), (None, Some(vec![3])));
        let small = sessions(Limit::Bytes(1000), 9);
        for id in 0..100 {
            assert!(small.put(vec![id], vec![0; 100]));
        }
        assert!(small.cache.as_ref().unwrap().len() < 5);
        assert!(!small.put(vec![200], vec![0; 1000]), "too large for it");
    }

    #[test]
    fn what_is_taken_or_over_is_gone() {
        let cache = sessions(Limit::Sessions(10), 9);
        cache.put(vec![1], vec![5]);
        assert_eq!((cache.take(&[1]), cache.take(&[1])), (Some(vec![5]), None));
        let over = sessions(Limit::Sessions(10), 0);
        over.put(vec![1], vec![5]);
        assert_eq!(over.get(&[1]), None);
    }

    #[test]
    fn others_sessions_are_not_found() {
        let cache = sessions(Limit::Sessions(10), 9);
        cache.put(vec![1], vec![5]);
        let other = Sessions {
            cache: cache.cache.clone(),
            context: [2; 32],
            timeout: cache.timeout,
        };
        assert_eq!((other.get(&[1]), cache.get(&[1])), (None, Some(vec![5])));
    }
}
