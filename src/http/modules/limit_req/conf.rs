//! `limit_req_zone`, `limit_req` and what goes with them.

use super::zone::{State, Terms};
use super::{Limit, Zone};
use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::config::value::parse_number;
use crate::cycle::context::{EVERYWHERE, HTTP};
use crate::cycle::{Builder, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::limits::{LEVEL_WORDS, Refusal, RefusalRaw};
use crate::http::value::Value;
use crate::http::zone::{define_keyed, must_have_zone, name_and_size, state};
use crate::log::Level;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom(KIND, HTTP, Args::Exactly(3), set_zone)
        .syntax("key zone=name:size rate=rate")
        .doc("A zone that counts requests by a key, and how many of them there may be: 10r/s, 30r/m."),
    D::custom("limit_req", EVERYWHERE, Args::Between(1, 3), set_limit)
        .syntax("zone=name [burst=number] [nodelay | delay=number]")
        .doc("Limits requests by a zone; up to burst more are taken, and delayed to keep to the rate."),
    D::choice("limit_req_log_level", EVERYWHERE, LEVEL_WORDS, |b| {
        &mut b.http.here().limit_req().refusal.log_level
    })
    .syntax("info | notice | warn | error")
    .default("error")
    .doc("The level of messages about refused requests; those about delays are one less grave."),
    D::custom("limit_req_status", EVERYWHERE, Args::Exactly(1), |b, node| {
        b.http.here().limit_req().refusal.set_status(node)
    })
        .syntax("code")
        .default("503")
        .doc("The status of refused requests."),
    D::flag("limit_req_dry_run", EVERYWHERE, |b| &mut b.http.here().limit_req().refusal.dry_run)
        .default("off")
        .doc("Whether requests are only counted and logged, not limited."),
];

/// What its zones are known by among all zones.
const KIND: &str = "limit_req_zone";

/// Zones while they are collected.
#[derive(Default)]
pub struct ZonesBuilder {
    zones: HashMap<Bytes, (Arc<Zone>, i64)>,
}

/// As one block writes it.
#[derive(Clone, Default)]
pub struct LimitReqRaw {
    /// Zone, burst and delay in requests.
    limits: Vec<(Bytes, i64, i64)>,
    refusal: RefusalRaw,
}

/// In force.
pub struct LimitReqConf {
    pub(super) limits: Vec<Limit>,
    pub(super) refusal: Refusal,
    pub(super) delay_log_level: Level,
}

impl Settings for LimitReqRaw {
    type Conf = LimitReqConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.limits.is_empty() {
            self.limits.clone_from(&parent.limits);
        }
        self.refusal.inherit(&parent.refusal);
    }

    fn build(&self, b: &mut Builder) -> LimitReqConf {
        let refusal = self.refusal.build();
        // A zone that is nowhere defined is complained about with all other zones.
        let limit = |(name, burst, delay): &(Bytes, i64, i64)| {
            let (zone, rate) = b.http.limit_req.zones.get(name)?;
            Some(Limit {
                zone: Arc::clone(zone),
                terms: Terms {
                    rate: *rate,
                    burst: burst.saturating_mul(1000),
                    delay: delay.saturating_mul(1000),
                },
            })
        };
        LimitReqConf {
            limits: self.limits.iter().filter_map(limit).collect(),
            refusal,
            delay_log_level: match refusal.log_level {
                Level::Error => Level::Warn,
                Level::Warn => Level::Notice,
                _ => Level::Info,
            },
        }
    }
}

fn set_zone(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let key_word = node.arg(0).unwrap_or(&node.name);
    let key = Value::compile(b, key_word)?;
    let (mut zone, mut rate) = (None, 1000);
    for word in node.args.iter().skip(1) {
        if let Some(text) = parameter(word, "zone") {
            zone = Some(name_and_size(node, word, text)?);
        } else if let Some(text) = parameter(word, "rate") {
            rate = parse_rate(text).ok_or_else(|| {
                node.error_at(word, format!("invalid rate \"{}\"", word.str()))
                    .help("requests per second or minute are meant: rate=10r/s, rate=30r/m")
            })?;
        } else {
            return Err(invalid_parameter(word));
        }
    }
    let zone = zone.filter(|(name, _)| !name.is_empty());
    let (name, size) = zone.ok_or_else(|| must_have_zone(node))?;
    let text = key_word.str();
    let known = b.http.limit_req.zones.get(&name);
    let known = known.map(|(zone, _)| Arc::clone(&zone.state));
    let known = known.map(|state| state.key.clone());
    define_keyed(b, node, KIND, (&name, size), known)?;
    let state = state(KIND, &name, size, || State::new(size, text.to_string()));
    if state.key != text {
        let name = String::from_utf8_lossy(&name);
        let message = format!(
            "limit_req \"{name}\" uses the \"{text}\" key while previously it used the \"{}\" key",
            state.key
        );
        b.http.zones.late.push(Diagnostic::new(message));
    }
    b.http.zones.states.push(Arc::<State>::clone(&state));
    let zone = Zone {
        name: name.clone(),
        key,
        state,
    };
    b.http.limit_req.zones.insert(name, (Arc::new(zone), rate));
    Ok(())
}

/// Reads `10r/s`, `30r/m` or a bare number, which is per second; returns thousandths per second.
fn parse_rate(text: &[u8]) -> Option<i64> {
    let (number, scale) = match text {
        [number @ .., b'r', b'/', b's'] => (number, 1),
        [number @ .., b'r', b'/', b'm'] => (number, 60),
        number => (number, 1),
    };
    let number = parse_number(number).filter(|n| *n > 0)?;
    Some(number.checked_mul(1000)? / scale)
}

/// `nodelay`: no excess is delayed.
const NO_DELAY: i64 = i64::MAX / 1000;

fn set_limit(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let (mut zone, mut burst, mut delay) = (None, 0, 0);
    for word in &node.args {
        let number = |text: &[u8], what: &str| {
            let number = parse_number(text).filter(|n| *n > 0);
            number.ok_or_else(|| {
                node.error_at(word, format!("invalid {what} value \"{}\"", word.str()))
            })
        };
        if let Some(name) = parameter(word, "zone") {
            let name = word.text.slice_ref(name);
            let declared = b.http.zones.declare(&name, 0, KIND, word.span);
            declared.map_err(|message| node.error_at(word, message))?;
            zone = Some(name);
        } else if let Some(text) = parameter(word, "burst") {
            burst = number(text, "burst")?;
        } else if let Some(text) = parameter(word, "delay") {
            delay = number(text, "delay")?;
        } else if &*word.text == b"nodelay" {
            delay = NO_DELAY;
        } else {
            return Err(invalid_parameter(word));
        }
    }
    let zone = zone.ok_or_else(|| must_have_zone(node))?;
    let limits = &mut b.http.here().limit_req().limits;
    if limits.iter().any(|(name, ..)| *name == zone) {
        return Err(node.fault("is duplicate"));
    }
    limits.push((zone, burst, delay));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_or_minute() {
        assert_eq!(parse_rate(b"10r/s"), Some(10_000));
        assert_eq!(parse_rate(b"1r/m"), Some(16));
        assert_eq!(parse_rate(b"5"), Some(5_000));
        for bad in [&b""[..], b"0r/s", b"-1r/s", b"r/s", b"1r/h", b"1.5r/s"] {
            assert_eq!(parse_rate(bad), None);
        }
    }
}
