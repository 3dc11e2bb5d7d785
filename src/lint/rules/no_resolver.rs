//! `proxy_pass` with a variable as host, and nobody to ask for its address.

use super::values;
use crate::config::suggest::nearest;
use crate::config::tree::{Node, Word};
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site, split_url, variables};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0107",
        name: "no-resolver",
    },
    summary: "a proxy_pass with a variable whose host must be looked up, and no resolver",
    why: "A host that is only known when a request comes is looked up then, and that needs a resolver: without one,\n\
          every such request is answered with 502. That is so for a name that is written out, localhost among them, if a\n\
          variable stands anywhere else in the value. A name of an upstream block, and an address, need none.",
    bad: "location / {\n    set $backend app.internal;\n    proxy_pass http://$backend;\n}\n",
    good: "resolver 127.0.0.53;\nlocation / {\n    set $backend app.internal;\n    proxy_pass http://$backend;\n}\n",
    strict: false,
    check: Check::Directives(
        &["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"],
        check,
    ),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let Some(word) = node.arg(0) else { return };
    let host = split_url(&word.text).map_or(&word.text[..], |(_, host, _)| host);
    if !word.text.contains(&b'$') || host.starts_with(b"unix:") {
        return;
    }
    if site.inherited(id, "resolver").is_some() {
        return;
    }
    // "http://app$request_uri": the variable brings the path along.
    let written = host.split(|b| *b == b'$').next().unwrap_or_default();
    let whole = host.len() == written.len();
    if whole || !written.is_empty() && !written.ends_with(b".") && !written.ends_with(b"-") {
        by_name(site, node, word, written, hits);
        return;
    }
    let Some(name) = variables(host).next() else {
        return;
    };
    if known_hosts(site, host, name) {
        return;
    }
    let name = String::from_utf8_lossy(name).into_owned();
    let message = format!("${name} is looked up for each request, and there is no \"resolver\"");
    hits.add(node, word.span, message)
        .say(format!("${name} is not known before"))
        .help(HELP);
}

const HELP: &str = "add \"resolver ADDRESS;\" with the address of a name server, for instance that of /etc/resolv.conf";

/// A name that is written out, in a value with a variable elsewhere: that is looked up for each request, too.
fn by_name(site: &Site<'_>, node: &Node, word: &Word, host: &[u8], hits: &mut Hits) {
    if is_address(host) || is_group(site, host) {
        return;
    }
    let host = String::from_utf8_lossy(host).into_owned();
    let message = format!(
        "with a variable behind it, {host} is looked up for each request, and there is no \"resolver\""
    );
    hits.add(node, word.span, message);
    match group_meant(site, &host) {
        Some(meant) => hits.help(format!("did you mean the upstream \"{meant}\"?")),
        None => hits.help(HELP).help(format!(
            "or name it in an upstream block: \"upstream app {{ server {host}; }}\""
        )),
    };
}

/// The upstream block whose name was probably meant.
fn group_meant(site: &Site<'_>, host: &str) -> Option<String> {
    let names = site
        .of_kind(Kind::Upstream)
        .filter_map(|id| site.block(id).node?.arg(0));
    let names: Vec<_> = names.map(Word::str).collect();
    nearest(host, names.iter().map(|name| &**name)).map(str::to_owned)
}

/// `127.0.0.1:$port`: the host is written out.
fn is_address(host: &[u8]) -> bool {
    let host = host.split(|b| *b == b':').next().unwrap_or_default();
    host.starts_with(b"[")
        || !host.is_empty() && host.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// Whether an upstream block has this name, or a proxy_pass without variables has made it known.
fn is_group(site: &Site<'_>, host: &[u8]) -> bool {
    let block = site.of_kind(Kind::Upstream).any(|id| {
        site.block(id)
            .node
            .and_then(|node| node.arg(0))
            .is_some_and(|word| word.text.eq_ignore_ascii_case(host))
    });
    let mut known = block;
    if !known {
        site.each(|_, node| {
            known |= node.name.text.ends_with(b"_pass")
                && node.arg(0).is_some_and(|word| {
                    let named = split_url(&word.text).map_or(&word.text[..], |(_, host, _)| host);
                    !word.text.contains(&b'$') && named.eq_ignore_ascii_case(host)
                });
        });
    }
    known
}

/// Whether all values that the variable can have are names of upstream blocks or addresses.
fn known_hosts(site: &Site<'_>, host: &[u8], name: &[u8]) -> bool {
    let only = host.len() == name.len() + 1 || host.len() == name.len() + 3;
    let Some(values) = values::of(site, name).filter(|_| only) else {
        // $server_addr and its like are addresses.
        return matches!(
            name,
            b"server_addr" | b"remote_addr" | b"realip_remote_addr"
        );
    };
    values.iter().all(|value| {
        let value = split_url(value).map_or(*value, |(_, host, _)| host);
        is_address(value)
            || value.is_empty()
            || value.starts_with(b"unix:")
            || is_group(site, value)
    })
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn groups_and_addresses_need_none() {
        fine(
            &RULE,
            &[
                "upstream app { server 127.0.0.1:1; }\nserver { set $b app; location / { proxy_pass http://$b; } }",
                "map $host $b { default 127.0.0.1:1; x 127.0.0.1:2; }\nserver { location / { proxy_pass http://$b; } }",
                "location / { proxy_pass http://127.0.0.1:8080$request_uri; }",
                "upstream App { server 127.0.0.1:1; }\nserver { set $B app; location / { proxy_pass http://$b; } }",
                "upstream app { server 127.0.0.1:1; }\nserver { location / { proxy_pass http://APP$request_uri; } }",
            ],
        );
        found(
            &RULE,
            &[
                "location / { proxy_pass http://$arg_h; }",
                "location / { proxy_pass http://localhost:3000$request_uri; }",
                "upstream app { server 127.0.0.1:1; }\nserver { location / { proxy_pass http://apps$request_uri; } }",
            ],
        );
    }
}
