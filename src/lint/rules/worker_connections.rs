//! `worker_connections 100000;` with 1024 descriptors

use crate::config::tree::Node;
use crate::config::value::parse_number;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0117",
        name: "worker-connections",
    },
    summary: "more worker_connections than files may be open",
    why: "Each connection needs a descriptor, a proxied one two, and files and logs some more. Once the limit of the process is\n\
          reached, connections are refused with \"too many open files\". worker_rlimit_nofile raises the limit.",
    bad: "worker_rlimit_nofile 1024;\n\
          events {\n\
          \x20   worker_connections 4096;\n\
          }\n\
          http {\n\
          }\n",
    good: "worker_rlimit_nofile 10000;\n\
          events {\n\
          \x20   worker_connections 4096;\n\
          }\n\
          http {\n\
          }\n",
    strict: false,
    check: Check::Directives(&["worker_connections"], check),
};

fn check(site: &Site<'_>, _: BlockId, node: &Node, hits: &mut Hits) {
    let own = site
        .of_kind(Kind::Main)
        .find_map(|main| site.own(main, "worker_rlimit_nofile").next());
    let set = own.and_then(|own| parse_number(&own.arg(0)?.text));
    let limit = set
        .and_then(|n| u64::try_from(n).ok())
        .or(site.around.open_files);
    let (Some(word), Some(limit)) = (node.arg(0), limit) else {
        return;
    };
    let wanted = parse_number(&word.text).and_then(|n| u64::try_from(n).ok());
    if let Some(wanted) = wanted.filter(|wanted| *wanted > limit) {
        hits.add(
            node,
            word.span,
            format!("there cannot be {wanted} connections: only {limit} files may be open at once"),
        )
        .help(format!(
            "set worker_rlimit_nofile to at least twice {}",
            word.str()
        ));
        if let Some(own) = own {
            hits.also(own.name.span, "the limit");
        }
    }
}
