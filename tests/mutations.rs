//! Slips of the hand: one token of a right configuration is left out, doubled, misspelt or of another type, a quote is left
//! out, a line stands outside of its block. The first message must point at the line of the slip, and for a misspelt name the
//! right one must be suggested, in at least 95 of 100 cases.
//!
//! The numbers come from a fixed seed. `MUTATIONS=2000 cargo test --test mutations -- --nocapture` tries more of them,
//! and shows those that are missed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "mutations/slips.rs"]
mod slips;

use goodgate::config::source::{Disk, Files};
use goodgate::cycle::{self, Loaded, Options};
use goodgate::diagnostic::{Diagnostic, Severity};
use goodgate::lint::{self, Around};
use slips::{Numbers, SEED, mutate, tokens};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const WANTED: usize = 200;

/// Right configurations, each with the folder that its relative names start from.
const TEXTS: [(&str, &str); 10] = [
    ("tests/mutations/shop.conf", "conf/"),
    ("tests/mutations/static.conf", "conf/"),
    ("conf/nginx.conf", "conf/"),
    ("examples/hello/nginx.conf", "examples/hello/"),
    (
        "examples/load-balancing/nginx.conf",
        "examples/load-balancing/",
    ),
    ("examples/redirects/nginx.conf", "examples/redirects/"),
    (
        "examples/reverse-proxy/nginx.conf",
        "examples/reverse-proxy/",
    ),
    (
        "examples/single-page-app/nginx.conf",
        "examples/single-page-app/",
    ),
    ("examples/static-site/nginx.conf", "examples/static-site/"),
    ("examples/websocket/nginx.conf", "examples/websocket/"),
];

/// A file with a slip in it; everything else is on the disk.
struct Slip(PathBuf, String);

impl Files for Slip {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path == self.0 {
            true => Ok(self.1.clone().into_bytes()),
            false => Disk.read(path),
        }
    }
    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        Disk.glob(pattern)
    }
}

fn load(path: &str, folder: &str, prefix: &Path, text: String) -> Loaded {
    let folder = std::env::current_dir().unwrap().join(folder);
    let conf_file = folder.join(Path::new(path).file_name().unwrap());
    let options = Options {
        prefix: prefix.join(""),
        conf_file: conf_file.clone(),
        conf_prefix: folder,
        error_log: PathBuf::new(),
        globals: None,
        superuser: false,
        test: true,
    };
    cycle::load(&options, Rc::new(Slip(conf_file, text)))
}

fn lint(loaded: &Loaded) -> Vec<Diagnostic> {
    let around = Around {
        strict: false,
        open_files: None,
        files: &Disk,
        conf_prefix: Path::new(""),
        now: 0,
    };
    lint::check(&loaded.tree, &loaded.sources, &around)
}

/// What there is to say first: an error, or if there is none, a warning of lint.
fn first(loaded: &Loaded) -> Option<Diagnostic> {
    let error = loaded
        .diagnostics
        .iter()
        .find(|d| d.severity == Severity::Emerg);
    let warning = || {
        let mut found = lint(loaded);
        (!found.is_empty()).then(|| found.remove(0))
    };
    error.cloned().or_else(warning)
}

/// Whether the first place that a message shows is within the lines, in the main file.
fn points_at(d: &Diagnostic, loaded: &Loaded, lines: &Range<usize>) -> bool {
    let Some(span) = d.labels.first().map(|(span, _)| *span).or(d.line) else {
        return false;
    };
    let first = loaded.sources.line_at(span.source, span.start);
    let last = loaded.sources.line_number(span);
    (first..=last).any(|line| lines.contains(&usize::try_from(line).unwrap()))
}

fn suggests(d: &Diagnostic, meant: &str) -> bool {
    d.help
        .iter()
        .any(|help| help.contains(&format!("did you mean \"{meant}\"?")))
}

#[derive(Default)]
struct Score {
    tried: usize,
    placed: usize,
    named: usize,
    suggested: usize,
}

#[test]
fn slips_are_found_where_they_are() {
    let wanted = std::env::var("MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(WANTED);
    let prefix = tempfile::tempdir().unwrap();
    for folder in ["logs", "html"] {
        std::fs::create_dir(prefix.path().join(folder)).unwrap();
    }
    let texts: Vec<(&str, &str, String)> = TEXTS
        .iter()
        .map(|(path, folder)| (*path, *folder, std::fs::read_to_string(path).unwrap()))
        .collect();
    for (path, folder, text) in &texts {
        let loaded = load(path, folder, prefix.path(), text.clone());
        let said: Vec<_> = loaded.diagnostics.iter().map(|d| &d.message).collect();
        assert!(loaded.cycle.is_some(), "{path}: {said:?}");
        let found = lint(&loaded);
        let lint: Vec<_> = found.iter().map(|d| &d.message).collect();
        assert!(lint.is_empty(), "{path}: {lint:?}");
    }
    let mut numbers = Numbers(SEED);
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let (mut faults, mut harmless) = (0, 0);
    while faults < wanted {
        let (path, folder, text) = &texts[numbers.below(texts.len())];
        let Some(mutation) = mutate(text, &tokens(text), &mut numbers) else {
            continue;
        };
        let loaded = load(path, folder, prefix.path(), mutation.text.clone());
        let Some(said) = first(&loaded) else {
            harmless += 1;
            continue;
        };
        faults += 1;
        let score = scores.entry(mutation.kind).or_default();
        score.tried += 1;
        let placed = points_at(&said, &loaded, &mutation.lines);
        score.placed += usize::from(placed);
        let suggested = mutation
            .meant
            .as_ref()
            .is_none_or(|meant| suggests(&said, meant));
        if mutation.meant.is_some() {
            score.named += 1;
            score.suggested += usize::from(suggested);
        }
        if !placed || !suggested {
            let shown = goodgate::diagnostic::render::human(&said, &loaded.sources, false);
            println!(
                "{path}, {} in lines {:?}:\n{shown}",
                mutation.kind, mutation.lines
            );
        }
    }
    let mut all = Score::default();
    for (kind, score) in &scores {
        println!("{kind}: {} of {} at their line", score.placed, score.tried);
        all.placed += score.placed;
        all.named += score.named;
        all.suggested += score.suggested;
    }
    println!(
        "{faults} faults, {} at their line; {} of {} names suggested; {harmless} changes were none",
        all.placed, all.suggested, all.named
    );
    assert!(
        all.placed * 100 >= faults * 95,
        "{} of {faults}",
        all.placed
    );
    assert!(
        all.suggested * 100 >= all.named * 95,
        "{} of {}",
        all.suggested,
        all.named
    );
}
