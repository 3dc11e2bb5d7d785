//! A client that chooses where its request is passed on to.

use super::client::{chosen_by_client, is_checked};
use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Site, split_url, variables};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0109",
        name: "request-forgery",
    },
    summary: "a host to pass on to, or a Host field, that the client chooses",
    why: "With \"proxy_pass http://$arg_x\" anybody reaches every host that this machine reaches, also those behind the\n\
          firewall. And $http_host is what the client wrote, unchecked: it need not be the host by which the server was\n\
          chosen, and applications build links and passwords' reset mails from it. $host is checked.",
    bad: "location / {\n    proxy_set_header Host $http_host;\n    proxy_pass http://127.0.0.1:3000;\n}\n",
    good: "location / {\n    proxy_set_header Host $host;\n    proxy_pass http://127.0.0.1:3000;\n}\n",
    strict: false,
    check: Check::Directives(&["proxy_pass", "proxy_set_header"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    if node.name.text == "proxy_pass" {
        passed_to(site, id, node, hits);
        return;
    }
    let (Some(field), Some(value)) = (node.arg(0), node.arg(1)) else {
        return;
    };
    if field.text.eq_ignore_ascii_case(b"host") && value.text == "$http_host" {
        hits.add(
            node,
            value.span,
            "the application is told whatever host the client writes",
        )
        .say("unchecked")
        .help("write $host; where the port matters, $host:$server_port")
        .fix(value.span, "$host");
    }
}

fn passed_to(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let Some(word) = node.arg(0) else { return };
    let Some((_, host, _)) = split_url(&word.text) else {
        return;
    };
    let chosen = variables(host).find(|name| chosen_by_client(site, id, name));
    if let Some(name) = chosen.filter(|name| !is_checked(site, id, name)) {
        let name = String::from_utf8_lossy(name).into_owned();
        let message = format!("the client chooses with ${name} which host its request is sent to");
        hits.add(node, word.span, message)
            .help("choose among known hosts with a map, and refuse others");
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn what_the_client_writes() {
        found(
            &RULE,
            &[
                "resolver 127.0.0.1; location / { proxy_pass http://$arg_h; }",
                "resolver 127.0.0.1; location / { proxy_pass http://$http_x_to; }",
                "resolver 127.0.0.1; location ~ ^/p/(.*)$ { proxy_pass http://$1; }",
            ],
        );
        fine(
            &RULE,
            &[
                "resolver 127.0.0.1; location / { proxy_pass http://a.example$request_uri; }",
                "map $arg_h $to { a 127.0.0.1:1; }\nserver { location / { proxy_pass http://$to; } }",
                "location / { proxy_pass http://127.0.0.1; proxy_set_header X-Host $http_host; }",
            ],
        );
    }
}
