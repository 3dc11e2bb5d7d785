//! nginx's limit_conn: so many requests at a time and key.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::config::value::parse_number;
use crate::cycle::context::{EVERYWHERE, HTTP};
use crate::cycle::{Builder, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Http, Settings};
use crate::http::limits::{LEVEL_WORDS, Refusal, RefusalRaw, Shards};
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::trace::Event;
use crate::http::value::Value;
use crate::http::variable::Variable;
use crate::http::zone::{cost, define_keyed, must_have_zone, name_and_size, state};
use crate::log::{self, Level};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

type D = Directive<Builder>;

/// What its zones are known by among all zones.
const KIND: &str = "limit_conn_zone";

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom(KIND, HTTP, Args::Exactly(2), set_zone)
        .syntax("key zone=name:size")
        .doc("A zone that counts the requests being served by a key."),
    D::custom("limit_conn", EVERYWHERE, Args::Exactly(2), set_limit)
        .syntax("zone number")
        .doc("How many requests may be served at a time for one key of the zone."),
    D::choice("limit_conn_log_level", EVERYWHERE, LEVEL_WORDS, |b| {
        &mut b.http.here().limit_conn().refusal.log_level
    })
    .syntax("info | notice | warn | error")
    .default("error")
    .doc("The level of messages about refused requests."),
    D::custom(
        "limit_conn_status",
        EVERYWHERE,
        Args::Exactly(1),
        |b, node| b.http.here().limit_conn().refusal.set_status(node),
    )
    .syntax("code")
    .default("503")
    .doc("The status of refused requests."),
    D::flag("limit_conn_dry_run", EVERYWHERE, |b| {
        &mut b.http.here().limit_conn().refusal.dry_run
    })
    .default("off")
    .doc("Whether requests are only counted and logged, not limited."),
];

/// `$limit_conn_status`.
pub static VARIABLES: &[Variable] = &[Variable::new("limit_conn_status", |req, out| {
    let Some(counted) = req.lasting.get::<Counted>() else {
        return false;
    };
    out.extend_from_slice(counted.status);
    true
})];

/// Zones while they are collected.
#[derive(Default)]
pub struct ZonesBuilder(HashMap<Bytes, Arc<Zone>>);

/// As one block writes it.
#[derive(Clone, Default)]
pub struct LimitConnRaw {
    limits: Vec<(Bytes, u32)>,
    refusal: RefusalRaw,
}

/// In force.
pub struct LimitConnConf {
    limits: Vec<(Arc<Zone>, u32)>,
    refusal: Refusal,
}

impl Settings for LimitConnRaw {
    type Conf = LimitConnConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.limits.is_empty() {
            self.limits.clone_from(&parent.limits);
        }
        self.refusal.inherit(&parent.refusal);
    }

    fn build(&self, b: &mut Builder) -> LimitConnConf {
        // A zone that is nowhere defined is complained about with all other zones.
        let limit = |(name, most): &(Bytes, u32)| {
            let zone = b.http.limit_conn.0.get(name)?;
            Some((Arc::clone(zone), *most))
        };
        LimitConnConf {
            limits: self.limits.iter().filter_map(limit).collect(),
            refusal: self.refusal.build(),
        }
    }
}

fn set_zone(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let key_word = node.arg(0).unwrap_or(&node.name);
    let key = Value::compile(b, key_word)?;
    let word = node.arg(1).unwrap_or(&node.name);
    let zone = parameter(word, "zone").ok_or_else(|| invalid_parameter(word))?;
    let (name, size) = name_and_size(node, word, zone)?;
    if name.is_empty() {
        return Err(must_have_zone(node));
    }
    let text = key_word.str();
    let known = b.http.limit_conn.0.get(&name);
    let known = known.map(|zone| zone.state.key.clone());
    define_keyed(b, node, KIND, (&name, size), known)?;
    let state = state(KIND, &name, size, || State::new(size, text.to_string()));
    if state.key != text {
        let (name, old) = (String::from_utf8_lossy(&name), &state.key);
        b.http.zones.late.push(Diagnostic::new(format!(
            "limit_conn_zone \"{name}\" uses the \"{text}\" key while previously it used the \"{old}\" key"
        )));
    }
    b.http.zones.states.push(Arc::<State>::clone(&state));
    let zone = Zone {
        name: name.clone(),
        key,
        state,
    };
    b.http.limit_conn.0.insert(name, Arc::new(zone));
    Ok(())
}

fn set_limit(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let name = node.arg(0).unwrap_or(&node.name);
    let declared = b.http.zones.declare(&name.text, 0, KIND, name.span);
    declared.map_err(|message| node.error_at(name, message))?;
    let limits = &mut b.http.here().limit_conn().limits;
    if limits.iter().any(|(zone, _)| *zone == name.text) {
        return Err(node.fault("is duplicate"));
    }
    let word = node.arg(1).unwrap_or(&node.name);
    let number = parse_number(&word.text).filter(|n| *n > 0).ok_or_else(|| {
        let message = format!("invalid number of connections \"{}\"", word.str());
        node.error_at(word, message)
    })?;
    let most = u32::try_from(number).ok().filter(|n| *n <= 65535);
    let most = most.ok_or_else(|| node.error_at(word, "connection limit must be less 65536"))?;
    limits.push((name.text.clone(), most));
    Ok(())
}

/// A zone in force.
pub struct Zone {
    name: Bytes,
    key: Value,
    state: Arc<State>,
}

/// How many requests are being served for each key.
struct State {
    shards: Shards<Shard>,
    key: String,
}

struct Shard {
    counts: HashMap<Box<[u8]>, u32, foldhash::quality::RandomState>,
    /// How many bytes are left, as nginx would count them.
    room: u64,
}

/// What nginx keeps for a key besides the key itself, in bytes.
const OVERHEAD: u64 = 36;
/// Longer keys are not counted, as in nginx.
const LONGEST_KEY: usize = 255;

/// Why a request is not counted.
enum Full {
    /// There are too many of its key.
    Count,
    /// There is no room for its key.
    Room,
}

impl State {
    fn new(size: u64, key: String) -> State {
        let shard = |room| Shard {
            counts: HashMap::default(),
            room,
        };
        State {
            shards: Shards::new(size, shard),
            key,
        }
    }

    fn enter(&self, key: &[u8], most: u32) -> Result<(), Full> {
        let mut shard = self.shards.of(key);
        if let Some(count) = shard.counts.get_mut(key) {
            if *count >= most {
                return Err(Full::Count);
            }
            *count += 1;
            return Ok(());
        }
        let price = cost(OVERHEAD + key.len() as u64);
        shard.room = shard.room.checked_sub(price).ok_or(Full::Room)?;
        shard.counts.insert(key.into(), 1);
        Ok(())
    }

    fn leave(&self, key: &[u8]) {
        let mut shard = self.shards.of(key);
        let Some(count) = shard.counts.get_mut(key) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            shard.counts.remove(key);
            shard.room += cost(OVERHEAD + key.len() as u64);
        }
    }
}

/// Where a request is counted; it is no more when this is dropped, at the end of the request.
struct Counted {
    status: &'static [u8],
    _places: Vec<Place>,
}

struct Place {
    state: Arc<State>,
    key: Box<[u8]>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.state.leave(&self.key);
    }
}

/// What was decided about a request also holds for its subrequests.
pub fn share(req: &Request, sub: &mut Request) {
    if let Some(counted) = req.lasting.get::<Counted>() {
        sub.lasting.insert(Counted {
            status: counted.status,
            _places: Vec::new(),
        });
    }
}

/// The preaccess phase.
pub fn handle(req: &mut Request, http: &Http) -> Verdict {
    let conf = &req.location(http).limit_conn;
    if conf.limits.is_empty() || req.lasting.get::<Counted>().is_some() {
        return Verdict::Declined;
    }
    let mut places = Vec::new();
    for (zone, most) in &conf.limits {
        let key = zone.key.eval(req);
        req.trace(|| Event::Limit {
            directive: "limit_conn",
            zone: zone.name.clone(),
            key: key.to_vec(),
        });
        // A rehearsal takes nobody's place.
        if key.is_empty() || req.is_rehearsal() {
            continue;
        }
        if key.len() > LONGEST_KEY {
            let (name, key) = (&zone.state.key, String::from_utf8_lossy(&key));
            let message = format_args!(
                "the value of the \"{name}\" key is more than {LONGEST_KEY} bytes: \"{key}\""
            );
            log::request(req, Level::Error, message);
            continue;
        }
        if let Err(full) = zone.state.enter(&key, *most) {
            if let Full::Count = full {
                let dry = if conf.refusal.dry_run {
                    ", dry run,"
                } else {
                    ""
                };
                let name = String::from_utf8_lossy(&zone.name);
                let message = format_args!("limiting connections{dry} by zone \"{name}\"");
                log::request(req, conf.refusal.log_level, message);
            }
            drop(places);
            return refuse(req, conf);
        }
        places.push(Place {
            state: Arc::clone(&zone.state),
            key: key.as_ref().into(),
        });
    }
    if !places.is_empty() {
        let status = b"PASSED";
        req.lasting.insert(Counted {
            status,
            _places: places,
        });
    }
    Verdict::Declined
}

fn refuse(req: &mut Request, conf: &LimitConnConf) -> Verdict {
    let (status, verdict): (&[u8], _) = match conf.refusal.dry_run {
        true => (b"REJECTED_DRY_RUN", Verdict::Declined),
        false => (b"REJECTED", Verdict::Status(conf.refusal.status)),
    };
    req.lasting.insert(Counted {
        status,
        _places: Vec::new(),
    });
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_so_many_are_let_in() {
        let state = Arc::new(State::new(32768, String::new()));
        let enter = |key: &[u8]| {
            state.enter(key, 2).ok().map(|()| Place {
                state: Arc::clone(&state),
                key: key.into(),
            })
        };
        let (first, second) = (enter(b"k"), enter(b"k"));
        assert!(first.is_some() && second.is_some() && enter(b"k").is_none());
        assert!(enter(b"other").is_some());
        drop(first);
        assert!(enter(b"k").is_some());
    }

    #[test]
    fn a_zone_has_room_for_so_many_keys_and_gives_it_back() {
        let state = State::new(32768, String::new());
        let all = crate::http::zone::usable(32768) / cost(OVERHEAD + 2);
        for n in 0..all {
            assert!(state.enter(&(n as u16).to_be_bytes(), 1).is_ok());
        }
        assert!(matches!(state.enter(b"xx", 1), Err(Full::Room)));
        state.leave(&[0, 0]);
        assert!(state.enter(b"xx", 1).is_ok());
    }
}
