//! nginx's split_clients module: variables that are the same for the same client, in given shares.

use crate::config::directive::{Args, Directive};
use crate::config::table::entries;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::HTTP;
use crate::diagnostic::Diagnostic;
use crate::http::request::Request;
use crate::http::value::Value;
use crate::http::variable::Compute;
use bytes::Bytes;
use std::sync::Arc;

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::block("split_clients", HTTP, Args::Exactly(2), split_clients)
        .syntax("string $variable")
        .doc(
            "Makes a variable for A/B tests: each line has a share in percent, or `*` for the rest, and the value for \
             the clients that fall into it. What the string hashes to decides.",
        ),
];

/// A share that is the rest, in hundredths of a percent.
const WHOLE: u32 = 10_000;

/// A `split_clients` block.
#[derive(Default)]
struct Split {
    source: Value,
    /// The values, each with the hash from which on it is no longer meant; `None` for the rest.
    parts: Vec<(Option<u32>, Bytes)>,
}

impl Compute for Split {
    fn is_told(&self) -> bool {
        true
    }

    fn compute(&self, req: &Request, out: &mut Vec<u8>) -> bool {
        let hash = req.with_scratch(|req, text| {
            self.source.write(req, text);
            murmur2(text)
        });
        let part = self
            .parts
            .iter()
            .find(|(end, _)| end.is_none_or(|end| hash < end));
        if let Some((_, value)) = part {
            out.extend_from_slice(value);
        }
        true
    }
}

fn split_clients(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let [source, variable] = &*node.args else {
        return Ok(());
    };
    let source = Value::compile(b, source)?;
    let Some(name) = variable.text.strip_prefix(b"$") else {
        let message = format!("invalid variable name \"{}\"", variable.str());
        return Err(Diagnostic::new(message).label(variable.span, "it must begin with \"$\""));
    };
    let refused = |message: String| Diagnostic::new(message).label(variable.span, "");
    b.http.variables.check(name).map_err(refused)?;
    let mut shares = Vec::new();
    entries(b, node, |_, line| {
        shares.push(share(line)?);
        Ok(())
    });
    let parts = ends(shares)
        .ok_or_else(|| Diagnostic::new("percent total is greater than 100%").at(node.close))?;
    let split = Split { source, parts };
    b.http
        .variables
        .define(name, Arc::new(split))
        .map_err(refused)?;
    Ok(())
}

/// The share of a line in hundredths of a percent, none for the rest, and its value.
fn share(line: &Node) -> Result<(Option<u32>, Bytes), Diagnostic> {
    let share = &line.name;
    let percent = match &share.text[..] {
        b"*" => None,
        text => {
            let number = text.strip_suffix(b"%").and_then(hundredths);
            Some(number.filter(|n| *n > 0).ok_or_else(|| {
                let message = format!("invalid percent value \"{}\"", share.str());
                Diagnostic::new(message).label(share.span, "as in 12.5% or *")
            })?)
        }
    };
    let Some(value) = line.arg(0) else {
        let d = Diagnostic::new("invalid number of the split_clients parameters");
        return Err(d.help("a line is written: share% value;"));
    };
    Ok((percent, value.text.clone()))
}

/// A number with at most two decimals, times a hundred.
fn hundredths(text: &[u8]) -> Option<u32> {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let (whole, decimals) = (parts.next()?, parts.next().unwrap_or_default());
    if text.is_empty() || decimals.len() > 2 {
        return None;
    }
    let zeros = [b'0'; 2];
    let padding = zeros.get(decimals.len()..)?;
    let mut digits = whole.iter().chain(decimals).chain(padding);
    digits.try_fold(0u32, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Turns shares into the hashes where they end. `None`: they are more than all.
fn ends(shares: Vec<(Option<u32>, Bytes)>) -> Option<Vec<(Option<u32>, Bytes)>> {
    let (mut sum, mut last) = (0u32, 0u32);
    let mut parts = Vec::with_capacity(shares.len());
    for (share, value) in shares {
        sum = share.map_or(Some(WHOLE), |share| sum.checked_add(share))?;
        if sum > WHOLE {
            return None;
        }
        let end = share.filter(|_| sum < WHOLE).map(|share| {
            let width = u64::from(share) * u64::from(u32::MAX) / u64::from(WHOLE);
            last = last.saturating_add(u32::try_from(width).unwrap_or(u32::MAX));
            last
        });
        parts.push((end, value));
    }
    Some(parts)
}

/// MurmurHash2 of Austin Appleby for 32 bits, with 0 for its seed.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest
            .iter()
            .rev()
            .fold(0u32, |tail, byte| tail << 8 | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::testing::first_complaint;

    #[test]
    fn shares_become_ranges_of_hashes() {
        let value = Bytes::from_static(b"x");
        let of = |shares: &[Option<u32>]| {
            let shares = shares.iter().map(|s| (*s, value.clone())).collect();
            ends(shares).map(|parts| parts.into_iter().map(|(end, _)| end).collect::<Vec<_>>())
        };
        assert_eq!(
            of(&[Some(5000), None]),
            Some(vec![Some(2_147_483_647), None])
        );
        assert_eq!(
            of(&[Some(5000), Some(5000)]),
            Some(vec![Some(2_147_483_647), None])
        );
        assert_eq!(of(&[Some(9999), Some(2)]), None);
        assert_eq!(of(&[None, Some(1)]), None);
        assert_eq!(of(&[Some(1)]), Some(vec![Some(429_496)]));
    }

    #[test]
    fn percents_have_two_decimals() {
        for (text, want) in [
            ("1", Some(100)),
            ("51.2", Some(5120)),
            ("0.01", Some(1)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("1.234", None),
            ("1.2.3", None),
            ("", None),
            ("x", None),
            ("99999999999", None),
        ] {
            assert_eq!(hundredths(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn the_hash_is_the_known_one() {
        assert_eq!(murmur2(b""), 0);
        assert_eq!(murmur2(b"a"), 0x9268_5f5e);
        assert_eq!(murmur2(b"abcd"), 0x2687_3021);
    }

    #[test]
    fn messages_are_nginx_s() {
        for (text, want) in [
            ("split_clients $host x {}", r#"invalid variable name "x""#),
            (
                "split_clients $host $x { 10 a; }",
                r#"invalid percent value "10""#,
            ),
            (
                "split_clients $host $x { 0% a; }",
                r#"invalid percent value "0%""#,
            ),
            (
                "split_clients $host $x { 60% a; 50% b; }",
                "percent total is greater than 100%",
            ),
            ("split_clients $host $x { 60% a; 40% b; }", ""),
            (
                "split_clients $host $x { * a; 40% b; }",
                "percent total is greater than 100%",
            ),
        ] {
            let text = format!("events {{}} http {{ {text} }}");
            assert_eq!(first_complaint(&text), want, "{text}");
        }
    }
}
