//! What a subject must begin and end with for a pattern to match it at all: `\.php$` never matches a path that does not
//! end in `.php`. A few comparisons then stand for the matching of most expressions of a server on most paths.
//!
//! Only what is certain counts. A pattern in which anything is met that is not understood here demands nothing.

/// What a pattern demands.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Prefilter {
    /// The text at the start; empty if anything may stand there.
    prefix: Box<[u8]>,
    /// The texts of which one stands at the end, perhaps before a last line end; empty if anything may stand there.
    suffixes: Box<[Box<[u8]>]>,
    caseless: bool,
}

/// So many different ends are told apart.
const MOST_SUFFIXES: usize = 24;

impl Prefilter {
    /// Reads a pattern.
    pub fn of(pattern: &[u8], caseless: bool) -> Prefilter {
        let Some(tokens) = tokens(pattern) else {
            return Prefilter::default();
        };
        let suffixes = suffixes(&tokens).unwrap_or_default();
        Prefilter {
            prefix: prefix(&tokens).into(),
            suffixes: suffixes.into_iter().map(Vec::into_boxed_slice).collect(),
            caseless,
        }
    }

    /// Whether the pattern could match this. `false` is certain.
    #[inline]
    pub fn may_match(&self, subject: &[u8]) -> bool {
        let begins = subject
            .get(..self.prefix.len())
            .is_some_and(|start| self.same(start, &self.prefix));
        begins && (self.suffixes.is_empty() || self.ends(subject))
    }

    fn ends(&self, subject: &[u8]) -> bool {
        let line = subject.strip_suffix(b"\n").unwrap_or(subject);
        let ends = |subject: &[u8], with: &[u8]| {
            let start = subject.len().checked_sub(with.len());
            let end = start.and_then(|start| subject.get(start..));
            end.is_some_and(|end| self.same(end, with))
        };
        self.suffixes
            .iter()
            .any(|with| ends(line, with) || ends(subject, with))
    }

    fn same(&self, a: &[u8], b: &[u8]) -> bool {
        match self.caseless {
            true => a.eq_ignore_ascii_case(b),
            false => a == b,
        }
    }
}

/// A pattern taken apart as far as matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// This byte, once.
    Literal(u8),
    /// `^` outside of a class.
    Start,
    /// `$` outside of a class.
    End,
    Open,
    Close,
    Or,
    /// `?`, and nothing behind it that belongs to it.
    Optional,
    /// `+`, likewise.
    Repeated,
    /// Anything else that stands for some text or none: a class, `.`, `*`, `\d`.
    Other,
}

/// Takes a pattern apart; nothing if there is anything in it that could change what the rest means.
fn tokens(pattern: &[u8]) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        tokens.push(match byte {
            b'\\' => {
                let (&escaped, behind) = rest.split_first()?;
                rest = behind;
                match escaped {
                    b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'h' | b'H' | b'v' | b'V' | b'b'
                    | b'B' => Token::Other,
                    _ if escaped.is_ascii_punctuation() => Token::Literal(escaped),
                    _ => return None,
                }
            }
            b'[' => {
                rest = behind_class(rest)?;
                Token::Other
            }
            b'(' => {
                if let Some(special) = rest.strip_prefix(b"?") {
                    rest = behind_group_name(special)?;
                } else if rest.first() == Some(&b'*') {
                    return None;
                }
                Token::Open
            }
            b')' => Token::Close,
            b'|' => Token::Or,
            b'^' => Token::Start,
            b'$' => Token::End,
            b'.' => Token::Other,
            b'?' | b'+' | b'*' | b'{' => {
                let alone = !matches!(rest.first(), Some(b'?' | b'+' | b'*' | b'{'));
                match byte {
                    b'?' if alone => Token::Optional,
                    b'+' if alone => Token::Repeated,
                    b'{' => {
                        let length = memchr::memchr(b'}', rest)?;
                        rest = rest.get(length + 1..)?;
                        Token::Other
                    }
                    _ => {
                        // A second sign belongs to the first one.
                        if !alone {
                            rest = rest.get(1..)?;
                        }
                        Token::Other
                    }
                }
            }
            byte if byte.is_ascii_graphic() => Token::Literal(byte),
            _ => return None,
        });
    }
    Some(tokens)
}

/// What follows `(?:`, `(?<name>` or `(?P<name>`, of which the question mark has been read.
fn behind_group_name(special: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = special.strip_prefix(b":") {
        return Some(rest);
    }
    let name = special.strip_prefix(b"P").unwrap_or(special);
    let name = name.strip_prefix(b"<")?;
    // Else it looks behind.
    name.first()
        .filter(|c| c.is_ascii_alphabetic() || **c == b'_')?;
    name.get(memchr::memchr(b'>', name)? + 1..)
}

/// What follows a class, whose opening bracket has been read.
fn behind_class(mut rest: &[u8]) -> Option<&[u8]> {
    rest = rest.strip_prefix(b"^").unwrap_or(rest);
    // A bracket in front is a member.
    rest = rest.strip_prefix(b"]").unwrap_or(rest);
    loop {
        match rest {
            [b']', rest @ ..] => return Some(rest),
            // Names of classes have brackets of their own; `\Q` takes them their meaning.
            [b'[', ..] | [b'\\', b'Q' | b'E', ..] => return None,
            [b'\\', _, behind @ ..] | [_, behind @ ..] => rest = behind,
            [] => return None,
        }
    }
}

/// The literal text behind a leading `^`.
fn prefix(tokens: &[Token]) -> Vec<u8> {
    let (Some(Token::Start), Some(rest)) = (tokens.first(), tokens.get(1..)) else {
        return Vec::new();
    };
    if has_alternatives(tokens) {
        return Vec::new();
    }
    let mut text = Vec::new();
    for (at, token) in rest.iter().enumerate() {
        let Token::Literal(byte) = token else { break };
        // It need not be there if a quantifier follows. Classes look the same here: the byte in front is given away.
        if matches!(rest.get(at + 1), Some(Token::Optional | Token::Other)) {
            break;
        }
        text.push(*byte);
    }
    text
}

/// Whether there are alternatives outside of all groups.
fn has_alternatives(tokens: &[Token]) -> bool {
    let mut depth = 0usize;
    tokens.iter().any(|token| {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *token == Token::Or
    })
}

/// The literal texts in front of a final `$`: one, or one for each alternative of a group of plain words.
fn suffixes(tokens: &[Token]) -> Option<Vec<Vec<u8>>> {
    let (last, rest) = tokens.split_last()?;
    if *last != Token::End || has_alternatives(tokens) {
        return None;
    }
    let (words, rest) = match rest.split_last() {
        Some((Token::Close, inside)) => {
            let open = inside.iter().rposition(|t| *t == Token::Open)?;
            (words(inside.get(open + 1..)?)?, inside.get(..open)?)
        }
        _ => (vec![Vec::new()], rest),
    };
    let start = rest
        .iter()
        .rposition(|t| !matches!(t, Token::Literal(_)))
        .map_or(0, |at| at + 1);
    let before = rest.get(start..)?.iter().filter_map(|t| match t {
        Token::Literal(byte) => Some(*byte),
        _ => None,
    });
    let before: Vec<u8> = before.collect();
    let all: Vec<Vec<u8>> = words
        .into_iter()
        .map(|word| [&*before, &word].concat())
        .collect();
    all.iter().all(|word| !word.is_empty()).then_some(all)
}

/// The words of a group without groups in it: `jpe?g|png` are `jpg`, `jpeg` and `png`.
fn words(inside: &[Token]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for alternative in inside.split(|t| *t == Token::Or) {
        let mut words = vec![Vec::new()];
        let mut tokens = alternative.iter().peekable();
        while let Some(token) = tokens.next() {
            let Token::Literal(byte) = token else {
                return None;
            };
            let optional = tokens.next_if(|t| **t == Token::Optional).is_some();
            let without = if optional { words.clone() } else { Vec::new() };
            words
                .iter_mut()
                .for_each(|word: &mut Vec<u8>| word.push(*byte));
            words.extend(without);
            if all.len() + words.len() > MOST_SUFFIXES {
                return None;
            }
        }
        all.extend(words);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demands(pattern: &str) -> (String, Vec<String>) {
        let filter = Prefilter::of(pattern.as_bytes(), false);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let suffixes = filter.suffixes.iter().map(|s| text(s)).collect();
        (text(&filter.prefix), suffixes)
    }

    #[test]
    fn what_stands_at_the_ends_is_demanded() {
        for (pattern, prefix, suffixes) in [
            (r"\.php$", "", &[".php"][..]),
            (r"^/old/(.*)$", "/old/", &[]),
            (r"^/r1/(.*)\.php$", "/r1/", &[".php"]),
            (r"^/a$", "/a", &["/a"]),
            (r"\.(jpe?g|png)$", "", &[".jpeg", ".jpg", ".png"]),
            (r"^/x(?:a|b)$", "/x", &["/xa", "/xb"]),
            (r"^/ab?c", "/a", &[]),
            (r"^/ab*", "/a", &[]),
            (r"^/ab{0,2}", "/a", &[]),
            (r"^/ab+c", "/ab", &[]),
            (r"ab+$", "", &[]),
            (r"^/a|b$", "", &[]),
            (r"(?i)^/a$", "", &[]),
            (r"(*UTF8)^/a$", "", &[]),
            (r"^/a\x41$", "", &[]),
            (r"^/\Qa.b\E$", "", &[]),
            (r"^/[^/]+\.js$", "", &[".js"]),
            (r"^/(?!api)", "", &[]),
            (r"\$$", "", &["$"]),
            (r"$", "", &[]),
            (r"^/a\", "", &[]),
            (r"(.+\.php)(/.*)?$", "", &[]),
            (r"^(?<sub>.+)\.example\.com$", "", &[".example.com"]),
            (r"^a(?<!b)$", "", &[]),
        ] {
            let (found_prefix, found) = demands(pattern);
            assert_eq!(found_prefix, prefix, "{pattern}");
            let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
            found.sort();
            assert_eq!(found, suffixes, "{pattern}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// What is refused never matches.
        #[test]
        fn nothing_that_matches_is_refused(
            pattern in r"(\^)?(/|a|b|c|\.|\\\.|\?|\*|\+|\||\(|\)|\(\?:|\(\?<n>|\(\?<!|\[ab\]|\[\^a\]|\\d|\$|\{1,2\}|\{0\}){0,9}(\$)?",
            subjects in prop::collection::vec("[/abcABC.1\n]{0,6}", 12),
            caseless: bool,
        ) {
            let regex = pcre2::bytes::RegexBuilder::new().caseless(caseless).build(&pattern);
            if let Ok(regex) = regex {
                let filter = Prefilter::of(pattern.as_bytes(), caseless);
                for subject in &subjects {
                    let subject = subject.as_bytes();
                    if regex.is_match(subject).unwrap_or(true) {
                        prop_assert!(filter.may_match(subject), "{pattern} {subject:?}");
                    }
                }
            }
        }
    }
}
