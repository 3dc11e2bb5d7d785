//! How diagnostics are shown to whoever started the program.

use super::Diagnostic;
use super::{json, render};
use crate::config::source::Sources;

/// What a message looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorFormat {
    /// nginx's line, the source with the place marked, advice.
    #[default]
    Human,
    /// nginx's line alone.
    Short,
    /// One JSON object a line, and nothing else.
    Json,
}

impl ErrorFormat {
    /// The format of this name.
    pub fn from_name(name: &[u8]) -> Option<ErrorFormat> {
        match name {
            b"human" => Some(ErrorFormat::Human),
            b"short" => Some(ErrorFormat::Short),
            b"json" => Some(ErrorFormat::Json),
            _ => None,
        }
    }

    /// A diagnostic in this format, with a line end.
    pub fn text(self, diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
        match self {
            ErrorFormat::Human => render::human(diagnostic, sources, color),
            ErrorFormat::Short => render::first_line(diagnostic, sources),
            ErrorFormat::Json => json::object(diagnostic, sources),
        }
    }
}

/// Whether messages may be coloured: on a terminal that can show it, unless `NO_COLOR` is set (no-color.org).
pub fn color(terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    terminal && !dumb && !set("NO_COLOR")
}
