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
                let before = items.get(..index).unwrap_or_default();
                match judge(b, node, context) {
                    Ok(directive) => {
                        if let Err(diagnostic) = set(b, node, directive) {
                            b.report(complete(*diagnostic, node, before));
                        }
                    }
                    // What could not be read inside a block that is refused as a whole is said all the same.
                    Err(diagnostic) => {
                        b.report(*diagnostic);
                        report_broken(b, node.items());
                    }
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

/// The directive that a node is, if it may stand here in this form.
fn judge<B: Collector>(
    b: &B,
    node: &Node,
    context: Contexts,
) -> Result<&'static Directive<B>, Box<Diagnostic>> {
    let directive = match b.table().find(&node.name.text, context) {
        Found::Here(directive) => directive,
        // The loader has put the well-formed ones in place: what is left has something wrong with it.
        _ if node.name.text == "include" => {
            check_form(
                b,
                node,
                context,
                Form {
                    block: false,
                    args: Args::Exactly(1),
                    syntax: "file | mask",
                },
            )?;
            return Err(Box::new(node.fault("is not allowed here")));
        }
        found => return Err(refuse(b, node, context, &found)),
    };
    let Directive {
        block,
        args,
        syntax,
        ..
    } = *directive;
    check_form(
        b,
        node,
        context,
        Form {
            block,
            args,
            syntax,
        },
    )?;
    Ok(directive)
}

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

/// What a directive looks like.
struct Form {
    block: bool,
    args: Args,
    syntax: &'static str,
}

impl Form {
    fn usage(&self, name: &str) -> String {
        let space = if self.syntax.is_empty() { "" } else { " " };
        let end = if self.block { " { ... }" } else { ";" };
        format!("it is written: {name}{space}{}{end}", self.syntax)
    }
}

/// Whether it ends as it must, with `;` or a block, and has the right number of arguments.
fn check_form<B: Collector>(b: &B, node: &Node, context: Contexts, form: Form) -> Refusal {
    if form.block == node.block.is_some() && form.args.allow(node.args.len()) {
        return Ok(());
    }
    let name = node.name.str();
    let (message, place) = match (form.block, &node.block) {
        (false, Some(_)) => (
            format!("directive \"{name}\" is not terminated by \";\""),
            node.end,
        ),
        (true, None) => (
            format!("directive \"{name}\" has no opening \"{{\""),
            node.end,
        ),
        _ => (
            format!("invalid number of arguments in \"{name}\" directive"),
            node.name.span,
        ),
    };
    let d = Diagnostic::new(message).at(node.end);
    Err(Box::new(match swallowed(b, node, context) {
        Some(word) => d.label(word.span, "a \";\" is missing behind this"),
        None => d.label(place, "").help(form.usage(&name)),
    }))
}

/// The word behind which a `;` was forgotten, if one of the words after it is a directive of this context.
fn swallowed<'n, B: Collector>(b: &B, node: &'n Node, context: Contexts) -> Option<&'n Word> {
    let words = std::iter::once(&node.name).chain(&node.args);
    let is_directive =
        |word: &Word| !word.quoted && matches!(b.table().find(&word.text, context), Found::Here(_));
    words
        .zip(&node.args)
        .skip(1)
        .find(|(_, next)| is_directive(next))
        .map(|(word, _)| word)
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
