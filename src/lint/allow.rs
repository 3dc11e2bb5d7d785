//! The comment that silences a rule at one place: `# goodgate: allow(alias-traversal) reason`, on the line above.

use crate::config::source::Sources;
use crate::diagnostic::Diagnostic;

const MARK: &str = "goodgate: allow(";

/// Whether a comment directly above one of the lines that the message is about names its rule, by name or number.
pub fn is_allowed(d: &Diagnostic, sources: &Sources) -> bool {
    let Some(rule) = d.rule else { return false };
    let main = d.labels.first().map(|(span, _)| *span);
    main.into_iter().chain(d.line).any(|span| {
        let line = sources.line_at(span.source, span.start);
        (1..line)
            .rev()
            .map(|above| {
                let (start, end) = sources.line_bounds(span.source, above);
                let text = sources.text(span.source).get(start..end);
                String::from_utf8_lossy(text.unwrap_or_default())
            })
            .map_while(|text| text.trim_start().strip_prefix('#').map(str::to_owned))
            .any(|comment| names(&comment).any(|name| name == rule.name || name == rule.number))
    })
}

/// The rules that a comment allows.
fn names(comment: &str) -> impl Iterator<Item = &str> {
    let list = comment.trim_start().strip_prefix(MARK);
    let list = list.and_then(|rest| rest.split_once(')'));
    list.map_or("", |(list, _)| list)
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}
