//! The directive table: one entry says where a directive may stand, what it takes, where its value goes
//! and what its reference page says.

use super::tree::Node;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::fmt;
use std::ops::BitOr;
use std::time::Duration;

/// A set of blocks in which a directive may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contexts(pub u32);

impl Contexts {
    /// Whether the two sets have a block in common.
    pub fn meets(self, other: Contexts) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Contexts {
    type Output = Contexts;
    fn bitor(self, other: Contexts) -> Contexts {
        Contexts(self.0 | other.0)
    }
}

/// How many arguments a directive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Args {
    /// Just so many.
    Exactly(u8),
    /// From the first to the second number.
    Between(u8, u8),
    /// So many or more.
    AtLeast(u8),
}

impl Args {
    /// Whether `count` arguments are right.
    pub fn allow(self, count: usize) -> bool {
        match self {
            Args::Exactly(n) => count == usize::from(n),
            Args::Between(a, b) => (usize::from(a)..=usize::from(b)).contains(&count),
            Args::AtLeast(n) => count >= usize::from(n),
        }
    }
}

impl fmt::Display for Args {
    /// `2 arguments`, `1 or 2 arguments`, `at least 1 argument`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = |n: u8| if n == 1 { "argument" } else { "arguments" };
        match *self {
            Args::Exactly(0) => f.write_str("no argument"),
            Args::Exactly(n) => write!(f, "{n} {}", noun(n)),
            Args::Between(a, b) if b == a.saturating_add(1) => write!(f, "{a} or {b} arguments"),
            Args::Between(a, b) => write!(f, "{a} to {b} arguments"),
            Args::AtLeast(n) => write!(f, "at least {n} {}", noun(n)),
        }
    }
}

/// Where the value of a directive goes, by its type. `B` is what the settings are collected in.
pub enum Set<B: 'static> {
    /// `on` or `off`.
    Flag(fn(&mut B) -> &mut Option<bool>),
    /// A whole number, not negative.
    Number(fn(&mut B) -> &mut Option<i64>),
    /// A size in bytes with the suffixes k, m (and g, as an offset).
    Size(fn(&mut B) -> &mut Option<u64>),
    /// As [`Set::Size`], with nginx's wider suffix g.
    Offset(fn(&mut B) -> &mut Option<u64>),
    /// A time with the suffixes ms, s, m, h, d, w, M, y; a bare number is seconds.
    Time(fn(&mut B) -> &mut Option<Duration>),
    /// The same without ms: whole seconds.
    Seconds(fn(&mut B) -> &mut Option<Duration>),
    /// One word, kept as it is.
    Text(fn(&mut B) -> &mut Option<Bytes>),
    /// One of a list of words: the number of the word in the list is stored.
    Enum(&'static [&'static str], fn(&mut B) -> &mut Option<usize>),
    /// Anything else, blocks included.
    Custom(fn(&mut B, &Node) -> Result<(), Diagnostic>),
    /// Accepted, checked for the number of its arguments, and without effect; the text says why.
    NoOp(&'static str),
}

impl<B> Clone for Set<B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<B> Copy for Set<B> {}

/// How a directive is written, for advice.
pub fn usage(name: &str, syntax: &str, block: bool) -> String {
    let space = if syntax.is_empty() { "" } else { " " };
    let end = if block { " { ... }" } else { ";" };
    format!("it is written: {name}{space}{syntax}{end}")
}

/// One entry of a module's table.
pub struct Directive<B: 'static> {
    /// The name.
    pub name: &'static str,
    /// Where it may stand.
    pub contexts: Contexts,
    /// How many arguments it takes.
    pub args: Args,
    /// Whether it opens a block.
    pub block: bool,
    /// Where its value goes.
    pub set: Set<B>,
    /// What stands behind the name, as in nginx's documentation: `on | off`.
    pub syntax: &'static str,
    /// The default as it would be written; empty if there is none.
    pub default: &'static str,
    /// What it does: one or two sentences.
    pub doc: &'static str,
    /// Whether nginx would refuse it.
    pub extension: bool,
}

macro_rules! typed {
    ($($(#[$m:meta])* $name:ident, $variant:ident, $t:ty, $syntax:literal;)*) => { $(
        $(#[$m])*
        pub const fn $name(name: &'static str, contexts: Contexts, field: fn(&mut B) -> &mut Option<$t>) -> Self {
            Self::new(name, contexts, Args::Exactly(1), Set::$variant(field)).syntax($syntax)
        }
    )* };
}

impl<B> Directive<B> {
    const fn new(name: &'static str, contexts: Contexts, args: Args, set: Set<B>) -> Self {
        Directive {
            name,
            contexts,
            args,
            block: false,
            set,
            syntax: "",
            default: "",
            doc: "",
            extension: false,
        }
    }

    typed! {
        /// `on | off`.
        flag, Flag, bool, "on | off";
        /// A whole number.
        number, Number, i64, "number";
        /// A size.
        size, Size, u64, "size";
        /// A size that may have the suffix g.
        offset, Offset, u64, "size";
        /// A time down to milliseconds.
        time, Time, Duration, "time";
        /// A time in whole seconds.
        seconds, Seconds, Duration, "time";
        /// A word.
        text, Text, Bytes, "string";
    }

    /// One of several words.
    pub const fn choice(
        name: &'static str,
        contexts: Contexts,
        words: &'static [&'static str],
        field: fn(&mut B) -> &mut Option<usize>,
    ) -> Self {
        Self::new(name, contexts, Args::Exactly(1), Set::Enum(words, field))
    }

    /// A directive with a parser of its own.
    pub const fn custom(
        name: &'static str,
        contexts: Contexts,
        args: Args,
        set: fn(&mut B, &Node) -> Result<(), Diagnostic>,
    ) -> Self {
        Self::new(name, contexts, args, Set::Custom(set))
    }

    /// A directive that opens a block; its setter walks the block.
    pub const fn block(
        name: &'static str,
        contexts: Contexts,
        args: Args,
        set: fn(&mut B, &Node) -> Result<(), Diagnostic>,
    ) -> Self {
        let mut d = Self::new(name, contexts, args, Set::Custom(set));
        d.block = true;
        d
    }

    /// A directive that is accepted and has no effect here, with the reason.
    pub const fn no_op(
        name: &'static str,
        contexts: Contexts,
        args: Args,
        why: &'static str,
    ) -> Self {
        Self::new(name, contexts, args, Set::NoOp(why))
    }

    /// How it is written, for advice.
    pub fn usage(&self) -> String {
        usage(self.name, self.syntax, self.block)
    }

    /// Sets what stands behind the name in the reference.
    pub const fn syntax(mut self, syntax: &'static str) -> Self {
        self.syntax = syntax;
        self
    }

    /// Sets the default as the reference shows it.
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// Sets what the reference says.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Marks it as one that nginx does not have.
    pub const fn extension(mut self) -> Self {
        self.extension = true;
        self
    }
}
