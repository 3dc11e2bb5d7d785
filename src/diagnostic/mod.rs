//! A diagnostic is data; renderers turn it into nginx's line, into carets under the source, or into JSON.

mod code;
pub mod consequence;
pub mod json;
pub mod output;
pub mod render;

pub use code::Code;

use crate::config::span::Span;

/// How grave it is, with nginx's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot be used.
    Emerg,
    /// The same, as nginx says it of a file that it cannot read.
    Crit,
    /// It can, but probably does not do what was meant.
    Warn,
    /// Worth knowing.
    Notice,
}

impl Severity {
    /// The word in the brackets of nginx's line.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Emerg => "emerg",
            Severity::Crit => "crit",
            Severity::Warn => "warn",
            Severity::Notice => "notice",
        }
    }
}

impl Severity {
    /// Whether the configuration cannot be used.
    pub fn is_error(self) -> bool {
        matches!(self, Severity::Emerg | Severity::Crit)
    }
}

/// One thing to say about a configuration.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// nginx's sentence, without the place: `unknown directive "x"`.
    pub message: String,
    /// Names the line that nginx's sentence ends with (` in FILE:LINE`): the end of the directive, not the faulty word.
    pub line: Option<Span>,
    /// The words to point at, each with a few words of explanation (may be empty). The first is the main one.
    pub labels: Vec<(Span, String)>,
    /// What to do about it, in plain words.
    pub help: Vec<String>,
    /// The text that this place should have, where that is clear.
    pub fix: Option<Box<(Span, String)>>,
    /// The lint rule that it comes from; nothing for what nginx says.
    pub rule: Option<&'static Code>,
}

impl Diagnostic {
    /// An error of nginx's level `emerg` without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Emerg,
            message: message.into(),
            line: None,
            labels: Vec::new(),
            help: Vec::new(),
            fix: None,
            rule: None,
        }
    }

    /// The same as a warning.
    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Warn,
            ..Self::new(message)
        }
    }

    /// Sets the place whose line nginx's sentence ends with.
    pub fn at(mut self, line: Span) -> Self {
        self.line = Some(line);
        self
    }

    /// Adds a place to point at.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// Says what should stand at a place instead.
    pub fn fix(mut self, span: Span, text: impl Into<String>) -> Self {
        self.fix = Some(Box::new((span, text.into())));
        self
    }

    /// Adds advice.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}
