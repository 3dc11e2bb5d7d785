//! `proxy_pass` with a variable as host, and nobody to ask for its address.

use super::values;
use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Kind, Site, split_url, variables};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0107",
        name: "no-resolver",
    },
    summary: "a variable as the host of proxy_pass, and no resolver",
    why: "A host that is only known when a request comes is looked up then, and that needs a resolver: without one,\n\
          every such request is answered with 502. A name of an upstream block, and an address, need none.",
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
    let Some(name) = variables(host).next() else {
        return;
    };
    if site.inherited(id, "resolver").is_some() || host.starts_with(b"unix:") {
        return;
    }
    // The whole host must be one variable whose values are known, or the rest of the text shows an address.
    if is_address(host) || known_hosts(site, host, name) {
        return;
    }
    let name = String::from_utf8_lossy(name).into_owned();
    let message = format!("${name} is looked up for each request, and there is no \"resolver\"");
    hits.add(node, word.span, message)
        .say(format!("${name} is not known before"))
        .help("add \"resolver ADDRESS;\" with the address of a name server, for instance that of /etc/resolv.conf");
}

/// `127.0.0.1:$port`: the host is written out.
fn is_address(host: &[u8]) -> bool {
    let host = host.split(|b| *b == b':').next().unwrap_or_default();
    host.starts_with(b"[")
        || !host.is_empty() && host.iter().all(|b| b.is_ascii_digit() || *b == b'.')
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
    let groups: Vec<&[u8]> = site
        .of_kind(Kind::Upstream)
        .filter_map(|id| Some(&site.block(id).node?.arg(0)?.text[..]))
        .collect();
    values.iter().all(|value| {
        let value = split_url(value).map_or(*value, |(_, host, _)| host);
        is_address(value)
            || value.is_empty()
            || groups.contains(&value)
            || value.starts_with(b"unix:")
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
            ],
        );
        found(&RULE, &["location / { proxy_pass http://$arg_h; }"]);
    }
}
