//! Makes slips of the hand: one token of a configuration left out, doubled or misspelt.

use std::ops::Range;

/// Where the numbers begin.
pub const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
/// xorshift: the same numbers on every machine.
pub struct Numbers(pub u64);

impl Numbers {
    /// A number from 0 to below the limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }
}

#[derive(Clone, Debug)]
pub struct Token {
    place: Range<usize>,
    /// Whether it is the name of a directive.
    name: bool,
}

/// The words and marks of a text.
pub fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    // The names of the open blocks, and whether a directive begins.
    let (mut open, mut begins, mut name) = (Vec::new(), true, "");
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b' ' | b'\t' | b'\n' => {
                at += 1;
                continue;
            }
            b'#' => {
                at += text[at..].find('\n').unwrap();
                continue;
            }
            quote @ (b'"' | b'\'') => {
                at += 1;
                while bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b';' | b'{' | b'}' => at += 1,
            _ => {
                while !matches!(bytes[at], b' ' | b'\t' | b'\n' | b';' | b'{') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
        }
        let word = &text[start..at];
        let keys = ["map", "types", "geo", "split_clients"].contains(open.last().unwrap_or(&""));
        let is_mark = matches!(word, ";" | "{" | "}");
        tokens.push(Token {
            place: start..at,
            name: begins && !is_mark && !keys,
        });
        if begins && !is_mark {
            name = word;
        }
        match word {
            "{" => open.push(name),
            "}" => drop(open.pop()),
            _ => {}
        }
        begins = is_mark;
    }
    tokens
}

/// A changed text.
pub struct Mutation {
    /// What was done.
    pub kind: &'static str,
    /// The whole of it.
    pub text: String,
    /// The lines that a message may point at.
    pub lines: Range<usize>,
    /// The name that was misspelt.
    pub meant: Option<String>,
}

/// The text with one slip somewhere; nothing if there is none to make at the place that was drawn.
pub fn mutate(text: &str, tokens: &[Token], numbers: &mut Numbers) -> Option<Mutation> {
    let index = numbers.below(tokens.len());
    let token = &tokens[index];
    let word = &text[token.place.clone()];
    let mark = matches!(word, ";" | "{" | "}");
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    let here = line(token.place.start);
    let (kind, put) = match numbers.below(3) {
        0 if mark => ("a mark left out", String::new()),
        0 => ("a word left out", String::new()),
        1 if mark => ("a mark doubled", format!("{word} {word}")),
        1 => ("a word doubled", format!("{word} {word}")),
        _ if mark => return None,
        _ => ("a word misspelt", misspell(word, numbers)?),
    };
    // A mark is missing behind the word before it, wherever its own line was.
    let from = match (kind, index.checked_sub(1).and_then(|i| tokens.get(i))) {
        ("a mark left out", Some(last)) => line(last.place.end - 1),
        _ => here,
    };
    let meant = (kind == "a word misspelt" && token.name).then(|| word.to_owned());
    let mut changed = text.to_owned();
    changed.replace_range(token.place.clone(), &put);
    Some(Mutation {
        kind: if meant.is_some() {
            "a name misspelt"
        } else {
            kind
        },
        text: changed,
        lines: from..line(token.place.end - 1) + 1,
        meant,
    })
}

/// One letter left out, doubled, replaced, or two exchanged; nothing for words that have no letters to spare.
fn misspell(word: &str, numbers: &mut Numbers) -> Option<String> {
    let letters: Vec<usize> = (0..word.len())
        .filter(|i| word.as_bytes()[*i].is_ascii_alphabetic())
        .collect();
    if letters.len() < 2 {
        return None;
    }
    let at = letters[numbers.below(letters.len())];
    let mut bytes = word.as_bytes().to_vec();
    match numbers.below(4) {
        0 => drop(bytes.remove(at)),
        1 => bytes.insert(at, bytes[at]),
        2 => bytes[at] = b'a' + u8::try_from(numbers.below(26)).unwrap(),
        _ if at + 1 < bytes.len() && bytes[at + 1].is_ascii_alphabetic() => bytes.swap(at, at + 1),
        _ => drop(bytes.remove(at)),
    }
    let changed = String::from_utf8(bytes).unwrap();
    (changed != word).then_some(changed)
}
