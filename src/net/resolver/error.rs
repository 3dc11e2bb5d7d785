//! Why a name could not be resolved.

use std::fmt;

/// What the name servers said, or that they said nothing in time. Displays what stands in the parentheses of nginx's
/// `x could not be resolved (3: Host not found)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// The response code of an answer (RFC 1035, 4.1.1). 3 also stands for a name without addresses, one that cannot
    /// be asked for, and one that leads to too many others.
    Code(u8),
    /// `resolver_timeout` was over.
    TimedOut,
}

impl ResolveError {
    /// There is no such host, as far as we can tell.
    pub const NOT_FOUND: ResolveError = ResolveError::Code(3);
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ResolveError::Code(code) => write!(f, "{code}: {}", text(code)),
            ResolveError::TimedOut => f.write_str("110: Operation timed out"),
        }
    }
}

/// nginx's words for a response code.
pub fn text(code: u8) -> &'static str {
    match code {
        1 => "Format error",
        2 => "Server failure",
        3 => "Host not found",
        4 => "Unimplemented",
        5 => "Operation refused",
        _ => "Unknown error",
    }
}
