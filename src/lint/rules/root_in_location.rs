//! `root` in each location

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0118",
        name: "root-in-location",
    },
    summary: "the same root in each location instead of once in the server",
    why: "A location without root of its own takes that of the server. Where each has its own copy, the next location is\n\
          added without one, and looks for its files in the default folder.",
    bad: "location / {\n\
          \x20   root /srv/www;\n\
          }\n\
          location /img/ {\n\
          \x20   root /srv/www;\n\
          }\n",
    good: "root /srv/www;\n\
          location / {\n\
          }\n\
          location /img/ {\n\
          }\n",
    strict: false,
    check: Check::Blocks(check),
};

fn check(site: &Site<'_>, id: BlockId, hits: &mut Hits) {
    if site.kind(id) != Kind::Server || site.has(id, "root") {
        return;
    }
    let mut roots = site
        .block(id)
        .children
        .iter()
        // An error page of its own is in a place of its own.
        .filter(|child| site.location(**child).is_some_and(|l| l.how != How::Exact))
        .filter_map(|child| site.own(*child, "root").next());
    let (Some(first), Some(second)) = (roots.next(), roots.next()) else {
        return;
    };
    let value = |node: &Node| node.arg(0).map(|word| word.text.clone());
    if value(first) != value(second) || roots.any(|other| value(other) != value(first)) {
        return;
    }
    hits.add(first, first.name.span, "every location sets the same root")
        .also(second.name.span, "again")
        .help("set it once, in the server");
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::fine;

    #[test]
    fn the_same_in_all() {
        fine(
            &RULE,
            &[
                r#"location /a { root /a; } location /b { root /b; }"#,
                r#"root /a; location /b { root /a; } location /c { root /a; }"#,
                r#"location /a { root /a; } location /b { return 200; }"#,
            ],
        );
    }
}
