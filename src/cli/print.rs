//! Texts about the program itself: rules explained, the table of directives, completions.

use super::options::Print;
use super::{completions, directives, say};
use crate::lint;
use std::io::{self, Write};
use std::process::ExitCode;

/// Prints what was asked for.
pub fn run(print: &Print) -> ExitCode {
    let text = match print {
        Print::Why(code) => match lint::explain(code) {
            Some(text) => text,
            None => {
                say(&format!(
                    "goodgate: there is no lint rule \"{code}\"; docs/reference/lints.md lists them"
                ));
                return ExitCode::FAILURE;
            }
        },
        Print::Directives => directives::json(),
        Print::Completions(shell) => completions::text(*shell),
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
