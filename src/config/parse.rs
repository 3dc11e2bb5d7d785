//! Text to tree: the tokens of `grammar/nginx.pest`, put together into directives and blocks.

use super::braces;
use super::span::{SourceId, Span};
use super::tree::{Item, Node, Word};
use super::word;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use grammar::{Nginx, Rule};
use pest::Parser;
use std::borrow::Cow;
use std::ops::Range;

/// How deep blocks may nest, includes counted in. nginx has no such limit and dies of a full stack instead.
pub const MAX_DEPTH: usize = 100;

/// How much nginx holds of the text at a time: no word, quotes not counted, and no comment may be longer.
const BUFFER: usize = 4096;

/// How many `;` that end nothing are told of in one text.
const MOST_SURPLUS: usize = 100;

/// What some editors put in front of UTF-8. nginx takes it for a part of the first word; nobody means that.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

mod grammar {
    #![allow(missing_docs)]
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/nginx.pest"]
    pub struct Nginx;
}

/// Where a text comes from: nginx words some errors differently for `-g`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File,
    /// The value of `-g`.
    CommandLine,
}

/// Reads a text as far as it can be read. At the first syntax error an [`Item::Broken`] with nginx's message is put
/// into the innermost open block, and reading ends there. Includes are not followed.
///
/// `depth` is the number of blocks that are open where this text is included.
pub fn parse(text: &Bytes, source: SourceId, origin: Origin, depth: usize) -> Vec<Item> {
    let readable = as_utf8(text);
    let mut builder = Builder {
        text,
        source,
        origin,
        depth,
        read: 0,
        surplus: 0,
        name: None,
        args: Vec::new(),
        open: Vec::new(),
        items: Vec::new(),
    };
    let outcome = match Nginx::parse(Rule::file, &readable) {
        Ok(mut file) => file
            .next()
            .map_or(Ok(()), |file| {
                file.into_inner().try_for_each(|token| {
                    let span = token.as_span();
                    builder.token(token.as_rule(), span.start(), span.end())
                })
            })
            .and_then(|()| builder.finish()),
        // The grammar matches every text; should it ever not, that is said and not hidden.
        Err(_) => Err(Box::new(Diagnostic::new(
            "the configuration cannot be read",
        ))),
    };
    builder.close_all(outcome.err())
}

/// The text for pest, which reads only UTF-8. To the language all bytes from 0x80 on are ordinary characters, so
/// in a text of another encoding each stands as a letter; offsets stay what they are, and words are cut from the original.
fn as_utf8(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(text) {
        return Cow::Borrowed(text);
    }
    let (mark, rest) = text.split_at(if text.starts_with(BYTE_ORDER_MARK) {
        BYTE_ORDER_MARK.len()
    } else {
        0
    });
    let spaces = mark.iter().map(|_| ' ');
    spaces
        .chain(
            rest.iter()
                .map(|&b| if b.is_ascii() { char::from(b) } else { 'x' }),
        )
        .collect::<String>()
        .into()
}

/// What a text is made of, for whoever only wants to know how its blocks nest.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A directive without a block: its name, and its `;`.
    Simple {
        /// The first word.
        name: Range<usize>,
        /// How many words there are, the first included.
        words: usize,
        /// The `;`.
        end: Range<usize>,
    },
    /// The head of a block.
    Open {
        /// The first word.
        name: Range<usize>,
        /// The `{`.
        end: Range<usize>,
    },
    /// A `}`.
    Close(usize),
}

impl Piece {
    /// Its first word; the brace itself, if it closes.
    pub fn name(&self) -> Range<usize> {
        match self {
            Piece::Simple { name, .. } | Piece::Open { name, .. } => name.clone(),
            Piece::Close(at) => *at..at + 1,
        }
    }

    /// The mark that ends it.
    pub fn end(&self) -> Range<usize> {
        match self {
            Piece::Simple { end, .. } | Piece::Open { end, .. } => end.clone(),
            Piece::Close(at) => *at..at + 1,
        }
    }
}

/// The pieces of a text, as far as its words can be told apart. None if it cannot be read at all.
pub fn pieces(text: &[u8]) -> Option<Vec<Piece>> {
    let readable = as_utf8(text);
    let file = Nginx::parse(Rule::file, &readable).ok()?.next()?;
    let mut pieces = Vec::new();
    let mut name: Option<Range<usize>> = None;
    let mut words = 0;
    for token in file.into_inner() {
        let (rule, span) = (token.as_rule(), token.as_span());
        let place = span.start()..span.end();
        match (rule, text.get(place.start)) {
            (Rule::bare | Rule::quoted, _) => {
                name.get_or_insert(place);
                words += 1;
            }
            (Rule::mark, Some(b'}')) => {
                name = None;
                words = 0;
                pieces.push(Piece::Close(place.start));
            }
            (Rule::mark, mark) => {
                let block = mark == Some(&b'{');
                let (name, end) = (name.take().unwrap_or_else(|| place.clone()), place);
                let words = std::mem::take(&mut words);
                pieces.push(match block {
                    true => Piece::Open { name, end },
                    false => Piece::Simple { name, words, end },
                });
            }
            _ => {}
        }
    }
    Some(pieces)
}

type Outcome = Result<(), Box<Diagnostic>>;

struct Builder<'t> {
    text: &'t Bytes,
    source: SourceId,
    origin: Origin,
    depth: usize,
    /// Up to where the tokens were taken.
    read: usize,
    /// How many `;` ended nothing.
    surplus: usize,
    name: Option<Word>,
    args: Vec<Word>,
    open: Vec<Open>,
    items: Vec<Item>,
}

/// A block that is not closed yet, and what stood before it in the block around it.
struct Open {
    node: Node,
    before: Vec<Item>,
}

impl Builder<'_> {
    fn token(&mut self, rule: Rule, start: usize, end: usize) -> Outcome {
        if start.saturating_sub(self.read) >= BUFFER {
            self.check_comments(self.read, start)?;
        }
        self.read = end;
        match rule {
            Rule::bare => self.word(start, end, false),
            Rule::quoted => self.word(start, end, true),
            Rule::mark => match self.text.get(start) {
                Some(b';') => self.semicolon(self.span(start, end)),
                Some(b'{') => self.open(self.span(start, end)),
                _ => self.close(self.span(start, end)),
            },
            Rule::glued => Err(self.glued(start, end)),
            Rule::unclosed => Err(self.unclosed(start)),
            _ => Ok(()),
        }
    }

    fn word(&mut self, start: usize, end: usize, quoted: bool) -> Outcome {
        if end.saturating_sub(start) + 2 >= BUFFER {
            self.check_length(start, end, quoted)?;
        }
        let mark = usize::from(quoted);
        let text = word::unescape(self.text.slice(start + mark..end - mark));
        let word = Word {
            text,
            span: self.span(start, end),
            quoted,
        };
        match self.name {
            None => self.name = Some(word),
            Some(_) => self.args.push(word),
        }
        Ok(())
    }

    fn semicolon(&mut self, end: Span) -> Outcome {
        let Some(name) = self.name.take() else {
            let d = unexpected(";", end).help("no directive stands before it: remove it");
            self.surplus += 1;
            // Nothing hangs on it: reading goes on. Nobody wants to be told a million times.
            if self.surplus <= MOST_SURPLUS {
                self.items.push(Item::Broken(Box::new(d.fix(end, ""))));
            }
            return Ok(());
        };
        let args = std::mem::take(&mut self.args);
        self.items.push(Item::Node(Node {
            name,
            args,
            block: None,
            end,
            close: end,
            via: None,
        }));
        Ok(())
    }

    fn open(&mut self, end: Span) -> Outcome {
        let Some(name) = self.name.take() else {
            return Err(unexpected("{", end).help("the name of a block must stand before it"))?;
        };
        if self.origin == Origin::CommandLine {
            return Err(
                Diagnostic::new("block directives are not supported in -g option")
                    .at(end)
                    .label(end, ""),
            )?;
        }
        if self.depth + self.open.len() >= MAX_DEPTH {
            return Err(Diagnostic::new("blocks are nested too deeply")
                .at(end)
                .label(end, ""))?;
        }
        let args = std::mem::take(&mut self.args);
        let node = Node {
            name,
            args,
            block: None,
            end,
            close: end,
            via: None,
        };
        self.open.push(Open {
            node,
            before: std::mem::take(&mut self.items),
        });
        Ok(())
    }

    fn close(&mut self, close: Span) -> Outcome {
        if let Some(word) = self.last_word() {
            // `}';` is the end of a quoted word.
            let behind = usize::try_from(close.end)
                .ok()
                .and_then(|at| self.text.get(at));
            if let Some(quote @ (b'"' | b'\'')) = behind {
                let said = format!("a {} is missing before this", char::from(*quote));
                let mut d = unexpected("}", close);
                d.labels = vec![(close, said)];
                return Err(Box::new(d));
            }
            let d = self.missing_semicolon(unexpected("}", close), word);
            if self.open.is_empty() {
                return Err(d);
            }
            // What was meant is clear enough to read on.
            self.items.push(Item::Broken(d));
            self.semicolon(word)?;
        }
        if self.open.is_empty() {
            let d = unexpected("}", close);
            return Err(self.with_suspect(
                d,
                "no block is open here: remove it, or look for one \"}\" too many above",
            ));
        }
        self.close_block(close);
        Ok(())
    }

    fn close_block(&mut self, close: Span) {
        if let Some(Open { mut node, before }) = self.open.pop() {
            node.block = Some(std::mem::replace(&mut self.items, before));
            node.close = close;
            self.items.push(Item::Node(node));
        }
    }

    /// The end of the text.
    fn finish(&mut self) -> Outcome {
        let end = self.span(self.text.len(), self.text.len());
        self.check_comments(self.read, self.text.len())?;
        if let Some(word) = self.last_word() {
            return Err(self.missing_semicolon(self.early_end(end), word));
        }
        if let Some(open) = self.open.last() {
            let d = Diagnostic::new("unexpected end of file, expecting \"}\"").at(end);
            if let Some(suspect) = braces::suspect(self.text) {
                return Err(Box::new(suspect.mark(d, self.source)));
            }
            // Nothing tells where: at the end of the file at the latest.
            let last = self.span(self.read.saturating_sub(1), self.read);
            let d = d.label(last, "a \"}\" is missing behind this, or further up");
            return Err(Box::new(d.label(
                open.node.name.span.to(open.node.end),
                "this block is not closed",
            )));
        }
        Ok(())
    }

    fn missing_semicolon(&self, mut d: Diagnostic, word: Span) -> Box<Diagnostic> {
        let behind = Span {
            start: word.end,
            ..word
        };
        d.labels
            .insert(0, (word, String::from("a \";\" is missing behind this")));
        Box::new(d.fix(behind, ";"))
    }

    /// The message with the brace that is to blame for it, or else with general advice.
    fn with_suspect(&self, d: Diagnostic, advice: &str) -> Box<Diagnostic> {
        Box::new(match braces::suspect(self.text) {
            Some(suspect) => suspect.mark(d, self.source),
            None => d.help(advice),
        })
    }

    /// Ends what is open, with the error that ended the reading in the innermost block.
    fn close_all(mut self, error: Option<Box<Diagnostic>>) -> Vec<Item> {
        self.items.extend(error.map(Item::Broken));
        let end = self.span(self.text.len(), self.text.len());
        while !self.open.is_empty() {
            self.close_block(end);
        }
        self.items
    }

    fn early_end(&self, end: Span) -> Diagnostic {
        Diagnostic::new(match self.origin {
            Origin::File => "unexpected end of file, expecting \";\" or \"}\"",
            Origin::CommandLine => "unexpected end of parameter, expecting \";\"",
        })
        .at(end)
    }

    fn glued(&self, start: usize, end: usize) -> Box<Diagnostic> {
        let place = self.span(start, end);
        let text = String::from_utf8_lossy(self.text.get(start..end).unwrap_or_default());
        let mut d = unexpected(&text, place);
        let quoted = self.last_word().map(|word| (word, self.lines_in(word)));
        if let Some((word, 1..)) = quoted {
            let opening = Span {
                end: word.start.saturating_add(1),
                ..word
            };
            d.labels.insert(
                0,
                (
                    opening,
                    String::from("this quote is closed only lines later"),
                ),
            );
        }
        Box::new(d.help("behind a closing quote there must be a space, \";\", \"{\" or \")\""))
    }

    fn unclosed(&self, start: usize) -> Box<Diagnostic> {
        if let Err(d) = self.check_length(start, self.text.len() + 1, true) {
            return d;
        }
        let end = self.span(self.text.len(), self.text.len());
        Box::new(
            self.early_end(end)
                .label(self.span(start, start + 1), "this quote is not closed"),
        )
    }

    /// nginx refuses a word that does not fit into its buffer with what ends it.
    fn check_length(&self, start: usize, end: usize, quoted: bool) -> Outcome {
        let mark = usize::from(quoted);
        let (first, last) = (start + mark, end - mark);
        // What ends the word must be in the buffer too; white space is looked behind of.
        let blank = self.text.get(end).is_some_and(u8::is_ascii_whitespace);
        let needed = end + usize::from(blank);
        if !self.overflows(first, needed) {
            return Ok(());
        }
        if quoted && first + BUFFER <= last {
            let quote = self.text.get(start).copied().map_or('"', char::from);
            let message =
                format!("too long parameter, probably missing terminating \"{quote}\" character");
            let place = self.span(start, start + 1);
            return Err(Diagnostic::new(message)
                .at(place)
                .label(place, "this quote is not closed within 4096 bytes"))?;
        }
        Err(self.too_long(first))
    }

    /// The same for the comments between two tokens.
    fn check_comments(&self, from: usize, to: usize) -> Outcome {
        let mut at = from;
        while let Some(start) = self
            .text
            .get(at..to)
            .and_then(|gap| memchr::memchr(b'#', gap))
            .map(|i| at + i)
        {
            let end = self
                .text
                .get(start..to)
                .and_then(|gap| memchr::memchr(b'\n', gap))
                .map_or(to, |i| start + i);
            if self.overflows(start, end) {
                return Err(self.too_long(start));
            }
            at = end;
        }
        Ok(())
    }

    fn overflows(&self, start: usize, needed: usize) -> bool {
        let full = start + BUFFER;
        self.origin == Origin::File && full <= needed && full < self.text.len()
    }

    fn too_long(&self, start: usize) -> Box<Diagnostic> {
        let place = self.span(start, start + 1);
        let text = String::from_utf8_lossy(self.text.get(start..start + 10).unwrap_or_default());
        Box::new(
            Diagnostic::new(format!("too long parameter \"{text}...\" started"))
                .at(place)
                .label(place, "longer than 4096 bytes"),
        )
    }

    /// How many line ends are in a piece of the text.
    fn lines_in(&self, span: Span) -> usize {
        let offset = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        let text = self.text.get(offset(span.start)..offset(span.end));
        memchr::memchr_iter(b'\n', text.unwrap_or_default()).count()
    }

    fn last_word(&self) -> Option<Span> {
        self.args
            .last()
            .or(self.name.as_ref())
            .map(|word| word.span)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span {
            source: self.source,
            start: offset(start),
            end: offset(end),
        }
    }
}

fn unexpected(what: &str, place: Span) -> Diagnostic {
    Diagnostic::new(format!("unexpected \"{what}\""))
        .at(place)
        .label(place, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tree in one line: words in brackets, the message of what could not be read behind a `!`.
    fn tree(text: impl AsRef<[u8]>) -> String {
        show(&parse(
            &Bytes::copy_from_slice(text.as_ref()),
            SourceId(0),
            Origin::File,
            0,
        ))
    }

    fn show(items: &[Item]) -> String {
        let shown = items.iter().map(|item| match item {
            Item::Broken(d) => format!("!{}@{}", d.message, d.line.map_or(0, |s| s.start)),
            Item::Node(node) => {
                let words: Vec<_> = std::iter::once(&node.name)
                    .chain(&node.args)
                    .map(|w| w.str())
                    .collect();
                let block = node
                    .block
                    .as_deref()
                    .map_or(String::new(), |items| format!("{{{}}}", show(items)));
                format!("[{}]{block}", words.join("|"))
            }
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_and_blocks() {
        assert_eq!(
            tree("a b  c;\nd{e;f g{h;}}i;"),
            "[a|b|c] [d]{[e] [f|g]{[h]}} [i]"
        );
        assert_eq!(tree("a # x ; }\n b;# end"), "[a|b]");
        assert_eq!(tree(""), "");
        assert_eq!(tree("\u{FEFF}a;\r\nb;\r\n"), "[a] [b]");
    }

    #[test]
    fn special_characters_inside_words_are_ordinary() {
        assert_eq!(tree("a b#c }d x}y q\"r' z;"), "!unexpected \"}\"@6");
        assert_eq!(tree("a b#c d} x}y q\"r';"), "[a|b#c|d}|x}y|q\"r']");
        assert_eq!(tree("a ${b}c$d${{e};"), "[a|${b}c$d${{e}]");
        assert_eq!(tree("a $b{c;}"), "[a|$b]{[c]}");
        assert_eq!(tree(r"a b\;c \{ \ d;"), r"[a|b\;c|\{|\ d]");
    }

    #[test]
    fn a_brace_before_a_quote_lacks_the_other_quote() {
        let text = Bytes::from_static(b"log_format a '{'\n  }';");
        let items = parse(&text, SourceId(0), Origin::File, 0);
        let Some(Item::Broken(d)) = items.last() else {
            panic!("{items:?}")
        };
        assert_eq!(d.message, "unexpected \"}\"");
        assert_eq!(d.labels[0].1, "a ' is missing before this");
    }

    #[test]
    fn quotes_hold_anything() {
        assert_eq!(tree("a \"b;{}#\n'\" 'c\"' \"\";"), "[a|b;{}#\n'|c\"|]");
        assert_eq!(
            tree(r#"a "b\"c\\" 'd\'e' f\tg "\$x";"#),
            "[a|b\"c\\|d'e|f\tg|\\$x]"
        );
        assert_eq!(tree("if ($a ~ \"}\") { b; }"), "[if|($a|~|}|)]{[b]}");
        assert_eq!(tree("if ($a = \"b\"){c;}"), "[if|($a|=|b|)]{[c]}");
    }

    #[test]
    fn what_cannot_be_read_stands_in_the_innermost_block() {
        assert_eq!(
            tree("a;\nb { c; } }\nd;"),
            "[a] [b]{[c]} !unexpected \"}\"@12"
        );
        assert_eq!(tree("a { b; ; c; }"), "[a]{[b] !unexpected \";\"@7 [c]}");
        assert_eq!(tree("a { { } }"), "[a]{!unexpected \"{\"@4}");
        assert_eq!(tree("a { b \"c\"d; }"), "[a]{!unexpected \"d\"@9}");
        assert_eq!(tree("a { b \"c\"}"), "[a]{!unexpected \"}\"@9}");
        assert_eq!(
            tree("a { b c"),
            "[a]{!unexpected end of file, expecting \";\" or \"}\"@7}"
        );
        assert_eq!(
            tree("a { b { c;"),
            "[a]{[b]{[c] !unexpected end of file, expecting \"}\"@10}}"
        );
        assert_eq!(
            tree("a 'b; }"),
            "!unexpected end of file, expecting \";\" or \"}\"@7"
        );
        assert_eq!(
            tree("a \\"),
            "!unexpected end of file, expecting \";\" or \"}\"@3"
        );
    }

    #[test]
    fn too_long_words_are_refused_as_by_a_buffer_of_4096_bytes() {
        let long = |n: usize| "x".repeat(n);
        assert!(tree(format!("a {};", long(4095))).starts_with("[a|x"));
        assert_eq!(
            tree(format!("a {};", long(4096))),
            "!too long parameter \"xxxxxxxxxx...\" started@2"
        );
        assert_eq!(
            tree(format!("a {} ;", long(4095))),
            "!too long parameter \"xxxxxxxxxx...\" started@2"
        );
        let quote = "too long parameter, probably missing terminating \"'\" character";
        assert_eq!(tree(format!("a '{}", long(5000))), format!("!{quote}@2"));
        assert_eq!(tree(format!("a '{}';", long(4096))), format!("!{quote}@2"));
        assert_eq!(
            tree(format!("a; #{}\nb;", long(4095))),
            "[a] !too long parameter \"#xxxxxxxxx...\" started@3"
        );
        assert_eq!(tree(format!("a; #{}\nb;", long(4094))), "[a] [b]");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_kept() {
        let text = Bytes::from_static(b"root /caf\xe9/\xff;");
        let items = parse(&text, SourceId(0), Origin::File, 0);
        let Some(Item::Node(node)) = items.first() else {
            panic!("{items:?}")
        };
        assert_eq!(node.args[0].text, &b"/caf\xe9/\xff"[..]);
        assert_eq!(tree(b"\xef\xbb\xbfa \xe9;"), "[a|\u{fffd}]");
    }

    #[test]
    fn words_are_slices_of_the_text() {
        let text = Bytes::from(String::from("return \"200\";"));
        let items = parse(&text, SourceId(0), Origin::File, 0);
        let Some(Item::Node(node)) = items.first() else {
            panic!("{items:?}")
        };
        assert_eq!(node.args[0].text.as_ptr(), text[8..].as_ptr());
        assert_eq!(
            (
                node.args[0].span.start,
                node.args[0].span.end,
                node.args[0].quoted
            ),
            (7, 12, true)
        );
        assert_eq!((node.end.start, node.close), (12, node.end));
    }

    #[test]
    fn the_command_line_has_no_blocks() {
        let read = |text: &'static str| {
            show(&parse(
                &Bytes::from_static(text.as_bytes()),
                SourceId(0),
                Origin::CommandLine,
                0,
            ))
        };
        assert_eq!(
            read("daemon off; user x"),
            "[daemon|off] !unexpected end of parameter, expecting \";\"@18"
        );
        assert_eq!(
            read("events { }"),
            "!block directives are not supported in -g option@7"
        );
    }

    #[test]
    fn what_is_surplus_is_told_a_hundred_times() {
        let text = Bytes::from("a;".to_owned() + &";".repeat(5000) + "b;");
        let items = parse(&text, SourceId(0), Origin::File, 0);
        assert_eq!(items.len(), MOST_SURPLUS + 2);
    }

    #[test]
    fn nesting_is_bounded() {
        let shown = tree("a{".repeat(100_000));
        assert!(shown.contains("!blocks are nested too deeply"));
        assert!(shown.len() < 10 * MAX_DEPTH);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(text in proptest::collection::vec(proptest::sample::select(&b"a$\\{};\"' \n#)\xff\xc3\xa9"[..]), 0..60)) {
            let text = Bytes::from(text);
            parse(&text, SourceId(0), Origin::File, 0);
            parse(&text, SourceId(0), Origin::CommandLine, 0);
        }
    }
}
