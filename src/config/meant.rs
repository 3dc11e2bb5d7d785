//! The name that was probably meant, for messages about one that nothing defines: the slip may be in the definition, and so
//! that is pointed at.

use super::missing_end::begins_line;
use super::slip::Words;
use super::source::Sources;
use super::span::Span;
use super::suggest::{distance, nearest};
use super::tree::{Item, Node, Word};
use crate::diagnostic::Diagnostic;
use std::cell::OnceCell;

/// nginx's sentences in front of such a name, and what of a directive is the name that it defines.
const KINDS: [(&str, &str, Defined); 4] = [
    ("unknown log format \"", "", |node| {
        first_word(node, "log_format")
    }),
    ("host not found in upstream \"", "the upstream ", |node| {
        first_word(node, "upstream")
    }),
    ("no port in upstream \"", "the upstream ", |node| {
        first_word(node, "upstream")
    }),
    ("zero size shared memory zone \"", "", zone),
];

/// The name that a directive defines, if it is one of this kind.
type Defined = fn(&Node) -> Option<(String, Span)>;

/// Adds to them which name was probably meant, and where it is defined.
pub fn name_the_meant(diagnostics: &mut [Diagnostic], tree: &[Item], sources: &Sources) {
    let mut counted = None;
    // What there is of each kind, found when somebody asks.
    let definitions = KINDS.map(|_| OnceCell::new());
    for d in diagnostics {
        if swallowed_include(d, tree, sources) || stray_server(d, tree) {
            continue;
        }
        variable(d, tree, sources, &mut counted);
        let found = KINDS.iter().zip(&definitions).find_map(|(kind, all)| {
            let (start, what, defined) = kind;
            let name = d.message.strip_prefix(start)?.strip_suffix('"')?;
            let all = all.get_or_init(|| collected(tree, *defined));
            Some((name.to_owned(), what, all))
        });
        let Some((name, what, all)) = found else {
            let host = d.message.split('"').nth(1).map(str::to_owned);
            local_host(d, &host.unwrap_or_default());
            continue;
        };
        let words = counted.get_or_insert_with(|| Words::of(tree, sources));
        let Some((meant, place)) = choose(&name, all, words) else {
            nameless_format(d, all);
            local_host(d, &name);
            continue;
        };
        let place = sources.find_in(*place, meant.as_bytes()).unwrap_or(*place);
        if words.is_slip(meant, &name) {
            blame_definition(d, place, meant, &name);
            continue;
        }
        d.labels
            .push((place, format!("this one is called \"{meant}\"")));
        d.help.insert(0, format!("did you mean {what}\"{meant}\"?"));
    }
}

/// Sentences about what an included file could have brought.
const BROUGHT: [&str; 6] = [
    "no \"ssl_certificate",
    "unknown \"",
    "unknown log format \"",
    "host not found in upstream \"",
    "no port in upstream \"",
    "zero size shared memory zone \"",
];

/// An `include` that was swallowed by a line without its `;`, and so brought nothing.
fn swallowed_include(d: &mut Diagnostic, tree: &[Item], sources: &Sources) -> bool {
    if !BROUGHT.iter().any(|start| d.message.starts_with(start)) {
        return false;
    }
    let certificate = d.message.starts_with("no \"ssl_certificate");
    let brings = |words: &[&Word]| match words {
        [last, name, _] => {
            let name_brings =
                name.text == "include" || certificate && name.text.starts_with(b"ssl_certificate");
            name_brings && !name.quoted && begins_line(Some(sources), last, name)
        }
        _ => false,
    };
    let Some(behind) = swallowed(tree, &brings) else {
        return false;
    };
    blame_missing_end(d, behind);
    true
}

fn blame_missing_end(d: &mut Diagnostic, behind: Span) {
    let end = Span {
        start: behind.end,
        ..behind
    };
    d.labels
        .insert(0, (behind, String::from("a \";\" is missing behind this")));
    d.help.clear();
    d.fix = Some(Box::new((end, String::from(";"))));
}

/// A `server` that stands behind the `upstream` block that lacks it.
fn stray_server(d: &mut Diagnostic, tree: &[Item]) -> bool {
    let empty = d.message == "no servers are inside upstream";
    let place = d.labels.first().map(|(place, _)| *place).filter(|_| empty);
    let Some(stray) = place.and_then(|place| behind(tree, place)) else {
        return false;
    };
    d.labels
        .insert(0, (stray, String::from("this stands outside of the group")));
    true
}

/// The `server` without a block right behind the directive at this place.
fn behind(items: &[Item], place: Span) -> Option<Span> {
    let pair = items.windows(2).find_map(|pair| match pair {
        [Item::Node(group), Item::Node(next)] if group.name.span == place => Some(next),
        _ => None,
    });
    if let Some(next) = pair {
        let server = next.name.text == "server" && next.block.is_none();
        return server.then(|| next.name.span.to(next.end));
    }
    items.iter().find_map(|item| match item {
        Item::Node(node) => behind(node.items(), place),
        Item::Broken(_) => None,
    })
}

/// The definition that was probably meant: of those that are equally near, one that nobody uses.
fn choose<'a>(name: &str, all: &'a [(String, Span)], words: &Words) -> Option<&'a (String, Span)> {
    let unused = all.iter().filter(|(other, _)| words.uses(other) == 1);
    let meant = nearest(name, all.iter().map(|(other, _)| other.as_str()))?;
    let unused = nearest(name, unused.map(|(other, _)| other.as_str()));
    let meant = unused
        .filter(|unused| distance(name, unused) <= distance(name, meant))
        .unwrap_or(meant);
    all.iter().find(|(other, _)| other == meant)
}

/// Says that a name is right where it is used, and wrong where it is defined.
fn blame_definition(d: &mut Diagnostic, place: Span, defined: &str, used: &str) {
    for (_, text) in d.labels.iter_mut().filter(|(_, text)| text.is_empty()) {
        text.push_str("used here");
    }
    let said = format!("this is called \"{defined}\", and \"{used}\" is used");
    d.labels.insert(0, (place, said));
    d.help = vec![format!("did you mean \"{used}\"?")];
    d.fix = Some(Box::new((place, used.to_owned())));
}

/// A format without its name: the first piece of it is taken for that.
fn nameless_format(d: &mut Diagnostic, all: &[(String, Span)]) {
    let of_format = d.message.starts_with("unknown log format");
    let doubled = |name: &str| name == "log_format";
    let first = all
        .iter()
        .find(|(name, _)| name.contains('$') || doubled(name));
    if let Some((name, place)) = first.filter(|_| of_format) {
        let said = match doubled(name) {
            true => "this is taken for the name of the format",
            false => "the name of the format is missing before this",
        };
        d.labels.insert(0, (*place, said.to_owned()));
    }
}

/// The one host that everybody has.
fn local_host(d: &mut Diagnostic, name: &str) {
    let host = name.split(':').next().unwrap_or(name);
    if d.message.starts_with("host not found in")
        && nearest(host, ["localhost"].into_iter()).is_some()
    {
        d.help
            .insert(0, String::from("did you mean \"localhost\"?"));
    }
}

fn collected(tree: &[Item], defined: Defined) -> Vec<(String, Span)> {
    let mut all = Vec::new();
    collect(tree, defined, &mut all);
    all
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
fn variable(d: &mut Diagnostic, tree: &[Item], sources: &Sources, counted: &mut Option<Words>) {
    let unknown = d.message.strip_prefix("unknown \"");
    let Some(name) = unknown.and_then(|rest| rest.strip_suffix("\" variable")) else {
        return;
    };
    let dollar = format!("${name}");
    let sets = |words: &[&Word]| match words {
        [last, set, variable] => {
            set.text == "set" && variable.text == dollar && begins_line(Some(sources), last, set)
        }
        _ => false,
    };
    if let Some(behind) = swallowed(tree, &sets) {
        blame_missing_end(d, behind);
        return;
    }
    let mut all = Vec::new();
    collect(tree, defined_variable, &mut all);
    let words = counted.get_or_insert_with(|| Words::of(tree, sources));
    let meant = d
        .fix
        .as_ref()
        .map(|fix| fix.1.trim_start_matches('$').to_owned());
    let (Some(meant), Some((own, place))) = (meant, choose(name, &all, words)) else {
        return;
    };
    // One of the server's own may be nearer.
    if distance(name, own) > distance(name, &meant) {
        return;
    }
    let (name, own, place) = (format!("${name}"), format!("${own}"), *place);
    if words.is_slip(own.trim_start_matches('$'), name.trim_start_matches('$')) {
        blame_definition(d, place, &own, &name);
        return;
    }
    if let Some(fix) = &mut d.fix {
        fix.1.clone_from(&own);
    }
    d.help = vec![format!("did you mean \"{own}\"?")];
    d.labels
        .push((place, format!("this one is called \"{own}\"")));
}

/// The word behind which a `;` is missing, where three words that follow one another are what is looked for, the line above
/// included.
fn swallowed(tree: &[Item], is: &dyn Fn(&[&Word]) -> bool) -> Option<Span> {
    tree.iter().find_map(|item| {
        let Item::Node(node) = item else { return None };
        let mut words: Vec<&Word> = Vec::new();
        if node.args.len() > 1 {
            words.extend(std::iter::once(&node.name).chain(&node.args));
        }
        let here = words.windows(3).find(|three| is(three));
        here.and_then(|three| three.first())
            .map(|last| last.span)
            .or_else(|| swallowed(node.items(), is))
    })
}

/// The variable that a directive defines, without its `$`.
fn defined_variable(node: &Node) -> Option<(String, Span)> {
    let word = match &node.name.text[..] {
        b"set" | b"auth_request_set" => node.arg(0),
        b"map" | b"split_clients" => node.arg(1),
        b"geo" => node.args.last(),
        _ => None,
    }?;
    let name = word.str().strip_prefix('$')?.to_owned();
    Some((name, word.span))
}
