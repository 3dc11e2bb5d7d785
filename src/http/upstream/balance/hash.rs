//! `hash`: the same key gets the same server, as with Cache::Memcached; `hash ... consistent`: few keys move when the
//! servers change, as with Cache::Memcached::Fast (ketama).

use super::{Balancer, Group, MOST_MISSES, Memory, round_robin};
use crate::http::request::Request;
use crate::http::upstream::peers::{Choice, Peer};
use crate::http::value::Value;
use bytes::Bytes;

/// The plain method.
pub struct Hash {
    /// What is hashed.
    pub key: Value,
}

impl Balancer for Hash {
    fn prepare(&self, req: &Request, memory: &mut Memory) {
        keep_key(&self.key, req, memory);
    }

    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
        let empty = choice.memory.key.as_ref().is_none_or(Vec::is_empty);
        while !empty && group.peers.len() >= 2 && choice.memory.misses <= MOST_MISSES {
            let memory = &mut choice.memory;
            let mut text = Vec::with_capacity(64);
            if memory.rounds > 0 {
                text.extend_from_slice(memory.rounds.to_string().as_bytes());
            }
            text.extend(memory.key.iter().flatten());
            memory.hash = memory.hash.wrapping_add(crc32(&text) >> 16 & 0x7fff);
            memory.rounds += 1;
            let index = group.by_weight(u64::from(memory.hash))?;
            if group.is_open(index, choice) {
                return group.choose(index, choice);
            }
            choice.memory.misses += 1;
        }
        round_robin::pick(group, choice)
    }
}

/// The consistent method.
pub struct Consistent {
    /// What is hashed.
    pub key: Value,
}

impl Balancer for Consistent {
    fn prepare(&self, req: &Request, memory: &mut Memory) {
        keep_key(&self.key, req, memory);
    }

    fn pick(&self, group: &mut Group<'_>, choice: &mut Choice) -> Option<usize> {
        let points = group.points.get_or_init(|| points(group.peers));
        let empty = choice.memory.key.as_ref().is_none_or(Vec::is_empty);
        if choice.memory.rounds == 0 {
            let hash = crc32(choice.memory.key.as_deref().unwrap_or_default());
            choice.memory.hash = points.partition_point(|(point, _)| *point < hash) as u32;
            choice.memory.rounds = 1;
        }
        while !empty && choice.memory.misses <= MOST_MISSES {
            let at = (choice.memory.hash as usize).checked_rem(points.len())?;
            let (_, server) = points.get(at)?;
            // Among the addresses of one server, round robin.
            let index = round_robin::pick_of(group, choice, |peer| peer.server == *server);
            if index.is_some() {
                return index;
            }
            choice.memory.hash = choice.memory.hash.wrapping_add(1);
            choice.memory.misses += 1;
        }
        round_robin::pick(group, choice)
    }
}

fn keep_key(key: &Value, req: &Request, memory: &mut Memory) {
    let value = || key.eval(req).into_owned();
    memory.key.get_or_insert_with(value);
}

/// 160 points for each unit of weight: crc32(HOST \0 PORT PREVIOUS).
fn points(peers: &[Peer]) -> Vec<(u32, Bytes)> {
    let mut points = Vec::new();
    for peer in peers {
        let (host, port) = host_and_port(&peer.server);
        let mut text = host.to_vec();
        text.push(0);
        text.extend_from_slice(port);
        let fixed = text.len();
        let mut previous = 0u32;
        for _ in 0..peer.weight.saturating_mul(160) {
            text.truncate(fixed);
            text.extend_from_slice(&previous.to_le_bytes());
            previous = crc32(&text);
            points.push((previous, peer.server.clone()));
        }
    }
    points.sort_by_key(|(point, _)| *point);
    points.dedup_by_key(|(point, _)| *point);
    points
}

fn host_and_port(server: &[u8]) -> (&[u8], &[u8]) {
    if server
        .get(..5)
        .is_some_and(|s| s.eq_ignore_ascii_case(b"unix:"))
    {
        return (server.get(5..).unwrap_or_default(), b"");
    }
    match memchr::memrchr(b':', server) {
        Some(colon)
            if server
                .get(colon + 1..)
                .is_some_and(|p| p.iter().all(u8::is_ascii_digit)) =>
        {
            let port = server.get(colon + 1..).unwrap_or_default();
            (server.get(..colon).unwrap_or_default(), port)
        }
        _ => (server, b""),
    }
}

fn crc32(text: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(text);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_taken_apart_for_their_points() {
        for (server, host, port) in [
            ("127.0.0.1:8080", "127.0.0.1", "8080"),
            ("localhost", "localhost", ""),
            ("unix:/run/a.sock", "/run/a.sock", ""),
            ("[::1]:80", "[::1]", "80"),
        ] {
            let (h, p) = host_and_port(server.as_bytes());
            assert_eq!((h, p), (host.as_bytes(), port.as_bytes()), "{server}");
        }
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
