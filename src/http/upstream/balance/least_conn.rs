//! `least_conn`: the server with the fewest connections for its weight; among equals, round robin.

use super::{Balancer, Group, round_robin};
use crate::http::upstream::peers::Choice;
use std::cmp::Ordering;

/// The method.
pub struct LeastConn;

impl Balancer for LeastConn {
    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
        let load = |group: &Group<'_>, i: usize, j: usize| -> Option<Ordering> {
            let of = |i: usize, j: usize| -> Option<i64> {
                let weight = group.peers.get(j)?.weight;
                Some(group.health.get(i)?.conns.saturating_mul(weight))
            };
            Some(of(i, j)?.cmp(&of(j, i)?))
        };
        let (mut best, mut many) = (None, false);
        for i in (0..group.peers.len()).filter(|i| group.is_open(*i, choice)) {
            match best.map(|best| load(group, i, best)) {
                None | Some(Some(Ordering::Less)) => (best, many) = (Some(i), false),
                Some(Some(Ordering::Equal)) => many = true,
                _ => {}
            }
        }
        let first = best?;
        let mut best = first;
        if many {
            let equal = |i: &usize| {
                group.is_open(*i, choice) && load(group, *i, first) == Some(Ordering::Equal)
            };
            let candidates: Vec<usize> = (first..group.peers.len()).filter(equal).collect();
            best = round_robin::among(group, &candidates, first);
        }
        group.choose(best, choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::upstream::peers::{Peer, Peers};
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
            let mut group = Group {
                points: &Default::default(),
                peers: &group.main.peers,
                health: &mut health,
                now: 100,
            };
            LeastConn.pick(&mut group, &mut choice)
        };
        assert_eq!(pick([1, 1, 1]), Some(1));
        assert_eq!(pick([1, 3, 0]), Some(2));
        let turns = [pick([0; 3]), pick([0; 3]), pick([0; 3]), pick([0; 3])];
        assert_eq!(turns, [Some(1), Some(0), Some(2), Some(1)]);
    }
}
