//! nginx's map module: variables that depend on other values.

use crate::config::directive::{Args, Directive};
use crate::config::span::Span;
use crate::config::table::entries;
use crate::config::tree::{Node, Word};
use crate::cycle::context::HTTP;
use crate::cycle::{Builder, slice};
use crate::diagnostic::Diagnostic;
use crate::http::hostnames::{Hostnames, Refused};
use crate::http::regex::Regex;
use crate::http::request::Request;
use crate::http::trace::Event;
use crate::http::value::Value;
use crate::http::variable::Compute;
use bytes::Bytes;
use std::sync::Arc;

/// Settings that stand in `http` only. The tables grow as needed, so they have no effect.
#[derive(Default)]
pub struct MapBuilder {
    hash_max_size: Option<i64>,
    hash_bucket_size: Option<i64>,
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::block("map", HTTP, Args::Exactly(2), map)
        .syntax("string $variable")
        .doc(
            "Makes a variable whose value depends on another: each line has a value of the string and what it is mapped \
             to. `default` is for all others, `~` and `~*` begin regular expressions, and with `hostnames` in front \
             there may be wildcards. `volatile` computes it anew each time it is used.",
        ),
    Directive::number("map_hash_max_size", HTTP, |b: &mut Builder| &mut b.http.map.hash_max_size)
        .default("2048")
        .doc("No effect: the tables of maps grow as needed."),
    Directive::number("map_hash_bucket_size", HTTP, |b: &mut Builder| &mut b.http.map.hash_bucket_size)
        .default("64")
        .doc("No effect: the tables of maps have no buckets of a fixed size."),
];

/// A `map` block.
#[derive(Default)]
struct Map {
    source: Value,
    names: Hostnames<Answer>,
    regexes: Vec<(Regex, Answer)>,
    default: Option<Answer>,
    hostnames: bool,
    volatile: bool,
}

/// What a line maps to.
#[derive(Clone)]
enum Answer {
    Text(Bytes, Span),
    Value(Value, Span),
}

impl Answer {
    /// Where it stands.
    fn line(&self) -> Span {
        match self {
            Answer::Text(_, line) | Answer::Value(_, line) => *line,
        }
    }
}

impl Compute for Map {
    fn compute(&self, req: &Request, out: &mut Vec<u8>) -> bool {
        let (answer, subject) = req.with_scratch(|req, subject| {
            self.source.write(req, subject);
            if self.hostnames && subject.last() == Some(&b'.') {
                subject.pop();
            }
            let answer = self.find(req, subject);
            // The value may need other maps, which are told of first.
            let subject = req.is_rehearsal().then(|| subject.clone());
            (answer, subject)
        });
        match answer {
            Some(Answer::Text(text, _)) => out.extend_from_slice(text),
            Some(Answer::Value(value, _)) => value.write(req, out),
            None => {}
        }
        req.trace(|| Event::Mapped {
            subject: subject.unwrap_or_default(),
            line: answer.map(Answer::line),
        });
        true
    }

    fn is_told(&self) -> bool {
        true
    }

    fn volatile(&self) -> bool {
        self.volatile
    }
}

impl Map {
    fn find(&self, req: &Request, subject: &[u8]) -> Option<&Answer> {
        let found = if subject.iter().any(u8::is_ascii_uppercase) {
            req.with_scratch(|_, lower| {
                lower.extend(subject.iter().map(u8::to_ascii_lowercase));
                self.names.get(lower)
            })
        } else {
            self.names.get(subject)
        };
        // nginx does not try patterns on an empty value.
        let by_regex = || {
            let mut regexes = self.regexes.iter().filter(|_| !subject.is_empty());
            regexes
                .find(|(regex, _)| regex.matches(req, subject))
                .map(|(_, answer)| answer)
        };
        found.or_else(by_regex).or(self.default.as_ref())
    }
}

fn map(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let [source, variable] = &*node.args else {
        return Ok(());
    };
    // From here on nginx takes the sizes for set.
    b.http.map.hash_max_size.get_or_insert(2048);
    b.http.map.hash_bucket_size.get_or_insert(64);
    let source = Value::compile(b, source)?;
    let Some(name) = variable.text.strip_prefix(b"$") else {
        let message = format!("invalid variable name \"{}\"", variable.str());
        return Err(Diagnostic::new(message).label(variable.span, "it must begin with \"$\""));
    };
    let refused = |message: String| Diagnostic::new(message).label(variable.span, "");
    b.http.variables.check(name).map_err(refused)?;
    let mut map = Map {
        source,
        ..Map::default()
    };
    entries(b, node, |b, line| map.line(b, line));
    b.http
        .variables
        .define(name, Arc::new(map))
        .map_err(refused)?;
    Ok(())
}

impl Map {
    fn line(&mut self, b: &mut Builder, line: &Node) -> Result<(), Diagnostic> {
        let key = &line.name;
        let value = match (&key.text[..], &*line.args) {
            (b"hostnames", []) => {
                self.hostnames = true;
                return Ok(());
            }
            (b"volatile", []) => {
                self.volatile = true;
                return Ok(());
            }
            // The loader has put the file in place of it.
            (b"include", [_]) => return Ok(()),
            (_, [value]) => value,
            _ => {
                let d = Diagnostic::new("invalid number of the map parameters");
                return Err(d.help("a line is written: value result;"));
            }
        };
        let value = Value::compile(b, value)?;
        let answer = match value.to_literal() {
            Some(text) => Answer::Text(text, key.span),
            None => Answer::Value(value, key.span),
        };
        match &key.text[..] {
            b"default" => {
                if self.default.is_some() {
                    return Err(Diagnostic::new("duplicate default map parameter"));
                }
                self.default = Some(answer);
                Ok(())
            }
            [b'~', rest @ ..] => {
                let caseless = rest.first() == Some(&b'*');
                let pattern = slice(key, if caseless { 2 } else { 1 });
                let regex = Regex::compile(b, &pattern, caseless, key.span)?;
                self.regexes.push((regex, answer));
                Ok(())
            }
            [b'\\', ..] => self.add(key, slice(key, 1), answer),
            _ => self.add(key, key.text.clone(), answer),
        }
    }

    fn add(&mut self, word: &Word, key: Bytes, answer: Answer) -> Result<(), Diagnostic> {
        let added = match self.hostnames {
            true => self.names.add(&key, answer),
            false => self.names.add_exact(&key, answer),
        };
        added.map_err(|refused| {
            let message = match refused {
                Refused::Invalid => {
                    format!(
                        "invalid hostname or wildcard \"{}\"",
                        String::from_utf8_lossy(&key)
                    )
                }
                Refused::Conflict => format!(
                    "conflicting parameter \"{}\"",
                    String::from_utf8_lossy(&key).to_ascii_lowercase()
                ),
            };
            Diagnostic::new(message).label(word.span, "")
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    #[test]
    fn messages_are_nginx_s() {
        for (text, want) in [
            (r#"map $host a {}"#, r#"invalid variable name "a""#),
            (r#"map $host $ {}"#, r#"invalid variable name "$""#),
            (r#"map $host $host {}"#, r#"the duplicate "host" variable"#),
            (r#"map $ $x {}"#, "invalid variable name"),
            (r#"map $nope $x {}"#, r#"unknown "nope" variable"#),
            (
                r#"map $host $x { a; }"#,
                "invalid number of the map parameters",
            ),
            (
                r#"map $host $x { a b c; }"#,
                "invalid number of the map parameters",
            ),
            (r#"map $host $x { hostnames a; volatile b; }"#, ""),
            (
                r#"map $host $x { default a; default b; }"#,
                "duplicate default map parameter",
            ),
            (
                r#"map $host $x { a b; A c; }"#,
                r#"conflicting parameter "a""#,
            ),
            (
                r#"map $host $x { hostnames; a.* b; *.a.* c; }"#,
                r#"invalid hostname or wildcard "*.a.*""#,
            ),
            (
                r#"map $host $x { *.a.* b; hostnames; *.a.* c; }"#,
                r#"invalid hostname or wildcard "*.a.*""#,
            ),
            (
                r#"map $host $x { hostnames; .a.com b; a.com c; }"#,
                r#"conflicting parameter "a.com""#,
            ),
            (
                r#"map $host $x { hostnames; *.A.com b; .a.com c; }"#,
                r#"conflicting parameter ".a.com""#,
            ),
            (
                r#"map $host $x { "~*(a" b; }"#,
                r#"pcre2_compile() failed: missing closing parenthesis in "(a""#,
            ),
            (r#"map $host $x { a $; }"#, "invalid variable name"),
            (r#"map $host $x { a {} }"#, r#"unexpected "{""#),
            (
                r#"map $host $x { } map_hash_max_size 1;"#,
                r#""map_hash_max_size" directive is duplicate"#,
            ),
            (
                r#"map_hash_max_size 1; map_hash_bucket_size 1; map $host $x { }"#,
                "",
            ),
            (
                r#"map $host $x { \default b; default c; "\hostnames" d; }"#,
                "",
            ),
            (
                r#"map $host $x { ~(?<host>a) b; }"#,
                r#"the duplicate "host" variable"#,
            ),
            (r#"map $host $x { a b; } map $host $x { a c; }"#, ""),
        ] {
            let text = format!("events {{}} http {{ {text} }}");
            assert_eq!(first_complaint(&text), want, "{text}");
        }
    }
}
