//! `error_log off;`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0116",
        name: "error-log-off",
    },
    summary: "error_log off, which writes to a file called off",
    why: "Unlike access_log, error_log knows no \"off\": it is the name of a file. To say less, give a level; to say nothing,\n\
          write to /dev/null.",
    bad: "error_log off;\n",
    good: "error_log /dev/null crit;\n",
    strict: false,
    check: Check::Directives(&["error_log"], check),
};

fn check(_: &Site<'_>, _: BlockId, node: &Node, hits: &mut Hits) {
    if let Some(word) = node.arg(0).filter(|word| word.text == "off") {
        hits.add(
            node,
            word.span,
            "errors are written to a file with the name \"off\"",
        )
        .help("write \"error_log /dev/null crit;\" to have no log");
    }
}
