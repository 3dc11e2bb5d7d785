//! The table of directives as JSON, for editors and other tools.

use crate::config::directive::{Args, Contexts, Directive, Set};
use crate::config::table::Collector;
use crate::cycle::{Builder, tables};
use crate::diagnostic::json::string;

/// An array with one object per directive, each on a line of its own, sorted by name.
pub fn json() -> String {
    let mut lines: Vec<String> = tables().into_iter().flatten().map(object).collect();
    lines.sort_unstable();
    lines.dedup();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn object(directive: &Directive<Builder>) -> String {
    let (least, most) = match directive.args {
        Args::Exactly(n) => (n, n.to_string()),
        Args::Between(a, b) => (a, b.to_string()),
        Args::AtLeast(n) => (n, String::from("null")),
    };
    let contexts: Vec<String> = contexts(directive.contexts).map(string).collect();
    format!(
        "{{\"name\":{},\"contexts\":[{}],\"args\":{{\"min\":{least},\"max\":{most}}},\"block\":{},\"syntax\":{},\
         \"values\":{},\"default\":{},\"doc\":{},\"no_op\":{},\"extension\":{}}}",
        string(directive.name),
        contexts.join(","),
        directive.block,
        string(directive.syntax),
        values(directive),
        string(directive.default),
        string(directive.doc),
        matches!(directive.set, Set::NoOp(_)),
        directive.extension,
    )
}

/// The words that the value can be, where these are all.
fn values(directive: &Directive<Builder>) -> String {
    let words: &[&str] = match directive.set {
        Set::Flag(_) => &["on", "off"],
        Set::Enum(words, _) => words,
        _ => return String::from("null"),
    };
    let words: Vec<String> = words.iter().copied().map(string).collect();
    format!("[{}]", words.join(","))
}

fn contexts(contexts: Contexts) -> impl Iterator<Item = &'static str> {
    (0..u32::BITS)
        .map(|shift| Contexts(1 << shift))
        .filter(move |one| contexts.meets(*one))
        .map(Builder::context_name)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directive_is_a_line() {
        let text = json();
        let line = text
            .lines()
            .find(|line| line.starts_with("{\"name\":\"gzip\","));
        let line = line.unwrap();
        assert!(
            line.contains("\"contexts\":[\"http\",\"server\",\"location\",\"if in location\"]"),
            "{line}"
        );
        assert!(
            line.contains("\"values\":[\"on\",\"off\"],\"default\":\"off\""),
            "{line}"
        );
    }
}
