//! A redirect to whatever host the client names.

use super::client::{chosen_by_client, is_checked};
use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Site, split_url, variables};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0111",
        name: "open-redirect",
    },
    summary: "a redirect to a host that the client chooses",
    why: "A link to your site that leads elsewhere is what phishing mails are made of. $arg_x, $cookie_x and $http_x,\n\
          $http_host among them, hold what the client wrote; $host is the checked name of the request, and a name that\n\
          is written out is better still.",
    bad: "return 302 https://$http_host$request_uri;\n",
    good: "return 302 https://$host$request_uri;\n",
    strict: false,
    check: Check::Directives(&["return", "rewrite"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let target = match &node.name.text[..] {
        b"return" => node.args.last().filter(|_| is_redirect(node)),
        _ => node.arg(1),
    };
    let Some(word) = target else { return };
    let host = match split_url(&word.text) {
        Some((_, host, _)) => host,
        None if word.text.starts_with(b"$") => &word.text,
        None => return,
    };
    // A variable as the whole target counts only if it comes first.
    let chosen = variables(host)
        .take(if split_url(&word.text).is_some() {
            usize::MAX
        } else {
            1
        })
        .find(|name| !name.iter().all(u8::is_ascii_digit) && chosen_by_client(site, id, name));
    let Some(name) = chosen.filter(|name| !is_checked(site, id, name)) else {
        return;
    };
    let name = String::from_utf8_lossy(name).into_owned();
    hits.add(
        node,
        word.span,
        format!("the client chooses with ${name} where it is sent to"),
    )
    .help(match name.as_str() {
        "http_host" => "write $host, or the name itself",
        _ => "choose among known targets with a map",
    });
}

fn is_redirect(node: &Node) -> bool {
    let code = node.arg(0).map(|word| &word.text[..]);
    node.args.len() == 1 || matches!(code, Some(b"301" | b"302" | b"303" | b"307" | b"308"))
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn what_the_client_wrote_and_nothing_else() {
        found(
            &RULE,
            &[
                "return 302 $arg_next;",
                "rewrite ^ https://$http_x_forwarded_host/ redirect;",
            ],
        );
        fine(
            &RULE,
            &[
                "return 302 https://a.example/?next=$arg_next;",
                "return 200 $arg_next;",
                "return 302 https://$host$request_uri;",
                "if ($http_host = a.example) { return 302 https://$http_host/x; }",
            ],
        );
    }
}
