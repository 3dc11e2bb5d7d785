//! The name that was probably meant, for messages about one that nothing defines: the slip may be in the definition, and so
//! that is pointed at.

use super::missing_end::begins_line;
use super::source::Sources;
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
pub fn name_the_meant(diagnostics: &mut [Diagnostic], tree: &[Item], sources: &Sources) {
    for d in diagnostics {
        variable(d, tree, sources);
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
            nameless_format(d, &all);
            continue;
        };
        let place = all.iter().find(|(name, _)| name == meant);
        d.labels
            .extend(place.map(|(_, span)| (*span, format!("this one is called \"{meant}\""))));
        d.help.insert(0, format!("did you mean {what}\"{meant}\"?"));
    }
}

/// A format without its name: the first piece of it is taken for that.
fn nameless_format(d: &mut Diagnostic, all: &[(String, Span)]) {
    let of_format = d.message.starts_with("unknown log format");
    let first = all.iter().find(|(name, _)| name.contains('$'));
    if let Some((_, place)) = first.filter(|_| of_format) {
        let said = String::from("the name of the format is missing before this");
        d.labels.insert(0, (*place, said));
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

/// A variable: the definition that was swallowed by a line without its `;`, or that of the one that was probably meant.
fn variable(d: &mut Diagnostic, tree: &[Item], sources: &Sources) {
    let unknown = d.message.strip_prefix("unknown \"");
    let Some(name) = unknown.and_then(|rest| rest.strip_suffix("\" variable")) else {
        return;
    };
    if let Some(behind) = swallowed(tree, &format!("${name}"), sources) {
        let end = Span {
            start: behind.end,
            ..behind
        };
        d.labels
            .insert(0, (behind, String::from("a \";\" is missing behind this")));
        d.help.clear();
        d.fix = Some(Box::new((end, String::from(";"))));
        return;
    }
    let fix = d.fix.as_ref().map(|fix| fix.1.clone());
    if let Some((place, meant)) = fix.and_then(|meant| Some((defined_as(tree, &meant)?, meant))) {
        d.labels
            .push((place, format!("this one is called \"{meant}\"")));
    }
}

/// The word behind which a `;` is missing, where `set $name value` are arguments of the line above.
fn swallowed(tree: &[Item], name: &str, sources: &Sources) -> Option<Span> {
    tree.iter().find_map(|item| {
        let Item::Node(node) = item else { return None };
        let words: Vec<&Word> = std::iter::once(&node.name).chain(&node.args).collect();
        let here = words.windows(3).find_map(|three| match three {
            [last, set, variable]
                if set.text == "set"
                    && variable.text == name
                    && begins_line(Some(sources), last, set) =>
            {
                Some(last.span)
            }
            _ => None,
        });
        here.or_else(|| swallowed(node.items(), name, sources))
    })
}

/// Where a variable of this name is defined.
fn defined_as(tree: &[Item], name: &str) -> Option<Span> {
    tree.iter().find_map(|item| {
        let Item::Node(node) = item else { return None };
        let word = match &node.name.text[..] {
            b"set" => node.arg(0),
            b"map" | b"split_clients" => node.arg(1),
            b"geo" => node.args.last(),
            _ => None,
        };
        let here = word.filter(|word| word.text == name).map(|word| word.span);
        here.or_else(|| defined_as(node.items(), name))
    })
}
