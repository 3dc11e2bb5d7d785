//! Shared memory zones: named pieces of state of a fixed size that all threads share and that survive a reload.

use crate::config::span::Span;
use crate::config::table::Collector;
use crate::config::tree::{Node, Word};
use crate::config::value::parse_size;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

/// The names of all zones of a configuration, while it is read.
#[derive(Default)]
pub struct ZonesBuilder {
    zones: Vec<Declared>,
    /// The states of those that are defined. They last as long as the configuration, used or not.
    pub states: Vec<Arc<dyn Any + Send + Sync>>,
    /// What is wrong beyond the syntax: nginx complains about it when it sets the zones up.
    pub late: Vec<Diagnostic>,
}

/// The directive by which groups of servers have zones.
pub const OF_GROUPS: &str = "zone";

struct Declared {
    name: Bytes,
    /// Which directive's zones it belongs to.
    kind: &'static str,
    /// 0 while it is only used, not defined.
    size: u64,
    first_use: Span,
}

impl ZonesBuilder {
    /// Takes note of a zone that is defined (`size`) or used (0).
    ///
    /// # Errors
    /// nginx's sentence if it is something else already, or of another size.
    pub fn declare(
        &mut self,
        name: &Bytes,
        size: u64,
        kind: &'static str,
        span: Span,
    ) -> Result<(), String> {
        let text = String::from_utf8_lossy(name);
        let Some(zone) = self.zones.iter_mut().find(|zone| zone.name == *name) else {
            self.zones.push(Declared {
                name: name.clone(),
                kind,
                size,
                first_use: span,
            });
            return Ok(());
        };
        if zone.kind != kind {
            return Err(format!(
                "the shared memory zone \"{text}\" is already declared for a different use"
            ));
        }
        if zone.size == 0 {
            zone.size = size;
        }
        if size != 0 && zone.size != size {
            let known = zone.size;
            return Err(format!(
                "the size {size} of shared memory zone \"{text}\" conflicts with already declared size {known}"
            ));
        }
        Ok(())
    }
}

/// Complains of zones that are used and nowhere defined, and of what else was found when they were set up.
pub fn check(b: &mut Builder) {
    let zones = std::mem::take(&mut b.http.zones);
    for zone in zones.zones.iter().filter(|zone| zone.size == 0) {
        let name = String::from_utf8_lossy(&zone.name);
        let help = match zone.kind {
            OF_GROUPS => format!("one of the groups in it must give its size: zone {name} 64k;"),
            kind => format!("define it with {kind} in http"),
        };
        b.report(
            Diagnostic::new(format!("zero size shared memory zone \"{name}\""))
                .label(zone.first_use, "used here")
                .help(help),
        );
    }
    for d in zones.late {
        b.report(d);
    }
}

type Key = (&'static str, Bytes, u64);

static STATES: LazyLock<Mutex<HashMap<Key, Weak<dyn Any + Send + Sync>>>> =
    LazyLock::new(Mutex::default);

/// The state of a zone: that of the cycle before, if it had a zone of the same kind, name and size, else a new one.
pub fn state<T: Send + Sync + 'static>(
    kind: &'static str,
    name: &Bytes,
    size: u64,
    new: impl FnOnce() -> T,
) -> Arc<T> {
    let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (kind, name.clone(), size);
    let known = states.get(&key).and_then(Weak::upgrade);
    if let Some(state) = known.and_then(|state| state.downcast().ok()) {
        return state;
    }
    states.retain(|_, state| state.strong_count() > 0);
    let state = Arc::new(new());
    let shared: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(&state);
    states.insert(key, Arc::downgrade(&shared));
    state
}

/// The size of a memory page, in which nginx divides zones.
pub const PAGE: u64 = 4096;

/// How many bytes a zone of this size has for entries, as nginx divides it: each page costs a record of 24 bytes.
pub fn usable(size: u64) -> u64 {
    /// What the head of a zone takes.
    const HEAD: u64 = 512;
    size.saturating_sub(HEAD) / (PAGE + 24) * PAGE
}

/// What an entry of so many bytes takes in a zone: the next power of two.
pub fn cost(bytes: u64) -> u64 {
    bytes.max(8).checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// Zones smaller than so many pages are refused.
const LEAST_PAGES: u64 = 8;

/// Reads `name:size` behind `zone=`.
///
/// # Errors
/// nginx's sentence.
pub fn name_and_size(node: &Node, word: &Word, text: &[u8]) -> Result<(Bytes, u64), Diagnostic> {
    let invalid = || {
        node.error_at(word, format!("invalid zone size \"{}\"", word.str()))
            .help("a name and a size are meant, as in zone=one:10m")
    };
    let colon = memchr::memchr(b':', text).ok_or_else(invalid)?;
    let (name, size) = text.split_at(colon);
    let size = parse_size(size.get(1..).unwrap_or_default()).ok_or_else(invalid)?;
    if size < LEAST_PAGES * PAGE {
        return Err(node.error_at(word, format!("zone \"{}\" is too small", word.str())));
    }
    Ok((word.text.slice_ref(name), size))
}

/// The error of a directive that names no zone.
pub fn must_have_zone(node: &Node) -> Diagnostic {
    let name = node.name.str();
    node.error(format!("\"{name}\" must have \"zone\" parameter"))
}

/// Declares a zone that counts by a key. `known` is the key that the directive gave it before in this configuration.
///
/// # Errors
/// nginx's sentence if the name is taken.
pub fn define_keyed(
    b: &mut Builder,
    node: &Node,
    kind: &'static str,
    (name, size): (&Bytes, u64),
    known: Option<String>,
) -> Result<(), Diagnostic> {
    let declared = b.http.zones.declare(name, size, kind, node.name.span);
    declared.map_err(|message| node.error(message))?;
    match known {
        None => Ok(()),
        Some(key) => {
            let name = String::from_utf8_lossy(name);
            Err(node.error(format!(
                "{kind} \"{name}\" is already bound to key \"{key}\""
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Span = Span {
        source: crate::config::span::SourceId(0),
        start: 0,
        end: 0,
    };

    #[test]
    fn a_name_means_one_zone() {
        let mut zones = ZonesBuilder::default();
        let (one, two) = (Bytes::from_static(b"one"), Bytes::from_static(b"two"));
        assert_eq!(zones.declare(&one, 0, "limit_req_zone", HERE), Ok(()));
        assert_eq!(zones.declare(&one, 32768, "limit_req_zone", HERE), Ok(()));
        assert_eq!(zones.declare(&one, 0, "limit_req_zone", HERE), Ok(()));
        assert_eq!(zones.declare(&two, 0, "limit_req_zone", HERE), Ok(()));
        let error = zones.declare(&one, 65536, "limit_req_zone", HERE);
        assert!(
            error
                .unwrap_err()
                .contains("conflicts with already declared size 32768")
        );
        let error = zones.declare(&one, 0, "limit_conn_zone", HERE);
        assert!(
            error
                .unwrap_err()
                .ends_with("already declared for a different use")
        );
    }

    #[test]
    fn state_lasts_as_long_as_somebody_has_it() {
        let name = Bytes::from_static(b"kept");
        let first = state("test", &name, 1, || 5_u32);
        assert_eq!(*state("test", &name, 1, || 6_u32), 5);
        assert_eq!(*state("test", &name, 2, || 7_u32), 7);
        drop(first);
        assert_eq!(*state("test", &name, 1, || 8_u32), 8);
    }
}
