//! Slips of the hand: one token of a right configuration is left out, doubled or misspelt. The first message must point
//! at the line of the slip, and for a misspelt name the right one must be suggested, in at least 95 of 100 cases.
//!
//! The numbers come from a fixed seed. `MUTATIONS=2000 cargo test --test mutations -- --nocapture` tries more of them,
//! and shows those that are missed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use goodgate::config::source::{Disk, Files};
use goodgate::cycle::{self, Loaded, Options};
use goodgate::diagnostic::{Diagnostic, Severity};
use goodgate::lint::{self, Around};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
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

/// xorshift: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }
}

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

#[derive(Clone, Debug)]
struct Token {
    place: Range<usize>,
    /// Whether it is the name of a directive.
    name: bool,
}

/// The words and marks of a text.
fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    // The names of the open blocks, and whether a directive begins.
    let (mut open, mut begins, mut name) = (Vec::new(), true, "");
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b' ' | b'\t' | b'\n' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += text[at..].find('\n').unwrap();
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at += 1;
                while bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b';' | b'{' | b'}' => at += 1,
            _ => {
                while !matches!(bytes[at], b' ' | b'\t' | b'\n' | b';' | b'{') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
        }
        let word = &text[start..at];
        let keys = ["map", "types", "geo", "split_clients"].contains(open.last().unwrap_or(&""));
        let is_mark = matches!(word, ";" | "{" | "}");
        tokens.push(Token {
            place: start..at,
            name: begins && !is_mark && !keys,
        });
        if begins && !is_mark {
            name = word;
        }
        match word {
            "{" => open.push(name),
            "}" => drop(open.pop()),
            _ => {}
        }
        begins = is_mark;
    }
    tokens
}

/// A changed text.
struct Mutation {
    kind: &'static str,
    text: String,
    /// The lines that a message may point at.
    lines: Range<usize>,
    /// The name that was misspelt.
    meant: Option<String>,
}

fn mutate(text: &str, tokens: &[Token], numbers: &mut Numbers) -> Option<Mutation> {
    let index = numbers.below(tokens.len());
    let token = &tokens[index];
    let word = &text[token.place.clone()];
    let mark = matches!(word, ";" | "{" | "}");
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let here = line(token.place.start);
    let (kind, put) = match numbers.below(3) {
        0 if mark => ("a mark left out", String::new()),
        0 => ("a word left out", String::new()),
        1 if mark => ("a mark doubled", format!("{word} {word}")),
        1 => ("a word doubled", format!("{word} {word}")),
        _ if mark => return None,
        _ => ("a word misspelt", misspell(word, numbers)?),
    };
    // A mark is missing behind the word before it, wherever its own line was.
    let from = match (kind, index.checked_sub(1).and_then(|i| tokens.get(i))) {
        ("a mark left out", Some(last)) => line(last.place.end - 1),
        _ => here,
    };
    let meant = (kind == "a word misspelt" && token.name).then(|| word.to_owned());
    let mut changed = text.to_owned();
    changed.replace_range(token.place.clone(), &put);
    Some(Mutation {
        kind: if meant.is_some() {
            "a name misspelt"
        } else {
            kind
        },
        text: changed,
        lines: from..line(token.place.end - 1) + 1,
        meant,
    })
}

/// One letter left out, doubled, replaced, or two exchanged; nothing for words that have no letters to spare.
fn misspell(word: &str, numbers: &mut Numbers) -> Option<String> {
    let letters: Vec<usize> = (0..word.len())
        .filter(|i| word.as_bytes()[*i].is_ascii_alphabetic())
        .collect();
    if letters.len() < 2 {
        return None;
    }
    let at = letters[numbers.below(letters.len())];
    let mut bytes = word.as_bytes().to_vec();
    match numbers.below(4) {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, bytes[at]),
        2 => bytes[at] = b'a' + u8::try_from(numbers.below(26)).unwrap(),
        _ if at + 1 < bytes.len() && bytes[at + 1].is_ascii_alphabetic() => bytes.swap(at, at + 1),
        _ => drop(bytes.remove(at)),
    }
    let changed = String::from_utf8(bytes).unwrap();
    (changed != word).then_some(changed)
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
