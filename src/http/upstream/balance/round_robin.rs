//! Smooth weighted round robin: nginx's default method. Each look adds a peer's weight to its score; the highest
//! score wins and pays the sum of all weights.

use super::{Balancer, Group};
use crate::http::upstream::peers::{Choice, Health, Peer};

/// The method.
pub struct RoundRobin;

impl Balancer for RoundRobin {
    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
        pick(group, choice)
    }
}

/// The same, for methods that fall back to it.
pub fn pick(group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
    pick_of(group, choice, |_| true)
}

/// The same among those peers that are meant.
pub fn pick_of(
    group: &mut Group<'_>,
    choice: &mut Choice,
    meant: impl Fn(&Peer) -> bool,
) -> Option<usize> {
    let mut total = 0i64;
    let mut best: Option<(usize, i64)> = None;
    for (i, peer) in group.peers.iter().enumerate() {
        if !meant(peer) || !group.is_open(i, choice) {
            continue;
        }
        let own = group.health.get_mut(i)?;
        let score = raise(peer, own, &mut total);
        if best.is_none_or(|(_, weight)| score > weight) {
            best = Some((i, score));
        }
    }
    let (index, _) = best?;
    pay(group, index, total);
    group.choose(index, choice)
}

/// Whose turn it is among those of which another method thinks alike; `first` is the first of them. One alone pays
/// nothing.
pub fn among(group: &mut Group<'_>, equal: &[usize], first: usize) -> usize {
    if equal.len() < 2 {
        return first;
    }
    let (mut best, mut total) = (first, 0i64);
    for &i in equal {
        let (Some(peer), Some(own)) = (group.peers.get(i), group.health.get_mut(i)) else {
            continue;
        };
        let score = raise(peer, own, &mut total);
        let highest = group.health.get(best);
        if highest.is_some_and(|best| score > best.current_weight) {
            best = i;
        }
    }
    pay(group, best, total);
    best
}

/// Adds a peer's weight to its score, which it returns, and to the sum. A weight that failures have lowered recovers.
fn raise(peer: &Peer, own: &mut Health, total: &mut i64) -> i64 {
    own.current_weight = own.current_weight.saturating_add(own.effective_weight);
    *total = total.saturating_add(own.effective_weight);
    if own.effective_weight < peer.weight {
        own.effective_weight += 1;
    }
    own.current_weight
}

fn pay(group: &mut Group<'_>, index: usize, total: i64) {
    if let Some(own) = group.health.get_mut(index) {
        own.current_weight = own.current_weight.saturating_sub(total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::upstream::peers::Peers;
    use crate::net::address::Addr;
    use bytes::Bytes;

    fn peers(weights: &[i64]) -> Vec<Peer> {
        let peer = |(i, weight): (usize, &i64)| Peer {
            addr: Addr::Unix(format!("{i}").into()),
            name: Bytes::from(format!("{i}")),
            server: Bytes::from(format!("{i}")),
            weight: *weight,
            max_fails: 1,
            fail_timeout: 10,
            max_conns: 0,
            down: false,
        };
        weights.iter().enumerate().map(peer).collect()
    }

    fn next(peers: &[Peer], health: &mut [Health], now: i64, choice: &mut Choice) -> Option<usize> {
        let points = &Default::default();
        pick(
            &mut Group {
                peers,
                points,
                health,
                now,
            },
            choice,
        )
    }

    fn run(weights: &[i64], requests: usize) -> String {
        let group = Peers::new(peers(weights), vec![]);
        let mut health = group.main.health();
        let one = |_| {
            let mut choice = Choice::new(group.clone());
            next(&group.main.peers, &mut health, 100, &mut choice)
                .unwrap()
                .to_string()
        };
        (0..requests).map(one).collect()
    }

    #[test]
    fn weights_are_spread_smoothly() {
        assert_eq!(run(&[1, 1, 1], 6), "012012");
        assert_eq!(run(&[5, 1, 1], 7), "0010200");
        assert_eq!(run(&[2, 1], 6), "010010");
    }

    #[test]
    fn what_was_tried_or_has_failed_is_left_out() {
        let group = Peers::new(peers(&[1, 1, 1]), vec![]);
        let mut choice = Choice::new(group.clone());
        assert_eq!(choice.tries, 3);
        let mut health = group.main.health();
        health[1].fails = 1;
        health[1].checked = 95;
        let mut again = || next(&group.main.peers, &mut health, 100, &mut choice);
        assert_eq!((again(), again(), again()), (Some(0), Some(2), None));
        let mut fresh = Choice::new(group.clone());
        assert!((0..3).any(|_| next(&group.main.peers, &mut health, 106, &mut fresh) == Some(1)));
        assert_eq!(health[1].checked, 106);
    }
}
