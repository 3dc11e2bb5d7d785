//! Places for messages about what is only noticed when all is read: the first of two duplicates, the name of a file.

use super::source::Files;
use super::span::Span;
use super::suggest;
use super::tree::{Item, Node};
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::path::Path;

/// Adds the place of the first one to messages about duplicates that point at one place only.
pub fn name_the_first(diagnostics: &mut [Diagnostic], tree: &[Item]) {
    for d in diagnostics {
        let kind = [
            ("duplicate location", "location"),
            ("a duplicate default server", "listen"),
            ("duplicate listen options", "listen"),
        ];
        let name = kind.iter().find(|(start, _)| d.message.starts_with(start));
        let (Some((_, name)), [(place, _)]) = (name, &d.labels[..]) else {
            continue;
        };
        let place = *place;
        if let [second, first] = included_twice(tree, name, place)[..] {
            let first = (first, String::from("the first time is here"));
            let second = (second, String::from("this file is included a second time"));
            d.labels.splice(.., [second, first]);
            continue;
        }
        if let Some(first) = first(tree, name, place, &d.message) {
            d.labels
                .push((first, String::from("the first one is here")));
        }
    }
}

/// The `include`s that have brought the directive at this place, if they are two: the second one first.
fn included_twice(tree: &[Item], name: &str, place: Span) -> Vec<Span> {
    let mut all = Vec::new();
    collect(tree, name, None, &mut all);
    let there = all
        .iter()
        .map(|(_, node)| node)
        .filter(|node| node.name.span == place || node.args.iter().any(|word| word.span == place));
    let mut vias: Vec<Span> = there.filter_map(|node| node.via).collect();
    vias.dedup();
    vias.reverse();
    vias
}

/// Adds the place of the word to messages about a file that point nowhere.
pub fn point_at_files(diagnostics: &mut [Diagnostic], tree: &[Item]) {
    for d in diagnostics.iter_mut().filter(|d| d.labels.is_empty()) {
        let path = d.message.strip_prefix("open() \"");
        let path = path.and_then(|rest| rest.split('"').next());
        let place = path.and_then(|path| named(tree, path.as_bytes()));
        d.labels.extend(place.map(|place| (place, String::new())));
    }
}

/// Adds the name of the file that was probably meant to messages about one that is not there.
pub fn suggest_files(diagnostics: &mut [Diagnostic], files: &dyn Files) {
    for d in diagnostics {
        let missing = d.message.contains("No such file or directory") && d.help.is_empty();
        let path = d.message.split('"').nth(1).filter(|_| missing);
        d.help
            .extend(path.and_then(|path| suggest::file(Path::new(path), files)));
    }
}

/// Adds the places of the settings that a message is about and does not point at, where each is written once.
pub fn point_at_settings(diagnostics: &mut [Diagnostic], tree: &[Item]) {
    for d in diagnostics.iter_mut().filter(|d| d.labels.is_empty()) {
        for name in d.message.split('"').skip(1).step_by(2) {
            let mut all = Vec::new();
            collect(tree, name, None, &mut all);
            if let [(_, node)] = &all[..] {
                d.labels.push((node.name.span.to(node.end), String::new()));
            }
        }
    }
}

/// The first word that is the path, or the end of it behind a slash.
fn named(tree: &[Item], path: &[u8]) -> Option<Span> {
    tree.iter().find_map(|item| {
        let Item::Node(node) = item else { return None };
        let of_log = node.name.text.ends_with(b"_log") || node.name.text == "pid";
        let word = node.args.iter().find(|word| {
            let before = path.strip_suffix(&word.text[..]);
            of_log
                && word.text.len() > 1
                && before.is_some_and(|b| b.is_empty() || b.ends_with(b"/"))
        });
        word.map(|word| word.span)
            .or_else(|| named(node.items(), path))
    })
}

/// A directive of this name that stands before a place and has the same arguments, or for a `listen` the same address.
fn first(tree: &[Item], name: &str, place: Span, message: &str) -> Option<Span> {
    let mut all = Vec::new();
    collect(tree, name, None, &mut all);
    let at = |node: &Node| {
        std::iter::once(&node.name)
            .chain(&node.args)
            .any(|word| word.span == place)
            || node.name.span.source == place.source
                && node.name.span.start <= place.start
                && place.end <= node.end.end
    };
    let here = all.iter().rposition(|(_, node)| at(node))?;
    let (around, node) = all.get(here)?;
    let default = message.contains("default server");
    all.iter().take(here).find_map(|(other_around, other)| {
        let same = match name {
            "listen" => {
                key(other).first() == key(node).first()
                    && (!default || other.args.iter().any(|w| w.text.starts_with(b"default")))
            }
            _ => around == other_around && key(other) == key(node),
        };
        same.then_some(other.name.span)
    })
}

fn key(node: &Node) -> Vec<&Bytes> {
    node.args.iter().map(|word| &word.text).collect()
}

/// All directives of a name with the place of the block around them, in the order of the text.
fn collect<'a>(
    items: &'a [Item],
    name: &str,
    around: Option<Span>,
    all: &mut Vec<(Option<Span>, &'a Node)>,
) {
    for item in items {
        let Item::Node(node) = item else { continue };
        if node.name.text == name {
            all.push((around, node));
        }
        collect(node.items(), name, Some(node.name.span), all);
    }
}
