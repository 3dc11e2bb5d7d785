//! Why servers of a group are not asked: looked up when none is left.

use super::conf::Group;
use super::kind::Kind;
use super::peers::{Health, List, Peer, Peers};
use crate::net::resolver::ResolveError;
use bytes::Bytes;
use std::fmt;

/// A server that is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its address.
    pub peer: Bytes,
    /// Why.
    pub why: Why,
}

/// Why a server is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is marked `down`.
    Down,
    /// It has this many connections, all that `max_conns` allows.
    Full(i64),
    /// It failed too often.
    Failed {
        /// How, the last time.
        how: Option<Kind>,
        /// How long ago that was, in seconds.
        ago: i64,
        /// After how many seconds it is tried again.
        again: i64,
    },
    /// This request has asked it already.
    Tried,
    /// Its name has no address, and why.
    Unresolved(Option<ResolveError>),
}

/// What holds for each server of a group now. `now` is in seconds.
pub fn left_out(group: &Group, now: i64) -> Vec<LeftOut> {
    let mut all = of_peers(&group.peers(), now);
    let names = group.live().map(|live| live.without_address());
    all.extend(names.into_iter().flatten().map(|(named, why)| LeftOut {
        peer: named.like.server.clone(),
        why: Why::Unresolved(why),
    }));
    all
}

fn of_peers(peers: &Peers, now: i64) -> Vec<LeftOut> {
    let mut all = Vec::new();
    for list in std::iter::once(&peers.main).chain(&peers.backup) {
        add(list, now, &mut all);
    }
    all
}

fn add(list: &List, now: i64, all: &mut Vec<LeftOut>) {
    let health = list.health();
    for (peer, health) in list.peers.iter().zip(health.iter()) {
        all.push(LeftOut {
            peer: peer.name.clone(),
            why: why(peer, health, now),
        });
    }
}

fn why(peer: &Peer, health: &Health, now: i64) -> Why {
    let since = now.saturating_sub(health.checked);
    if peer.down {
        Why::Down
    } else if peer.max_fails > 0 && health.fails >= peer.max_fails && since <= peer.fail_timeout {
        Why::Failed {
            how: health.failed_by,
            ago: now.saturating_sub(health.accessed),
            again: peer.fail_timeout.saturating_sub(since).saturating_add(1),
        }
    } else if peer.max_conns > 0 && health.conns >= peer.max_conns {
        Why::Full(peer.max_conns)
    } else {
        Why::Tried
    }
}

/// `127.0.0.1:3000 failed 2s ago (connection_refused) and is tried again in 8s`
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", String::from_utf8_lossy(&self.peer))?;
        match self.why {
            Why::Down => f.write_str("is marked down"),
            Why::Full(most) => write!(f, "has {most} connections (max_conns={most})"),
            Why::Tried => f.write_str("was tried for this request"),
            Why::Unresolved(Some(why)) => write!(f, "could not be resolved ({why})"),
            Why::Unresolved(None) => f.write_str("is not resolved yet"),
            Why::Failed { how, ago, again } => {
                write!(f, "failed {ago}s ago")?;
                if let Some(how) = how {
                    write!(f, " ({})", how.name())?;
                }
                write!(f, " and is tried again in {again}s")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::address::Addr;

    #[test]
    fn each_reason_is_told() {
        let peer = |name: &'static str| Peer {
            addr: Addr::Unix(name.into()),
            name: Bytes::from_static(name.as_bytes()),
            server: Bytes::new(),
            weight: 1,
            max_fails: 1,
            fail_timeout: 10,
            max_conns: 2,
            down: name == "d",
        };
        let peers = Peers::new(vec![peer("a"), peer("b"), peer("c"), peer("d")], vec![]);
        {
            let mut health = peers.main.health();
            health[0].fails = 1;
            health[0].checked = 98;
            health[0].accessed = 98;
            health[0].failed_by = Some(Kind::Refused);
            health[1].conns = 2;
        }
        let shown: Vec<String> = of_peers(&peers, 100)
            .iter()
            .map(LeftOut::to_string)
            .collect();
        assert_eq!(
            shown,
            [
                "a failed 2s ago (connection_refused) and is tried again in 9s",
                "b has 2 connections (max_conns=2)",
                "c was tried for this request",
                "d is marked down",
            ]
        );
    }
}
