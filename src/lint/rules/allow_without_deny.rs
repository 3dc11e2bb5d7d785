//! `allow 10.0.0.0/8;` and no `deny`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0114",
        name: "allow-without-deny",
    },
    summary: "allow without any deny",
    why: "Rules are tried in order, and who fits none is let in. A list of allow alone therefore excludes nobody.",
    bad: "location /admin/ {\n\
          \x20   allow 10.0.0.0/8;\n\
          }\n",
    good: "location /admin/ {\n\
          \x20   allow 10.0.0.0/8;\n\
          \x20   deny all;\n\
          }\n",
    strict: false,
    check: Check::Directives(&["allow"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let first = site
        .own(id, "allow")
        .next()
        .is_some_and(|first| std::ptr::eq(first, node));
    let everybody = site
        .own(id, "allow")
        .any(|allow| allow.arg(0).is_some_and(|word| word.text == "all"));
    // With "satisfy any" who is allowed needs no password: that is a use of its own.
    let any = site.value(id, "satisfy") == Some(b"any");
    if first && !everybody && !any && !site.has(id, "deny") {
        hits.add(
            node,
            node.name.span,
            "this lets everybody in: nothing is denied",
        )
        .help("add \"deny all;\" behind the last allow");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn lists_that_exclude_nobody() {
        found(&RULE, &[r#"allow 10.0.0.1; allow 10.0.0.2;"#]);
        fine(
            &RULE,
            &[
                r#"allow all;"#,
                r#"allow 10.0.0.1; deny all;"#,
                r#"satisfy any; allow 10.0.0.1;"#,
                r#"deny 10.0.0.1;"#,
            ],
        );
    }
}
