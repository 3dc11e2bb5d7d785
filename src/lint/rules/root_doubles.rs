//! `location /static/ { root /srv/static; }`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0129",
        name: "root-doubles",
    },
    summary: "a root that ends with the location's own path, which comes twice then",
    why: "root is put in front of the whole path: with \"location /static/\" and \"root /srv/static\", the file of\n\
          /static/a.css is /srv/static/static/a.css. alias takes the place of the location's path instead.",
    bad: "location /static/ {\n\
          \x20   root /srv/static;\n\
          }\n",
    good: "location /static/ {\n\
          \x20   root /srv;\n\
          }\n",
    strict: false,
    check: Check::Directives(&["root"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let (Some(location), Some(root)) = (site.location(id), node.arg(0)) else {
        return;
    };
    let path = location.text.strip_suffix(b"/").unwrap_or(location.text);
    let folder = root.text.strip_suffix(b"/").unwrap_or(&root.text);
    // The one path of an exact location may well be a file in a folder of that name.
    if !matches!(location.how, How::Prefix | How::NoRegex)
        || path.len() < 2
        || !folder.ends_with(path)
    {
        return;
    }
    // It may be so on the disk.
    let doubled = [folder, path].concat();
    if std::path::Path::new(&*String::from_utf8_lossy(&doubled)).is_dir() {
        return;
    }
    let (shown, path) = (
        String::from_utf8_lossy(&doubled).into_owned(),
        String::from_utf8_lossy(path).into_owned(),
    );
    let above = root
        .str()
        .trim_end_matches('/')
        .trim_end_matches(&path)
        .to_owned();
    hits.add(
        node,
        root.span,
        format!("the files of {path}/ are looked for in {shown}/"),
    )
    .also(location.span, "this comes behind the root")
    .help(match above.is_empty() {
        true => format!("write \"alias {}/;\"", root.str().trim_end_matches('/')),
        false => format!("write \"root {above};\""),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn only_the_path_itself() {
        found(&RULE, &["location /a/b { root /srv/a/b/; }"]);
        fine(
            &RULE,
            &[
                "location / { root /srv; }",
                "location /a/ { root /srv/b; }",
                "location /a/ { alias /srv/a/; }",
                "location = /a { root /srv/a; }",
            ],
        );
    }
}
