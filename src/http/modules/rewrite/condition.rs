//! The condition of an `if`: words between parentheses, which may touch the first and the last word.

use super::code::Condition;
use super::file::FileTest;
use crate::config::tree::{Node, Word};
use crate::cycle::{Builder, slice};
use crate::diagnostic::Diagnostic;
use crate::http::regex::Regex;
use crate::http::value::Value;

/// Reads the condition.
///
/// # Errors
/// nginx's `invalid condition "..."` or `unexpected "..." in condition`, or what is wrong with a value in it.
pub(super) fn compile(b: &mut Builder, node: &Node) -> Result<Condition, Diagnostic> {
    let words = strip_parentheses(&node.args)?;
    let Some(first) = words.first() else {
        return Err(invalid(&node.name));
    };
    match &*first.text {
        [b'$', _, ..] => of_variable(b, &words, first),
        [b'-', _] | [b'!', b'-', _] => of_file(b, &words, first),
        _ => Err(invalid(first)),
    }
}

/// Takes the parentheses off. What remains has at least one word, as in nginx `)` if there is nothing else.
fn strip_parentheses(args: &[Word]) -> Result<Vec<Word>, Diagnostic> {
    let mut words = args.to_vec();
    let Some(first) = words.first_mut() else {
        return Ok(words);
    };
    if !first.text.starts_with(b"(") {
        return Err(invalid(first));
    }
    first.text = slice(first, 1);
    let opened_alone = first.text.is_empty();
    if opened_alone && words.len() == 1 {
        return Err(invalid_text("(", args));
    }
    if opened_alone {
        words.remove(0);
    }
    let only = words.len() == 1;
    let Some(last) = words.last_mut() else {
        return Ok(words);
    };
    let Some(rest) = last.text.strip_suffix(b")") else {
        return Err(invalid(last));
    };
    let rest = rest.len();
    if rest > 0 {
        last.text.truncate(rest);
    } else if !only {
        words.pop();
    }
    Ok(words)
}

fn of_variable(b: &mut Builder, words: &[Word], first: &Word) -> Result<Condition, Diagnostic> {
    let (operator, operand) = match words {
        [_] => (None, first),
        [_, operator, operand] => (Some(operator), operand),
        _ => return Err(invalid(first)),
    };
    // nginx takes all of the word for the name, whatever is in it.
    let name = slice(first, 1);
    let variable = b.http.variables.reference(&name, Some(first.span));
    let Some(operator) = operator else {
        return Ok(Condition::True(variable));
    };
    match &*operator.text {
        equal @ (b"=" | b"!=") => {
            let value = Value::compile(b, operand)?;
            Ok(Condition::Equal(variable, value, equal == b"!="))
        }
        tilde @ (b"~" | b"~*" | b"!~" | b"!~*") => {
            let caseless = tilde.ends_with(b"*");
            let regex = Regex::compile(b, &operand.text, caseless, operand.span)?;
            Ok(Condition::Match(variable, regex, tilde.starts_with(b"!")))
        }
        _ => {
            let message = format!("unexpected \"{}\" in condition", operator.str());
            let d = Diagnostic::new(message).label(operator.span, "");
            Err(d.help("the operators are =, !=, ~, ~*, !~ and !~*"))
        }
    }
}

fn of_file(b: &mut Builder, words: &[Word], first: &Word) -> Result<Condition, Diagnostic> {
    let [_, name] = words else {
        return Err(invalid(first));
    };
    let value = Value::compile(b, name)?;
    let test = match first.text.last() {
        Some(b'f') => FileTest::Plain,
        Some(b'd') => FileTest::Directory,
        Some(b'e') => FileTest::Exists,
        Some(b'x') => FileTest::Executable,
        _ => return Err(invalid(first)),
    };
    Ok(Condition::File(test, value, first.text.starts_with(b"!")))
}

fn invalid(word: &Word) -> Diagnostic {
    Diagnostic::new(format!("invalid condition \"{}\"", word.str())).label(word.span, "")
}

fn invalid_text(text: &str, words: &[Word]) -> Diagnostic {
    let mut d = Diagnostic::new(format!("invalid condition \"{text}\""));
    if let Some(word) = words.first() {
        d = d.label(word.span, "");
    }
    d
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    #[test]
    fn messages_are_nginx_s() {
        for (condition, want) in [
            (r#"a"#, r#"invalid condition "a""#),
            (r#"("#, r#"invalid condition "(""#),
            (r#"()"#, r#"invalid condition ")""#),
            (r#"( )"#, r#"invalid condition ")""#),
            (r#"($)"#, r#"invalid condition "$""#),
            (r#"($host"#, r#"invalid condition "$host""#),
            (r#"(host)"#, r#"invalid condition "host""#),
            (r#"($host = a b)"#, r#"invalid condition "$host""#),
            (r#"($host =)"#, r#"invalid condition "$host""#),
            (r#"($host == a)"#, r#"unexpected "==" in condition"#),
            (r#"($host ! a)"#, r#"unexpected "!" in condition"#),
            (r#"("$host" = a)"#, r#"invalid condition ""$host"""#),
            (
                r#"($host ~ (a)"#,
                r#"pcre2_compile() failed: missing closing parenthesis in "(a""#,
            ),
            (r#"(-f)"#, r#"invalid condition "-f""#),
            (r#"(-q /x)"#, r#"invalid condition "-q""#),
            (r#"(!-q /x)"#, r#"invalid condition "!-q""#),
            (r#"(-f a b)"#, r#"invalid condition "-f""#),
            (r#"($host "~" a)"#, ""),
            (r#"($host = "a b")"#, ""),
            (r#"( $host = "a b" )"#, ""),
            (r#"( $host )"#, ""),
            (r#"(!-x /a$uri)"#, ""),
        ] {
            let text = format!("events {{}} http {{ server {{ if {condition} {{ }} }} }}");
            assert_eq!(first_complaint(&text), want, "{condition}");
        }
    }
}
