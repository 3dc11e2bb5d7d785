//! The directives of the rewrite module.

use super::code::{Code, Codes, If, Return, Rewrite, Target};
use super::condition;
use crate::config::directive::{Args, Contexts, Directive};
use crate::config::span::Span;
use crate::config::suggest::nearest;
use crate::config::tree::{Node, Word};
use crate::cycle::context::{HTTP, LOCATION, LOCATION_IF, SERVER, SERVER_IF};
use crate::cycle::{Builder, invalid_parameter};
use crate::diagnostic::Diagnostic;
use crate::http::conf::BlockKind;
use crate::http::regex::Regex;
use crate::http::request::Request;
use crate::http::value::Value;
use crate::http::variable::{Compute, VarId};
use bytes::Bytes;
use std::sync::Arc;

const CODES: Contexts = Contexts(SERVER.0 | SERVER_IF.0 | LOCATION.0 | LOCATION_IF.0);
const SETTINGS: Contexts = Contexts(HTTP.0 | CODES.0);

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[
    Directive::custom("rewrite", CODES, Args::Between(2, 3), rewrite)
        .syntax("regex replacement [last | break | redirect | permanent]")
        .doc(
            "Replaces the path of a request that matches. `last` ends the rewriting and seeks the location of the new \
             path, `break` ends it and stays in this one, `redirect` answers 302 and `permanent` 301. A replacement \
             that begins with `http://`, `https://` or `$scheme` redirects. The query is kept unless the replacement \
             ends with `?`.",
        ),
    Directive::custom("return", CODES, Args::Between(1, 2), return_)
        .syntax("code [text] | code URL | URL")
        .doc(
            "Answers at once: with a redirect for 301, 302, 303, 307 and 308, with a text, or with the page that \
             stands for the code. 444 closes the connection without an answer. A URL alone is a 302.",
        ),
    Directive::custom("break", CODES, Args::Exactly(0), break_)
        .doc("Ends the rewriting in this block."),
    Directive::block("if", Contexts(SERVER.0 | LOCATION.0), Args::AtLeast(1), if_)
        .syntax("(condition)")
        .doc(
            "Runs what is inside, and puts the settings inside in force, if the condition holds: a variable that is \
             neither empty nor `0`; `=`, `!=`; `~`, `~*`, `!~`, `!~*` with a regular expression; `-f`, `-d`, `-e`, \
             `-x` with a file name, and `!` in front of them.",
        ),
    Directive::custom("set", CODES, Args::Exactly(2), set)
        .syntax("$variable value")
        .doc("Assigns to a variable."),
    Directive::flag("rewrite_log", SETTINGS, |b: &mut Builder| {
        &mut b.http.here().rewrite().log
    })
    .default("off")
    .doc("Writes what the rewrite directives do to the error log, at level `notice`."),
    Directive::flag("uninitialized_variable_warn", SETTINGS, |b: &mut Builder| {
        &mut b.http.here().rewrite().uninitialized_variable_warn
    })
    .default("on")
    .doc("Whether reading a variable that was not set is written to the error log as a warning."),
];

fn rewrite(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let [pattern, replacement, flag @ ..] = &*node.args else {
        return Ok(());
    };
    if replacement.text.is_empty() {
        return Err(Diagnostic::new("empty replacement").label(replacement.span, ""));
    }
    let regex = Regex::compile(b, &pattern.text, false, pattern.span)?;
    let (text, keep_args) = match replacement.text.strip_suffix(b"?") {
        Some(text) => (replacement.text.slice(..text.len()), false),
        None => (replacement.text.clone(), true),
    };
    let mut status = is_url(&text).then_some(302);
    let mut last = status.is_some();
    let mut stay = false;
    if let Some(flag) = flag.first() {
        match &*flag.text {
            b"last" => {}
            b"break" => stay = true,
            b"redirect" => status = Some(302),
            b"permanent" => status = Some(301),
            _ => return Err(invalid_parameter(flag)),
        }
        last = true;
    }
    let value = compile(b, replacement, text)?;
    let target = match status {
        Some(status) => Target::Redirect {
            status,
            has_query: value.split_query().is_some(),
            url: value,
        },
        None => match value.split_query() {
            Some((path, args)) => Target::Internal {
                path,
                args: Some(args),
                stay,
            },
            None => Target::Internal {
                path: value,
                args: None,
                stay,
            },
        },
    };
    push(
        b,
        node,
        Code::Rewrite(Box::new(Rewrite {
            regex,
            target,
            keep_args,
            last,
        })),
    );
    Ok(())
}

/// What nginx takes for a URL: text in lower case, before variables are replaced.
fn is_url(text: &[u8]) -> bool {
    [&b"http://"[..], b"https://", b"$scheme"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Compiles a part of a word.
fn compile(b: &mut Builder, word: &Word, text: Bytes) -> Result<Value, Diagnostic> {
    let word = Word {
        text,
        ..word.clone()
    };
    Value::compile(b, &word)
}

/// The name of the variable that a URL begins with, if it is nearly `$scheme`, the only one that makes it a URL.
fn scheme_meant(word: &Word) -> Option<Span> {
    let text = word.str();
    let (name, _) = text.strip_prefix('$')?.split_once("://")?;
    let end = word
        .span
        .start
        .checked_add(u32::try_from(name.len()).ok()?)?
        .checked_add(1)?;
    let span = Span { end, ..word.span };
    nearest(name, ["scheme"].into_iter())
        .filter(|_| !word.quoted)
        .map(|_| span)
}

fn return_(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let [first, second @ ..] = &*node.args else {
        return Ok(());
    };
    let invalid = || {
        let message = format!("invalid return code \"{}\"", first.str());
        let d = Diagnostic::new(message).label(first.span, "a number up to 999 or a URL is meant");
        match scheme_meant(first) {
            Some(name) => d.fix(name, "$scheme").help("did you mean \"$scheme\"?"),
            None => d,
        }
    };
    let (status, text) = match crate::config::value::parse_number(&first.text) {
        Some(number) => {
            let status = u16::try_from(number).ok().filter(|code| *code <= 999);
            (status.ok_or_else(invalid)?, second.first())
        }
        None if second.is_empty() && is_url(&first.text) => (302, Some(first)),
        None => return Err(invalid()),
    };
    let text = text.map(|word| Value::compile(b, word)).transpose()?;
    let text = text.filter(|value| !value.parts().is_empty());
    push(b, node, Code::Return(Return { status, text }));
    Ok(())
}

fn break_(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    push(b, node, Code::Break);
    Ok(())
}

fn if_(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let condition = condition::compile(b, node)?;
    let in_server = b.context == SERVER;
    let (id, outer) = b.http.open(BlockKind::If, node.name.span);
    let inside = if in_server { SERVER_IF } else { LOCATION_IF };
    b.within(inside, node.items());
    let codes = std::mem::take(&mut b.http.own().rewrite);
    b.http.close(outer);
    push(
        b,
        node,
        Code::If(Box::new(If {
            condition,
            codes,
            location: (!in_server).then_some(id),
        })),
    );
    Ok(())
}

fn set(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let [variable, value] = &*node.args else {
        return Ok(());
    };
    let Some(name) = variable.text.strip_prefix(b"$") else {
        let message = format!("invalid variable name \"{}\"", variable.str());
        return Err(Diagnostic::new(message).label(variable.span, "it must begin with \"$\""));
    };
    let id = b
        .http
        .variables
        .define_weak(name, |id| Arc::new(Uninitialized(id)))
        .map_err(|message| Diagnostic::new(message).label(variable.span, ""))?;
    let value = Value::compile(b, value)?;
    push(b, node, Code::Set(id, value));
    Ok(())
}

fn push(b: &mut Builder, node: &Node, code: Code) {
    let Codes(codes) = &mut b.http.own().rewrite;
    codes.push((node.name.span, code));
}

/// A variable that some `set` assigns to, read in a request that has not come past any of them: empty, with a warning
/// the first time.
struct Uninitialized(VarId);

impl Compute for Uninitialized {
    fn compute(&self, req: &Request, _: &mut Vec<u8>) -> bool {
        if req.location(&req.http).rewrite.uninitialized_variable_warn {
            let name = String::from_utf8_lossy(req.http.variables.name(self.0));
            crate::log::request(
                req,
                crate::log::Level::Warn,
                format_args!("using uninitialized \"{name}\" variable"),
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    fn complaint(text: &str) -> String {
        first_complaint(&format!("events {{}} http {{ server {{ {text} }} }}"))
    }

    #[test]
    fn messages_are_nginx_s() {
        for (text, want) in [
            (r#"rewrite ^ "";"#, "empty replacement"),
            (
                r#"rewrite (a /b;"#,
                r#"pcre2_compile() failed: missing closing parenthesis in "(a""#,
            ),
            (
                r#"rewrite '[a' /b;"#,
                r#"pcre2_compile() failed: missing terminating ] for character class in "[a""#,
            ),
            (r#"rewrite ^ /b foo;"#, r#"invalid parameter "foo""#),
            (r#"rewrite ^ /$;"#, "invalid variable name"),
            (
                r#"rewrite ^ /${a;"#,
                r#"the closing bracket in "a" variable is missing"#,
            ),
            (r#"rewrite ^ /${;"#, "invalid variable name"),
            (r#"rewrite ^ /${};"#, "invalid variable name"),
            (r#"rewrite ^ /${1};"#, r#"unknown "1" variable"#),
            (r#"rewrite ^ /$nope;"#, r#"unknown "nope" variable"#),
            (r#"rewrite ^ "?";"#, ""),
            (
                r#"rewrite (?<host>a) /b;"#,
                r#"the duplicate "host" variable"#,
            ),
            (
                r#"return;"#,
                r#"invalid number of arguments in "return" directive"#,
            ),
            (r#"return 1000;"#, r#"invalid return code "1000""#),
            (r#"return abc;"#, r#"invalid return code "abc""#),
            (r#"return /x;"#, r#"invalid return code "/x""#),
            (r#"return -1;"#, r#"invalid return code "-1""#),
            (r#"return "";"#, r#"invalid return code """#),
            (r#"return 0200;"#, ""),
            (r#"return http://x y;"#, r#"invalid return code "http://x""#),
            (r#"return 200 $;"#, "invalid variable name"),
            (r#"set a b;"#, r#"invalid variable name "a""#),
            (r#"set $ b;"#, r#"invalid variable name "$""#),
            (r#"set "" b;"#, r#"invalid variable name """#),
            (r#"set $host b;"#, r#"the duplicate "host" variable"#),
            (r#"set $args b; set $http_x b; set $limit_rate 1;"#, ""),
            (r#"set $a-b c; set $c $a-b;"#, r#"unknown "a" variable"#),
            (r#"if (1) { break x; }"#, r#"invalid condition "1""#),
            (
                r#"if ($host) { if ($host) { } }"#,
                r#""if" directive is not allowed here"#,
            ),
            (
                r#"if ($host) { root /x; }"#,
                r#""root" directive is not allowed here"#,
            ),
            (r#"if ($nope) { }"#, r#"unknown "nope" variable"#),
            (
                r#"rewrite_log yes;"#,
                r#"invalid value "yes" in "rewrite_log" directive, it must be "on" or "off""#,
            ),
        ] {
            assert_eq!(complaint(text), want, "{text}");
        }
    }
}
