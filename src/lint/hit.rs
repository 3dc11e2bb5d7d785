//! What rules found.

use super::Rule;
use crate::config::span::Span;
use crate::config::tree::Node;
use crate::diagnostic::{Code, Diagnostic};

/// Collects what rules find.
#[derive(Default)]
pub struct Hits {
    found: Vec<Diagnostic>,
    rule: Option<&'static Code>,
}

impl Hits {
    /// What follows is of this rule.
    pub(super) fn of(&mut self, rule: &'static Rule) {
        self.rule = Some(&rule.code);
    }

    /// Adds a place: what is wrong with this directive, pointing at one of its words.
    pub fn add(&mut self, node: &Node, place: Span, message: impl Into<String>) -> &mut Self {
        self.push(
            Diagnostic::warning(message)
                .at(node.name.span)
                .label(place, ""),
        )
    }

    fn push(&mut self, mut diagnostic: Diagnostic) -> &mut Self {
        diagnostic.rule = self.rule;
        self.found.push(diagnostic);
        self
    }

    /// Says something at the place that was added last.
    pub fn say(&mut self, text: impl Into<String>) -> &mut Self {
        if let Some((_, label)) = self.last().and_then(|d| d.labels.first_mut()) {
            *label = text.into();
        }
        self
    }

    /// Points at another place, too.
    pub fn also(&mut self, place: Span, text: impl Into<String>) -> &mut Self {
        if let Some(d) = self.last() {
            d.labels.push((place, text.into()));
        }
        self
    }

    /// Adds advice.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        if let Some(d) = self.last() {
            d.help.push(text.into());
        }
        self
    }

    /// Says what should stand there instead.
    pub fn fix(&mut self, place: Span, text: impl Into<String>) -> &mut Self {
        if let Some(d) = self.last() {
            d.fix = Some(Box::new((place, text.into())));
        }
        self
    }

    fn last(&mut self) -> Option<&mut Diagnostic> {
        self.found.last_mut()
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }
}
