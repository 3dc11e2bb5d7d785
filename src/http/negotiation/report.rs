//! What is to be said about settings of TLS: once, however many servers share them.

use crate::config::table::Collector;
use crate::config::tree::Word;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;

/// The way to the diagnostics.
pub struct Report<'a> {
    /// Where they go.
    pub b: &'a mut Builder,
}

impl Report<'_> {
    /// An error; nginx names no place in those about merged settings, we point at the word.
    pub fn error(&mut self, message: String, word: Option<&Word>) {
        let mut d = Diagnostic::new(message);
        if let Some(word) = word {
            d = d.label(word.span, "");
        }
        self.b.report(d);
    }

    /// Something that is not as it was meant to be.
    pub fn warn(&mut self, message: String, word: Option<&Word>, help: &str) {
        let mut d = Diagnostic::warning(message);
        if let Some(word) = word {
            d = d.at(word.span).label(word.span, "");
        }
        if !help.is_empty() {
            d = d.help(help);
        }
        // Settings of `http` hold for many servers.
        let mut said = self.b.diagnostics.iter();
        if !said.any(|other| other.message == d.message && other.line == d.line) {
            self.b.report(d);
        }
    }
}
