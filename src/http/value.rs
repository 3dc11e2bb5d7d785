//! Values with variables in them, such as `"$scheme://$host/$1"`: compiled once, written per request.

use super::escape;
use super::request::Request;
use super::variable::VarId;
use crate::config::tree::Word;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::borrow::Cow;

/// A compiled value (nginx: complex value).
#[derive(Clone, Debug, Default)]
pub struct Value {
    parts: Box<[Part]>,
}

/// A piece of a value.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it is.
    Text(Bytes),
    /// A variable.
    Var(VarId),
    /// `$1` to `$9`: a capture of the regular expression that matched last.
    Capture(u8),
}

impl Value {
    /// A value without variables.
    pub fn literal(text: Bytes) -> Self {
        Value {
            parts: if text.is_empty() {
                Box::default()
            } else {
                Box::new([Part::Text(text)])
            },
        }
    }

    /// Compiles a word: `$name`, `${name}` and `$1`..`$9` are replaced when the value is written.
    ///
    /// # Errors
    /// `invalid variable name` or an unclosed brace, in nginx's words.
    pub fn compile(b: &mut Builder, word: &Word) -> Result<Self, Diagnostic> {
        Self::compile_from(b, word, 0)
    }

    /// The same for a value that nginx looks into only when it is passed on to a server: as long as there is none, it
    /// may name variables that do not exist.
    ///
    /// # Errors
    /// As [`Value::compile`].
    pub fn compile_inherited(b: &mut Builder, word: &Word) -> Result<Self, Diagnostic> {
        b.http.variables.inherited = true;
        let value = Self::compile(b, word);
        b.http.variables.inherited = false;
        value
    }

    /// The same for the rest of a word behind its first `from` bytes (behind `key=`).
    ///
    /// # Errors
    /// As [`Value::compile`].
    pub fn compile_from(b: &mut Builder, word: &Word, from: usize) -> Result<Self, Diagnostic> {
        let text = crate::cycle::slice(word, from);
        let mut parts = Vec::new();
        let mut at = 0;
        let mut literal = 0;
        while let Some(i) = memchr::memchr(b'$', text.get(at..).unwrap_or_default()).map(|i| at + i)
        {
            let (part, end) = variable(b, word, &text, i)?;
            if i > literal {
                parts.push(Part::Text(text.slice(literal..i)));
            }
            parts.push(part);
            (at, literal) = (end, end);
        }
        if literal < text.len() {
            parts.push(Part::Text(text.slice(literal..)));
        }
        Ok(Value {
            parts: parts.into(),
        })
    }

    /// The text, if there is no variable in it.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match &*self.parts {
            [] => Some(b""),
            [Part::Text(t)] => Some(t),
            _ => None,
        }
    }

    /// The same, sharing the memory.
    pub fn to_literal(&self) -> Option<Bytes> {
        match &*self.parts {
            [] => Some(Bytes::new()),
            [Part::Text(t)] => Some(t.clone()),
            _ => None,
        }
    }

    /// The pieces.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Splits it at the first `?` that stands in its text; the `?` itself is dropped. `None`: there is none.
    pub fn split_query(&self) -> Option<(Value, Value)> {
        let found = self
            .parts
            .iter()
            .enumerate()
            .find_map(|(number, part)| match part {
                Part::Text(text) => memchr::memchr(b'?', text).map(|at| (number, text, at)),
                _ => None,
            });
        let (number, text, at) = found?;
        let (before, after) = (text.slice(..at), text.slice(at + 1..));
        let text = |text: Bytes| (!text.is_empty()).then_some(Part::Text(text));
        let path = self.parts.iter().take(number).cloned().chain(text(before));
        let query = text(after)
            .into_iter()
            .chain(self.parts.iter().skip(number + 1).cloned());
        Some((
            Value {
                parts: path.collect(),
            },
            Value {
                parts: query.collect(),
            },
        ))
    }

    /// Whether its own text has `..` in it: the configuration itself goes up from a directory, and not what comes with a
    /// request.
    pub fn climbs(&self) -> bool {
        let climbs = |text: &Bytes| memchr::memmem::find(text, b"..").is_some();
        let mut parts = self.parts.iter();
        parts.any(|part| matches!(part, Part::Text(text) if climbs(text)))
    }

    /// Whether it needs `$1`..`$9`.
    pub fn has_captures(&self) -> bool {
        self.parts.iter().any(|p| matches!(p, Part::Capture(_)))
    }

    /// Appends the value to a buffer.
    pub fn write(&self, req: &Request, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(t) => out.extend_from_slice(t),
                Part::Var(id) => {
                    req.variable(*id, out);
                }
                Part::Capture(n) => {
                    req.capture(*n, out);
                }
            }
        }
    }

    /// The same, with the captures escaped as parts of a query. What a pattern matched is decoded: where it goes into
    /// a URL again, it must not bring a `?` or `&` of its own along.
    pub fn write_escaped(&self, req: &Request, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(t) => out.extend_from_slice(t),
                Part::Var(id) => {
                    req.variable(*id, out);
                }
                Part::Capture(n) => {
                    req.with_capture(*n, |text| escape::escape(escape::Kind::Args, text, out));
                }
            }
        }
    }

    /// The value; borrowed if it is literal.
    pub fn eval<'a>(&'a self, req: &Request) -> Cow<'a, [u8]> {
        match self.as_literal() {
            Some(text) => Cow::Borrowed(text),
            None => {
                let mut out = Vec::with_capacity(64);
                self.write(req, &mut out);
                Cow::Owned(out)
            }
        }
    }

    /// The value as shared bytes: no copy if it is literal.
    pub fn eval_bytes(&self, req: &Request) -> Bytes {
        self.to_literal().unwrap_or_else(|| {
            let mut out = Vec::with_capacity(64);
            self.write(req, &mut out);
            Bytes::from(out)
        })
    }

    /// Whether it is neither empty nor `0`: how `if=` and `proxy_no_cache` judge a value.
    pub fn is_true(&self, req: &Request) -> bool {
        match self.as_literal() {
            Some(text) => is_true(text),
            None => req.with_scratch(|req, out| {
                self.write(req, out);
                is_true(out)
            }),
        }
    }
}

/// nginx's truth: neither empty nor `0`.
pub fn is_true(text: &[u8]) -> bool {
    !matches!(text, b"" | b"0")
}

/// Reads `$...` that starts at `at`; returns it and where it ends.
fn variable(
    b: &mut Builder,
    word: &Word,
    text: &Bytes,
    at: usize,
) -> Result<(Part, usize), Diagnostic> {
    let rest = text.get(at + 1..).unwrap_or_default();
    let invalid =
        || Diagnostic::new("invalid variable name").label(word.span, "a name must follow \"$\"");
    match rest.first() {
        Some(d @ b'1'..=b'9') => return Ok((Part::Capture(d - b'0'), at + 2)),
        Some(b'{') => {
            let inner = rest.get(1..).unwrap_or_default();
            if inner.is_empty() {
                return Err(invalid());
            }
            let len = inner.iter().take_while(|c| is_name(**c)).count();
            let name = inner.get(..len).unwrap_or_default();
            if inner.get(len) != Some(&b'}') {
                let message = format!(
                    "the closing bracket in \"{}\" variable is missing",
                    String::from_utf8_lossy(name)
                );
                return Err(Diagnostic::new(message).label(word.span, ""));
            }
            if len == 0 {
                return Err(invalid());
            }
            // Digits in braces are a name to nginx, not a capture.
            return Ok((
                Part::Var(b.http.variables.reference(name, Some(word.span))),
                at + 3 + len,
            ));
        }
        _ => {}
    }
    let len = rest.iter().take_while(|c| is_name(**c)).count();
    if len == 0 {
        return Err(invalid());
    }
    let name = rest.get(..len).unwrap_or_default();
    Ok((
        Part::Var(b.http.variables.reference(name, Some(word.span))),
        at + 1 + len,
    ))
}

fn is_name(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}
