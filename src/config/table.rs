//! All directive tables together, and the walk that holds a configuration against them.

use super::advice::advise;
use super::braces;
use super::directive::{Args, Contexts, Directive, Set, usage};
use super::included;
use super::known::is_known_to_nginx;
use super::layout;
use super::missing_end::{self, Missing};
use super::source::Sources;
use super::span::{SourceId, Span};
use super::suggest::{distance, nearest};
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

    /// The texts that are being walked: with them, messages find what was forgotten between two lines.
    fn sources(&self) -> Option<&Sources> {
        None
    }

    /// Takes note of a directive that was refused, and of text that could not be read (`None`): whatever it would have
    /// defined is missing from here on.
    fn refused(&mut self, _node: Option<&Node>) {}

    /// Takes note that the blocks of a text are not what they were meant to be: the rest of it says nothing.
    fn derailed(&mut self, _source: SourceId) {}

    /// The brace that makes the others of a text wrong. Looking for it takes long in a long text, so it is kept.
    fn suspect(&mut self, source: SourceId) -> Option<braces::Suspect> {
        braces::suspect(self.sources()?.text(source))
    }

    /// Takes note of a directive that may stand where it does, in the right form; its value is looked at next.
    fn seen(&mut self, _node: &Node, _directive: &'static Directive<Self>) {}

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
            Item::Broken(diagnostic) => broken(b, diagnostic),
            Item::Node(node) => step(b, node, items, index, context),
        }
    }
}

/// Takes one directive, which is the item with this number of its block, or a part of it.
fn step<B: Collector>(b: &mut B, node: &Node, items: &[Item], index: usize, context: Contexts) {
    let before = items.get(..index).unwrap_or_default();
    let judged = judge(b, node, context);
    let misformed = judged.is_err();
    let diagnostic = match judged {
        Ok(directive) => {
            b.seen(node, directive);
            match set(b, node, directive) {
                Ok(()) => return,
                Err(d) => advise(complete(*d, node, before), node, directive),
            }
        }
        Err(diagnostic) => *diagnostic,
    };
    b.refused(Some(node));
    let diagnostic = included::blame(b, diagnostic, node, items, context);
    let Some(missing) = missing_end::find(b, node, context) else {
        let entry = diagnostic.message.starts_with("unknown directive")
            && !layout::is_a_name(&node.name.text);
        let misplaced = entry
            || may_be_misplaced(&diagnostic.message) && !has_a_brace_for_its_end(b, node, context);
        let suspect = misplaced.then(|| suspect(b, node)).flatten();
        b.report(match &suspect {
            Some(suspect) => suspect.mark(diagnostic, node.end.source),
            None => diagnostic,
        });
        if suspect.is_some() {
            b.derailed(node.end.source);
        }
        // What could not be read inside a block that is refused as a whole is said all the same.
        if misformed {
            report_broken(b, node.items());
        }
        return;
    };
    b.report(with_missing(diagnostic, &missing));
    if missing.mark == '{' {
        b.derailed(node.end.source);
        return;
    }
    // Both directives are clear: the first counts as it was meant, and the second is looked at.
    if let Some((first, second)) = missing_end::split(node, missing.count) {
        if misformed && let Ok(directive) = judge(b, &first, context) {
            let _ = set(b, &first, directive);
        }
        // Nobody has opened the file that it names.
        if second.name.text == "include" {
            return b.refused(None);
        }
        step(b, &second, items, index, context);
    }
}

fn with_missing(mut d: Diagnostic, missing: &Missing<'_>) -> Diagnostic {
    let (span, mark) = (missing.behind.span, missing.mark);
    d.labels = vec![(span, format!("a \"{mark}\" is missing behind this"))];
    d.help.clear();
    let behind = Span {
        start: span.end,
        ..span
    };
    let text = if mark == '{' { " {" } else { ";" };
    d.fix(behind, text)
}

/// The brace that makes this directive look wrong, if there is one before it.
fn suspect<B: Collector>(b: &mut B, node: &Node) -> Option<braces::Suspect> {
    let start = usize::try_from(node.name.span.start).ok()?;
    b.suspect(node.end.source)
        .filter(|suspect| suspect.place.start < start)
}

/// Whether nothing is wrong with a directive but that it has a `{` where its `;` should be.
fn has_a_brace_for_its_end<B: Collector>(b: &B, node: &Node, context: Contexts) -> bool {
    match b.table().find(&node.name.text, context) {
        Found::Here(directive) => {
            let whole = !node.args.is_empty() && directive.args.allow(node.args.len());
            node.block.is_some() && !directive.block && whole
        }
        _ => false,
    }
}

/// Whether the sentence is about where a directive stands, and not about the directive itself.
pub fn may_be_misplaced(message: &str) -> bool {
    const PLACES: [&str; 6] = [
        "is not terminated by",
        "is not allowed here",
        "duplicate",
        "is outside location",
        "cannot be inside",
        "can be on the server level only",
    ];
    PLACES.iter().any(|part| message.contains(part))
}

fn broken<B: Collector>(b: &mut B, diagnostic: &Diagnostic) {
    b.report(diagnostic.clone());
    b.refused(None);
}

/// For blocks whose lines are no directives (`types`, `map`): gives each to `entry`. `include` is done already.
pub fn entries<B: Collector>(
    b: &mut B,
    block: &Node,
    mut entry: impl FnMut(&mut B, &Node) -> Result<(), Diagnostic>,
) {
    for (index, item) in block.items().iter().enumerate() {
        if b.enough() {
            return;
        }
        match item {
            Item::Broken(diagnostic) => broken(b, diagnostic),
            Item::Node(node) if node.block.is_some() => {
                let d = Diagnostic::new("unexpected \"{\"")
                    .at(node.end)
                    .label(node.end, "no block may stand in here");
                refuse_entry(b, node, d);
                report_broken(b, node.items());
            }
            Item::Node(node) => {
                if let Err(diagnostic) = entry(b, node) {
                    let before = block.items().get(..index).unwrap_or_default();
                    refuse_entry(b, node, complete(diagnostic, node, before));
                }
            }
        }
    }
}

fn refuse_entry<B: Collector>(b: &mut B, node: &Node, d: Diagnostic) {
    b.refused(Some(node));
    let missing = missing_end::of_entry(b.sources(), node).map(|behind| Missing {
        behind,
        count: 0,
        mark: ';',
    });
    // No entry begins with the name of a directive that opens a block.
    let entry = node.block.is_some() && !is_known_to_nginx(&node.name.text);
    let suspect = (!entry).then(|| suspect(b, node)).flatten();
    b.report(match (&suspect, missing) {
        (Some(suspect), _) => suspect.mark(d, node.end.source),
        (None, Some(missing)) => with_missing(d, &missing),
        (None, None) => d,
    });
    if suspect.is_some() {
        b.derailed(node.end.source);
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
                node,
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
        node,
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
            Item::Broken(diagnostic) => broken(b, diagnostic),
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
    if let Some(glued) = glued(b, &name, context) {
        return Box::new(with_space(d, node, glued));
    }
    let here = b
        .table()
        .iter()
        .filter(|entry| entry.contexts.meets(context))
        .map(|entry| entry.name);
    let meant = nearest(&name, here.chain(["include"]));
    let far = meant.is_some_and(|meant| distance(&name, meant) > 2);
    if let Some(glued) = longest_beginning(b, &name, context).filter(|_| far) {
        return Box::new(with_space(d, node, glued));
    }
    if let Some(meant) = meant {
        let d = d.fix(node.name.span, meant);
        return Box::new(d.help(format!("did you mean \"{meant}\"?")));
    }
    let all = b.table().iter().map(|entry| entry.name);
    Box::new(match nearest(&name, all) {
        Some(meant) => {
            let places = match b.table().find(meant.as_bytes(), context) {
                Found::Elsewhere(contexts) => names_of::<B>(contexts),
                _ => String::new(),
            };
            d.help(format!(
                "did you mean \"{meant}\"? It is allowed in {places}"
            ))
        }
        None => match longest_beginning(b, &name, context) {
            Some(glued) => with_space(d, node, glued),
            None => d,
        },
    })
}

/// The directive whose name ends where the word goes on with something that no name has: `listen[::]:80`, `set$a`.
fn glued<B: Collector>(b: &B, name: &str, context: Contexts) -> Option<&'static str> {
    let end = name.find(|c: char| !c.is_ascii_alphabetic() && !matches!(c, '_' | '-'))?;
    longest_beginning(b, name, context).filter(|glued| glued.len() == end)
}

/// The directive with the longest name that the word begins with.
fn longest_beginning<B: Collector>(b: &B, name: &str, context: Contexts) -> Option<&'static str> {
    let here = b
        .table()
        .iter()
        .filter(|entry| entry.contexts.meets(context));
    here.map(|entry| entry.name)
        .chain(["include"])
        .filter(|known| name.len() > known.len() && name.starts_with(known))
        .max_by_key(|known| known.len())
}

fn with_space(mut d: Diagnostic, node: &Node, name: &str) -> Diagnostic {
    let length = u32::try_from(name.len()).unwrap_or_default();
    let behind = Span {
        start: node.name.span.start.saturating_add(length),
        end: node.name.span.start.saturating_add(length),
        ..node.name.span
    };
    d.labels = vec![(
        node.name.span,
        format!("a space is missing behind \"{name}\""),
    )];
    d.fix(behind, " ").help(format!("did you mean \"{name}\"?"))
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
        usage(name, self.syntax, self.block)
    }
}

/// Whether it ends as it must, with `;` or a block, and has the right number of arguments.
fn check_form(node: &Node, form: Form) -> Refusal {
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
    let label = match form.args.allow(node.args.len()) {
        true => String::new(),
        false => format!("takes {}, found {}", form.args, node.args.len()),
    };
    let d = Diagnostic::new(message).at(node.end).label(place, label);
    Err(Box::new(d.help(form.usage(&name))))
}

/// Adds what a setter left out: the place, something to point at, and for a duplicate the first one.
fn complete(mut d: Diagnostic, node: &Node, before: &[Item]) -> Diagnostic {
    d.line = d.line.or(Some(node.end));
    if d.labels.is_empty() {
        d.labels.push((node.name.span, String::new()));
    }
    if d.labels.len() == 1 {
        let first = first_of(&d.message, node, before);
        d.labels
            .extend(first.map(|span| (span, String::from("the first one is here"))));
    }
    d
}

/// What a duplicate is a duplicate of: the same directive, and where the sentence is about its argument, with the same.
fn first_of(message: &str, node: &Node, before: &[Item]) -> Option<Span> {
    let whole = message.ends_with("directive is duplicate");
    if !whole && !message.contains("duplicate") && !message.starts_with("conflicting parameter") {
        return None;
    }
    let key = |node: &Node| node.arg(0).map(|word| word.text.clone());
    let keyed = !whole && !message.starts_with("conflicting parameter");
    before.iter().find_map(|item| match item {
        Item::Node(other)
            if other.name.text == node.name.text && (!keyed || key(other) == key(node)) =>
        {
            Some(other.name.span)
        }
        _ => None,
    })
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
    let message =
        format!("invalid value \"{value}\" in \"{name}\" directive, it must be \"on\" or \"off\"");
    let d = Diagnostic::new(message)
        .at(node.end)
        .label(word.span, format!("expected on or off, found {value}"));
    let same = |names: [&str; 5]| names.iter().any(|name| value.eq_ignore_ascii_case(name));
    let meant = match () {
        () if same(["yes", "true", "1", "enable", "enabled"]) => Some("on"),
        () if same(["no", "false", "0", "disable", "disabled"]) => Some("off"),
        () => nearest(&value, ["on", "off"].into_iter()),
    };
    match meant {
        // It may be "on" with its letters exchanged.
        Some("off") if value == "no" => d.help("did you mean \"on\"? Or, as it says, \"off\"?"),
        Some(meant) => d
            .fix(word.span, meant)
            .help(format!("did you mean \"{meant}\"?")),
        None => d,
    }
}

fn one_of(words: &[&str], node: &Node, word: &Word) -> Result<usize, Diagnostic> {
    words
        .iter()
        .position(|known| known.as_bytes().eq_ignore_ascii_case(&word.text))
        .ok_or_else(|| {
            let d = node.error_at(word, format!("invalid value \"{}\"", word.str()));
            let d = match nearest(&word.str(), words.iter().copied()) {
                Some(meant) => d
                    .fix(word.span, meant)
                    .help(format!("did you mean \"{meant}\"?")),
                None => d,
            };
            d.help(format!("it must be one of: {}", words.join(", ")))
        })
}
