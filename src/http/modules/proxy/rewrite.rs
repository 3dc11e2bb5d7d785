//! Rules that change a part of a header field: a text or a regular expression, and what takes its place.

use crate::config::tree::Word;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use crate::http::regex::Regex;
use crate::http::request::Request;
use crate::http::value::Value;
use bytes::Bytes;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    pattern: Pattern,
    replacement: Value,
}

#[derive(Debug)]
enum Pattern {
    /// The value begins with this, which is replaced.
    Start(Value),
    /// The value is this in any case, but for a dot in front of it.
    Domain(Value),
    /// The value matches; all of it is replaced.
    Regex(Regex),
}

impl Rule {
    /// A rule without variables.
    pub fn text(from: Bytes, to: Bytes) -> Self {
        Rule {
            pattern: Pattern::Start(Value::literal(from)),
            replacement: Value::literal(to),
        }
    }

    /// `from to`, where `from` may be `~regex` or `~*regex`.
    ///
    /// # Errors
    /// Those of variables and regular expressions.
    pub fn parse(b: &mut Builder, from: &Word, to: &Word) -> Result<Self, Diagnostic> {
        let pattern = match &from.text[..] {
            [b'~', b'*', regex @ ..] => Pattern::Regex(Regex::compile(b, regex, true, from.span)?),
            [b'~', regex @ ..] => Pattern::Regex(Regex::compile(b, regex, false, from.span)?),
            _ => Pattern::Start(Value::compile(b, from)?),
        };
        Ok(Rule {
            pattern,
            replacement: Value::compile(b, to)?,
        })
    }

    /// The same for domains, which have no case and may begin with a dot.
    ///
    /// # Errors
    /// Those of variables and regular expressions.
    pub fn parse_domain(b: &mut Builder, from: &Word, to: &Word) -> Result<Self, Diagnostic> {
        let dot = |word: &Word| usize::from(word.text.starts_with(b"."));
        if let [b'~', regex @ ..] = &from.text[..] {
            return Ok(Rule {
                pattern: Pattern::Regex(Regex::compile(b, regex, true, from.span)?),
                replacement: Value::compile(b, to)?,
            });
        }
        Ok(Rule {
            pattern: Pattern::Domain(Value::compile_from(b, from, dot(from))?),
            replacement: Value::compile_from(b, to, dot(to))?,
        })
    }

    /// The value changed from `from` on, if the rule applies to it.
    fn apply(&self, req: &Request, value: &[u8], mut from: usize) -> Option<Vec<u8>> {
        let subject = value.get(from..)?;
        let length = match &self.pattern {
            Pattern::Start(pattern) => {
                let pattern = pattern.eval(req);
                subject.starts_with(&pattern).then_some(pattern.len())?
            }
            Pattern::Domain(pattern) => {
                from += usize::from(subject.starts_with(b"."));
                let domain = value.get(from..)?;
                let same = pattern.eval(req).eq_ignore_ascii_case(domain);
                same.then_some(domain.len())?
            }
            Pattern::Regex(regex) => regex.matches(req, subject).then_some(subject.len())?,
        };
        let mut out = Vec::with_capacity(value.len() + 32);
        out.extend_from_slice(value.get(..from)?);
        self.replacement.write(req, &mut out);
        out.extend_from_slice(value.get(from + length..)?);
        Some(out)
    }
}

/// The value changed by the first rule that applies.
pub fn apply(
    rules: &[std::sync::Arc<Rule>],
    req: &Request,
    value: &[u8],
    from: usize,
) -> Option<Vec<u8>> {
    rules.iter().find_map(|rule| rule.apply(req, value, from))
}
