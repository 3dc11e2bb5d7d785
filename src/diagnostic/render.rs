//! Renderers of diagnostics: nginx's one line, and the same with the source and carets under it.

use super::{Diagnostic, Severity};
use crate::config::source::Sources;
use crate::config::span::Span;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Renderer, Snippet};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How much of a long line is shown.
const WIDTH: usize = 160;

/// Lines that are longer than this together are not drawn: it takes long, and nobody finds anything in them.
const MOST_DRAWN: usize = 64 * 1024;

/// nginx's sentence with its place: `unknown directive "x" in /etc/nginx/nginx.conf:12`.
pub fn nginx_line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    match diagnostic.line {
        Some(span) => format!("{} in {}", diagnostic.message, sources.place(span)),
        None => diagnostic.message.clone(),
    }
}

/// `nginx: [emerg] ` and nginx's sentence; what nginx would not say begins with `goodgate: [warn] L0101 `. Ends with a
/// line end.
pub fn first_line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let line = nginx_line(diagnostic, sources);
    let severity = diagnostic.severity.name();
    match diagnostic.rule {
        Some(rule) => format!("goodgate: [{severity}] {} {line}\n", rule.number),
        None => format!("nginx: [{severity}] {line}\n"),
    }
}

/// What a person at a terminal reads: `nginx: [emerg] ` and nginx's sentence, then the source with the words in
/// question marked, then advice. Ends with a line end.
pub fn human(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> String {
    let mut text = first_line(diagnostic, sources);
    // What is drawn under nginx's line must not take that line with it, whatever becomes of it.
    let drawn = catch_unwind(AssertUnwindSafe(|| drawn(diagnostic, sources, color)));
    if let Ok(Some(drawn)) = drawn {
        text.push_str(&drawn);
        text.push('\n');
    }
    text
}

fn drawn(diagnostic: &Diagnostic, sources: &Sources, color: bool) -> Option<String> {
    let group = group(diagnostic, sources);
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(WIDTH);
    (!group.is_empty()).then(|| renderer.render(&[group]))
}

fn group<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Emerg | Severity::Crit => Level::ERROR,
        Severity::Warn => Level::WARNING,
        Severity::Notice => Level::NOTE,
    };
    let mut group = Group::with_level(level);
    for window in windows(diagnostic, sources) {
        group = group.element(window.snippet());
    }
    for help in &diagnostic.help {
        group = group.element(Element::from(Level::HELP.message(help.as_str())));
    }
    group
}

/// A run of lines of one file in which labels stand.
struct Window<'a> {
    path: String,
    first_line: u32,
    text: String,
    marks: Vec<Annotation<'a>>,
}

impl<'a> Window<'a> {
    fn snippet(self) -> Snippet<'a, Annotation<'a>> {
        let line = usize::try_from(self.first_line).unwrap_or(1);
        Snippet::source(self.text)
            .path(self.path)
            .line_start(line)
            .fold(true)
            .annotations(self.marks)
    }
}

/// The labels by place: near ones share a window, so that only the lines in question are handled and not the whole file.
fn windows<'a>(diagnostic: &'a Diagnostic, sources: &Sources) -> Vec<Window<'a>> {
    const NEAR: u32 = 40;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let lines = |span: Span| {
        (
            sources.line_at(span.source, span.start),
            sources.line_number(span),
        )
    };
    for (index, (span, _)) in diagnostic.labels.iter().enumerate() {
        let home = groups.iter_mut().find(|group| {
            group
                .iter()
                .filter_map(|&i| diagnostic.labels.get(i))
                .any(|(other, _)| {
                    let (a, b) = (lines(*span), lines(*other));
                    other.source == span.source
                        && a.0.abs_diff(b.0) <= NEAR
                        && a.1.abs_diff(b.1) <= NEAR
                })
        });
        match home {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
        .into_iter()
        .filter_map(|group| window(diagnostic, sources, &group))
        .collect()
}

fn window<'a>(
    diagnostic: &'a Diagnostic,
    sources: &Sources,
    group: &[usize],
) -> Option<Window<'a>> {
    let labels: Vec<_> = group
        .iter()
        .filter_map(|&i| Some((i, diagnostic.labels.get(i)?)))
        .collect();
    let source = labels.first()?.1.0.source;
    let first_line = labels
        .iter()
        .map(|(_, (span, _))| sources.line_at(source, span.start))
        .min()?;
    let last_line = labels
        .iter()
        .map(|(_, (span, _))| sources.line_number(*span))
        .max()?;
    let (start, _) = sources.line_bounds(source, first_line);
    let (_, end) = sources.line_bounds(source, last_line);
    if end - start > MOST_DRAWN {
        return None;
    }
    let text = shown(sources.text(source).get(start..end)?);
    let marks = labels
        .iter()
        .map(|(index, (span, label))| {
            let kind = if *index == 0 {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let offset = |at: u32| usize::try_from(at).unwrap_or(end).clamp(start, end) - start;
            let mark = kind.span(whole(&text, offset(span.start)..offset(span.end)));
            if label.is_empty() {
                mark
            } else {
                mark.label(label.as_str())
            }
        })
        .collect();
    Some(Window {
        path: sources.path(source).display().to_string(),
        first_line,
        text,
        marks,
    })
}

/// The range widened to whole characters of the text: what is wrong may be found in the middle of one.
fn whole(text: &str, range: Range<usize>) -> Range<usize> {
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let start = (0..=range.start).rev().find(boundary).unwrap_or_default();
    let end = (range.end.max(start)..text.len())
        .find(boundary)
        .unwrap_or(text.len());
    start..end
}

/// The text with something printable for what is not, byte for byte, so that offsets stay.
fn shown(bytes: &[u8]) -> String {
    let printable = |c: char| match c {
        '\n' | '\t' => c,
        '\r' => ' ',
        _ if c.is_ascii_control() => '?',
        _ => c,
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().map(printable).collect(),
        Err(_) => bytes
            .iter()
            .map(|&b| {
                if b.is_ascii() {
                    printable(char::from(b))
                } else {
                    '?'
                }
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use std::path::Path;

    #[test]
    fn the_first_line_is_nginx_s() {
        let mut sources = Sources::new();
        let source = sources.add(Path::new("/n.conf"), Bytes::from_static(b"a;\nb c;\n"));
        let d = Diagnostic::new("unknown directive \"b\"").at(Span {
            source,
            start: 6,
            end: 7,
        });
        assert_eq!(
            nginx_line(&d, &sources),
            "unknown directive \"b\" in /n.conf:2"
        );
        assert_eq!(
            human(&d, &sources, false),
            "nginx: [emerg] unknown directive \"b\" in /n.conf:2\n"
        );
        let told = human(
            &d.label(
                Span {
                    source,
                    start: 3,
                    end: 4,
                },
                "this",
            ),
            &sources,
            false,
        );
        assert!(told.contains("2 | b c;\n  | ^ this"), "{told}");
        assert_eq!(
            nginx_line(&Diagnostic::new("no place"), &sources),
            "no place"
        );
    }

    #[test]
    fn the_command_line_is_named() {
        let mut sources = Sources::new();
        let source = sources.add_command_line(Bytes::from_static(b"x"));
        let d = Diagnostic::warning("odd").at(Span {
            source,
            start: 0,
            end: 1,
        });
        assert_eq!(
            human(&d, &sources, false),
            "nginx: [warn] odd in command line\n"
        );
    }

    #[test]
    fn what_cannot_be_printed_keeps_its_width() {
        assert_eq!(shown(b"a\x1b[0m\r\n\t"), "a?[0m \n\t");
        assert_eq!(shown(b"\xe9\x00"), "??");
    }

    /// What is drawn of two places in a text.
    fn draw(text: &[u8], labels: [(Range<usize>, &str); 2]) -> String {
        let mut sources = Sources::new();
        let source = sources.add(Path::new("/n.conf"), Bytes::copy_from_slice(text));
        let span = |range: Range<usize>| Span {
            source,
            start: range.start as u32,
            end: range.end as u32,
        };
        let mut d = Diagnostic::new("odd");
        for (range, said) in labels {
            d = d.label(span(range), said);
        }
        crate::diagnostic::json::object(&d, &sources);
        drawn(&d, &sources, false).unwrap()
    }

    #[test]
    fn a_place_inside_a_character_is_that_character() {
        let text = "a;\nb \u{e9}\u{1f600}x;\n";
        for (range, carets) in [(6..7, "^"), (5..6, "^"), (8..9, "^^"), (6..8, "^^^")] {
            let drawn = draw(text.as_bytes(), [(range, "here"), (0..1, "")]);
            assert!(drawn.contains(&format!(" {carets} here")), "{drawn}");
        }
    }

    const PARTS: &[&[u8]] = &[
        b"a",
        b" b",
        b"\n",
        b"\t",
        b"\r\n",
        b"\xc3\xa9",
        b"\xf0\x9f\x98\x80",
        b"\xe2\x80\x8b",
        b"e\xcc\x81",
        b"\xff",
        b"\xc3",
        b"\x1b",
        b"\0",
        b"\x7f",
        b"\xef\xbb\xbf",
        b"\xc2\x85",
        &[b'x'; 200],
        &[b'\n'; 50],
    ];

    proptest! {
        #[test]
        fn any_place_in_any_text_can_be_drawn(
            parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..12),
            spans in proptest::array::uniform2((0..700usize, 0..700usize)),
        ) {
            let text = parts.concat();
            let [a, b] = spans;
            let inside = |at: usize| at % (text.len() + 2);
            draw(&text, [(inside(a.0)..inside(a.1), "first"), (inside(b.0)..inside(b.1), "")]);
        }
    }
}
