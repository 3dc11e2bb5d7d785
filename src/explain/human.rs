//! An explanation for people: what happens, in its order, a line each.

use super::{Explanation, Place, Step};
use std::fmt::Write;
use std::path::Path;

/// Asides of one kind beyond this are only counted.
const MOST_ASIDES: usize = 20;

/// The text. Files below `base` are shown without it.
pub fn render(explanation: &Explanation, base: &Path) -> String {
    let mut out = format!("{}\n\n", explanation.request);
    let mut last = "";
    let mut asides: usize = 0;
    for step in &explanation.steps {
        asides = if step.aside {
            asides.saturating_add(1)
        } else {
            0
        };
        if asides > MOST_ASIDES && step.kind == "considered" {
            continue;
        }
        let kind = if step.kind == last && !step.aside {
            ""
        } else {
            step.kind
        };
        line(&mut out, step, kind, base);
        if !step.aside {
            last = step.kind;
        }
    }
    out
}

fn line(out: &mut String, step: &Step, kind: &str, base: &Path) {
    for _ in 0..step.depth {
        out.push_str("    ");
    }
    let place = step.place.as_ref().map(|place| shown(place, base));
    let text = match (step.aside, step.kind) {
        (true, "considered") => format!("{:12}not {}", "", step.text),
        (true, _) => format!("{:12}{}", "", step.text),
        (false, _) => format!("{kind:12}{}", step.text),
    };
    let _ = match place {
        Some(place) => writeln!(out, "{text}  ({place})"),
        None => writeln!(out, "{text}"),
    };
}

/// A place as `file:line`.
pub fn shown(place: &Place, base: &Path) -> String {
    let file = place.file.strip_prefix(base).unwrap_or(&place.file);
    format!("{}:{}", file.display(), place.line)
}
