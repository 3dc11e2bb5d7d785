//! All directive tables together, and the walk that holds a configuration against them.

use super::directive::{Args, Contexts, Directive, Set};
use super::known::is_known_to_nginx;
use super::suggest::nearest;
use super::tree::{Item, Node, Word};
use super::value;
use crate::diagnostic::Diagnostic;
use std::collections::HashMap;

/// The directives of all modules, found by name.
pub struct Table<B: 'static> {
    entries: Vec<&'static Directive<B>>,
    /// The entries of a name, in the order of the modules.
    by_name: HashMap<&'static [u8], Vec<&'static Directive<B>>, foldhash::fast::FixedState>,
}

/// What a name means in a context.
pub enum Found<B: 'static> {
    /// This directive.
    Here(&'static Directive<B>),
    /// There are directives of this name, none of which may stand here; all the contexts together.
    Elsewhere(Contexts),
    /// No directive has this name.
    Unknown,
}

impl<B> Table<B> {
    /// One table of those of the modules. A name may be in several; the first that fits the context is meant.
    pub fn new(modules: &[&'static [Directive<B>]]) -> Self {
        let entries: Vec<&'static Directive<B>> =
            modules.iter().flat_map(|module| module.iter()).collect();
        let mut by_name: HashMap<_, Vec<_>, _> = HashMap::default();
        for &directive in &entries {
            by_name
                .entry(directive.name.as_bytes())
                .or_default()
                .push(directive);
        }
        Table { entries, by_name }
    }

    /// What a name means in a context.
    pub fn find(&self, name: &[u8], context: Contexts) -> Found<B> {
        let Some(entries) = self.by_name.get(name) else {
            return Found::Unknown;
        };
        match entries.iter().find(|entry| entry.contexts.meets(context)) {
            Some(&entry) => Found::Here(entry),
            None => Found::Elsewhere(
                entries
                    .iter()
                    .fold(Contexts(0), |all, entry| all | entry.contexts),
            ),
        }
    }

    /// All directives, module by module.
    pub fn iter(&self) -> impl Iterator<Item = &'static Directive<B>> + '_ {
        self.entries.iter().copied()
    }
}

/// What the settings are collected in.
pub trait Collector: Sized + 'static {
    /// The directives that there are.
    fn table(&self) -> &'static Table<Self>;

    /// Takes note of an error or a warning.
    fn report(&mut self, diagnostic: Diagnostic);

    /// Whether so many errors were found that looking further is of no use.
    fn enough(&self) -> bool {
        false
    }

    /// The name of a context for messages (`server`), given the set with only this one in it.
    fn context_name(context: Contexts) -> &'static str;
}

/// Holds the items of a block against the table and hands their values to the setters. Errors are reported
/// in nginx's order and with its words, and do not end the walk.
pub fn walk<B: Collector>(b: &mut B, items: &[Item], context: Contexts) {
    for (index, item) in items.iter().enumerate() {
        if b.enough() {
            return;
        }
        match item {
            Item::Broken(diagnostic) => b.report((**diagnostic).clone()),
            Item::Node(node) => {
                if let Err(diagnostic) = apply(b, node, context) {
                    let first = items.get(..index).unwrap_or_default();
                    b.report(complete(*diagnostic, node, first));
                }
            }
        }
    }
}

/// For blocks whose lines are no directives (`types`, `map`): gives each to `entry`. `include` is done already.
pub fn entries<B: Collector>(
    b: &mut B,
    block: &Node,
    mut entry: impl FnMut(&mut B, &Node) -> Result<(), Diagnostic>,
) {
    for item in block.items() {
        if b.enough() {
            return;
        }
        match item {
            Item::Broken(diagnostic) => b.report((**diagnostic).clone()),
            Item::Node(node) if node.block.is_some() => {
                b.report(
                    Diagnostic::new("unexpected \"{\"")
                        .at(node.end)
                        .label(node.end, "no block may stand in here"),
                );
                report_broken(b, node.items());
            }
            Item::Node(node) => {
                if let Err(diagnostic) = entry(b, node) {
                    b.report(complete(diagnostic, node, &[]));
                }
            }
        }
    }
}

type Refusal = Result<(), Box<Diagnostic>>;

fn apply<B: Collector>(b: &mut B, node: &Node, context: Contexts) -> Refusal {
    let directive = match b.table().find(&node.name.text, context) {
        Found::Here(directive) => directive,
        // One that is whole was put in place by the loader; the name is nginx's in every context.
        _ if node.name.text == "include" => {
            check_form(node, false, Args::Exactly(1), "file | mask")
                .inspect_err(|_| report_broken(b, node.items()))?;
            return Ok(());
        }
        found => {
            let refusal = refuse(b, node, context, &found);
            return Err(refusal).inspect_err(|_| report_broken(b, node.items()));
        }
    };
    check_form(node, directive.block, directive.args, directive.syntax)
        .inspect_err(|_| report_broken(b, node.items()))?;
    set(b, node, directive)
}

/// What was not read on inside a block that is refused as a whole is an error of its own all the same.
fn report_broken<B: Collector>(b: &mut B, items: &[Item]) {
    for item in items {
        match item {
            Item::Broken(diagnostic) => b.report((**diagnostic).clone()),
            Item::Node(node) => report_broken(b, node.items()),
        }
    }
}

/// A name that means nothing here: misspelt, misplaced, or one that only nginx has.
fn refuse<B: Collector>(
    b: &B,
    node: &Node,
    context: Contexts,
    found: &Found<B>,
) -> Box<Diagnostic> {
    let name = node.name.str();
    if let Found::Elsewhere(contexts) = found {
        let d = node.error(format!("\"{name}\" directive is not allowed here"));
        return Box::new(d.help(format!("it is allowed in {}", names_of::<B>(*contexts))));
    }
    if is_known_to_nginx(&node.name.text) {
        return Box::new(node.error(format!(
            "\"{name}\" directive is known to nginx, not supported by goodgate yet"
        )));
    }
    let d = node.error(format!("unknown directive \"{name}\""));
    let allowed = b
        .table()
        .iter()
        .filter(|entry| entry.contexts.meets(context))
        .map(|entry| entry.name);
    Box::new(match nearest(&name, allowed.chain(["include"])) {
        Some(meant) => d.help(format!("did you mean \"{meant}\"?")),
        None => d,
    })
}

/// `http, server or location`.
fn names_of<B: Collector>(contexts: Contexts) -> String {
    let mut names: Vec<&str> = Vec::new();
    for bit in (0..u32::BITS)
        .map(|shift| Contexts(1 << shift))
        .filter(|bit| contexts.meets(*bit))
    {
        let name = B::context_name(bit);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::from("no block"),
    }
}

/// Whether it ends as it must, with `;` or a block, and has the right number of arguments.
fn check_form(node: &Node, block: bool, args: Args, syntax: &str) -> Refusal {
    let name = node.name.str();
    let usage = || match (syntax, block) {
        ("", false) => format!("it is written: {name};"),
        ("", true) => format!("it is written: {name} {{ ... }}"),
        (_, false) => format!("it is written: {name} {syntax};"),
        (_, true) => format!("it is written: {name} {syntax} {{ ... }}"),
    };
    let end = |message: String| Diagnostic::new(message).at(node.end).label(node.end, "");
    if !block && node.block.is_some() {
        return Err(Box::new(
            end(format!("directive \"{name}\" is not terminated by \";\"")).help(usage()),
        ));
    }
    if block && node.block.is_none() {
        return Err(Box::new(
            end(format!("directive \"{name}\" has no opening \"{{\"")).help(usage()),
        ));
    }
    if !args.allow(node.args.len()) {
        return Err(Box::new(
            node.error(format!(
                "invalid number of arguments in \"{name}\" directive"
            ))
            .help(usage()),
        ));
    }
    Ok(())
}

/// Adds what a setter left out: the place, something to point at, and for a duplicate the first one.
fn complete(mut d: Diagnostic, node: &Node, before: &[Item]) -> Diagnostic {
    d.line = d.line.or(Some(node.end));
    if d.labels.is_empty() {
        d.labels.push((node.name.span, String::new()));
    }
    if d.message.ends_with("directive is duplicate") && d.labels.len() == 1 {
        let first = before.iter().find_map(|item| match item {
            Item::Node(other) if other.name.text == node.name.text => Some(other.name.span),
            _ => None,
        });
        d.labels
            .extend(first.map(|span| (span, String::from("the first one is here"))));
    }
    d
}

/// Hands the value to where the table says.
fn set<B: Collector>(b: &mut B, node: &Node, directive: &Directive<B>) -> Refusal {
    match directive.set {
        Set::NoOp(_) => Ok(()),
        Set::Custom(custom) => custom(b, node).map_err(Box::new),
        Set::Text(field) => store(field(b), node, |word| Ok(word.text.clone())),
        Set::Flag(field) => store(field(b), node, |word| {
            value::parse_flag(&word.text).ok_or_else(|| not_a_flag(node, word))
        }),
        Set::Enum(words, field) => store(field(b), node, |word| one_of(words, node, word)),
        Set::Number(field) => store(field(b), node, |word| {
            typed(
                value::parse_number,
                node,
                word,
                "invalid number",
                "a whole number is meant: 16",
            )
        }),
        Set::Size(field) => store(field(b), node, |word| {
            typed(value::parse_size, node, word, INVALID, A_SIZE)
        }),
        Set::Offset(field) => store(field(b), node, |word| {
            typed(value::parse_offset, node, word, INVALID, AN_OFFSET)
        }),
        Set::Time(field) => store(field(b), node, |word| {
            typed(value::parse_time, node, word, INVALID, A_TIME)
        }),
        Set::Seconds(field) => store(field(b), node, |word| {
            typed(value::parse_seconds, node, word, INVALID, SECONDS)
        }),
    }
}

const INVALID: &str = "invalid value";
const A_SIZE: &str = "a size is meant: a number of bytes, or with k or m behind it, as in 8k";
const AN_OFFSET: &str =
    "a size is meant: a number of bytes, or with k, m or g behind it, as in 10m";
const A_TIME: &str = "a time is meant, as in 60s, 1m30s, 500ms or 1h; a bare number is seconds";
const SECONDS: &str =
    "a time in whole seconds is meant, as in 60s, 1h 30m or 30d; a bare number is seconds";

/// Stores the value of the first argument, once.
fn store<T>(
    field: &mut Option<T>,
    node: &Node,
    parse: impl FnOnce(&Word) -> Result<T, Diagnostic>,
) -> Refusal {
    if field.is_some() {
        return Err(Box::new(node.fault("is duplicate")));
    }
    let value = parse(node.arg(0).unwrap_or(&node.name)).map_err(Box::new)?;
    *field = Some(value);
    Ok(())
}

fn typed<T>(
    parse: fn(&[u8]) -> Option<T>,
    node: &Node,
    word: &Word,
    fault: &str,
    meant: &str,
) -> Result<T, Diagnostic> {
    parse(&word.text).ok_or_else(|| {
        let mut d = node.fault(fault).help(meant);
        d.labels = vec![(word.span, String::new())];
        d
    })
}

fn not_a_flag(node: &Node, word: &Word) -> Diagnostic {
    let (value, name) = (word.str(), node.name.str());
    node.error_at(
        word,
        format!("invalid value \"{value}\" in \"{name}\" directive, it must be \"on\" or \"off\""),
    )
}

fn one_of(words: &[&str], node: &Node, word: &Word) -> Result<usize, Diagnostic> {
    words
        .iter()
        .position(|known| known.as_bytes().eq_ignore_ascii_case(&word.text))
        .ok_or_else(|| {
            let d = node.error_at(word, format!("invalid value \"{}\"", word.str()));
            d.help(format!("it must be one of: {}", words.join(", ")))
        })
}
