//! `ip_hash`: the same client gets the same server. Of an IPv4 address the first three numbers count.

use super::{Balancer, Group, MOST_MISSES, Memory, round_robin};
use crate::http::request::Request;
use crate::http::upstream::peers::Choice;
use std::net::IpAddr;

/// The method.
pub struct IpHash;

impl Balancer for IpHash {
    fn prepare(&self, req: &Request, memory: &mut Memory) {
        if memory.key.is_some() {
            return;
        }
        memory.hash = 89;
        memory.key = Some(match req.remote.ip() {
            Some(IpAddr::V4(ip)) => ip.octets().iter().take(3).copied().collect(),
            Some(IpAddr::V6(ip)) => ip.octets().to_vec(),
            None => vec![0; 3],
        });
    }

    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
        if group.peers.len() < 2 {
            return round_robin::pick(group, choice);
        }
        let mut hash = choice.memory.hash;
        while choice.memory.misses <= MOST_MISSES {
            for byte in choice.memory.key.iter().flatten() {
                hash = (hash * 113 + u32::from(*byte)) % 6271;
            }
            let index = group.by_weight(u64::from(hash))?;
            if group.is_open(index, choice) {
                choice.memory.hash = hash;
                return group.choose(index, choice);
            }
            choice.memory.misses += 1;
        }
        round_robin::pick(group, choice)
    }
}
