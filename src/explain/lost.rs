//! Settings that look as if they held, and do not: a block that has some of its own does not inherit those around it.

use super::places::{Line, Places};
use crate::http::conf::{Http, LocationId};

/// Lines of blocks further out, and the line that stands in their way.
pub fn lines<'a>(
    places: &'a Places,
    http: &Http,
    location: LocationId,
    name: &str,
) -> Option<(&'a Line, Vec<&'a Line>)> {
    let (block, own) = places.nearest(http, location, &[name])?;
    let first = *own.first()?;
    let mut lost = Vec::new();
    let mut next = http.location(block).parent;
    while let Some(id) = next {
        lost.extend(places.named(http, id, &[name]));
        next = http.location(id).parent;
    }
    (!lost.is_empty()).then_some((first, lost))
}

/// Whether `add_header_inherit` keeps the lines of blocks further out.
pub fn merges(places: &Places, http: &Http, location: LocationId) -> bool {
    let found = places.nearest(http, location, &["add_header_inherit"]);
    let line = found.and_then(|(_, lines)| lines.last().copied());
    line.and_then(|line| line.args.first())
        .is_some_and(|word| word == "merge")
}
