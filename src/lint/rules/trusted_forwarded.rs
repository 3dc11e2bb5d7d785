//! `set_real_ip_from 0.0.0.0/0;`

use crate::config::tree::{Node, Word};
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0123",
        name: "trusted-forwarded",
    },
    summary: "an address that a header claims, believed from anyone",
    why: "set_real_ip_from says who may name the client's address in X-Forwarded-For or X-Real-IP. With 0.0.0.0/0 that is\n\
          everybody: allow, limits and logs then go by what the client writes. Name the addresses of your own proxies.",
    bad: "set_real_ip_from 0.0.0.0/0;\n",
    good: "set_real_ip_from 10.0.0.0/8;\n",
    strict: false,
    check: Check::Directives(&["set_real_ip_from"], check),
};

fn check(_: &Site<'_>, _: BlockId, node: &Node, hits: &mut Hits) {
    let all = |word: &&Word| matches!(&word.text[..], b"0.0.0.0/0" | b"::/0" | b"0/0");
    if let Some(word) = node.arg(0).filter(all) {
        hits.add(node, word.span, "everybody may claim any address")
            .help("name the addresses of the proxies in front, one set_real_ip_from each");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn networks_that_are_everybody() {
        found(&RULE, &[r#"set_real_ip_from ::/0;"#]);
        fine(
            &RULE,
            &[
                r#"set_real_ip_from 10.0.0.0/8;"#,
                r#"set_real_ip_from unix:;"#,
            ],
        );
    }
}
