//! Codes of errors: what tools tell kinds of messages apart by. nginx has none; its sentences are the keys.

use super::Diagnostic;

/// A kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `E0101`, or `L0101` for a lint.
    pub number: &'static str,
    /// The same in words: `unknown-directive`.
    pub name: &'static str,
}

const fn code(number: &'static str, name: &'static str) -> Code {
    Code { number, name }
}

/// What a sentence of nginx begins with and holds, and what it is. The first that fits counts.
const KINDS: &[(&str, &str, Code)] = &[
    ("unknown directive", "", code("E0101", "unknown-directive")),
    (
        "",
        "is known to nginx, not supported",
        code("E0102", "not-supported"),
    ),
    ("", "is not allowed here", code("E0103", "wrong-context")),
    ("invalid number of", "", code("E0104", "argument-count")),
    ("", "has no opening \"{\"", code("E0105", "missing-block")),
    (
        "",
        "is not terminated by \";\"",
        code("E0106", "missing-semicolon"),
    ),
    ("unexpected end of", "", code("E0107", "unexpected-end")),
    ("unexpected ", "", code("E0108", "unexpected-token")),
    ("too long parameter", "", code("E0109", "unclosed-quote")),
    ("", "includes itself", code("E0111", "include-loop")),
    ("open() ", "", code("E0110", "missing-file")),
    ("pread() ", "", code("E0110", "missing-file")),
    ("glob() ", "", code("E0110", "missing-file")),
    ("", "duplicate", code("E0112", "duplicate")),
    ("conflicting ", "", code("E0112", "duplicate")),
    ("pcre2_compile() failed", "", code("E0113", "bad-regex")),
    ("", "\" variable", code("E0114", "unknown-variable")),
    ("host not found", "", code("E0115", "host-not-found")),
    (
        "zero size shared memory zone",
        "",
        code("E0116", "undefined-name"),
    ),
    ("unknown log format", "", code("E0116", "undefined-name")),
    ("no \"events\" section", "", code("E0117", "no-events")),
    ("invalid ", "", code("E0118", "invalid-value")),
    ("", "invalid ", code("E0118", "invalid-value")),
];

impl Diagnostic {
    /// The kind of message: that of the lint rule, or by nginx's sentence.
    pub fn code(&self) -> Code {
        self.rule.copied().unwrap_or_else(|| {
            KINDS
                .iter()
                .find(|(start, part, _)| {
                    self.message.starts_with(start) && self.message.contains(part)
                })
                .map_or(code("E0100", "refused"), |(_, _, code)| *code)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_have_codes() {
        let name = |message: &str| Diagnostic::new(message).code().name;
        assert_eq!(name("unknown directive \"x\""), "unknown-directive");
        assert_eq!(name("\"x\" directive invalid value"), "invalid-value");
        assert_eq!(name("unknown \"x\" variable"), "unknown-variable");
        assert_eq!(
            name("a duplicate default server for 0.0.0.0:80"),
            "duplicate"
        );
        assert_eq!(name("something else"), "refused");
    }
}
