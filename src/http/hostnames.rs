//! A table of host names with wildcards: `example.com`, `*.example.com`, `.example.com`, `www.example.*`.

use bytes::Bytes;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

type Map<T> = HashMap<Bytes, T, foldhash::fast::RandomState>;

/// From names to values. An exact name wins over a wildcard, `*.x` over `x.*`, and the longer wildcard over the shorter.
#[derive(Clone, Debug)]
pub struct Hostnames<T> {
    exact: Map<T>,
    /// What stands behind `*.` or `.`; the flag says whether that alone is meant, too.
    heads: Map<(T, bool)>,
    /// What stands in front of `.*`.
    tails: Map<T>,
}

/// Why a name cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is neither a name nor a wildcard of the three kinds.
    Invalid,
    /// There is such a name already.
    Conflict,
}

impl<T> Default for Hostnames<T> {
    fn default() -> Self {
        Hostnames {
            exact: Map::default(),
            heads: Map::default(),
            tails: Map::default(),
        }
    }
}

impl<T> Hostnames<T> {
    /// Adds text that is no wildcard whatever it looks like. Case does not matter.
    ///
    /// # Errors
    /// [`Refused::Conflict`]
    pub fn add_exact(&mut self, text: &Bytes, value: T) -> Result<(), Refused> {
        let text = lower(text);
        if self.heads.get(&text).is_some_and(|(_, alone)| *alone) {
            return Err(Refused::Conflict);
        }
        insert(&mut self.exact, text, value)
    }

    /// Adds a name or wildcard.
    ///
    /// # Errors
    /// It is invalid or there already.
    pub fn add(&mut self, name: &Bytes, value: T) -> Result<(), Refused> {
        let stars = memchr::memchr_iter(b'*', name).count();
        if stars > 1 || name.windows(2).any(|pair| pair == b"..") || name.contains(&0) {
            return Err(Refused::Invalid);
        }
        let name = lower(name);
        match &name[..] {
            [b'.', _, ..] => {
                let rest = name.slice(1..);
                if self.exact.contains_key(&rest) {
                    return Err(Refused::Conflict);
                }
                insert(&mut self.heads, rest, (value, true))
            }
            [b'*', b'.', _, ..] => insert(&mut self.heads, name.slice(2..), (value, false)),
            [_, .., b'.', b'*'] => {
                let rest = name.slice(..name.len().saturating_sub(2));
                insert(&mut self.tails, rest, value)
            }
            _ if stars > 0 => Err(Refused::Invalid),
            _ => self.add_exact(&name, value),
        }
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.heads.is_empty() && self.tails.is_empty()
    }

    /// Looks up a name, which must be in lower case.
    pub fn get(&self, name: &[u8]) -> Option<&T> {
        if let Some(value) = self.exact.get(name) {
            return Some(value);
        }
        self.by_head(name).or_else(|| self.by_tail(name))
    }

    fn by_head(&self, name: &[u8]) -> Option<&T> {
        if self.heads.is_empty() {
            return None;
        }
        if let Some((value, true)) = self.heads.get(name) {
            return Some(value);
        }
        memchr::memchr_iter(b'.', name)
            .filter_map(|dot| name.get(dot.saturating_add(1)..))
            .find_map(|rest| self.heads.get(rest))
            .map(|(value, _)| value)
    }

    fn by_tail(&self, name: &[u8]) -> Option<&T> {
        if self.tails.is_empty() {
            return None;
        }
        memchr::memrchr_iter(b'.', name)
            .filter_map(|dot| name.get(..dot))
            .find_map(|start| self.tails.get(start))
    }
}

fn insert<T>(map: &mut Map<T>, name: Bytes, value: T) -> Result<(), Refused> {
    match map.entry(name) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(_) => Err(Refused::Conflict),
    }
}

fn lower(text: &Bytes) -> Bytes {
    if text.iter().any(u8::is_ascii_uppercase) {
        Bytes::from(text.to_ascii_lowercase())
    } else {
        text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(names: &[&'static str]) -> Hostnames<&'static str> {
        let mut all = Hostnames::default();
        for &name in names {
            all.add(&Bytes::from_static(name.as_bytes()), name).unwrap();
        }
        all
    }

    #[test]
    fn the_closest_name_wins() {
        let names = table(&[
            "example.com",
            "*.Example.com",
            "*.a.example.com",
            ".dot.org",
            "www.example.*",
            "www.*",
            "*.net",
        ]);
        for (name, want) in [
            ("example.com", Some("example.com")),
            ("x.example.com", Some("*.Example.com")),
            ("x.a.example.com", Some("*.a.example.com")),
            ("a.example.com", Some("*.Example.com")),
            (".example.com", Some("*.Example.com")),
            ("xexample.com", None),
            ("dot.org", Some(".dot.org")),
            ("a.b.dot.org", Some(".dot.org")),
            ("www.example.org", Some("www.example.*")),
            ("www.example.co.uk", Some("www.example.*")),
            ("www.other", Some("www.*")),
            ("www.other.net", Some("*.net")),
            ("www", None),
            ("net", None),
            ("", None),
        ] {
            assert_eq!(names.get(name.as_bytes()).copied(), want, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let mut names = table(&["a.com", ".b.com", "*.c.com", "d.*"]);
        let mut add = |name: &'static str| names.add(&Bytes::from_static(name.as_bytes()), name);
        for name in ["*", "a*", "a.*.com", "*.a.*", "a..b", "*a.com", "x\0"] {
            assert_eq!(add(name), Err(Refused::Invalid), "{name}");
        }
        for name in ["A.com", ".a.com", "b.com", "*.b.com", ".c.com", "D.*"] {
            assert_eq!(add(name), Err(Refused::Conflict), "{name}");
        }
        assert_eq!(add("c.com"), Ok(()));
        assert_eq!(add(""), Ok(()));
    }

    proptest! {
        #[test]
        fn lookup_agrees_with_trying_all(
            names in proptest::collection::hash_set("(\\*\\.|\\.|)[ab](\\.[ab]){0,2}(\\.\\*|)", 0..6),
            host in "[ab](\\.[ab]){0,3}",
        ) {
            let mut table = Hostnames::default();
            let mut added = Vec::new();
            for name in names {
                if table.add(&Bytes::from(name.clone()), name.clone()).is_ok() {
                    added.push(name);
                }
            }
            let matches = |name: &String| {
                if let Some(rest) = name.strip_prefix("*.") {
                    host.ends_with(&format!(".{rest}"))
                } else if let Some(rest) = name.strip_prefix('.') {
                    host == rest || host.ends_with(name.as_str())
                } else if let Some(start) = name.strip_suffix(".*") {
                    host.starts_with(&format!("{start}."))
                } else {
                    host == *name
                }
            };
            // Exact names, then those with the wildcard in front, then the others; the longest of them.
            let rank = |name: &String| {
                let rest = name.trim_start_matches("*.").trim_start_matches('.').len();
                let kind = if name.starts_with(['*', '.']) { 1 } else if name.ends_with('*') { 0 } else { 2 };
                (kind, rest)
            };
            let want = added.iter().filter(|name| matches(name)).max_by_key(|name| rank(name));
            prop_assert_eq!(table.get(host.as_bytes()), want);
        }
    }
}
