//! The name that was probably meant, for messages about one that nothing defines: the slip may be in the definition, and so
//! that is pointed at.

use super::span::Span;
use super::suggest::nearest;
use super::tree::{Item, Node, Word};
use crate::diagnostic::Diagnostic;

/// nginx's sentences in front of such a name, and what of a directive is the name that it defines.
const KINDS: [(&str, &str, Defined); 3] = [
    ("unknown log format \"", "", |node| {
        first_word(node, "log_format")
    }),
    ("host not found in upstream \"", "the upstream ", |node| {
        first_word(node, "upstream")
    }),
    ("zero size shared memory zone \"", "", zone),
];

/// The name that a directive defines, if it is one of this kind.
type Defined = fn(&Node) -> Option<(String, Span)>;

/// Adds to them which name was probably meant, and where it is defined.
pub fn name_the_meant(diagnostics: &mut [Diagnostic], tree: &[Item]) {
    for d in diagnostics {
        let found = KINDS.iter().find_map(|(start, what, defined)| {
            let name = d.message.strip_prefix(start)?.strip_suffix('"')?;
            Some((name.to_owned(), what, *defined))
        });
        let Some((name, what, defined)) = found else {
            continue;
        };
        let mut all = Vec::new();
        collect(tree, defined, &mut all);
        let names = all.iter().map(|(name, _)| name.as_str());
        let Some(meant) = nearest(&name, names) else {
            continue;
        };
        let place = all.iter().find(|(name, _)| name == meant);
        d.labels
            .extend(place.map(|(_, span)| (*span, format!("this one is called \"{meant}\""))));
        d.help.insert(0, format!("did you mean {what}\"{meant}\"?"));
    }
}

fn collect(items: &[Item], defined: Defined, all: &mut Vec<(String, Span)>) {
    for item in items {
        let Item::Node(node) = item else { continue };
        all.extend(defined(node));
        collect(node.items(), defined, all);
    }
}

fn first_word(node: &Node, directive: &str) -> Option<(String, Span)> {
    let word = node.arg(0).filter(|_| node.name.text == directive)?;
    Some((word.str().into_owned(), word.span))
}

/// `zone=name:size`; without a size it is only used.
fn zone(node: &Node) -> Option<(String, Span)> {
    let name = |word: &Word| {
        let text = word.str();
        let (name, _) = text.strip_prefix("zone=")?.split_once(':')?;
        Some((name.to_owned(), word.span))
    };
    node.args.iter().find_map(name)
}
