//! `least_time`: the server that is likely to be done first, by how long it took to answer and how much it has to do;
//! among equals, round robin.

use super::{Balancer, Group, round_robin};
use crate::http::upstream::peers::{Choice, Health, Peer};
use crate::http::upstream::state::UpstreamState;

/// The method.
#[derive(Clone, Copy, Debug)]
pub struct LeastTime {
    /// Whether the time to the last byte counts, not that to the head.
    pub last_byte: bool,
    /// Whether requests that wait for their answer count as well.
    pub inflight: bool,
}

/// Servers that take longer are all equally bad: the number of their connections decides. Milliseconds.
const LONGEST: u64 = 5000;
/// Times that differ by less are the same. Milliseconds.
const STEP: u64 = 20;

/// What a server was found to need, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// To the head of an answer, on average.
    header: u64,
    /// To its last byte.
    response: u64,
    /// What requests that wait have waited, on average.
    inflight: u64,
    /// How many wait, and since when they were as many.
    waiting: u64,
    changed_ms: u64,
    /// What those that wait had waited by then, all together.
    waited: u64,
}

impl Times {
    /// A request begins.
    fn begin(&mut self, now_ms: u64) {
        let since = now_ms.saturating_sub(self.changed_ms);
        let more = since.saturating_mul(self.waiting);
        self.waited = self.waited.saturating_add(more);
        self.changed_ms = now_ms;
        self.waiting = self.waiting.saturating_add(1);
    }

    /// A request waits no more, after so many milliseconds.
    fn end_wait(&mut self, now_ms: u64, took_ms: u64) {
        if self.waiting <= 1 {
            self.waited = 0;
        } else {
            let since = now_ms.saturating_sub(self.changed_ms);
            let more = since.saturating_mul(self.waiting);
            self.waited = self.waited.saturating_add(more).saturating_sub(took_ms);
            self.changed_ms = now_ms;
        }
        self.waiting = self.waiting.saturating_sub(1);
    }

    fn look(&mut self, now_ms: u64) {
        if let Some(each) = self.waited.checked_div(self.waiting) {
            let time = each.saturating_add(now_ms.saturating_sub(self.changed_ms));
            average(&mut self.inflight, time);
        }
    }
}

/// A moving average over about twenty values.
fn average(average: &mut u64, value: u64) {
    *average = match *average {
        0 => value,
        old => {
            old.saturating_mul(19)
                .saturating_add(value)
                .saturating_add(10)
                / 20
        }
    };
}

impl LeastTime {
    /// Whether the time to the head is taken when the head comes: else at the end, when it is known to be a success.
    fn counts_header_early(self) -> bool {
        self.inflight && !self.last_byte
    }

    /// What a server would take for what it has to do and one request more.
    fn estimate(&self, peer: &Peer, health: &Health, now: i64) -> i64 {
        let times = &health.times;
        let mut time = match self.last_byte {
            true => times.response,
            false => times.header,
        };
        let idle = now.saturating_sub(health.checked);
        if idle > peer.fail_timeout {
            // A slow server that was left alone gets another chance.
            let halves = idle / peer.fail_timeout.saturating_add(1).max(1);
            time = u32::try_from(halves)
                .ok()
                .and_then(|n| time.checked_shr(n))
                .unwrap_or(0);
        }
        if times.waiting > 0 {
            time = time.max(times.inflight);
        }
        time = match time > LONGEST {
            true => LONGEST,
            false => time.saturating_add(STEP - time % STEP),
        };
        let time = i64::try_from(time).unwrap_or(i64::MAX);
        time.saturating_mul(health.conns.saturating_add(1))
    }
}

impl Balancer for LeastTime {
    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
        let now_ms = crate::clock::monotonic_ms();
        let mut best: Option<(usize, i64, i64)> = None;
        let mut candidates: Vec<(usize, i64, i64)> = Vec::with_capacity(group.peers.len());
        for i in 0..group.peers.len() {
            if !group.is_open(i, choice) {
                continue;
            }
            let (peer, own) = (group.peers.get(i)?, group.health.get_mut(i)?);
            own.times.look(now_ms);
            let this = (i, self.estimate(peer, own, group.now), peer.weight);
            candidates.push(this);
            if best.is_none_or(|best| is_less(this, best)) {
                best = Some(this);
            }
        }
        let first = best?;
        let equal = candidates.iter().filter(|c| !is_less(first, **c));
        let equal: Vec<usize> = equal.map(|(i, ..)| *i).collect();
        let best = round_robin::among(group, &equal, first.0);
        if self.inflight {
            group.health.get_mut(best)?.times.begin(now_ms);
        }
        group.choose(best, choice)
    }

    fn least_time(&self) -> Option<LeastTime> {
        Some(*self)
    }
}

/// What becomes of a request to a server, for the accounts of the server.
pub struct Watch {
    method: LeastTime,
    state: UpstreamState,
    /// Whether it counts among those that wait.
    waits: bool,
}

impl Watch {
    /// Of a request that begins. `alone`: its server was not chosen, for there is no other.
    pub fn new(method: LeastTime, state: UpstreamState, alone: bool) -> Self {
        Watch {
            method,
            state,
            waits: method.inflight && !alone,
        }
    }

    /// The head of the answer has come.
    pub fn on_header(&mut self, health: &mut Health) {
        let Some(ms) = self.state.header_ms.get() else {
            return;
        };
        if self.method.counts_header_early() {
            average(&mut health.times.header, ms);
            self.end_wait(health, ms);
        }
    }

    /// The server has done what it had to do, or failed.
    pub fn on_end(&mut self, health: &mut Health, fine: bool) {
        let state = &self.state;
        let took_ms = state.ended_at_ms().saturating_sub(state.started_ms);
        let header_ms = state.header_ms.get();
        self.end_wait(health, took_ms);
        // Only successes count: a server that fails at once is not fast.
        if let Some(header_ms) = header_ms.filter(|_| fine) {
            average(&mut health.times.response, took_ms);
            if !self.method.counts_header_early() {
                average(&mut health.times.header, header_ms);
            }
        }
    }

    fn end_wait(&mut self, health: &mut Health, took_ms: u64) {
        if std::mem::take(&mut self.waits) {
            let now_ms = crate::clock::monotonic_ms();
            health.times.end_wait(now_ms, took_ms);
        }
    }
}

/// Estimates are compared in proportion to weights.
fn is_less(a: (usize, i64, i64), b: (usize, i64, i64)) -> bool {
    a.1.saturating_mul(b.2) < b.1.saturating_mul(a.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::upstream::peers::Peers;
    use crate::http::upstream::state::Attempt;
    use crate::net::address::Addr;
    use bytes::Bytes;
    use std::sync::Arc;

    fn group() -> Arc<Peers> {
        let peer = |name: &'static str| Peer {
            addr: Addr::Unix(name.into()),
            name: Bytes::new(),
            server: Bytes::new(),
            weight: 1,
            max_fails: 1,
            fail_timeout: 10,
            max_conns: 0,
            down: false,
        };
        Peers::new(vec![peer("a"), peer("b")], vec![])
    }

    fn pick(method: LeastTime, group: &Arc<Peers>, health: &mut [Health]) -> Option<usize> {
        let mut choice = Choice::new(Arc::clone(group));
        let mut group = Group {
            points: &Default::default(),
            peers: &group.main.peers,
            health,
            now: 5,
        };
        method.pick(&mut group, &mut choice)
    }

    const HEADER: LeastTime = LeastTime {
        last_byte: false,
        inflight: false,
    };

    #[test]
    fn the_fastest_wins_and_equals_take_turns() {
        let group = group();
        let mut health = group.main.health();
        let turns = [
            pick(HEADER, &group, &mut health),
            pick(HEADER, &group, &mut health),
        ];
        assert_eq!(turns, [Some(0), Some(1)]);
        health[0].times.header = 500;
        health[1].times.header = 50;
        assert_eq!(pick(HEADER, &group, &mut health), Some(1));
        // With twenty connections it would take longer than the slow one.
        health[1].conns = 20;
        assert_eq!(pick(HEADER, &group, &mut health), Some(0));
    }

    #[test]
    fn only_successes_count() {
        let group = group();
        let mut health = group.main.health();
        let state = Attempt::begin(Bytes::new(), "http://", Bytes::new(), None);
        state.header_ms.set(Some(100));
        state.response_ms.set(Some(300));
        let mut watch = Watch::new(HEADER, state, false);
        watch.on_end(&mut health[0], false);
        assert_eq!(health[0].times.header, 0);
        watch.on_end(&mut health[0], true);
        let times = &health[0].times;
        assert_eq!((times.header, times.response), (100, 300));
    }

    #[test]
    fn waiting_requests_count_where_they_should() {
        let method = LeastTime {
            last_byte: true,
            inflight: true,
        };
        let group = group();
        let mut health = group.main.health();
        assert_eq!(pick(method, &group, &mut health), Some(0));
        assert_eq!(health[0].times.waiting, 1);
        let state = Attempt::begin(Bytes::new(), "http://", Bytes::new(), None);
        let mut watch = Watch::new(method, state, false);
        watch.on_header(&mut health[0]);
        assert_eq!(health[0].times.waiting, 1);
        watch.on_end(&mut health[0], true);
        assert_eq!(health[0].times.waiting, 0);
    }

    #[test]
    fn averages_move_slowly() {
        let mut value = 0;
        average(&mut value, 100);
        average(&mut value, 300);
        assert_eq!(value, 110);
    }
}
