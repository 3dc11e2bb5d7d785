//! The configuration as it was written, with includes put in their places.

use super::span::Span;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::borrow::Cow;

/// One word of a directive: unquoted, escapes resolved, bytes as they are in the file.
#[derive(Clone, Debug)]
pub struct Word {
    /// The value. A slice of the source text wherever no escape had to be resolved.
    pub text: Bytes,
    /// Where it stands, quotes included.
    pub span: Span,
    /// Whether it began with a quote.
    pub quoted: bool,
}

impl Word {
    /// The value as text for messages and for parsers of ASCII values.
    pub fn str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}

/// A directive: `name args... ;` or `name args... { ... }`.
#[derive(Clone, Debug)]
pub struct Node {
    /// The first word.
    pub name: Word,
    /// The others.
    pub args: Vec<Word>,
    /// What stands between the braces, for a block.
    pub block: Option<Vec<Item>>,
    /// The `;` or `{`: nginx names the line of this one in its messages.
    pub end: Span,
    /// The `}` of a block, else the same as `end`.
    pub close: Span,
    /// The `include` that has put it where it is, if it does not stand there itself; of several in each other the outermost.
    pub via: Option<Span>,
}

impl Node {
    /// The argument with this number, counted from 0; the table has checked how many there are.
    pub fn arg(&self, index: usize) -> Option<&Word> {
        self.args.get(index)
    }

    /// The items of the block, none for a simple directive.
    pub fn items(&self) -> &[Item] {
        self.block.as_deref().unwrap_or_default()
    }

    /// An error about this directive, pointing at its name: nginx's sentence without the place.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message)
            .at(self.end)
            .label(self.name.span, "")
    }

    /// The same, pointing at one of the words.
    pub fn error_at(&self, word: &Word, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(self.end).label(word.span, "")
    }

    /// An error whose sentence begins with the name, as where a setter of nginx returns a text:
    /// `fault("is duplicate")` is `"root" directive is duplicate`.
    pub fn fault(&self, what: &str) -> Diagnostic {
        self.error(format!("\"{}\" directive {what}", self.name.str()))
    }
}

/// What a file or block consists of.
#[derive(Clone, Debug)]
pub enum Item {
    /// A directive.
    Node(Node),
    /// Here the text could not be read on: a syntax error or a missing include. What nginx would have
    /// complained about earlier stands before it, so that walking the tree meets errors in nginx's order.
    Broken(Box<Diagnostic>),
}
