//! a line that became arguments of the one before

use crate::config::directive::Contexts;
use crate::config::missing_end::begins_line;
use crate::config::span::Span;
use crate::config::table::{Found, Table};
use crate::config::tree::{Item, Node, Word};
use crate::cycle::{context, tables};
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0128",
        name: "missing-semicolon",
    },
    summary: "a directive whose arguments go on with another directive",
    why: "Where a \";\" is forgotten, the next line becomes arguments of this one. Some directives take any number of them, and\n\
          nginx says nothing: \"server_name example.com\" without its \";\" takes \"root\" and the folder for names.",
    bad: "server_name a.example\n\
          root /srv/www;\n",
    good: "server_name a.example;\n\
          root /srv/www;\n",
    strict: false,
    check: Check::Site(check),
};

fn check(site: &Site<'_>, hits: &mut Hits) {
    let mut table = None;
    site.each(|id, node| {
        if node.name.text == "types" {
            node.items().iter().for_each(|item| entry(site, item, hits));
        }
        let Some((behind, next)) = second_line(site, node) else {
            return;
        };
        let table = table.get_or_insert_with(|| Table::new(&tables()));
        let context = context(site.kind(id), site, id);
        let is_directive =
            next.text == "include" || matches!(table.find(&next.text, context), Found::Here(_));
        if is_directive && !next.quoted {
            let name = next.str().into_owned();
            report(
                hits,
                node,
                behind,
                format!(
                    "\"{name}\" of the next line is an argument of \"{}\" here",
                    node.name.str()
                ),
            );
        }
    });
}

fn report(hits: &mut Hits, node: &Node, behind: &Word, message: String) {
    let end = Span {
        start: behind.span.end,
        ..behind.span
    };
    hits.add(node, behind.span, message)
        .say("a \";\" is missing behind this")
        .fix(end, ";");
}

/// A line of `types` whose endings go on with another type.
fn entry(site: &Site<'_>, item: &Item, hits: &mut Hits) {
    let Item::Node(node) = item else { return };
    if let Some((behind, next)) = second_line(site, node)
        && next.text.contains(&b'/')
    {
        let message = format!("\"{}\" of the next line is taken for an ending", next.str());
        report(hits, node, behind, message);
    }
}

/// The last word of the first line, and the first of the second.
fn second_line<'n>(site: &Site<'_>, node: &'n Node) -> Option<(&'n Word, &'n Word)> {
    let words = std::iter::once(&node.name).chain(&node.args);
    words
        .zip(&node.args)
        .find(|(last, next)| begins_line(Some(site.sources), last, next))
}

fn context(kind: Kind, site: &Site<'_>, id: BlockId) -> Contexts {
    let in_location = || site.around(id, Kind::Location).is_some();
    match kind {
        Kind::Main => context::MAIN,
        Kind::Events => context::EVENTS,
        Kind::Http => context::HTTP,
        Kind::Server => context::SERVER,
        Kind::Location => context::LOCATION,
        Kind::If if in_location() => context::LOCATION_IF,
        Kind::If => context::SERVER_IF,
        Kind::LimitExcept => context::LIMIT_EXCEPT,
        Kind::Upstream => context::UPSTREAM,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn names_at_the_start_of_a_line() {
        found(
            &RULE,
            &[r#"types { text/css css
text/plain txt; }
server { }"#],
        );
        fine(
            &RULE,
            &[
                r#"server_name a
 b
 c;"#,
                r#"gzip_types text/css
 text/plain;"#,
                r#"server_name a root;"#,
            ],
        );
    }
}
