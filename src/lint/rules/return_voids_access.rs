//! `deny all; return 200;`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0115",
        name: "return-voids-access",
    },
    summary: "access rules beside a return that comes before them",
    why: "return is done before allow, deny, auth_basic and auth_request are looked at: the answer goes out to everybody, and\n\
          the rules beside it never count. Put what is to be protected into a location without return, for instance with\n\
          try_files or an error_page.",
    bad: "location /status {\n\
          \x20   allow 127.0.0.1;\n\
          \x20   deny all;\n\
          \x20   return 200 \"secret\";\n\
          }\n",
    good: "location /status {\n\
          \x20   allow 127.0.0.1;\n\
          \x20   deny all;\n\
          \x20   try_files /status.txt =404;\n\
          }\n",
    strict: false,
    check: Check::Directives(&["return"], check),
};

const RULES: [&str; 4] = ["deny", "auth_basic", "auth_request", "auth_jwt"];

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    if site.kind(id) == Kind::If {
        return;
    }
    let void = RULES.iter().find_map(|name| {
        site.own(id, name)
            .find(|rule| rule.arg(0).is_none_or(|word| word.text != "off"))
    });
    // Who is refused anyway needs no rule.
    let refused = node
        .arg(0)
        .is_some_and(|word| matches!(&word.text[..], b"401" | b"403" | b"404" | b"444"));
    if let Some(rule) = void.filter(|_| !refused) {
        let name = rule.name.str().into_owned();
        let line = site.place(rule.name.span, node.name.span);
        hits.add(
            node,
            node.name.span,
            format!("return answers everybody: \"{name}\" ({line}) is never looked at"),
        )
        .also(rule.name.span, "too late");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn rules_of_the_same_block() {
        found(
            &RULE,
            &[
                r#"auth_basic "x"; auth_basic_user_file /x; location / { auth_basic y; return 200; }"#,
            ],
        );
        fine(
            &RULE,
            &[
                r#"location / { deny all; return 403; }"#,
                r#"location / { auth_basic off; return 200; }"#,
                r#"location / { deny 10.0.0.1; if ($arg_a) { return 200; } }"#,
            ],
        );
    }
}
