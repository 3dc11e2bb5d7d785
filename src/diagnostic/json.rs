//! Diagnostics for programs: one JSON object a line.

use super::Diagnostic;
use super::render::nginx_line;
use crate::config::source::Sources;
use crate::config::span::Span;
use std::fmt::Write;

/// A diagnostic as one line of JSON, with a line end. Lines and columns count from 1, columns in characters; ends are
/// exclusive.
pub fn object(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let code = diagnostic.code();
    let mut out = format!(
        "{{\"code\":{},\"name\":{},\"severity\":{},\"message\":{},\"line_of_nginx\":{}",
        string(code.number),
        string(code.name),
        string(diagnostic.severity.name()),
        string(&diagnostic.message),
        string(&nginx_line(diagnostic, sources)),
    );
    let main = diagnostic.labels.first().map(|(span, _)| *span);
    match main.or(diagnostic.line) {
        Some(span) => {
            let _ = write!(out, ",{}", place(span, sources));
        }
        None => out.push_str(",\"file\":null"),
    }
    let labels = diagnostic
        .labels
        .iter()
        .map(|(span, text)| format!("{{{},\"text\":{}}}", place(*span, sources), string(text)));
    let help = diagnostic.help.iter().map(|text| string(text));
    let fix = diagnostic
        .fix
        .as_deref()
        .map(|(span, text)| format!("{{{},\"text\":{}}}", place(*span, sources), string(text)));
    let _ = writeln!(
        out,
        ",\"labels\":[{}],\"help\":[{}],\"fix\":{}}}",
        labels.collect::<Vec<_>>().join(","),
        help.collect::<Vec<_>>().join(","),
        fix.as_deref().unwrap_or("null"),
    );
    out
}

fn place(span: Span, sources: &Sources) -> String {
    let path = sources.path(span.source).to_string_lossy();
    let (line, column) = position(span, span.start, sources);
    let (end_line, end_column) = position(span, span.end, sources);
    format!(
        "\"file\":{},\"line\":{line},\"column\":{column},\"end\":{{\"line\":{end_line},\"column\":{end_column}}}",
        string(&path)
    )
}

fn position(span: Span, at: u32, sources: &Sources) -> (u32, usize) {
    let line = sources.line_at(span.source, at);
    let (start, _) = sources.line_bounds(span.source, line);
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    let before = sources.text(span.source).get(start..at).unwrap_or_default();
    (line, String::from_utf8_lossy(before).chars().count() + 1)
}

/// A string of JSON, quotes included.
pub fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::path::Path;

    #[test]
    fn a_diagnostic_is_one_line() {
        let mut sources = Sources::new();
        let source = sources.add(Path::new("/n.conf"), Bytes::from("a;\n\u{e9} b c;\n"));
        let span = |start, end| Span { source, start, end };
        let d = Diagnostic::new("unknown directive \"b\"")
            .at(span(8, 9))
            .label(span(6, 7), "this")
            .help("say \"c\"")
            .fix(span(6, 7), "c");
        let place = r#""file":"/n.conf","line":2,"column":3,"end":{"line":2,"column":4}"#;
        assert_eq!(
            object(&d, &sources),
            format!(
                "{{\"code\":\"E0101\",\"name\":\"unknown-directive\",\"severity\":\"emerg\",\
                 \"message\":\"unknown directive \\\"b\\\"\",\
                 \"line_of_nginx\":\"unknown directive \\\"b\\\" in /n.conf:2\",{place},\
                 \"labels\":[{{{place},\"text\":\"this\"}}],\"help\":[\"say \\\"c\\\"\"],\
                 \"fix\":{{{place},\"text\":\"c\"}}}}\n"
            )
        );
        let none = object(&Diagnostic::new("no\u{1b}thing"), &sources);
        assert!(
            none.contains("\"no\\u001bthing\"") && none.contains("\"file\":null"),
            "{none}"
        );
    }
}
