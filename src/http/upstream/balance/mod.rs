//! How a peer is chosen among the servers of a group.

pub mod round_robin;

use super::peers::{Choice, Health, Peer};
use crate::http::request::Request;

/// A method of choosing.
pub trait Balancer: Send + Sync {
    /// The number of the peer to try next, which the choice then knows as tried. `now` is in seconds.
    fn pick(
        &self,
        peers: &[Peer],
        health: &mut [Health],
        now: i64,
        choice: &mut Choice,
        req: &Request,
    ) -> Option<usize>;
}

/// What a method remembers of a request between its tries.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The hash that has come so far, once there is one.
    pub hash: Option<u32>,
    /// How often it was hashed anew.
    pub rehash: u32,
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
