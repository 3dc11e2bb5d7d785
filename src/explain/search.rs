//! How a location was found: which were considered, and why they lost.

use super::places::Places;
use crate::http::conf::{BlockKind, Http, LocationId};
use crate::http::router::How;
use crate::http::router::prefixes::Found;

/// What was told of one search.
#[derive(Default)]
pub struct Search {
    levels: Vec<Level>,
}

struct Level {
    inside: LocationId,
    path: Vec<u8>,
    found: Found,
    tried: Vec<(LocationId, bool)>,
}

/// The location that was found, and those that were not.
pub struct Verdict {
    /// Why it is this one.
    pub why: String,
    /// The others, each with a reason.
    pub others: Vec<Other>,
}

/// A location that was considered.
pub struct Other {
    /// The location.
    pub id: LocationId,
    /// Whether it is around the one that was found.
    pub around: bool,
    /// What became of it.
    pub reason: String,
}

impl Search {
    /// Prefixes and exact paths of a block were looked at.
    pub fn prefixes(&mut self, inside: LocationId, path: Vec<u8>, found: Found) {
        self.levels.push(Level {
            inside,
            path,
            found,
            tried: Vec::new(),
        });
    }

    /// A regular expression was tried: of the block that is around the location.
    pub fn tried(&mut self, http: &Http, id: LocationId, hit: bool) {
        let parent = http.location(id).parent;
        let mut levels = self.levels.iter_mut().rev();
        if let Some(level) = levels.find(|level| Some(level.inside) == parent) {
            level.tried.push((id, hit));
        }
    }

    /// Puts the search into words.
    pub fn finish(self, http: &Http, places: &Places, winner: LocationId) -> Verdict {
        // The settings may be those of its limit_except.
        let winner = http.location(winner).named;
        let name = |id: LocationId| places.location(http, id).unwrap_or_default();
        let mut others = Vec::new();
        let mut why = String::from("no location fits: the settings of the server hold");
        for level in &self.levels {
            let hit = level.tried.iter().find(|(_, hit)| *hit).map(|(id, _)| *id);
            let prefix = match level.found {
                Found::Prefix(id) | Found::Exact(id) | Found::Redirect(id) => Some(id),
                Found::Nothing => None,
            };
            if hit == Some(winner) {
                why = String::from("the first regular expression that matches");
            } else if prefix == Some(winner) {
                why = of_prefix(http, winner, level).to_owned();
            }
            for child in children(http, level.inside) {
                if child == winner {
                    continue;
                }
                let around = is_around(http, child, winner);
                let Some(kind) = http.location(child).kind.location() else {
                    continue;
                };
                let reason = match &kind.how {
                    How::Regex(_) => match level.tried.iter().find(|(id, _)| *id == child) {
                        Some((_, true)) if around => String::from("matches; the location is in it"),
                        Some((_, true)) => String::from("matches"),
                        Some((_, false)) => String::from("does not match"),
                        None => match (hit, prefix) {
                            (Some(hit), _) => format!("not tried: {} matched before", name(hit)),
                            (None, Some(prefix)) => {
                                let prefix = match is_around(http, prefix, winner) {
                                    true => winner,
                                    false => prefix,
                                };
                                format!("not tried: {} is certain", name(prefix))
                            }
                            (None, None) => continue,
                        },
                    },
                    How::Prefix | How::NoRegex if level.path.starts_with(&kind.name) => {
                        if around {
                            String::from("the longest prefix; the location is in it")
                        } else if prefix == Some(child) {
                            let hit = hit.unwrap_or(winner);
                            format!("the longest prefix, but {} goes first", name(hit))
                        } else {
                            match prefix {
                                Some(prefix) => format!("shorter than {}", name(prefix)),
                                None => continue,
                            }
                        }
                    }
                    _ => continue,
                };
                others.push(Other {
                    id: child,
                    around,
                    reason,
                });
            }
        }
        Verdict { why, others }
    }
}

fn of_prefix(http: &Http, id: LocationId, level: &Level) -> &'static str {
    let how = http
        .location(id)
        .kind
        .location()
        .map(|location| &location.how);
    match (level.found, how) {
        (Found::Exact(_), _) => "the path itself",
        (Found::Redirect(_), _) => "its name is the path and a slash",
        (_, Some(How::NoRegex)) => "the longest prefix; for ^~ no regular expression is tried",
        _ if level.tried.is_empty() => "the longest prefix",
        _ => "the longest prefix, and no regular expression matches",
    }
}

fn children(http: &Http, inside: LocationId) -> impl Iterator<Item = LocationId> {
    // Blocks follow the ones that they stand in, those of one server together.
    let server = http.location(inside).server;
    let start = (inside.0 as usize).saturating_add(1);
    let behind = http.locations.get(start..).unwrap_or_default();
    behind
        .iter()
        .take_while(move |location| location.server == server)
        .filter(move |location| location.parent == Some(inside))
        .filter(|location| matches!(location.kind, BlockKind::Location(_)))
        .map(|location| location.id)
}

fn is_around(http: &Http, outer: LocationId, inner: LocationId) -> bool {
    let mut next = http.location(inner).parent;
    while let Some(id) = next {
        if id == outer {
            return true;
        }
        next = http.location(id).parent;
    }
    false
}
