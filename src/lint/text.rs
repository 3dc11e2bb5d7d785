//! Rules as texts: what `--why` prints, and the page of the reference.

use super::{RULES, Rule};
use std::fmt::Write;

/// What `--why` prints about a rule, by number or name in any letter case. None if there is no such rule.
pub fn explain(code: &str) -> Option<String> {
    let rule = RULES.iter().find(|rule| {
        rule.code.number.eq_ignore_ascii_case(code) || rule.code.name.eq_ignore_ascii_case(code)
    })?;
    let Rule { summary, why, .. } = rule;
    let (number, name) = (rule.code.number, rule.code.name);
    let only = if rule.strict {
        "\nApplies only under --strict.\n"
    } else {
        ""
    };
    Some(format!(
        "{number} {name}: {summary}\n\n{why}\n{only}\nInstead of\n\n{}\nwrite\n\n{}\nTo keep it at one place, write \
         on the line above:\n\n    # goodgate: allow({name}) why it is fine here\n",
        indented(rule.bad),
        indented(rule.good)
    ))
}

/// `docs/reference/lints.md`.
pub fn page() -> String {
    let mut text = String::from(
        "<!-- Made from src/lint/: UPDATE_REFERENCE=1 cargo test --test reference -->\n\n# Lint rules\n\n\
         `goodgate -t` warns about what nginx accepts and nobody means. The same text is printed by\n\
         `goodgate --why CODE`; see [the guide](../guide/check.md).\n\n| Code | Name | Finds |\n|---|---|---|\n",
    );
    for rule in RULES {
        let Rule { summary, .. } = rule;
        let (number, name) = (rule.code.number, rule.code.name);
        let _ = writeln!(text, "| [{number}](#{name}) | {name} | {summary} |");
    }
    for rule in RULES {
        let Rule {
            summary,
            why,
            bad,
            good,
            ..
        } = rule;
        let (number, name) = (rule.code.number, rule.code.name);
        let only = if rule.strict {
            " Applies only under `--strict`."
        } else {
            ""
        };
        let _ = write!(
            text,
            "\n## {name}\n\n{number}: {summary}.{only}\n\n{why}\n\nInstead of\n\n```nginx\n{bad}```\n\nwrite\n\n\
             ```nginx\n{good}```\n"
        );
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// The text of an example of a rule as a whole configuration: lines of `server`, of `http`, or all of it.
pub fn whole(text: &str) -> String {
    let begins = |names: &[&str]| {
        text.lines().any(|line| {
            let word = line.split([' ', ';', '{']).next().unwrap_or_default();
            names.contains(&word)
        })
    };
    if begins(&["events", "http", "worker_processes", "worker_connections"]) {
        text.to_owned()
    } else if begins(&["server", "upstream", "map", "http_only"]) {
        format!("events {{}}\nhttp {{\n{text}}}\n")
    } else {
        format!("events {{}}\nhttp {{\nserver {{\n{text}}}\n}}\n")
    }
}
