//! `geo` by ranges of IPv4 addresses. As in nginx they are cut at multiples of 65536, and what may overlap is decided
//! piece by piece: a piece may lie inside another one, but not across its edge.

use super::intervals::Intervals;
use crate::config::tree::Word;
use crate::diagnostic::Diagnostic;
use crate::net::cidr::parse_ip;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// The ranges by their upper 16 bits.
#[derive(Default)]
pub(super) struct Ranges {
    blocks: BTreeMap<u16, Vec<Range>>,
    default: Option<Bytes>,
}

/// A range of the lower 16 bits.
#[derive(Clone)]
struct Range {
    start: u16,
    end: u16,
    value: Bytes,
}

impl Ranges {
    /// `default value`, `delete range` or `range value`.
    pub(super) fn line(
        &mut self,
        name: &Word,
        value: &Word,
        warnings: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        match &name.text[..] {
            b"default" => {
                if let Some(old) = self.default.replace(value.text.clone()) {
                    warnings.push(format!(
                        "duplicate default geo range value: \"{}\", old value: \"{}\"",
                        value.str(),
                        String::from_utf8_lossy(&old)
                    ));
                }
                Ok(())
            }
            b"delete" => {
                let (start, end) = parse(value)?;
                if !self.delete(start, end) {
                    warnings.push(format!("no address range \"{}\" to delete", value.str()));
                }
                Ok(())
            }
            _ => {
                let (start, end) = parse(name)?;
                self.add(start, end, name, value, warnings)
            }
        }
    }

    fn add(
        &mut self,
        start: u32,
        end: u32,
        name: &Word,
        value: &Word,
        warnings: &mut Vec<String>,
    ) -> Result<(), Diagnostic> {
        for (high, start, end) in pieces(start, end) {
            let piece = Range {
                start,
                end,
                value: value.text.clone(),
            };
            let block = self.blocks.entry(high).or_default();
            match insert(block, piece) {
                Inserted::New => {}
                Inserted::Replaced(old) => warnings.push(format!(
                    "duplicate range \"{}\", value: \"{}\", old value: \"{}\"",
                    name.str(),
                    value.str(),
                    String::from_utf8_lossy(&old)
                )),
                Inserted::Overlap(start, end) => {
                    let (start, end) = (address(high, start), address(high, end));
                    let message = format!("range \"{}\" overlaps \"{start}-{end}\"", name.str());
                    return Err(Diagnostic::new(message).label(name.span, ""));
                }
            }
        }
        Ok(())
    }

    /// Removes the pieces of a range that are there as they are; whether all were.
    fn delete(&mut self, start: u32, end: u32) -> bool {
        let mut all = true;
        for (high, start, end) in pieces(start, end) {
            let block = self.blocks.entry(high).or_default();
            let before = block.len();
            block.retain(|range| range.start != start || range.end != end);
            all &= block.len() < before;
        }
        all
    }

    /// The ranges and the default.
    pub(super) fn finish(self) -> (Intervals, Bytes) {
        let mut flat = Intervals::default();
        for (high, block) in self.blocks {
            for range in block {
                let high = u128::from(high) << 16;
                flat.push(high | u128::from(range.start), Some(range.value));
                flat.push((high | u128::from(range.end)) + 1, None);
            }
        }
        (flat, self.default.unwrap_or_default())
    }
}

/// Reads `first-last`.
fn parse(word: &Word) -> Result<(u32, u32), Diagnostic> {
    let v4 = |text: &[u8]| match parse_ip(text) {
        Some(IpAddr::V4(ip)) => Some(u32::from(ip)),
        _ => None,
    };
    let dash = memchr::memchr(b'-', &word.text);
    let range = dash.and_then(|dash| {
        let start = v4(word.text.get(..dash)?)?;
        let end = v4(word.text.get(dash.saturating_add(1)..)?)?;
        (start <= end).then_some((start, end))
    });
    range.ok_or_else(|| {
        let message = format!("invalid range \"{}\"", word.str());
        Diagnostic::new(message).label(word.span, "as in 10.0.0.1-10.0.0.9")
    })
}

/// A range cut into pieces: upper bits, first and last lower bits.
fn pieces(start: u32, end: u32) -> impl Iterator<Item = (u16, u16, u16)> {
    let split = |address: u32| ((address >> 16) as u16, address as u16);
    let ((first, low), (last, high)) = (split(start), split(end));
    (first..=last).map(move |block| {
        let start = if block == first { low } else { 0 };
        let end = if block == last { high } else { u16::MAX };
        (block, start, end)
    })
}

enum Inserted {
    New,
    /// The same piece was there, with this value.
    Replaced(Bytes),
    /// It lies across the edge of this one.
    Overlap(u16, u16),
}

/// Puts a piece into its sorted block. One around it is cut in two.
fn insert(block: &mut Vec<Range>, piece: Range) -> Inserted {
    let behind = block.partition_point(|range| range.start <= piece.end);
    let Some((number, other)) = behind
        .checked_sub(1)
        .and_then(|n| Some((n, block.get_mut(n)?)))
    else {
        block.insert(0, piece);
        return Inserted::New;
    };
    if piece.start > other.end {
        block.insert(behind, piece);
        return Inserted::New;
    }
    if piece.start == other.start && piece.end == other.end {
        return Inserted::Replaced(std::mem::replace(&mut other.value, piece.value));
    }
    if piece.start < other.start || piece.end > other.end {
        return Inserted::Overlap(other.start, other.end);
    }
    let before = piece.start.checked_sub(1).map(|end| Range {
        end,
        ..other.clone()
    });
    let after = piece.end.checked_add(1).map(|start| Range {
        start,
        ..other.clone()
    });
    let parts = [before, Some(piece), after].into_iter().flatten();
    block.splice(number..=number, parts.filter(|part| part.start <= part.end));
    Inserted::New
}

fn address(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(start: u16, end: u16, value: &str) -> Range {
        Range {
            start,
            end,
            value: Bytes::from(value.to_owned()),
        }
    }

    #[test]
    fn ranges_are_cut_into_blocks() {
        let all: Vec<_> = pieces(0x0001_fffe, 0x0003_0001).collect();
        assert_eq!(all, [(1, 0xfffe, 0xffff), (2, 0, 0xffff), (3, 0, 1)]);
        assert_eq!(pieces(u32::MAX, u32::MAX).count(), 1);
    }

    proptest! {
        #[test]
        fn pieces_inside_others_win(list in proptest::collection::vec((0u16..20, 0u16..20), 0..8)) {
            let mut block = Vec::new();
            let mut want: [Option<usize>; 20] = [None; 20];
            for (number, (a, z)) in list.into_iter().enumerate() {
                let (start, end) = (a.min(z), a.max(z));
                if !matches!(insert(&mut block, range(start, end, &number.to_string())), Inserted::Overlap(..)) {
                    (start..=end).for_each(|i| want[usize::from(i)] = Some(number));
                }
            }
            let ranges = Ranges { blocks: BTreeMap::from([(0, block)]), default: None };
            let (flat, _) = ranges.finish();
            for (address, want) in want.iter().enumerate() {
                let want = want.map(|n| Bytes::from(n.to_string()));
                prop_assert_eq!(flat.get(address as u128), want.as_ref());
            }
        }
    }
}
