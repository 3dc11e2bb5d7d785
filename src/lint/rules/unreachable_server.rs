//! Servers none of whose names can ever be theirs.

use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};
use std::collections::HashMap;

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0106",
        name: "unreachable-server",
    },
    summary: "a server whose names all belong to an earlier one on its addresses",
    why: "Of two servers with the same name on the same address the first is taken. One whose names are all taken, on\n\
          every address that it listens on, gets no request: often a file that was copied and forgotten.",
    bad: "server {\n    listen 8080;\n    server_name a.example;\n}\nserver {\n    listen 8080;\n    server_name \
          a.example;\n}\n",
    good: "server {\n    listen 8080;\n    server_name a.example;\n}\nserver {\n    listen 8080;\n    server_name \
           b.example;\n}\n",
    strict: false,
    check: Check::Site(check),
};

fn check(site: &Site<'_>, hits: &mut Hits) {
    let mut taken: HashMap<(Vec<u8>, Vec<u8>), BlockId> = HashMap::new();
    for server in site.of_kind(Kind::Server) {
        let addresses = addresses(site, server);
        let names = names(site, server);
        let first = addresses.iter().find_map(|address| {
            let name = names.first()?;
            taken.get(&(address.clone(), name.clone())).copied()
        });
        let all = addresses.iter().all(|address| {
            names
                .iter()
                .all(|name| taken.contains_key(&(address.clone(), name.clone())))
        });
        let default = site.own(server, "listen").any(|node| {
            node.args
                .iter()
                .any(|word| word.text == "default_server" || word.text == "default")
        });
        if let (true, false, Some(other), Some(node)) =
            (all, default, first, site.block(server).node)
        {
            let own = site.own(server, "server_name").next();
            let place = own.map_or(node.name.span, |node| node.name.span);
            let there = site.own(other, "server_name").next();
            let there = there
                .or(site.block(other).node)
                .map_or(place, |n| n.name.span);
            let line = site.place(there, place);
            hits.add(
                node,
                place,
                format!("this server gets no request: its names belong to that of {line}"),
            )
            .also(there, "the first one with these names on the same address");
            continue;
        }
        for address in &addresses {
            for name in &names {
                taken
                    .entry((address.clone(), name.clone()))
                    .or_insert(server);
            }
        }
    }
}

/// The addresses as they are written, a port alone as one on all addresses.
pub fn addresses(site: &Site<'_>, server: BlockId) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = site
        .own(server, "listen")
        .filter_map(|node| node.arg(0))
        .map(|word| {
            let text = word.text.strip_prefix(b"*:").unwrap_or(&word.text);
            let text = text.strip_prefix(b"0.0.0.0:").unwrap_or(text);
            text.to_vec()
        })
        .collect();
    if all.is_empty() {
        all.push(b"80".to_vec());
    }
    all
}

fn names(site: &Site<'_>, server: BlockId) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = site
        .own(server, "server_name")
        .flat_map(|node| &node.args)
        .map(|word| word.text.to_ascii_lowercase())
        .collect();
    if all.is_empty() {
        all.push(Vec::new());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn one_name_or_address_of_its_own_is_enough() {
        fine(
            &RULE,
            &[
                "server { listen 81; server_name a; }\nserver { listen 82; server_name a; }",
                "server { listen 81; server_name a; }\nserver { listen 81; server_name a b; }",
                "server { listen 81; server_name a; }\nserver { listen 81 default_server; server_name a; }",
            ],
        );
        found(
            &RULE,
            &["server { listen 81; server_name a b; }\nserver { listen *:81; server_name B; }"],
        );
    }
}
