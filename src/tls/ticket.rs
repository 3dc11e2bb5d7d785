//! Tickets: sessions that clients keep, encrypted (RFC 5077, RFC 8446 section 4.6.1).

use super::session::Context;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use aws_lc_rs::rand;
use rustls::server::ProducesTickets;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// The keys that tickets are encrypted with. The first encrypts, all decrypt.
pub struct Keys {
    ring: RwLock<Ring>,
    /// How long a key that was made here encrypts; none for those from files.
    lasts: Option<Duration>,
}

struct Ring {
    keys: Vec<Key>,
    since: Instant,
}

struct Key {
    name: [u8; NAME],
    key: RandomizedNonceKey,
}

const NAME: usize = 16;
const NONCE: usize = 12;
/// When the ticket was made, in seconds of Unix time.
const TIME: usize = 8;

impl Keys {
    /// Keys from the contents of files of 48 or 80 bytes.
    pub fn from_files(files: &[Vec<u8>]) -> Option<Keys> {
        let keys: Option<Vec<Key>> = files.iter().map(|file| Key::from_file(file)).collect();
        Some(Keys {
            ring: RwLock::new(Ring {
                keys: keys?,
                since: Instant::now(),
            }),
            lasts: None,
        })
    }

    /// A key that is made here, and another one after the time; the one before still decrypts.
    pub fn rotating(lasts: Duration) -> Keys {
        Keys {
            ring: RwLock::new(Ring {
                keys: Key::random().into_iter().collect(),
                since: Instant::now(),
            }),
            lasts: Some(lasts.max(Duration::from_secs(1))),
        }
    }

    fn rotate(&self) {
        let due = |since: Instant, lasts: Duration| since.elapsed() >= lasts;
        let read = |ring: &RwLock<Ring>| ring.read().unwrap_or_else(PoisonError::into_inner).since;
        let Some(lasts) = self.lasts.filter(|lasts| due(read(&self.ring), *lasts)) else {
            return;
        };
        let Some(new) = Key::random() else {
            return;
        };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if !due(ring.since, lasts) {
            return;
        }
        // What was made with the key before the last is over.
        let stale = due(ring.since, lasts.saturating_mul(2));
        ring.keys.truncate(if stale { 0 } else { 1 });
        ring.keys.insert(0, new);
        ring.since = Instant::now();
    }
}

impl Key {
    fn random() -> Option<Key> {
        let (mut name, mut key) = ([0; NAME], [0; 32]);
        rand::fill(&mut name).ok()?;
        rand::fill(&mut key).ok()?;
        Key::new(name, &key)
    }

    /// The name is nginx's: the first bytes of the file. All of the file makes the key.
    fn from_file(file: &[u8]) -> Option<Key> {
        let name = file.first_chunk::<NAME>()?;
        Key::new(*name, digest::digest(&digest::SHA256, file).as_ref())
    }

    fn new(name: [u8; NAME], key: &[u8]) -> Option<Key> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
        Some(Key { name, key })
    }
}

/// The tickets of one configuration.
pub struct Tickets {
    /// None: there are no tickets.
    pub keys: Option<Arc<Keys>>,
    /// What they belong to.
    pub context: Context,
    /// How long they can be used.
    pub timeout: Duration,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").finish_non_exhaustive()
    }
}

fn now() -> u64 {
    crate::clock::unix_time().as_secs()
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.keys.is_some()
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.timeout.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys.as_ref()?;
        keys.rotate();
        let ring = keys.ring.read().unwrap_or_else(PoisonError::into_inner);
        let key = ring.keys.first()?;
        let mut sealed = Vec::with_capacity(plain.len() + TIME + 16);
        sealed.extend_from_slice(&now().to_be_bytes());
        sealed.extend_from_slice(plain);
        let aad = Aad::from(self.context);
        let nonce = key.key.seal_in_place_append_tag(aad, &mut sealed).ok()?;
        let mut ticket = Vec::with_capacity(NAME + NONCE + sealed.len());
        ticket.extend_from_slice(&key.name);
        ticket.extend_from_slice(nonce.as_ref());
        ticket.extend_from_slice(&sealed);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys.as_ref()?;
        let (name, rest) = ticket.split_at_checked(NAME)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        let ring = keys.ring.read().unwrap_or_else(PoisonError::into_inner);
        let key = ring.keys.iter().find(|key| key.name == name)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut sealed = sealed.to_vec();
        let aad = Aad::from(self.context);
        let plain = key.key.open_in_place(nonce, aad, &mut sealed).ok()?;
        let (time, session) = plain.split_first_chunk::<TIME>()?;
        let age = now().checked_sub(u64::from_be_bytes(*time))?;
        (age < self.timeout.as_secs()).then(|| session.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(keys: Keys, context: u8) -> Tickets {
        Tickets {
            keys: Some(Arc::new(keys)),
            context: [context; 32],
            timeout: Duration::from_secs(300),
        }
    }

    #[test]
    fn tickets_are_taken_with_the_same_keys_and_context_only() {
        let files = [vec![1; 48], vec![2; 80]];
        let one = tickets(Keys::from_files(&files).unwrap(), 0);
        let ticket = one.encrypt(b"session").unwrap();
        assert_eq!(one.decrypt(&ticket).unwrap(), b"session");
        let [first, second] = files;
        let rotated = tickets(
            Keys::from_files(&[second.clone(), first.clone()]).unwrap(),
            0,
        );
        assert_eq!(rotated.decrypt(&ticket).unwrap(), b"session");
        let without = tickets(Keys::from_files(&[second]).unwrap(), 0);
        assert_eq!(without.decrypt(&ticket), None);
        let other = tickets(Keys::from_files(&[first]).unwrap(), 1);
        assert_eq!(other.decrypt(&ticket), None);
        assert_eq!(one.decrypt(b"short"), None);
        let mut changed = ticket;
        changed[40] ^= 1;
        assert_eq!(one.decrypt(&changed), None);
    }

    #[test]
    fn a_key_decrypts_after_it_was_replaced() {
        let mut keys = Keys::rotating(Duration::from_secs(60));
        keys.lasts = Some(Duration::ZERO);
        let tickets = tickets(keys, 0);
        let ticket = tickets.encrypt(b"a").unwrap();
        let keys = tickets.keys.as_ref().unwrap();
        let names = || keys.ring.read().unwrap().keys.len();
        assert!(names() >= 1);
        keys.ring.write().unwrap().since = Instant::now();
        assert!(tickets.decrypt(&ticket).is_some());
    }
}
