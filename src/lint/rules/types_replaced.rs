//! `types { ... }` that takes the place of all types

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0126",
        name: "types-replaced",
    },
    summary: "a types block that replaces all types instead of adding one",
    why: "A types block does not add to that of an outer block, it takes its place: with one line for .mjs, style sheets and\n\
          pictures of the server become application/octet-stream, which browsers download instead of showing.\n\
          Add the line to mime.types, or include mime.types beside it.",
    bad: "types {\n\
          \x20   text/html html;\n\
          \x20   text/css css;\n\
          \x20   image/png png;\n\
          }\n\
          server {\n\
          \x20   types {\n\
          \x20       text/javascript mjs;\n\
          \x20   }\n\
          }\n",
    good: "types {\n\
          \x20   text/html html;\n\
          \x20   text/css css;\n\
          \x20   image/png png;\n\
          \x20   text/javascript mjs;\n\
          }\n\
          server {\n\
          }\n",
    strict: false,
    check: Check::Directives(&["types"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    // For one path or kind of files a list of its own is meant.
    let narrow = site
        .location_of(id)
        .is_some_and(|location| matches!(location.how, How::Regex(_) | How::Exact | How::Named));
    // Two blocks side by side add up; an empty one is how all types are turned off.
    let first = site
        .own(id, "types")
        .next()
        .is_some_and(|first| std::ptr::eq(first, node));
    if !first || narrow || node.items().is_empty() || site.kind(id) == Kind::Http {
        return;
    }
    let outer = site
        .block(id)
        .parent
        .and_then(|around| site.holder(around, "types"));
    let Some(outer) = outer else { return };
    let count = |id: BlockId| {
        site.own(id, "types")
            .map(|types| types.items().len())
            .sum::<usize>()
    };
    let (here, there) = (count(id), count(outer));
    let place = site
        .own(outer, "types")
        .next()
        .map_or(node.name.span, |types| types.name.span);
    if there > here {
        let title = site.title(outer);
        hits.add(
            node,
            node.name.span,
            format!("this list of {here} takes the place of the {there} types of {title}"),
        )
        .also(place, "these do not hold here any more")
        .help("add the lines to the outer block, or include mime.types here, too");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::fine;

    #[test]
    fn lists_that_take_away() {
        fine(
            &RULE,
            &[
                r#"types { a/b c; d/e f; }
server { location ~ x { types { a/b c; } } }"#,
                r#"types { a/b c; }
server { types { } default_type x/y; }"#,
                r#"types { a/b c; }
server { types { a/b c; d/e f; } }"#,
            ],
        );
    }
}
