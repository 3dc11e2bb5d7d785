//! Requests with expectations, a line each: `GET http://x/y -> location "/y", status 301`.

use super::outcome::Outcome;
use super::question::Question;
use std::path::Path;

/// A line of a file with requests.
#[derive(Debug)]
pub struct Case {
    /// The number of the line, counted from 1.
    pub line: usize,
    /// The request.
    pub question: Question,
    /// What is expected of it.
    pub expected: Vec<Expected>,
}

/// Something that is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What it is about: a word of [`KEYS`].
    pub key: &'static str,
    /// What it should be.
    pub value: String,
}

/// What can be expected.
pub const KEYS: &[&str] = &[
    "server", "location", "handler", "status", "file", "upstream", "uri", "redirect", "header",
];

/// Reads all lines; `#` begins a comment.
///
/// # Errors
/// A line cannot be understood: its number and a sentence.
pub fn parse(text: &str) -> Result<Vec<Case>, (usize, String)> {
    let mut cases = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let number = i.saturating_add(1);
        let words = words(line).map_err(|e| (number, e))?;
        if !words.is_empty() {
            let case = case(&words).map_err(|e| (number, e))?;
            cases.push(Case {
                line: number,
                question: case.0,
                expected: case.1,
            });
        }
    }
    Ok(cases)
}

fn case(words: &[Word]) -> Result<(Question, Vec<Expected>), String> {
    let arrow = words.iter().position(|word| word.is("->"));
    let (request, expected) = words.split_at(arrow.unwrap_or(words.len()));
    let mut question: Option<Question> = None;
    let mut plain = Vec::new();
    let (mut fields, mut from, mut to) = (Vec::new(), None, None);
    let mut request = request.iter();
    while let Some(word) = request.next() {
        let mut value = || {
            let missing = || format!("{} needs a value", word.text);
            request
                .next()
                .map(|word| word.text.clone())
                .ok_or_else(missing)
        };
        match word.text.as_str() {
            "-H" => fields.push(value()?),
            "--from" => from = Some(value()?),
            "--to" => to = Some(value()?),
            _ => plain.push(word.text.clone()),
        }
    }
    if let [_] | [_, _] = plain.as_slice() {
        question = Some(Question::parse(&plain.join(" "))?);
    }
    let mut question = question.ok_or_else(|| {
        format!(
            "\"{}\" is no request: GET http://host/path is meant",
            plain.join(" ")
        )
    })?;
    for field in &fields {
        question.add_field(field)?;
    }
    if let Some(from) = from {
        question.set_from(&from)?;
    }
    question.to = to;
    Ok((
        question,
        expectations(expected.get(1..).unwrap_or_default())?,
    ))
}

fn expectations(words: &[Word]) -> Result<Vec<Expected>, String> {
    let mut all = Vec::new();
    for part in words.split(|word| word.is(",")) {
        let [key, values @ ..] = part else { continue };
        let known = KEYS.iter().find(|known| **known == key.text);
        let Some(known) = known else {
            let keys = KEYS.join(", ");
            return Err(format!(
                "\"{}\" cannot be expected; what can be: {keys}",
                key.text
            ));
        };
        if values.is_empty() {
            return Err(format!("what {known} should be is missing"));
        }
        let values: Vec<&str> = values.iter().map(|word| word.text.as_str()).collect();
        all.push(Expected {
            key: known,
            value: values.join(" "),
        });
    }
    Ok(all)
}

/// A word of a line; a comma outside of quotes is a word by itself.
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    fn is(&self, text: &str) -> bool {
        !self.quoted && self.text == text
    }
}

fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words: Vec<Word> = Vec::new();
    let mut chars = line.chars().peekable();
    let mut arrow = false;
    while let Some(&c) = chars.peek() {
        match c {
            c if c.is_whitespace() => {
                chars.next();
            }
            '#' => break,
            ',' if arrow => {
                chars.next();
                words.push(Word {
                    text: String::from(","),
                    quoted: false,
                });
            }
            '"' | '\'' => {
                chars.next();
                let mut text = String::new();
                loop {
                    match chars.next() {
                        None => return Err(format!("a {c} is not closed")),
                        Some(end) if end == c => break,
                        Some(other) => text.push(other),
                    }
                }
                words.push(Word { text, quoted: true });
            }
            _ => {
                let mut text = String::new();
                while let Some(&c) = chars.peek()
                    && !c.is_whitespace()
                    && !(arrow && c == ',')
                {
                    text.push(c);
                    chars.next();
                }
                arrow |= text == "->";
                words.push(Word {
                    text,
                    quoted: false,
                });
            }
        }
    }
    Ok(words)
}

impl Expected {
    /// Files may be named by where they are below the prefix, as in the configuration.
    pub fn start_from(&mut self, prefix: &Path) {
        if self.key == "file" && self.value != "none" {
            self.value = prefix.join(&self.value).to_string_lossy().into_owned();
        }
    }

    /// What it is instead; none if it is as expected.
    pub fn differs(&self, outcome: &Outcome) -> Option<String> {
        let nothing = || String::from("none");
        let compare = |actual: Option<&str>| match actual {
            Some(actual) if actual == self.value => None,
            actual => Some(actual.map_or_else(nothing, str::to_owned)),
        };
        match self.key {
            "server" => {
                let names = &outcome.server_names;
                let is = match names.is_empty() {
                    true => self.value.is_empty() || self.value == "\"\"",
                    false => names.contains(&self.value.to_ascii_lowercase()),
                };
                (!is).then(|| names.first().cloned().unwrap_or_else(nothing))
            }
            "location" => {
                let is = |name: &Option<String>| name.as_deref() == Some(&*self.value);
                let any = is(&outcome.location) || is(&outcome.location_name);
                let none = self.value == "none" && outcome.location.is_none();
                (!any && !none).then(|| outcome.location.clone().unwrap_or_else(nothing))
            }
            "handler" => compare(outcome.handler),
            "status" => match outcome.status {
                Some(status) => compare(Some(&status.to_string())),
                None => Some(String::from("what the upstream says")),
            },
            "file" => compare(outcome.file.as_deref().or(Some("none"))),
            "upstream" => {
                let group = outcome
                    .upstream
                    .as_ref()
                    .map(|passed| passed.group.as_str());
                let url = outcome.upstream.as_ref().map(|passed| passed.url.as_str());
                match url == Some(&*self.value) {
                    true => None,
                    false => compare(group.or(Some("none"))),
                }
            }
            "uri" => {
                let sent = outcome.upstream.as_ref().map(|passed| passed.uri.as_str());
                compare(Some(sent.unwrap_or(&outcome.uri)))
            }
            "redirect" => compare(outcome.redirect.as_deref().or(Some("none"))),
            _ => self.header(outcome),
        }
    }

    /// `Name: value` among the fields of the answer, or a name alone.
    fn header(&self, outcome: &Outcome) -> Option<String> {
        let (name, value) = match self.value.split_once(':') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (self.value.trim(), None),
        };
        let same: Vec<&str> = outcome
            .fields
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        let is = match value {
            Some(value) => same.contains(&value),
            None => !same.is_empty(),
        };
        (!is).then(|| match same.first() {
            Some(value) => format!("{name}: {value}"),
            None => format!("no {name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_has_a_request_and_expectations() {
        let text = "# all\n\nGET http://x/a,b -H 'A: b c' --from 10.0.0.5 -> location \"~ \\.php$\", status 301 # why\n";
        let cases = parse(text).unwrap();
        let case = cases.first().unwrap();
        assert_eq!((cases.len(), case.line), (1, 3));
        assert_eq!(case.question.target, "/a,b");
        assert_eq!(case.question.fields, [("A".to_owned(), "b c".to_owned())]);
        assert_eq!(case.question.from.to_string(), "10.0.0.5");
        let expected: Vec<_> = case
            .expected
            .iter()
            .map(|e| (e.key, e.value.as_str()))
            .collect();
        assert_eq!(expected, [("location", "~ \\.php$"), ("status", "301")]);
    }

    proptest! {
        #[test]
        fn any_line_can_be_read(line in "[GETh:/x \"',#>é-]{0,30}") {
            let _ = parse(&line);
        }
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (line, complaint) in [
            (
                "GET http://x/ -> nothing 1",
                "\"nothing\" cannot be expected",
            ),
            (
                "GET http://x/ -> status",
                "what status should be is missing",
            ),
            ("GET http://x/ \"a", "a \" is not closed"),
            ("GET http://x/ more words", "is no request"),
            ("GET http://x/ -H", "-H needs a value"),
        ] {
            let (number, sentence) = parse(&format!("\n{line}")).unwrap_err();
            assert!(number == 2 && sentence.contains(complaint), "{sentence}");
        }
    }

    #[test]
    fn expectations_are_compared() {
        let outcome = Outcome {
            server_names: vec!["a.example".to_owned(), "b.example".to_owned()],
            location: Some("= /x".to_owned()),
            location_name: Some("/x".to_owned()),
            status: Some(200),
            fields: vec![("X-A".to_owned(), "1".to_owned())],
            ..Outcome::default()
        };
        let differs = |key, value: &str| {
            let value = value.to_owned();
            Expected { key, value }.differs(&outcome)
        };
        for (key, value) in [
            ("server", "b.example"),
            ("location", "/x"),
            ("location", "= /x"),
            ("status", "200"),
            ("file", "none"),
            ("header", "x-a: 1"),
            ("header", "x-a"),
        ] {
            assert_eq!(differs(key, value), None, "{key} {value}");
        }
        assert_eq!(differs("server", "c").as_deref(), Some("a.example"));
        assert_eq!(differs("location", "/y").as_deref(), Some("= /x"));
        assert_eq!(differs("header", "X-A: 2").as_deref(), Some("X-A: 1"));
        assert_eq!(differs("handler", "static").as_deref(), Some("none"));
    }
}
