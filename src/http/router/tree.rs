//! The locations inside a server or location, ready to be searched.

use super::How;
use super::prefixes::{Entry, Prefixes};
use crate::config::table::Collector;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::conf::{Location, LocationId};
use crate::http::regex::Regex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The locations of a server or location. Most locations have none inside.
#[derive(Default)]
pub struct LocationTree(Option<Box<Inside>>);

/// What is in a [`LocationTree`].
pub struct Inside {
    /// Prefixes and exact paths.
    pub prefixes: Prefixes,
    /// Regular expressions in their order.
    pub regexes: Box<[(Arc<Regex>, LocationId)]>,
}

impl LocationTree {
    /// What is in it, if there is something.
    pub fn get(&self) -> Option<&Inside> {
        self.0.as_deref()
    }
}

/// Prefixes and exact paths, and regular expressions.
type Collected = (Vec<Entry>, Vec<(Arc<Regex>, LocationId)>);

/// Puts every location into the tree of the block around it.
pub fn trees(b: &mut Builder, locations: &mut [Location]) {
    let mut inside: BTreeMap<LocationId, Collected> = BTreeMap::new();
    for location in locations.iter() {
        let (Some(how), Some(parent)) = (location.kind.location(), location.parent) else {
            continue;
        };
        let (entries, regexes) = match &how.how {
            How::Named => continue,
            _ => inside.entry(parent).or_default(),
        };
        if let How::Regex(regex) = &how.how {
            regexes.push((Arc::clone(regex), location.id));
            continue;
        }
        entries.push(Entry {
            name: how.name.clone(),
            exact: matches!(how.how, How::Exact),
            auto_redirect: location.own.auto_redirect,
            id: location.id,
        });
    }
    for (parent, (entries, regexes)) in inside {
        let mut again = Vec::new();
        let prefixes = Prefixes::new(entries, |id| again.push(id));
        for id in again {
            if let Some(location) = locations.get(id.0 as usize) {
                duplicate(b, location);
            }
        }
        if let Some(parent) = locations.get_mut(parent.0 as usize) {
            parent.nested = LocationTree(Some(Box::new(Inside {
                prefixes,
                regexes: regexes.into(),
            })));
        }
    }
}

fn duplicate(b: &mut Builder, location: &Location) {
    let Some(how) = location.kind.location() else {
        return;
    };
    let message = format!(
        "duplicate location \"{}\"",
        String::from_utf8_lossy(&how.name)
    );
    b.report(
        Diagnostic::new(message)
            .at(how.line)
            .label(location.span, ""),
    );
}
