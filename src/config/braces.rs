//! Which brace is missing or one too many. The reader notices at the end of the file at the earliest; where lines are
//! indented as blocks are nested, the first line that does not fit says it better.

use super::parse::{Piece, pieces};
use super::span::{SourceId, Span};
use crate::diagnostic::Diagnostic;
use std::ops::Range;

/// The brace that makes the others wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// What to point at, in bytes of the text.
    pub place: Range<usize>,
    /// What is wrong there.
    pub text: &'static str,
    /// The name of the block that it is about.
    pub block: Option<Range<usize>>,
    /// What to say of the block.
    pub about: &'static str,
}

impl Suspect {
    /// Adds it to a message about the text with this number, in front of what else is pointed at.
    pub fn mark(&self, mut d: Diagnostic, source: SourceId) -> Diagnostic {
        let span = |place: &Range<usize>| {
            let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            Span {
                source,
                start: offset(place.start),
                end: offset(place.end),
            }
        };
        let block = self
            .block
            .as_ref()
            .map(|b| (span(b), self.about.to_owned()));
        let first = (span(&self.place), self.text.to_owned());
        d.labels
            .retain(|(place, text)| !text.is_empty() || *place != first.0);
        d.labels.splice(0..0, std::iter::once(first).chain(block));
        d
    }
}

const MISSING: &str = "a \"}\" is missing behind this";
const NOT_CLOSED: &str = "this block is not closed";
const SURPLUS: &str = "this \"}\" is one too many";
const CLOSED_EARLY: &str = "it closes this block";

/// Looks for it, in a text whose braces do not pair. None if they do, or if the indentation says nothing.
pub fn suspect(text: &[u8]) -> Option<Suspect> {
    let pieces = pieces(text)?;
    if pairs(&pieces) {
        return None;
    }
    let lines = Lines { text };
    let mut scan = Scan {
        lines: &lines,
        open: Vec::new(),
        last: 0..0,
    };
    let found = pieces.iter().find_map(|piece| scan.piece(piece));
    // Where all lines fit, the end is where something is missing.
    let found = found.or_else(|| scan.open.last().map(|block| scan.missing(block)));
    found.filter(|_| is_indented(&pieces, &lines))
}

fn pairs(pieces: &[Piece]) -> bool {
    let mut depth = 0usize;
    for piece in pieces {
        match piece {
            Piece::Open { .. } => depth += 1,
            Piece::Close(_) if depth == 0 => return false,
            Piece::Close(_) => depth -= 1,
            Piece::Simple { .. } => {}
        }
    }
    depth == 0
}

/// Whether what stands in blocks is further to the right than the block, with few exceptions.
fn is_indented(pieces: &[Piece], lines: &Lines<'_>) -> bool {
    let (mut deeper, mut not) = (0u32, 0u32);
    let mut around: Option<usize> = None;
    for piece in pieces {
        let (name, opens) = match piece {
            Piece::Open { name, .. } => (name, true),
            Piece::Simple { name, .. } => (name, false),
            Piece::Close(_) => {
                around = None;
                continue;
            }
        };
        let indent = lines.indent(name.start);
        if let (Some(around), Some(indent)) = (around, indent) {
            match indent > around {
                true => deeper += 1,
                false => not += 1,
            }
        }
        around = if opens { indent } else { None };
    }
    not <= 1 + deeper / 5 && deeper > not
}

struct Lines<'t> {
    text: &'t [u8],
}

impl Lines<'_> {
    fn start(&self, at: usize) -> usize {
        self.text
            .get(..at)
            .and_then(|before| memchr::memrchr(b'\n', before))
            .map_or(0, |end| end + 1)
    }

    /// How far to the right it stands, if nothing but blanks is before it in its line. A tab counts as eight.
    fn indent(&self, at: usize) -> Option<usize> {
        let before = self.text.get(self.start(at)..at)?;
        before.iter().try_fold(0usize, |column, byte| match byte {
            b' ' => Some(column + 1),
            b'\t' => Some((column / 8 + 1) * 8),
            _ => None,
        })
    }
}

struct Open {
    name: Range<usize>,
    indent: Option<usize>,
    line: usize,
}

struct Scan<'t> {
    lines: &'t Lines<'t>,
    open: Vec<Open>,
    /// The last word or mark.
    last: Range<usize>,
}

impl Scan<'_> {
    fn piece(&mut self, piece: &Piece) -> Option<Suspect> {
        let found = match piece {
            Piece::Simple { name, .. } => self.statement(name),
            Piece::Open { name, .. } => {
                let found = self.statement(name);
                self.open.push(Open {
                    indent: self.lines.indent(name.start),
                    line: self.lines.start(name.start),
                    name: name.clone(),
                });
                found
            }
            Piece::Close(at) => self.close(*at),
        };
        self.last = piece.end();
        found
    }

    /// A statement that stands no further to the right than the block that it would be in.
    fn statement(&self, name: &Range<usize>) -> Option<Suspect> {
        let around = self.open.last()?;
        let (outer, inner) = (around.indent?, self.lines.indent(name.start)?);
        (inner <= outer).then(|| self.missing(around))
    }

    fn close(&mut self, at: usize) -> Option<Suspect> {
        let place = at..at + 1;
        let Some(top) = self.open.pop() else {
            return Some(Suspect {
                place,
                text: SURPLUS,
                block: None,
                about: "",
            });
        };
        let surplus = Suspect {
            place,
            text: SURPLUS,
            block: Some(top.name.clone()),
            about: CLOSED_EARLY,
        };
        let Some(indent) = self.lines.indent(at) else {
            // Behind something else on its line it ends a block of that line.
            return (top.line != self.lines.start(at)).then_some(surplus);
        };
        let outer = top.indent?;
        if indent > outer {
            return Some(surplus);
        }
        let closes_another = self.open.iter().any(|open| open.indent == Some(indent));
        (indent < outer && closes_another).then(|| self.missing(&top))
    }

    fn missing(&self, block: &Open) -> Suspect {
        Suspect {
            place: self.last.clone(),
            text: MISSING,
            block: Some(block.name.clone()),
            about: NOT_CLOSED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<(usize, &'static str)> {
        let suspect = suspect(text.as_bytes())?;
        let line = text[..suspect.place.start].matches('\n').count() + 1;
        Some((line, suspect.text))
    }

    #[test]
    fn a_block_that_is_not_closed() {
        let text = "http {\n  server {\n    location / {\n      root /a;\n  }\n}\n";
        assert_eq!(find(text), Some((4, MISSING)));
        let text = "http {\n  server {\n    location / {\n      root /a;\n    location /b {\n    }\n  }\n}\n";
        assert_eq!(find(text), Some((4, MISSING)));
        let text = "http {\n  server {\n    root /a;\n  }\n";
        assert_eq!(find(text), Some((4, MISSING)));
        let text = "a {\n  b;\n}\nc {\n  d;\n\ne {\n  f;\n}\n";
        assert_eq!(find(text), Some((5, MISSING)));
    }

    #[test]
    fn one_too_many() {
        let text = "http {\n  server {\n    root /a;\n  }\n  }\n  server {\n  }\n}\n";
        assert_eq!(find(text), Some((5, SURPLUS)));
        let text = "http {\n  server {\n    root /a;\n  } }\n  server {\n  }\n}\n";
        assert_eq!(find(text), Some((4, SURPLUS)));
    }

    #[test]
    fn nothing_to_go_by() {
        assert_eq!(find("http {\n  server { }\n}\n"), None);
        assert_eq!(find("http {\nserver {\nroot /a;\n}\n"), None);
    }
}
