//! `if` in a location with something else than a decision in it.

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0104",
        name: "if-in-location",
    },
    summary: "an if in a location with more in it than return, rewrite, set or break",
    why: "An if that is true replaces the location by a copy with its own settings: of several ifs only the last\n\
          that is true counts, try_files of the location is not used, and headers are not added up.\n\
          Only return, rewrite, set and break do what one expects. Decide by a map, or by a location of its own.",
    bad: "location / {\n    if ($arg_old) {\n        proxy_pass http://127.0.0.1:8081;\n    }\n    proxy_pass \
          http://127.0.0.1:8080;\n}\n",
    good: "location / {\n    error_page 418 = @old;\n    if ($arg_old) {\n        return 418;\n    }\n    proxy_pass \
           http://127.0.0.1:8080;\n}\nlocation @old {\n    proxy_pass http://127.0.0.1:8081;\n}\n",
    strict: false,
    check: Check::Blocks(check),
};

/// These do in an `if` what they say: decisions, and settings that nothing else in the location depends on.
const SAFE: [&str; 8] = [
    "return",
    "rewrite",
    "set",
    "break",
    "rewrite_log",
    "access_log",
    "limit_rate",
    "uninitialized_variable_warn",
];

/// These do so as well where the `if` answers by itself: nothing of the location is left to be missed.
const SAFE_WITH_AN_ANSWER: [&str; 6] = [
    "add_header",
    "add_trailer",
    "expires",
    "default_type",
    "charset",
    "etag",
];

fn check(site: &Site<'_>, id: BlockId, hits: &mut Hits) {
    let block = site.block(id);
    let inside = block
        .parent
        .is_some_and(|outer| site.kind(outer) == Kind::Location);
    if block.kind != Kind::If || !inside {
        return;
    }
    let answers = block.settings.iter().any(|node| node.name.text == "return");
    let safe = |node: &Node| {
        let is = |name: &&str| node.name.text == *name;
        SAFE.iter().any(is) || answers && SAFE_WITH_AN_ANSWER.iter().any(is)
    };
    let found = block.settings.iter().find(|node| !safe(node));
    if let Some(node) = found {
        let name = node.name.str();
        let message = format!(
            "with \"{name}\" in it, this \"if\" takes the place of the location when it is true"
        );
        hits.add(node, node.name.span, message)
            .also(
                site.head(id).unwrap_or(node.name.span),
                "return, rewrite, set and break are safe in here",
            )
            .help("choose with a map, or send such requests to a location of their own");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn decisions_are_fine_and_so_is_an_if_in_a_server() {
        fine(
            &RULE,
            &[
                "location / { if ($arg_a) { set $x 1; rewrite ^ /b break; } }",
                "location / { if ($arg_a) { add_header A b; expires 1d; return 204; } }",
                "if ($arg_a) { return 404; }",
            ],
        );
        found(
            &RULE,
            &[
                "location / { if ($arg_a) { add_header A b; } }",
                "location / { if ($arg_a) { proxy_pass http://127.0.0.1; return 204; } }",
            ],
        );
    }
}
