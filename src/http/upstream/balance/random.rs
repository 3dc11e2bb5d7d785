//! `random`: any server, by weight; `random two`: of two such servers the one with fewer connections.

use super::{Balancer, MOST_MISSES, by_weight, chosen, is_usable, round_robin};
use crate::http::upstream::peers::{Choice, Health, Peer};
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// The method.
pub struct Random {
    /// Whether two are looked at.
    pub two: bool,
}

impl Balancer for Random {
    fn pick(
        &self,
        peers: &[Peer],
        health: &mut [Health],
        now: i64,
        choice: &mut Choice,
    ) -> Option<usize> {
        if peers.len() < 2 {
            return round_robin::pick(peers, health, now, choice);
        }
        let mut first: Option<usize> = None;
        while choice.memory.misses <= MOST_MISSES {
            let mut index = by_weight(peers, next())?;
            let usable = is_usable(peers.get(index)?, health.get(index)?, now);
            if first == Some(index) || choice.was_tried(index) || !usable {
                choice.memory.misses += 1;
                continue;
            }
            if self.two && first.is_none() {
                first = Some(index);
                continue;
            }
            if let Some(other) = first {
                let load = |i: usize, j: usize| -> Option<i64> {
                    Some(health.get(i)?.conns.saturating_mul(peers.get(j)?.weight))
                };
                if load(index, other)? > load(other, index)? {
                    index = other;
                }
            }
            chosen(
                index,
                peers.get(index)?,
                health.get_mut(index)?,
                now,
                choice,
            );
            return Some(index);
        }
        round_robin::pick(peers, health, now, choice)
    }
}

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0u8));
}

/// Numbers that spread well (splitmix64); they need not be hard to guess.
fn next() -> u64 {
    STATE.with(|state| {
        let n = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(n);
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    })
}
