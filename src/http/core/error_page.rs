//! `error_page`: what to answer with instead of a status.

use crate::config::tree::{Node, Word};
use crate::config::value::parse_number;
use crate::cycle::{Builder, invalid};
use crate::diagnostic::Diagnostic;
use crate::http::value::Value;
use bytes::Bytes;
use std::sync::Arc;

/// What holds for one status.
#[derive(Clone, Debug)]
pub struct ErrorPage {
    /// The status that it is for.
    pub status: u16,
    /// The status of the answer: none keeps the old one, 0 (`=`) leaves it to whoever answers.
    pub overwrite: Option<u16>,
    /// A path, `@name` or a URL.
    pub target: Value,
    /// The query of a path without variables.
    pub args: Bytes,
}

/// All `error_page` directives of one place.
pub type ErrorPages = Arc<Vec<ErrorPage>>;

/// `error_page code ... [=[response]] uri`
pub fn set_error_page(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let [codes @ .., uri] = &node.args[..] else {
        return Err(node.fault("invalid value"));
    };
    let (codes, overwrite) = match codes {
        [word] if word.text.starts_with(b"=") => return Err(invalid(word)),
        [codes @ .., word] if word.text.starts_with(b"=") => (codes, Some(replacement(word)?)),
        _ => (codes, None),
    };
    let (target, args) = split(b, uri)?;
    for word in codes {
        let status = status(word)?;
        let page = ErrorPage {
            status,
            // nginx's own codes are told to the client as 400.
            overwrite: overwrite.or(matches!(status, 494..=497).then_some(400)),
            target: target.clone(),
            args: args.clone(),
        };
        let pages = b.http.here().core().error_pages.get_or_insert_default();
        Arc::make_mut(pages).push(page);
    }
    Ok(())
}

/// `=` or `=code`.
fn replacement(word: &Word) -> Result<u16, Diagnostic> {
    match word.text.get(1..) {
        None | Some([]) => Ok(0),
        Some(code) => parse_number(code)
            .map(|code| u16::try_from(code).unwrap_or(u16::MAX))
            .ok_or_else(|| invalid(word)),
    }
}

/// Compiles the target; the query of a fixed path is cut off.
fn split(b: &mut Builder, uri: &Word) -> Result<(Value, Bytes), Diagnostic> {
    let target = Value::compile(b, uri)?;
    if target
        .as_literal()
        .is_some_and(|path| path.starts_with(b"/"))
        && let Some(at) = memchr::memchr(b'?', &uri.text)
    {
        let path = Value::literal(uri.text.slice(..at));
        return Ok((path, uri.text.slice(at + 1..)));
    }
    Ok((target, Bytes::new()))
}

fn status(word: &Word) -> Result<u16, Diagnostic> {
    let Some(status) = parse_number(&word.text).filter(|status| *status != 499) else {
        return Err(invalid(word));
    };
    u16::try_from(status)
        .ok()
        .filter(|status| (300..=599).contains(status))
        .ok_or_else(|| {
            let message = format!("value \"{}\" must be between 300 and 599", word.str());
            Diagnostic::new(message).label(word.span, "")
        })
}
