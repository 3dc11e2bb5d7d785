//! Where things stand in the configuration, and how they are written there.

use crate::config::source::Sources;
use crate::config::span::{SourceId, Span};
use crate::config::tree::{Item, Node};
use crate::http::conf::{BlockKind, Http, LocationId};
use bytes::Bytes;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A line of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: u32,
}

/// The texts, and what is written where.
pub struct Places {
    sources: Arc<Sources>,
    /// All directives by where their names stand.
    lines: HashMap<Key, Line>,
    /// What stands in each block, by what the block is known by.
    blocks: HashMap<Key, Vec<Line>>,
}

/// A source and an offset.
type Key = (SourceId, u32);

/// A directive.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub name: Bytes,
    /// Its arguments.
    pub args: Vec<Bytes>,
    /// All of it, without its end.
    pub span: Span,
}

impl Line {
    fn of(node: &Node) -> Line {
        let last = node.args.last().map_or(node.name.span, |word| word.span);
        Line {
            name: node.name.text.clone(),
            args: node.args.iter().map(|word| word.text.clone()).collect(),
            span: node.name.span.to(last),
        }
    }
}

impl Places {
    /// Takes note of all directives.
    pub fn new(sources: Arc<Sources>, items: &[Item]) -> Places {
        let mut places = Places {
            sources,
            lines: HashMap::new(),
            blocks: HashMap::new(),
        };
        places.add(items);
        places
    }

    fn add(&mut self, items: &[Item]) -> Vec<Line> {
        let mut here = Vec::new();
        for item in items {
            let Item::Node(node) = item else { continue };
            let line = Line::of(node);
            if node.block.is_some() {
                let inside = self.add(node.items());
                // A location is known by its name, other blocks by what they are.
                let known_by = match &node.name.text[..] {
                    b"location" => node.args.last().map_or(node.name.span, |word| word.span),
                    _ => node.name.span,
                };
                self.blocks.insert(key(known_by), inside);
                self.lines.insert(key(known_by), line.clone());
            }
            self.lines.insert(key(node.name.span), line.clone());
            here.push(line);
        }
        here
    }

    /// The line of a place.
    pub fn at(&self, span: Span) -> Place {
        let start = Span {
            end: span.start,
            ..span
        };
        Place {
            file: self.sources.path(span.source).to_owned(),
            line: self.sources.line_number(start),
        }
    }

    /// The directive whose name stands here, as it is written, white space aside.
    pub fn text(&self, span: Span) -> String {
        let whole = self.lines.get(&key(span)).map_or(span, |line| line.span);
        let text = self.sources.text(whole.source);
        let text = text.get(whole.start as usize..whole.end as usize);
        let text = String::from_utf8_lossy(text.unwrap_or_default());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What stands directly in a block that is known by this place.
    pub fn inside(&self, span: Span) -> &[Line] {
        self.blocks.get(&key(span)).map_or(&[], |lines| lines)
    }

    /// The directives of these names in the innermost block, from this one outwards, that has any.
    pub fn nearest(
        &self,
        http: &Http,
        from: LocationId,
        names: &[&str],
    ) -> Option<(LocationId, Vec<&Line>)> {
        let mut next = Some(from);
        while let Some(id) = next {
            let location = http.location(id);
            let found = self.named(http, id, names);
            if !found.is_empty() {
                return Some((id, found));
            }
            next = location.parent;
        }
        None
    }

    /// The block that gives a variable its value: `geo`, `split_clients`.
    pub fn defines(&self, variable: &str) -> Option<&Line> {
        let name = format!("${variable}");
        self.lines.values().find(|line| {
            let defines = matches!(&line.name[..], b"geo" | b"split_clients");
            defines && line.args.last().is_some_and(|last| *last == name)
        })
    }

    /// The directives of these names directly in a block.
    pub fn named(&self, http: &Http, id: LocationId, names: &[&str]) -> Vec<&Line> {
        let lines = self.inside(http.location(id).span);
        let is_one = |line: &&Line| names.iter().any(|name| name.as_bytes() == &line.name[..]);
        lines.iter().filter(is_one).collect()
    }

    /// A location's modifier and name as written; none for a block that is no location and stands in none.
    pub fn location(&self, http: &Http, id: LocationId) -> Option<String> {
        let location = http.location(http.location(id).named);
        let BlockKind::Location(how) = &location.kind else {
            return None;
        };
        let line = self.lines.get(&key(location.span));
        let args = line.map(|line| {
            let args = line.args.iter().map(|arg| String::from_utf8_lossy(arg));
            args.collect::<Vec<_>>().join(" ")
        });
        Some(args.unwrap_or_else(|| String::from_utf8_lossy(&how.name).into_owned()))
    }
}

fn key(span: Span) -> Key {
    (span.source, span.start)
}
