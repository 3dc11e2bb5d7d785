//! What the directives of a block are compiled into.

use super::file::FileTest;
use crate::config::span::Span;
use crate::http::conf::LocationId;
use crate::http::regex::Regex;
use crate::http::value::Value;
use crate::http::variable::VarId;

/// The codes of one block, in the order of the file, each with the place of its name.
#[derive(Default)]
pub struct Codes(pub(super) Vec<(Span, Code)>);

/// One directive.
pub(super) enum Code {
    /// `rewrite`
    Rewrite(Box<Rewrite>),
    /// `return`
    Return(Return),
    /// `break`
    Break,
    /// `set`
    Set(VarId, Value),
    /// `if`
    If(Box<If>),
}

/// A `rewrite`.
pub(super) struct Rewrite {
    /// What the URI must match.
    pub regex: Regex,
    /// What becomes of it.
    pub target: Target,
    /// Whether the query that the request has is kept: the replacement does not end with `?`.
    pub keep_args: bool,
    /// Whether it is the last code to run when it matches.
    pub last: bool,
}

/// What a `rewrite` that matches does.
pub(super) enum Target {
    /// Puts another URI in place.
    Internal {
        /// The new path.
        path: Value,
        /// The new query.
        args: Option<Value>,
        /// `break`: no location is sought for the new path.
        stay: bool,
    },
    /// Sends the client elsewhere.
    Redirect {
        /// The status: 301 or 302.
        status: u16,
        /// The URL.
        url: Value,
        /// Whether there is a `?` in its text.
        has_query: bool,
    },
}

/// A `return`.
pub(super) struct Return {
    /// The status.
    pub status: u16,
    /// The text or URL; `None` if nothing or nothing but quotes is written.
    pub text: Option<Value>,
}

/// An `if`.
pub(super) struct If {
    /// What must hold.
    pub condition: Condition,
    /// What runs then.
    pub codes: Codes,
    /// The block whose settings hold from then on; none in a server.
    pub location: Option<LocationId>,
}

/// What an `if` asks.
pub(super) enum Condition {
    /// `$a`: neither empty nor `0`.
    True(VarId),
    /// `=`, and `!=` where the flag is set.
    Equal(VarId, Value, bool),
    /// `~` and `~*`, negated where the flag is set.
    Match(VarId, Regex, bool),
    /// `-f` and the like, negated where the flag is set.
    File(FileTest, Value, bool),
}
