//! What `limit_req` and `limit_conn` have in common: what becomes of a refused request, and counts by key that many
//! threads share.

use super::zone::usable;
use crate::config::tree::Node;
use crate::config::value::parse_number;
use crate::diagnostic::Diagnostic;
use crate::log::Level;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The words of `limit_*_log_level`.
pub const LEVEL_WORDS: &[&str] = &["info", "notice", "warn", "error"];
const LEVELS: [Level; 4] = [Level::Info, Level::Notice, Level::Warn, Level::Error];

/// What becomes of a refused request, as one block writes it.
#[derive(Clone, Default)]
pub struct RefusalRaw {
    /// The number of a word of [`LEVEL_WORDS`].
    pub log_level: Option<usize>,
    /// `limit_*_status`
    pub status: Option<u16>,
    /// `limit_*_dry_run`
    pub dry_run: Option<bool>,
}

/// The same in force.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The level of messages about it.
    pub log_level: Level,
    /// The status of the answer.
    pub status: u16,
    /// Whether it is only logged.
    pub dry_run: bool,
}

impl RefusalRaw {
    /// Takes from the block around what is not written.
    pub fn inherit(&mut self, parent: &Self) {
        self.log_level = self.log_level.or(parent.log_level);
        self.status = self.status.or(parent.status);
        self.dry_run = self.dry_run.or(parent.dry_run);
    }

    /// With nginx's defaults.
    pub fn build(&self) -> Refusal {
        let level = self.log_level.and_then(|i| LEVELS.get(i).copied());
        Refusal {
            log_level: level.unwrap_or(Level::Error),
            status: self.status.unwrap_or(503),
            dry_run: self.dry_run.unwrap_or(false),
        }
    }

    /// Reads `limit_*_status`.
    ///
    /// # Errors
    /// nginx's sentence if it is no number from 400 to 599.
    pub fn set_status(&mut self, node: &Node) -> Result<(), Diagnostic> {
        if self.status.is_some() {
            return Err(node.fault("is duplicate"));
        }
        let word = node.arg(0).unwrap_or(&node.name);
        let number = parse_number(&word.text).ok_or_else(|| node.fault("invalid number"))?;
        let status = u16::try_from(number).ok();
        let status = status.filter(|n| (400..=599).contains(n));
        let wrong = || node.error_at(word, "value must be between 400 and 599");
        self.status = Some(status.ok_or_else(wrong)?);
        Ok(())
    }
}

/// Pieces of a zone with locks of their own, so that threads seldom wait for each other.
pub struct Shards<T> {
    shards: Vec<Mutex<T>>,
    hasher: foldhash::quality::RandomState,
}

/// Zones of at least this size, in bytes, have several shards.
const LARGE: u64 = 1 << 20;
const SHARDS: u64 = 16;

impl<T> Shards<T> {
    /// Of a zone of this size in bytes. Each shard is told how many bytes of it are its own.
    pub fn new(size: u64, shard: impl Fn(u64) -> T) -> Self {
        let count = if size >= LARGE { SHARDS } else { 1 };
        let room = usable(size) / count;
        Shards {
            shards: (0..count).map(|_| Mutex::new(shard(room))).collect(),
            hasher: foldhash::quality::RandomState::default(),
        }
    }

    /// The shard that a key belongs to.
    pub fn of(&self, key: &[u8]) -> MutexGuard<'_, T> {
        let number = self.hasher.hash_one(key) as usize % self.shards.len().max(1);
        #[allow(
            clippy::indexing_slicing,
            reason = "the number is below their count, and there is at least one"
        )]
        let shard = &self.shards[number];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_shard() {
        let shards = Shards::new(LARGE, |room| (room, 0));
        assert_eq!(shards.shards.len(), 16);
        for key in [b"a", b"b", b"c"] {
            shards.of(key).1 += 1;
            assert!(shards.of(key).1 > 0);
        }
        assert_eq!(shards.of(b"a").0, usable(LARGE) / 16);
        assert_eq!(Shards::new(LARGE - 1, |_| ()).shards.len(), 1);
    }
}
