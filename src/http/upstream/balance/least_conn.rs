//! `least_conn`: the server with the fewest connections for its weight; among equals, round robin.

use super::{Balancer, chosen, is_usable, round_robin};
use crate::http::upstream::peers::{Choice, Health, Peer};
use std::cmp::Ordering;

/// The method.
pub struct LeastConn;

impl Balancer for LeastConn {
    fn pick(
        &self,
        peers: &[Peer],
        health: &mut [Health],
        now: i64,
        choice: &mut Choice,
    ) -> Option<usize> {
        let usable = |i: usize, health: &[Health]| {
            let pair = peers.get(i).zip(health.get(i));
            !choice.was_tried(i) && pair.is_some_and(|(p, h)| is_usable(p, h, now))
        };
        let load = |i: usize, j: usize, health: &[Health]| -> Option<Ordering> {
            let left = health.get(i)?.conns.saturating_mul(peers.get(j)?.weight);
            let right = health.get(j)?.conns.saturating_mul(peers.get(i)?.weight);
            Some(left.cmp(&right))
        };
        let (mut best, mut many) = (None, false);
        for i in (0..peers.len()).filter(|i| usable(*i, health)) {
            match best.map(|best| load(i, best, health)) {
                None | Some(Some(Ordering::Less)) => (best, many) = (Some(i), false),
                Some(Some(Ordering::Equal)) => many = true,
                _ => {}
            }
        }
        let first = best?;
        let mut best = first;
        if many {
            let equal =
                |i: &usize| usable(*i, health) && load(*i, first, health) == Some(Ordering::Equal);
            let candidates: Vec<usize> = (first..peers.len()).filter(equal).collect();
            best = round_robin::among(peers, health, &candidates, first);
        }
        chosen(best, peers.get(best)?, health.get_mut(best)?, now, choice);
        Some(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::upstream::peers::Peers;
    use crate::net::address::Addr;
    use bytes::Bytes;

    #[test]
    fn fewest_connections_for_their_weight_win_and_equals_take_turns() {
        let peer = |weight| Peer {
            addr: Addr::Unix("x".into()),
            name: Bytes::new(),
            server: Bytes::new(),
            weight,
            max_fails: 1,
            fail_timeout: 10,
            max_conns: 0,
            down: false,
        };
        let group = Peers::new(vec![peer(1), peer(2), peer(1)], vec![]);
        let mut health = group.main.health();
        let mut pick = |conns: [i64; 3]| {
            for (h, n) in health.iter_mut().zip(conns) {
                h.conns = n;
            }
            let mut choice = Choice::new(group.clone());
            LeastConn.pick(&group.main.peers, &mut health, 100, &mut choice)
        };
        assert_eq!(pick([1, 1, 1]), Some(1));
        assert_eq!(pick([1, 3, 0]), Some(2));
        let turns = [pick([0; 3]), pick([0; 3]), pick([0; 3]), pick([0; 3])];
        assert_eq!(turns, [Some(1), Some(0), Some(2), Some(1)]);
    }
}
