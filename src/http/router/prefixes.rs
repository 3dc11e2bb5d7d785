//! Prefix and exact locations: a search whose cost is that of one binary search, however many there are.

use crate::http::conf::LocationId;
use bytes::Bytes;
use std::cmp::Ordering;

/// What a path begins with, or is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing that is known.
    Nothing,
    /// An exact location.
    Exact(LocationId),
    /// The longest prefix.
    Prefix(LocationId),
    /// The path is this location's without its final slash, and the location wants to be redirected to.
    Redirect(LocationId),
}

/// Names in the order of their bytes. Each one knows the longest other one that it begins with.
#[derive(Debug, Default)]
pub struct Prefixes {
    names: Box<[Name]>,
    /// The numbers of those that are redirected to.
    redirects: Box<[u32]>,
}

#[derive(Debug)]
struct Name {
    name: Bytes,
    exact: Option<LocationId>,
    prefix: Option<LocationId>,
    /// The number of the longest prefix location that this name begins with, itself not counted; [`NONE`] if there
    /// is none.
    shorter: u32,
}

const NONE: u32 = u32::MAX;

/// A location to be searched for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The prefix or path.
    pub name: Bytes,
    /// Whether only this path is meant.
    pub exact: bool,
    /// Whether the path without its final slash is redirected.
    pub auto_redirect: bool,
    /// The location.
    pub id: LocationId,
}

impl Prefixes {
    /// Orders locations. The second of two that are the same goes to `duplicate`, in the order of the names.
    pub fn new(mut entries: Vec<Entry>, mut duplicate: impl FnMut(LocationId)) -> Self {
        // Stable: of equal ones the first written stays first.
        entries.sort_by(|a, b| a.name.cmp(&b.name).then(b.exact.cmp(&a.exact)));
        let mut names: Vec<Name> = Vec::with_capacity(entries.len());
        let mut redirects = Vec::new();
        for entry in entries {
            if names.last().is_none_or(|last| last.name != entry.name) {
                let shorter = shorter(&names, &entry.name);
                names.push(Name {
                    name: entry.name.clone(),
                    exact: None,
                    prefix: None,
                    shorter,
                });
            }
            let number = names.len().saturating_sub(1) as u32;
            let Some(last) = names.last_mut() else {
                continue;
            };
            let place = if entry.exact {
                &mut last.exact
            } else {
                &mut last.prefix
            };
            if place.is_some() {
                duplicate(entry.id);
                continue;
            }
            *place = Some(entry.id);
            if entry.auto_redirect
                && entry.name.ends_with(b"/")
                && redirects.last() != Some(&number)
            {
                redirects.push(number);
            }
        }
        // They are sought by the name without its slash, and "/a" comes before "/a!" although "/a/" does not.
        redirects.sort_by(|a, b| bare(&names, *a).cmp(bare(&names, *b)));
        Prefixes {
            names: names.into(),
            redirects: redirects.into(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Finds the location of a path: the exact one, else one to redirect to, else the longest prefix.
    pub fn find(&self, path: &[u8]) -> Found {
        let behind = self.names.partition_point(|entry| &entry.name[..] <= path);
        let last = behind.checked_sub(1).and_then(|i| self.names.get(i));
        if let Some(entry) = last.filter(|entry| entry.name == path) {
            return match (entry.exact, entry.prefix) {
                (Some(id), _) => Found::Exact(id),
                (None, Some(id)) => Found::Prefix(id),
                (None, None) => Found::Nothing,
            };
        }
        if let Some(id) = self.redirect(path) {
            return Found::Redirect(id);
        }
        // What the path begins with is also what the name before it in order begins with, as far as both agree.
        let Some(mut entry) = last else {
            return Found::Nothing;
        };
        let common = common(&entry.name, path);
        loop {
            if entry.name.len() <= common
                && let Some(id) = entry.prefix
            {
                return Found::Prefix(id);
            }
            match self.names.get(entry.shorter as usize) {
                Some(shorter) => entry = shorter,
                None => return Found::Nothing,
            }
        }
    }

    fn redirect(&self, path: &[u8]) -> Option<LocationId> {
        let order = |number: &u32| -> Ordering { bare(&self.names, *number).cmp(path) };
        let at = self.redirects.binary_search_by(order).ok()?;
        let entry = self.names.get(*self.redirects.get(at)? as usize)?;
        entry.exact.or(entry.prefix)
    }
}

/// The name without its final slash.
fn bare(names: &[Name], number: u32) -> &[u8] {
    let name = names.get(number as usize).map(|entry| &entry.name[..]);
    name.and_then(|name| name.strip_suffix(b"/"))
        .unwrap_or_default()
}

/// The longest prefix location among those before `name` that it begins with.
fn shorter(names: &[Name], name: &[u8]) -> u32 {
    let mut number = names.len().wrapping_sub(1) as u32;
    while let Some(entry) = names.get(number as usize) {
        if entry.prefix.is_some() && name.starts_with(&entry.name) {
            return number;
        }
        number = entry.shorter;
    }
    NONE
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn build(entries: &[(String, bool, bool)]) -> (Prefixes, Vec<Entry>) {
        let mut kept: Vec<Entry> = Vec::new();
        for (i, (name, exact, auto_redirect)) in entries.iter().enumerate() {
            let entry = Entry {
                name: Bytes::from(name.clone()),
                exact: *exact,
                auto_redirect: *auto_redirect,
                id: LocationId(i as u32),
            };
            if !kept
                .iter()
                .any(|k| k.name == entry.name && k.exact == *exact)
            {
                kept.push(entry);
            }
        }
        (Prefixes::new(kept.clone(), |_| panic!("duplicate")), kept)
    }

    /// As nginx's documentation has it, without any cleverness.
    fn naive(entries: &[Entry], path: &[u8]) -> Found {
        if let Some(e) = entries.iter().find(|e| e.exact && e.name == path) {
            return Found::Exact(e.id);
        }
        if let Some(e) = entries.iter().find(|e| e.name == path) {
            return Found::Prefix(e.id);
        }
        let slashed = [path, b"/"].concat();
        if entries.iter().any(|e| e.auto_redirect && e.name == slashed) {
            let mut same = entries.iter().filter(|e| e.name == slashed);
            let first = same.clone().find(|e| e.exact).or_else(|| same.next());
            return Found::Redirect(first.unwrap().id);
        }
        let prefixes = entries
            .iter()
            .filter(|e| !e.exact && path.starts_with(&e.name));
        prefixes
            .max_by_key(|e| e.name.len())
            .map_or(Found::Nothing, |e| Found::Prefix(e.id))
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_search(
            entries in prop::collection::vec(("[/ab!]{0,5}", any::<bool>(), any::<bool>()), 0..12),
            paths in prop::collection::vec("[/ab!]{0,6}", 12),
        ) {
            let (prefixes, kept) = build(&entries);
            for path in paths {
                prop_assert_eq!(prefixes.find(path.as_bytes()), naive(&kept, path.as_bytes()), "{}", path);
            }
        }
    }

    #[test]
    fn the_second_of_two_is_reported() {
        let entry = |name: &'static str, exact, id| Entry {
            name: Bytes::from_static(name.as_bytes()),
            exact,
            auto_redirect: false,
            id: LocationId(id),
        };
        let mut again = Vec::new();
        let entries = vec![
            entry("/b", false, 0),
            entry("/a", true, 1),
            entry("/b", false, 2),
            entry("/b", true, 3),
            entry("/a", true, 4),
        ];
        Prefixes::new(entries, |id| again.push(id.0));
        assert_eq!(again, [4, 2]);
    }
}
