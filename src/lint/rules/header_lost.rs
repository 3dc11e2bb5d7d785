//! `add_header` in a block takes away all those around it.

use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0103",
        name: "header-lost",
    },
    summary: "headers of an outer block that one of an inner block takes away",
    why: "add_header, proxy_set_header and their like are inherited only by blocks that have none of their own.\n\
          One of them in a location, and those of the server no longer hold there: often a security header or Host.\n\
          Repeat them in the inner block, for instance with an include.",
    bad: "add_header X-Frame-Options DENY;\nlocation /fonts/ {\n    add_header Cache-Control public;\n}\n",
    good: "add_header X-Frame-Options DENY;\nlocation /fonts/ {\n    add_header X-Frame-Options DENY;\n    add_header \
           Cache-Control public;\n}\n",
    strict: false,
    check: Check::Blocks(check),
};

/// Lists that replace one another. The value tells whether names are compared regardless of letter case.
const LISTS: [&str; 6] = [
    "add_header",
    "proxy_set_header",
    "grpc_set_header",
    "add_trailer",
    "fastcgi_param",
    "uwsgi_param",
];

fn check(site: &Site<'_>, id: BlockId, hits: &mut Hits) {
    for name in LISTS {
        let Some(first) = site.own(id, name).next() else {
            continue;
        };
        if name == "add_header" && site.has(id, "add_header_inherit") {
            continue;
        }
        // What answers by itself sends nothing upstream.
        if name != "add_header" && name != "add_trailer" && !passes(site, id) {
            continue;
        }
        let Some(outer) = around(site, id, name) else {
            continue;
        };
        let mut lost = site.own(outer, name).filter(|outer| {
            let Some(key) = outer.arg(0) else {
                return false;
            };
            !site.own(id, name).any(|own| {
                own.arg(0)
                    .is_some_and(|word| word.text.eq_ignore_ascii_case(&key.text))
            })
        });
        let Some(gone) = lost.next() else { continue };
        let more = lost.count();
        let header = gone.arg(0).map_or_else(Default::default, |word| word.str());
        let others = match more {
            0 => String::new(),
            1 => String::from(" and one more"),
            n => format!(" and {n} more"),
        };
        let (here, there) = (site.title(id), site.title(outer));
        let from = first.name.span;
        let line = site.place(gone.name.span, from);
        let message =
            format!("{name} {header} ({line}){others} of {there} does not hold in \"{here}\"");
        hits.add(first, from, message)
            .say(format!("with this, nothing is inherited from {there}"))
            .also(gone.name.span, "this is lost")
            .help(format!("repeat it here, or move this one to {there}"));
    }
}

fn around(site: &Site<'_>, id: BlockId, name: &str) -> Option<BlockId> {
    site.block(id)
        .parent
        .and_then(|outer| site.holder(outer, name))
}

/// Whether requests are passed on from this block or one in it; an `if` passes on what its location does.
fn passes(site: &Site<'_>, id: BlockId) -> bool {
    const PASS: [&str; 4] = ["proxy_pass", "grpc_pass", "fastcgi_pass", "uwsgi_pass"];
    let here = |id: BlockId| PASS.iter().any(|pass| site.has(id, pass));
    let around = site.block(id).parent.filter(|_| site.kind(id) == Kind::If);
    let inside = |child: &BlockId| site.kind(*child) != Kind::If && passes(site, *child);
    here(id) || around.is_some_and(here) || site.block(id).children.iter().any(inside)
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, messages};

    #[test]
    fn both_lines_are_named() {
        let text = "add_header A 1;\nadd_header B 2;\nlocation / {\nadd_header C 3;\n}\n";
        assert_eq!(
            messages(&RULE, text),
            ["add_header A (line 4) and one more of server does not hold in \"location /\""]
        );
    }

    #[test]
    fn repeated_ones_and_locations_that_pass_nothing_on_are_fine() {
        fine(
            &RULE,
            &[
                "proxy_set_header Host $host;\nlocation / { proxy_set_header X a; return 200; }",
                "proxy_set_header Host a;\nlocation / { proxy_set_header host b; proxy_pass http://127.0.0.1; }",
            ],
        );
    }
}
