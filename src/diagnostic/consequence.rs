//! Messages that only follow from another one: what was refused, or could not be read, defines nothing, and whoever
//! uses it would be told so.

use super::{Diagnostic, Severity};
use crate::config::tree::{Item, Node};
use bytes::Bytes;

/// What was not taken in, while a configuration was read.
#[derive(Clone, Debug, Default)]
pub struct Unseen {
    /// Words of refused directives.
    pub words: Vec<Bytes>,
    /// Whether a part of the text was not read at all.
    pub text: bool,
}

impl Unseen {
    /// Takes note of a refused directive, and of all that stands in its block.
    pub fn take(&mut self, node: &Node) {
        let words = std::iter::once(&node.name).chain(&node.args);
        self.words.extend(words.map(|word| word.text.clone()));
        for item in node.items() {
            match item {
                Item::Node(inner) => self.take(inner),
                Item::Broken(_) => self.text = true,
            }
        }
    }
}

/// Takes out what follows from an earlier message. The first stays: it is what nginx says.
pub fn suppress(diagnostics: &mut Vec<Diagnostic>, unseen: &Unseen) {
    let mut first = true;
    diagnostics.retain(|d| {
        let error = d.severity == Severity::Emerg;
        !error || std::mem::take(&mut first) || !follows(d, unseen)
    });
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
