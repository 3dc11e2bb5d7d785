//! How a peer is chosen among the servers of a group.

pub mod directives;
pub mod hash;
pub mod ip_hash;
pub mod least_conn;
pub mod least_time;
pub mod random;
pub mod round_robin;

use super::peers::{Choice, Health, Peer};
use crate::http::request::Request;
use bytes::Bytes;
use std::sync::OnceLock;

/// A method of choosing.
pub trait Balancer: Send + Sync {
    /// Takes from the request what the method needs to know of it, before the first try.
    fn prepare(&self, _req: &Request, _memory: &mut Memory) {}

    /// The method, if how long answers take matters to it.
    fn least_time(&self) -> Option<least_time::LeastTime> {
        None
    }

    /// The number of the peer to try next, which the choice then knows as tried.
    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize>;
}

/// The peers of a group, as a method sees them while they are locked.
pub struct Group<'a> {
    /// The peers.
    pub peers: &'a [Peer],
    /// What `hash ... consistent` makes of them.
    pub points: &'a OnceLock<Vec<(u32, Bytes)>>,
    /// What is known of each.
    pub health: &'a mut [Health],
    /// The time, in seconds.
    pub now: i64,
}

impl Group<'_> {
    /// Whether a peer may be asked, and has not been asked in vain.
    fn is_open(&self, index: usize, choice: &Choice) -> bool {
        let pair = self.peers.get(index).zip(self.health.get(index));
        !choice.was_tried(index)
            && pair.is_some_and(|(peer, health)| is_usable(peer, health, self.now))
    }

    /// Takes note that a peer was chosen: after `fail_timeout` this is the one try that it gets.
    fn choose(&mut self, index: usize, choice: &mut Choice) -> Option<usize> {
        let (peer, health) = (self.peers.get(index)?, self.health.get_mut(index)?);
        choice.mark_tried(index);
        if self.now.saturating_sub(health.checked) > peer.fail_timeout {
            health.checked = self.now;
        }
        Some(index)
    }

    /// The peer that a number stands for when each has as many numbers as its weight.
    fn by_weight(&self, number: u64) -> Option<usize> {
        let total: i64 = self.peers.iter().map(|p| p.weight).sum();
        let mut left = number.checked_rem(u64::try_from(total).ok()?)?;
        self.peers.iter().position(|peer| {
            let weight = u64::try_from(peer.weight).unwrap_or(0);
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        })
    }
}

/// What a method remembers of a request between its tries.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What is hashed; none before the first try.
    pub key: Option<Vec<u8>>,
    /// The hash that has come so far.
    pub hash: u32,
    /// How often it was hashed.
    pub rounds: u32,
    /// How often a peer was looked at in vain.
    pub misses: u32,
}

/// After so many peers looked at in vain methods fall back to round robin.
pub const MOST_MISSES: u32 = 20;

/// Whether a peer may be asked at all: it is up, has not failed too often of late, and has a connection to spare.
pub fn is_usable(peer: &Peer, health: &Health, now: i64) -> bool {
    let failing = peer.max_fails > 0
        && health.fails >= peer.max_fails
        && now.saturating_sub(health.checked) <= peer.fail_timeout;
    let full = peer.max_conns > 0 && health.conns >= peer.max_conns;
    !(peer.down || failing || full)
}
