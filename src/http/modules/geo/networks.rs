//! `geo` by networks: the smallest network around an address decides.

use super::intervals::Intervals;
use super::network;
use crate::config::tree::{Node, Word};
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::net::cidr::Cidr;
use bytes::Bytes;
use ipnet::{Ipv4Net, Ipv6Net};
use std::collections::BTreeMap;

/// Networks and their values, sorted by address and then from the widest to the narrowest.
#[derive(Default)]
pub(super) struct Networks {
    v4: BTreeMap<(u32, u8), Bytes>,
    v6: BTreeMap<(u128, u8), Bytes>,
    touched: bool,
}

impl Networks {
    /// Whether there has been no line.
    pub(super) fn is_untouched(&self) -> bool {
        !self.touched
    }

    /// `default value`, `delete network` or `network value`.
    pub(super) fn line(
        &mut self,
        b: &mut Builder,
        line: &Node,
        value: &Word,
        warnings: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        self.touched = true;
        match &line.name.text[..] {
            b"default" => {
                for net in [Cidr::V4(Ipv4Net::default()), Cidr::V6(Ipv6Net::default())] {
                    self.add(net, &line.name, value, warnings);
                }
            }
            b"delete" => {
                let removed = match network(b, line, value)? {
                    Cidr::V4(net) => self.v4.remove(&key4(net)),
                    Cidr::V6(net) => self.v6.remove(&key6(net)),
                };
                if removed.is_none() {
                    warnings.push(format!("no network \"{}\" to delete", value.str()));
                }
            }
            _ => {
                let net = network(b, line, &line.name)?;
                self.add(net, &line.name, value, warnings);
            }
        }
        Ok(())
    }

    fn add(&mut self, net: Cidr, name: &Word, value: &Word, warnings: &mut Vec<String>) {
        let text = value.text.clone();
        let old = match net {
            Cidr::V4(net) => self.v4.insert(key4(net), text),
            Cidr::V6(net) => self.v6.insert(key6(net), text),
        };
        if let Some(old) = old {
            warnings.push(format!(
                "duplicate network \"{}\", value: \"{}\", old value: \"{}\"",
                name.str(),
                value.str(),
                String::from_utf8_lossy(&old)
            ));
        }
    }

    /// IPv4 and IPv6.
    pub(super) fn finish(self) -> (Intervals, Intervals) {
        let v4 = self.v4.into_iter().map(|((start, prefix), value)| {
            let start = u128::from(start);
            (start, last(start, 32, prefix), value)
        });
        let v6 = self
            .v6
            .into_iter()
            .map(|((start, prefix), value)| (start, last(start, 128, prefix), value));
        (flatten(v4), flatten(v6))
    }
}

fn key4(net: Ipv4Net) -> (u32, u8) {
    (net.network().into(), net.prefix_len())
}

fn key6(net: Ipv6Net) -> (u128, u8) {
    (net.network().into(), net.prefix_len())
}

/// The last address of a network, given the first.
fn last(start: u128, bits: u32, prefix: u8) -> u128 {
    let free = bits.saturating_sub(u32::from(prefix));
    start | 1u128.checked_shl(free).map_or(u128::MAX, |size| size - 1)
}

/// Turns nested networks, in the order of [`Networks`], into intervals side by side.
fn flatten(networks: impl Iterator<Item = (u128, u128, Bytes)>) -> Intervals {
    let mut flat = Intervals::default();
    let mut around: Vec<(u128, Bytes)> = Vec::new();
    for (start, end, value) in networks {
        while let Some((closed, _)) = around.pop_if(|(end, _)| *end < start) {
            leave(&mut flat, closed, &around);
        }
        flat.push(start, Some(value.clone()));
        around.push((end, value));
    }
    while let Some((closed, _)) = around.pop() {
        leave(&mut flat, closed, &around);
    }
    flat
}

/// Behind the end of a network the value of the one around it holds again.
fn leave(flat: &mut Intervals, end: u128, around: &[(u128, Bytes)]) {
    if let Some(next) = end.checked_add(1) {
        flat.push(next, around.last().map(|(_, value)| value.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_smallest_network_wins(
            nets in proptest::collection::btree_map((0u128..256, 120u8..=128), 0u32..9, 0..12),
            address in 0u128..260,
        ) {
            // Eight bits are enough to nest and to touch.
            let nets: BTreeMap<(u128, u8), u32> = nets
                .into_iter()
                .map(|((address, prefix), value)| ((address >> (128 - prefix) << (128 - prefix), prefix), value))
                .collect();
            let flat = flatten(nets.iter().map(|((start, prefix), value)| {
                (*start, last(*start, 128, *prefix), Bytes::from(value.to_string()))
            }));
            let want = nets
                .iter()
                .filter(|((start, prefix), _)| (*start..=last(*start, 128, *prefix)).contains(&address))
                .max_by_key(|((_, prefix), _)| *prefix)
                .map(|(_, value)| Bytes::from(value.to_string()));
            prop_assert_eq!(flat.get(address), want.as_ref());
        }
    }
}
