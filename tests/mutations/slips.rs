//! Makes slips of the hand: one token of a configuration left out, doubled, misspelt, or replaced by one of another kind; a
//! quote left out; two lines exchanged, so that one of them stands outside of its block.

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

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
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

/// The text with one slip somewhere; nothing if there is none of its kind to make at the places that were drawn.
pub fn mutate(text: &str, tokens: &[Token], numbers: &mut Numbers) -> Option<Mutation> {
    let kind = numbers.below(12);
    // Few words have a quote to lose, and few lines end a block.
    (0..50).find_map(|_| {
        let index = numbers.below(tokens.len());
        let slip = Slip {
            text,
            tokens,
            index,
            word: &text[tokens[index].place.clone()],
        };
        match kind {
            0 | 1 => slip.left_out(),
            2 | 3 => slip.doubled(),
            4 | 5 => slip.misspelt(numbers),
            6 => slip.without_a_quote(numbers),
            7 => slip.of_another_type(numbers),
            8 => slip.misspelt_inside(numbers),
            9 => slip.below_its_block(),
            10 => slip.above_its_block(),
            _ => slip.without_a_space(),
        }
    })
}

/// The words of parameters: they mean something only as they are.
const PARAMETERS: [&str; 18] = [
    "on",
    "off",
    "any",
    "all",
    "auto",
    "always",
    "default_server",
    "ssl",
    "backup",
    "nodelay",
    "last",
    "break",
    "permanent",
    "redirect",
    "stderr",
    "notice",
    "warn",
    "error",
];

struct Slip<'t> {
    text: &'t str,
    tokens: &'t [Token],
    index: usize,
    word: &'t str,
}

impl Slip<'_> {
    fn token(&self) -> &Token {
        &self.tokens[self.index]
    }

    fn is_mark(&self) -> bool {
        self.mark_at(self.index)
    }

    fn mark_at(&self, index: usize) -> bool {
        matches!(
            &self.text[self.tokens[index].place.clone()],
            ";" | "{" | "}"
        )
    }

    fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// The text with something else in a place, where a message is to point at the lines of that place.
    fn with(&self, kind: &'static str, place: Range<usize>, put: &str) -> Option<Mutation> {
        let mut text = self.text.to_owned();
        text.replace_range(place.clone(), put);
        (text != self.text).then(|| Mutation {
            kind,
            text,
            lines: self.line(place.start)..self.line(place.end.max(place.start + 1) - 1) + 1,
            meant: None,
        })
    }

    fn left_out(&self) -> Option<Mutation> {
        let place = self.token().place.clone();
        if !self.is_mark() {
            return self.with("a word left out", place, "");
        }
        // A mark is missing behind the word before it, wherever its own line was.
        let before = self
            .index
            .checked_sub(1)
            .map_or(0, |i| self.tokens[i].place.end - 1);
        let mut mutation = self.with("a mark left out", place, "")?;
        mutation.lines.start = self.line(before);
        Some(mutation)
    }

    fn doubled(&self) -> Option<Mutation> {
        let kind = if self.is_mark() {
            "a mark doubled"
        } else {
            "a word doubled"
        };
        let word = self.word;
        self.with(kind, self.token().place.clone(), &format!("{word} {word}"))
    }

    fn misspelt(&self, numbers: &mut Numbers) -> Option<Mutation> {
        if self.is_mark() {
            return None;
        }
        let name = self.token().name;
        let kind = if name {
            "a name misspelt"
        } else {
            "a word misspelt"
        };
        let mut mutation = self.with(
            kind,
            self.token().place.clone(),
            &misspell(self.word, numbers)?,
        )?;
        mutation.meant = name.then(|| self.word.to_owned());
        Some(mutation)
    }

    fn without_a_quote(&self, numbers: &mut Numbers) -> Option<Mutation> {
        let place = self.token().place.clone();
        let first = self
            .word
            .starts_with(['"', '\''])
            .then_some(place.clone())?;
        let quote = match numbers.below(2) {
            0 => first.start..first.start + 1,
            _ => first.end - 1..first.end,
        };
        let mut mutation = self.with("a quote left out", quote, "")?;
        mutation.lines = self.line(place.start)..self.line(place.end - 1) + 1;
        Some(mutation)
    }

    fn of_another_type(&self, numbers: &mut Numbers) -> Option<Mutation> {
        if self.token().name || self.is_mark() {
            return None;
        }
        let digits = self
            .word
            .trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let put = match self.word {
            "on" => numbers.one_of(&["yes", "true", "1", "enabled"]),
            "off" => numbers.one_of(&["no", "false", "0", "disabled"]),
            _ if number => numbers.one_of(&["many", "-1", "1.5", "10 mb", "5min", "12x"]),
            _ => return None,
        };
        self.with("a value of another type", self.token().place.clone(), put)
    }

    /// A variable or the word of a parameter.
    fn misspelt_inside(&self, numbers: &mut Numbers) -> Option<Mutation> {
        let start = self.token().place.start;
        let inside = match self.word.find('$') {
            _ if self.token().name => return None,
            None if PARAMETERS.contains(&self.word) => 0..self.word.len(),
            None => return None,
            Some(dollar) => {
                let from = dollar + 1;
                let of_names = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let rest = &self.word[from..];
                from..from + rest.find(|c| !of_names(c)).unwrap_or(rest.len())
            }
        };
        let (name, variable) = (&self.word[inside.clone()], self.word.contains('$'));
        let place = start + inside.start..start + inside.end;
        let kind = if variable {
            "a variable misspelt"
        } else {
            "a parameter misspelt"
        };
        let mut mutation = self.with(kind, place, &misspell(name, numbers)?)?;
        let dollar = if variable { "$" } else { "" };
        mutation.meant = Some(format!("{dollar}{name}"));
        Some(mutation)
    }

    /// The last line of a block changes places with the `}`.
    fn below_its_block(&self) -> Option<Mutation> {
        let close = self.token().place.clone();
        let end = self.tokens.get(self.index.checked_sub(1)?)?.place.clone();
        let (line, brace) = (self.whole_line(end)?, self.whole_line(close)?);
        let alone = self.text[brace.clone()].trim() == "}" && line.end == brace.start;
        let simple = self.text[line.clone()].trim_end().ends_with(';');
        let first = self.tokens.iter().find(|t| line.contains(&t.place.start));
        let starts = first.is_some_and(|token| token.name);
        (alone && simple && starts).then_some(())?;
        let put = format!("{}{}", &self.text[brace.clone()], &self.text[line.clone()]);
        let mut mutation = self.with("a line below its block", line.start..brace.end, &put)?;
        mutation.lines = self.line(line.start)..self.line(brace.start) + 1;
        Some(mutation)
    }

    /// The first line of a block changes places with its head.
    fn above_its_block(&self) -> Option<Mutation> {
        let next = self.tokens.get(self.index + 1)?;
        let (head, line) = (
            self.whole_line(self.token().place.clone())?,
            self.whole_line(next.place.clone())?,
        );
        let block = self.word == "{" && self.text[head.clone()].trim_end().ends_with('{');
        let simple = next.name && self.text[line.clone()].trim_end().ends_with(';');
        (block && simple && head.end == line.start).then_some(())?;
        let put = format!("{}{}", &self.text[line.clone()], &self.text[head.clone()]);
        let mut mutation = self.with("a line above its block", head.start..line.end, &put)?;
        mutation.lines = self.line(head.start)..self.line(line.start) + 1;
        Some(mutation)
    }

    fn whole_line(&self, place: Range<usize>) -> Option<Range<usize>> {
        let start = self.text[..place.start]
            .rfind('\n')
            .map_or(0, |end| end + 1);
        let end = place.end + self.text[place.end..].find('\n')? + 1;
        Some(start..end)
    }

    fn without_a_space(&self) -> Option<Mutation> {
        let next = self.tokens.get(self.index + 1)?.place.clone();
        let name = self.token().name && !self.mark_at(self.index + 1);
        let mut mutation = name
            .then(|| self.with("a space left out", self.token().place.end..next.start, ""))
            .flatten()?;
        mutation.lines = self.line(self.token().place.start)..self.line(next.start) + 1;
        mutation.meant = Some(self.word.to_owned());
        Some(mutation)
    }
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
