//! `random`: any server, by weight; `random two`: of two such servers the one with fewer connections.

use super::{Balancer, Group, MOST_MISSES, round_robin};
use crate::http::upstream::peers::Choice;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// The method.
pub struct Random {
    /// Whether two are looked at.
    pub two: bool,
}

impl Balancer for Random {
    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
        if group.peers.len() < 2 {
            return round_robin::pick(group, choice);
        }
        let mut first: Option<usize> = None;
        while choice.memory.misses <= MOST_MISSES {
            let mut index = group.by_weight(next())?;
            if first == Some(index) || !group.is_open(index, choice) {
                choice.memory.misses += 1;
                continue;
            }
            if self.two && first.is_none() {
                first = Some(index);
                continue;
            }
            if let Some(other) = first {
                let load = |i: usize, j: usize| -> Option<i64> {
                    let weight = group.peers.get(j)?.weight;
                    Some(group.health.get(i)?.conns.saturating_mul(weight))
                };
                if load(index, other)? > load(other, index)? {
                    index = other;
                }
            }
            return group.choose(index, choice);
        }
        round_robin::pick(group, choice)
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
