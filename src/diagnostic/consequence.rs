//! Messages that only follow from another one: what was refused, or could not be read, defines nothing, and whoever
//! uses it would be told so.

use super::Diagnostic;
use crate::config::tree::{Item, Node};
use bytes::Bytes;

/// What was not taken in, while a configuration was read.
#[derive(Clone, Debug, Default)]
pub struct Unseen {
    /// Words of refused directives.
    pub words: Vec<Bytes>,
    /// Whether a part of the text was not read at all.
    pub text: bool,
    /// Whether a refused directive lacks its own name or that of what it would have defined.
    pub nameless: bool,
}

impl Unseen {
    /// Takes note of a refused directive, and of all that stands in its block.
    pub fn take(&mut self, node: &Node) {
        self.nameless |= lacks_a_name(node);
        // What it would have included is not there.
        self.text |= node.name.text == "include";
        self.words_of(node);
    }

    fn words_of(&mut self, node: &Node) {
        let words = std::iter::once(&node.name).chain(&node.args);
        self.words.extend(words.map(|word| word.text.clone()));
        for item in node.items() {
            match item {
                Item::Node(inner) => self.words_of(inner),
                Item::Broken(_) => self.text = true,
            }
        }
    }
}

/// Takes out what follows from an earlier message. The first stays: it is what nginx says.
pub fn suppress(diagnostics: &mut Vec<Diagnostic>, unseen: &Unseen) {
    let meant: Vec<String> = diagnostics.iter().filter_map(misspelt).collect();
    let mut first = true;
    diagnostics.retain(|d| {
        let error = d.severity.is_error();
        let follows = || follows(d, unseen) || lacks(d, unseen, &meant);
        !error || std::mem::take(&mut first) || !follows()
    });
}

/// Whether a word was left out of it that gives something a name, if not its own.
fn lacks_a_name(node: &Node) -> bool {
    let name = &node.name.text[..];
    let least = match name {
        b"upstream" | b"geo" => 1,
        b"map" | b"set" | b"split_clients" | b"log_format" => 2,
        name if name.ends_with(b"_zone") => 2,
        _ => 0,
    };
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || *c == b'_';
    node.args.len() < least || name.is_empty() || !name.iter().all(is_name)
}

/// The name that a misspelt directive was probably meant to have.
fn misspelt(d: &Diagnostic) -> Option<String> {
    let unknown = d.message.starts_with("unknown directive \"");
    d.fix.as_ref().filter(|_| unknown).map(|fix| fix.1.clone())
}

/// Whether it says that something is not there, or does not go with something, that a refused directive would have set.
fn lacks(d: &Diagnostic, unseen: &Unseen, meant: &[String]) -> bool {
    let message = &d.message;
    let named: Vec<&str> = match message {
        _ if message == "no servers are inside upstream"
            || message.starts_with("no servers in upstream \"") =>
        {
            vec!["server"]
        }
        _ if message.starts_with("no \"ssl_certificate")
            || message.starts_with('"') && message.contains(" must be less than ") =>
        {
            message.split('"').skip(1).step_by(2).collect()
        }
        _ => return false,
    };
    unseen.text
        || unseen.nameless
        || named.iter().any(|name| {
            meant.iter().any(|meant| meant == name)
                || unseen.words.iter().any(|word| word == name.as_bytes())
        })
        || meant.iter().any(|meant| meant == "include")
}

/// Sentences about a name that nothing defines.
const UNDEFINED: &[(&str, &str)] = &[
    ("unknown \"", "\" variable"),
    ("unknown log format \"", "\""),
    ("zero size shared memory zone \"", "\""),
    ("host not found in upstream \"", "\""),
    ("unknown \"", "\""),
];

fn follows(d: &Diagnostic, unseen: &Unseen) -> bool {
    let Some(name) = UNDEFINED
        .iter()
        .find_map(|(start, end)| d.message.strip_prefix(start)?.strip_suffix(end))
    else {
        return false;
    };
    unseen.text
        || unseen.nameless
        || unseen
            .words
            .iter()
            .any(|word| defines(word, name.as_bytes()))
}

/// Whether a word of a refused directive is or holds the name: `$name`, `zone=name:10m`, `name`, `"(?<name>...)"`.
fn defines(word: &[u8], name: &[u8]) -> bool {
    let is_name = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-');
    memchr::memmem::find_iter(word, name).any(|at| {
        let before = at.checked_sub(1).and_then(|i| word.get(i));
        let behind = word.get(at.saturating_add(name.len()));
        !before.is_some_and(is_name) && !behind.is_some_and(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(messages: &[&str], words: &[&'static str], text: bool) -> usize {
        let mut all: Vec<_> = messages.iter().map(|m| Diagnostic::new(*m)).collect();
        let words = words.iter().map(|w| Bytes::from_static(w.as_bytes()));
        let unseen = Unseen {
            words: words.collect(),
            text,
            nameless: false,
        };
        suppress(&mut all, &unseen);
        all.len()
    }

    #[test]
    fn who_uses_what_was_refused_is_not_told_again() {
        let messages = [
            "invalid x",
            "unknown \"a\" variable",
            "unknown \"b\" variable",
        ];
        assert_eq!(left(&messages, &["$a", "map"], false), 2);
        assert_eq!(left(&messages, &["$ab"], false), 3);
        assert_eq!(left(&messages, &[], true), 1);
        assert_eq!(left(&["unknown \"a\" variable"], &["$a"], true), 1);
        let zone = ["invalid rate", "zero size shared memory zone \"one\""];
        assert_eq!(left(&zone, &["zone=one:10m"], false), 1);
    }
}
