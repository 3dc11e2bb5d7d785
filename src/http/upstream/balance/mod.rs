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

/// A method of choosing.
pub trait Balancer: Send + Sync {
    /// Takes from the request what the method needs to know of it, before the first try.
    fn prepare(&self, _req: &Request, _memory: &mut Memory) {}

    /// The method, if how long answers take matters to it.
    fn least_time(&self) -> Option<least_time::LeastTime> {
        None
    }

    /// The number of the peer to try next, which the choice then knows as tried. `now` is in seconds. The peers are
    /// locked meanwhile.
    fn pick(
        &self,
        peers: &[Peer],
        health: &mut [Health],
        now: i64,
        choice: &mut Choice,
    ) -> Option<usize>;
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

/// The peer that a number stands for when each has as many numbers as its weight.
fn by_weight(peers: &[Peer], number: u64) -> Option<usize> {
    let total: i64 = peers.iter().map(|p| p.weight).sum();
    let mut left = number.checked_rem(u64::try_from(total).ok()?)?;
    peers.iter().position(|peer| {
        let weight = u64::try_from(peer.weight).unwrap_or(0);
        let here = left < weight;
        left = left.saturating_sub(weight);
        here
    })
}

/// Whether a peer may be asked at all: it is up, has not failed too often of late, and has a connection to spare.
pub fn is_usable(peer: &Peer, health: &Health, now: i64) -> bool {
    let failing = peer.max_fails > 0
        && health.fails >= peer.max_fails
        && now.saturating_sub(health.checked) <= peer.fail_timeout;
    let full = peer.max_conns > 0 && health.conns >= peer.max_conns;
    !(peer.down || failing || full)
}

/// Takes note that a peer was chosen: after `fail_timeout` this is the one try that it gets.
pub fn chosen(index: usize, peer: &Peer, health: &mut Health, now: i64, choice: &mut Choice) {
    choice.mark_tried(index);
    if now.saturating_sub(health.checked) > peer.fail_timeout {
        health.checked = now;
    }
}
