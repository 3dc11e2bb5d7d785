//! Loading a configuration, in the master and once more in the worker.

use super::snapshot::{Recording, Snapshot};
use crate::cycle::{self, Cycle, Loaded, Options};
use crate::diagnostic::output::{self, ErrorFormat};
use crate::diagnostic::{Diagnostic, Severity, render};
use crate::log::{self, Level};
use crate::net::resolve;
use std::io::{IsTerminal, Write};
use std::rc::Rc;
use std::slice::SliceIndex;
use std::sync::Arc;

/// Reads the configuration from the disk and keeps what was read.
pub fn from_disk(options: &Options) -> (Loaded, Snapshot) {
    resolve::set_answers(resolve::Answers::new());
    let recording = Rc::new(Recording::default());
    let loaded = cycle::load(options, recording.clone());
    let snapshot = recording.snapshot().with_hosts(resolve::take_answers());
    (loaded, snapshot)
}

/// Comes to the same cycle from what was kept. Nothing is said about it a second time, unless it fails after all.
pub fn from_snapshot(options: &Options, snapshot: Snapshot) -> Option<Arc<Cycle>> {
    resolve::set_answers(snapshot.hosts().clone());
    let loaded = cycle::load(options, Rc::new(snapshot));
    resolve::take_answers();
    if loaded.cycle.is_none() {
        to_log(&loaded, Severity::Emerg);
    }
    loaded.cycle
}

/// Shows what there is to say about a configuration, or a part of it, to the person who started the program, and
/// writes nginx's line of each diagnostic to the error log.
pub fn to_terminal(
    loaded: &Loaded,
    range: impl SliceIndex<[Diagnostic], Output = [Diagnostic]>,
    format: ErrorFormat,
) {
    let mut stderr = std::io::stderr();
    let color = output::color(stderr.is_terminal());
    let diagnostics = loaded.diagnostics.get(range).unwrap_or_default();
    for diagnostic in diagnostics {
        // When there is nobody to tell, it still is in the log.
        let _ = stderr.write_all(format.text(diagnostic, &loaded.sources, color).as_bytes());
    }
    for diagnostic in diagnostics {
        let line = render::nginx_line(diagnostic, &loaded.sources);
        log::record(level(diagnostic), format_args!("{line}"));
    }
}

/// Shows diagnostics with the lines that they are about.
pub fn show(loaded: &Loaded, diagnostics: &[Diagnostic], out: &mut dyn Write, color: bool) {
    for diagnostic in diagnostics {
        // When there is nobody to tell, it still is in the log.
        let _ = out.write_all(render::human(diagnostic, &loaded.sources, color).as_bytes());
    }
}

/// Writes nginx's line of each diagnostic that is at least this grave to the error log.
pub fn to_log(loaded: &Loaded, least: Severity) {
    for diagnostic in &loaded.diagnostics {
        if !least.is_error() || diagnostic.severity.is_error() {
            let line = render::nginx_line(diagnostic, &loaded.sources);
            log::event(level(diagnostic), format_args!("{line}"));
        }
    }
}

fn level(diagnostic: &Diagnostic) -> Level {
    match diagnostic.severity {
        Severity::Emerg => Level::Emerg,
        Severity::Crit => Level::Crit,
        Severity::Warn => Level::Warn,
        Severity::Notice => Level::Notice,
    }
}
