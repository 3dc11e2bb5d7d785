//! several names on one address and no `default_server`

use super::unreachable_server::addresses;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site};
use crate::lint::{Check, Hits, Rule};
use std::collections::{HashMap, HashSet};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0119",
        name: "default-server",
    },
    summary: "an address with several servers, none of which is the default",
    why: "A request whose host is none of the names goes to the first server of the address: whichever stands first, or whose\n\
          file comes first in the alphabet. Say which one it is, or give the address a server that refuses such requests.",
    bad: "server {\n\
          \x20   listen 8080;\n\
          \x20   server_name a.example;\n\
          }\n\
          server {\n\
          \x20   listen 8080;\n\
          \x20   server_name b.example;\n\
          }\n",
    good: "server {\n\
          \x20   listen 8080 default_server;\n\
          \x20   return 444;\n\
          }\n\
          server {\n\
          \x20   listen 8080;\n\
          \x20   server_name a.example;\n\
          }\n\
          server {\n\
          \x20   listen 8080;\n\
          \x20   server_name b.example;\n\
          }\n",
    strict: false,
    check: Check::Site(check),
};

fn check(site: &Site<'_>, hits: &mut Hits) {
    let mut servers: Vec<(Vec<u8>, Vec<BlockId>)> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    for server in site.of_kind(Kind::Server) {
        for address in addresses(site, server) {
            // IPv6 beside IPv4 is the same address to whoever writes it.
            let address = address
                .strip_prefix(b"[::]:")
                .map(<[u8]>::to_vec)
                .unwrap_or(address);
            let place = *places.entry(address.clone()).or_insert(servers.len());
            match servers.get_mut(place) {
                Some((_, list)) => {
                    if list.last() != Some(&server) {
                        list.push(server);
                    }
                }
                None => servers.push((address, vec![server])),
            }
        }
    }
    let mut said: HashSet<u32> = HashSet::new();
    for (address, list) in &servers {
        let (Some(first), Some(second)) = (list.first(), list.get(1)) else {
            continue;
        };
        let chosen = list.iter().any(|id| is_default(site, *id));
        if chosen || takes_all(site, *first) {
            continue;
        }
        let Some(node) = site.block(*first).node else {
            continue;
        };
        if !said.insert(node.name.span.start) {
            continue;
        }
        let place = site
            .own(*first, "server_name")
            .next()
            .map_or(node.name.span, |n| n.name.span);
        let other = site
            .own(*second, "server_name")
            .next()
            .map_or(node.name.span, |n| n.name.span);
        let address = String::from_utf8_lossy(address).into_owned();
        let name = site
            .own(*first, "server_name")
            .next()
            .and_then(|n| n.arg(0))
            .map(|word| word.str().into_owned())
            .unwrap_or_default();
        hits.add(
            node,
            place,
            format!("requests for unknown hosts on {address} go to {name}, since it comes first"),
        )
        .also(other, "another server of this address")
        .help("write \"default_server\" at the listen of the one that is meant");
    }
}

fn is_default(site: &Site<'_>, id: BlockId) -> bool {
    site.own(id, "listen").any(|node| {
        node.args
            .iter()
            .any(|word| word.text == "default_server" || word.text == "default")
    })
}

/// Whether a server is plainly meant for whatever comes: no name, or one that no host has.
fn takes_all(site: &Site<'_>, id: BlockId) -> bool {
    let mut names = site
        .own(id, "server_name")
        .flat_map(|node| &node.args)
        .peekable();
    names.peek().is_none()
        || names.any(|word| {
            matches!(
                &word.text[..],
                b"" | b"_"
                    | b"default"
                    | b"*"
                    | b"~."
                    | b"~^"
                    | b"~^(.*)$"
                    | b"~^.*$"
                    | b"localhost"
            ) || word.text.starts_with(b"~^(.+)$")
        })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::fine;

    #[test]
    fn who_takes_the_rest_is_said() {
        fine(
            &RULE,
            &[
                r#"server { listen 81; server_name _; } server { listen 81; server_name a; }"#,
                r#"server { listen 81; server_name a; }"#,
                r#"server { listen 81; } server { listen 81; server_name a; }"#,
                r#"server { listen 81; server_name a; } server { listen 82; server_name b; }"#,
            ],
        );
    }
}
