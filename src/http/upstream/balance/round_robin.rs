//! Smooth weighted round robin: nginx's default method. Each look adds a peer's weight to its score; the highest
//! score wins and pays the sum of all weights.

use super::{Balancer, chosen, is_usable};
use crate::http::upstream::peers::{Choice, Health, Peer};

/// The method.
pub struct RoundRobin;

impl Balancer for RoundRobin {
    fn pick(
        &self,
        peers: &[Peer],
        health: &mut [Health],
        now: i64,
        choice: &mut Choice,
    ) -> Option<usize> {
        pick(peers, health, now, choice)
    }
}

/// The same, for methods that fall back to it.
pub fn pick(peers: &[Peer], health: &mut [Health], now: i64, choice: &mut Choice) -> Option<usize> {
    let mut total = 0i64;
    let mut best: Option<(usize, i64)> = None;
    for (i, (peer, health)) in peers.iter().zip(health.iter_mut()).enumerate() {
        if choice.was_tried(i) || !is_usable(peer, health, now) {
            continue;
        }
        health.current_weight = health
            .current_weight
            .saturating_add(health.effective_weight);
        total = total.saturating_add(health.effective_weight);
        if health.effective_weight < peer.weight {
            health.effective_weight += 1;
        }
        if best.is_none_or(|(_, weight)| health.current_weight > weight) {
            best = Some((i, health.current_weight));
        }
    }
    let (index, _) = best?;
    let (peer, health) = (peers.get(index)?, health.get_mut(index)?);
    health.current_weight = health.current_weight.saturating_sub(total);
    chosen(index, peer, health, now, choice);
    Some(index)
}

/// Whose turn it is among those of which another method thinks alike; `first` is the first of them. One alone pays
/// nothing.
pub fn among(peers: &[Peer], health: &mut [Health], equal: &[usize], first: usize) -> usize {
    if equal.len() < 2 {
        return first;
    }
    let (mut best, mut total) = (first, 0i64);
    for &i in equal {
        let (Some(peer), Some(own)) = (peers.get(i), health.get_mut(i)) else {
            continue;
        };
        own.current_weight = own.current_weight.saturating_add(own.effective_weight);
        total = total.saturating_add(own.effective_weight);
        if own.effective_weight < peer.weight {
            own.effective_weight += 1;
        }
        let score = own.current_weight;
        if health.get(best).is_some_and(|h| score > h.current_weight) {
            best = i;
        }
    }
    if let Some(own) = health.get_mut(best) {
        own.current_weight = own.current_weight.saturating_sub(total);
    }
    best
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

    fn run(weights: &[i64], requests: usize) -> String {
        let group = Peers::new(peers(weights), vec![]);
        let mut health = group.main.health();
        let one = |_| {
            let mut choice = Choice::new(group.clone());
            pick(&group.main.peers, &mut health, 100, &mut choice)
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
        let mut next = || pick(&group.main.peers, &mut health, 100, &mut choice);
        assert_eq!((next(), next(), next()), (Some(0), Some(2), None));
        let mut fresh = Choice::new(group.clone());
        assert!((0..3).any(|_| pick(&group.main.peers, &mut health, 106, &mut fresh) == Some(1)));
        assert_eq!(health[1].checked, 106);
    }
}
