//! `location /files { alias /srv/files/; }`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0101",
        name: "alias-traversal",
    },
    summary: "a location without a final slash whose alias ends with one",
    why: "A request for /files../secret begins with /files, too: alias replaces just that, and the file becomes\n\
          /srv/files/../secret, outside of the folder. goodgate refuses such a path; nginx serves it.\n\
          Write the slash at both or at neither.",
    bad: "location /files {\n    alias /srv/files/;\n}\n",
    good: "location /files/ {\n    alias /srv/files/;\n}\n",
    strict: false,
    check: Check::Directives(&["alias"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let (Some(location), Some(path)) = (site.location_of(id), node.arg(0)) else {
        return;
    };
    let prefix = matches!(location.how, How::Prefix | How::NoRegex);
    if !prefix || location.text.ends_with(b"/") || !path.text.ends_with(b"/") {
        return;
    }
    let name = String::from_utf8_lossy(location.text);
    let message = format!("\"location {name}\" lets paths such as {name}../ out of its alias");
    hits.add(node, path.span, message)
        .say("ends with a slash")
        .also(location.span, "this does not")
        .help(format!("write \"location {name}/\""));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn only_prefixes_whose_alias_alone_has_the_slash() {
        fine(
            &RULE,
            &[
                "location = /a { alias /srv/a/; }",
                "location /a { alias /srv/a; }",
                "location ~ ^/a(.*)$ { alias /srv/a/$1; }",
            ],
        );
        found(&RULE, &["location ^~ /a { alias /srv/a/; }"]);
    }
}
