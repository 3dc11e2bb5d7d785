//! Which brace is missing or one too many. The reader notices at the end of the file at the earliest; where lines are
//! indented as blocks are nested, and where blocks stand that belong elsewhere, that says it better.

use super::layout::{Layout, Pairing, Repair};
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
const MISSING_OR_ABOVE: &str = "a \"}\" is missing behind this, or further up";
const NOT_CLOSED: &str = "this block is not closed";
const SURPLUS: &str = "this \"}\" is one too many";
const CLOSED_EARLY: &str = "it closes this block";

/// Looks for it, in a text whose braces do not pair: of all the places where one may be missing or one too many, the one
/// that leaves the fewest lines in the wrong place. None if they pair, or if all places are alike.
pub fn suspect(text: &[u8]) -> Option<Suspect> {
    let pieces = pieces(text)?;
    let layout = Layout::of(text, &pieces);
    let missing = match layout.pairing() {
        Pairing::Whole => return None,
        Pairing::Missing => true,
        Pairing::Surplus => false,
    };
    let Repair { at, block, certain } = layout.repair(missing)?;
    let block = block.and_then(|index| pieces.get(index)).map(Piece::name);
    if missing {
        let last = at.checked_sub(1).and_then(|index| pieces.get(index))?;
        return Some(Suspect {
            place: last.end(),
            text: if certain { MISSING } else { MISSING_OR_ABOVE },
            block,
            about: NOT_CLOSED,
        });
    }
    Some(Suspect {
        place: pieces.get(at)?.end(),
        text: SURPLUS,
        about: if block.is_some() { CLOSED_EARLY } else { "" },
        block,
    })
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
        let text = "http {\nserver {\nroot /a;\n}\n";
        assert_eq!(find(text), Some((4, MISSING_OR_ABOVE)));
        let text = "http {\nserver {\nlocation / {\nroot /a;\nlocation /b {\n}\n}\n}\n";
        assert_eq!(find(text), Some((8, MISSING_OR_ABOVE)));
    }

    #[test]
    fn something_ends_where_empty_lines_are() {
        let text = "http {\nserver {\nroot /a;\n\n}\n";
        assert_eq!(find(text), Some((3, MISSING_OR_ABOVE)));
        let text = "http {\nserver {\n  root /a;\n  location / {\n    root /b;\n  }\n\n}\n";
        assert_eq!(find(text), Some((6, MISSING)));
    }

    #[test]
    fn one_location_beside_another_is_not_in_it() {
        let text = "http {\n  server {\n    location /a {\n    location / {\n      root /b;\n    }\n  }\n}\n";
        assert_eq!(find(text), Some((3, MISSING)));
    }

    #[test]
    fn blocks_whose_content_is_not_indented() {
        let text = "http {\nserver {\n  location / {\n    root /a;\n  location /b {\n  }\n}\n}\n";
        assert_eq!(find(text), Some((4, MISSING)));
        let text = "http {\nserver {\n  root /a;\nserver {\n  root /b;\n}\n}\n";
        assert_eq!(find(text), Some((3, MISSING)));
        let text = "http {\nserver {\n  root /a;\n}}\nserver {\n  root /b;\n}\n}\n";
        assert_eq!(find(text), Some((4, SURPLUS)));
    }

    #[test]
    fn blocks_that_cannot_stand_where_they_do() {
        let text = "events {\nhttp {\nserver {\n}\n}\n";
        assert_eq!(find(text), Some((1, MISSING)));
        let text = "events {\nworker_processes 4;\nhttp {\n}\n";
        assert_eq!(find(text), Some((1, MISSING)));
        let text = "http {\nmap $a $b { default 1; \nserver {\nlisten 80;\n}\n}\n";
        assert_eq!(find(text), Some((2, MISSING)));
        let text = "http {\nserver {\nlisten 80;\nserver {\nlisten 81;\n}\n}\n";
        assert_eq!(find(text), Some((3, MISSING)));
        let text = "http {\nserver {\nlisten 80;\n}\n}\nserver {\nlisten 81;\n}\n}\n";
        assert_eq!(find(text), Some((5, SURPLUS)));
    }

    #[test]
    fn entries_of_a_list_stand_in_it() {
        let text = "http {\nmap $a $b {\ndefault 1;\n}\n~^x 2;\n}\nlog_format a b;\n}\n";
        assert_eq!(find(text), Some((4, SURPLUS)));
        let text = "http {\nallow 127.0.0.1;\n}\nallow 127.0.0.2;\n}\n";
        assert_eq!(find(text), Some((3, SURPLUS)));
        let text = "http {\nserver {\nlocation / {\n}\nproxy_pass http://a;\n}\n}\n}\n";
        assert_eq!(find(text), Some((4, SURPLUS)));
    }

    #[test]
    fn odd_lines_do_not_mislead() {
        let text = "http {\n  server {\n    root /a;\n  listen 80;\n    location / {\n      index a;\n    location /b {\n    }\n  }\n}\n";
        assert_eq!(find(text), Some((6, MISSING)));
    }
}
