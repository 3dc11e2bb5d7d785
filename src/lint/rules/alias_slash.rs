//! `location /files/ { alias /srv/files; }`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0102",
        name: "alias-slash",
    },
    summary: "a location with a final slash whose alias has none",
    why: "alias takes the place of the location's path, letter for letter: with \"location /files/\" and\n\
          \"alias /srv/files\", the file of /files/a.txt is /srv/filesa.txt.",
    bad: "location /files/ {\n    alias /srv/files;\n}\n",
    good: "location /files/ {\n    alias /srv/files/;\n}\n",
    strict: false,
    check: Check::Directives(&["alias"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let (Some(location), Some(path)) = (site.location_of(id), node.arg(0)) else {
        return;
    };
    let prefix = matches!(location.how, How::Prefix | How::NoRegex);
    // What a variable ends with is not known.
    let open = path.text.ends_with(b"/") || path.text.contains(&b'$');
    if !prefix || location.text == b"/" && path.text.is_empty() || open {
        return;
    }
    if !location.text.ends_with(b"/") {
        return;
    }
    let (name, target) = (String::from_utf8_lossy(location.text), path.str());
    let message = format!("the file of {name}x is {target}x: a \"/\" is missing between them");
    hits.add(node, path.span, message)
        .help(format!("write \"alias {target}/;\""));
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::fine;

    #[test]
    fn equal_ends_are_fine() {
        fine(
            &RULE,
            &[
                "location /a/ { alias /srv/a/; }",
                "location /a { alias /srv/a; }",
                "location /a/ { alias /srv/$host; }",
                "location = /a/ { alias /srv/a.html; }",
            ],
        );
    }
}
