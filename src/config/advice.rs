//! Advice about a word that a directive does not take: the one that was probably meant, from how the directive is written.

use super::directive::Directive;
use super::suggest::nearest;
use super::tree::{Node, Word};
use crate::diagnostic::Diagnostic;

/// Words in how a directive is written that stand for others.
const PLACEHOLDERS: [&str; 28] = [
    "address",
    "charset",
    "code",
    "cpumask",
    "domain",
    "file",
    "format",
    "key",
    "level",
    "method",
    "name",
    "number",
    "parameter",
    "part",
    "path",
    "port",
    "regex",
    "replacement",
    "size",
    "string",
    "text",
    "time",
    "timeout",
    "uri",
    "url",
    "user",
    "value",
    "variable",
];

/// How advice begins that has all the words there are.
const LIST: &str = "it must be one of: ";

/// A longer list of parameters does not say which one was meant.
const LONG: usize = 60;

/// Adds what the table knows to a message that says no more than that a word is wrong: the word that was probably meant,
/// or how the directive is written.
pub fn advise<B>(mut d: Diagnostic, node: &Node, directive: &Directive<B>) -> Diagnostic {
    let bare = d.help.is_empty() && d.labels.iter().all(|(_, text)| text.is_empty());
    let told = d.fix.is_some() || d.help.iter().any(|help| help.starts_with("did you mean"));
    if let Some(word) = wrong_word(&d, node).filter(|_| !told)
        && let Some((meant, whole)) = meant(word, &known(&d, directive.syntax))
    {
        d.help.insert(0, format!("did you mean \"{meant}\"?"));
        return d.fix(word.span, whole);
    }
    let silent = directive.syntax.is_empty() || directive.syntax.len() > LONG;
    if !bare || silent || !d.message.contains("invalid") {
        return d;
    }
    d.help(directive.usage())
}

/// The word that the message is about, if it is about one that is not what it should be.
fn wrong_word<'n>(d: &Diagnostic, node: &'n Node) -> Option<&'n Word> {
    let place = d.labels.first().map(|(place, _)| *place)?;
    let pointed_at = node.args.iter().find(|word| word.span == place);
    match node.args.as_slice() {
        _ if d.message.starts_with("host not found in") => {
            pointed_at.filter(|word| word.text.contains(&b'='))
        }
        _ if !d.message.contains("invalid") => None,
        [only] if d.message.ends_with("invalid value") => Some(only),
        _ => pointed_at,
    }
}

/// The words that the directive takes: from a list that the message has already, or from how it is written.
fn known(d: &Diagnostic, syntax: &'static str) -> Vec<String> {
    let listed = d.help.iter().find_map(|help| help.strip_prefix(LIST));
    if let Some(list) = listed {
        return list.split(", ").map(str::to_owned).collect();
    }
    let words = syntax.split(|c: char| !c.is_ascii_alphanumeric() && !"_-.=".contains(c));
    words
        .filter(|word| {
            let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
            letters > 1 && !PLACEHOLDERS.contains(word)
        })
        .flat_map(|word| word.split_inclusive('='))
        .map(str::to_owned)
        .collect()
}

/// The word that was probably meant, and what should stand there with it. In `key=value` and `key:value` the key may be
/// wrong, or else the value.
fn meant(word: &Word, known: &[String]) -> Option<(String, String)> {
    let written = word.str();
    let end = written.find(['=', ':']).unwrap_or(written.len());
    let (key, rest) = written.split_at(end);
    let keys = || known.iter().map(|word| word.trim_end_matches('='));
    if !keys().any(|word| word == key) {
        let meant = nearest(key, keys())?;
        return Some((meant.to_owned(), format!("{meant}{rest}")));
    }
    let value = rest.get(1..).filter(|value| value.len() > 1)?;
    let values = known
        .iter()
        .map(String::as_str)
        .filter(|word| !word.ends_with('='));
    let meant = nearest(value, values).filter(|meant| *meant != value)?;
    let mark = rest.get(..1)?;
    Some((meant.to_owned(), format!("{key}{mark}{meant}")))
}
