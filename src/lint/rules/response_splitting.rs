//! `return 302 https://$host$uri;`

use crate::config::tree::{Node, Word};
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, Site, variables};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0110",
        name: "response-splitting",
    },
    summary: "a decoded path in a header",
    why: "$uri and $document_uri are decoded: %0d%0a in the request is a line end in them. In a redirect or another\n\
          header the client writes header lines of its own that way, such as a Set-Cookie for a link that somebody is\n\
          made to click. goodgate lets no line end through; nginx does. And what is decoded no longer is a correct\n\
          address: a %20 becomes a space, a %3f a question mark. $request_uri is as the client sent it.",
    bad: "return 301 https://$host$uri;\n",
    good: "return 301 https://$host$request_uri;\n",
    strict: false,
    check: Check::Directives(&["return", "add_header", "proxy_set_header"], check),
};

fn check(_: &Site<'_>, _: BlockId, node: &Node, hits: &mut Hits) {
    let word = match &node.name.text[..] {
        b"return" => redirect(node),
        _ => node.arg(1),
    };
    let Some(word) = word else { return };
    let decoded = variables(&word.text).find(|name| matches!(*name, b"uri" | b"document_uri"));
    let Some(name) = decoded else { return };
    let name = String::from_utf8_lossy(name).into_owned();
    let what = match &node.name.text[..] {
        b"return" => "the redirect",
        b"add_header" => "a response header",
        _ => "a header of the request to the application",
    };
    hits.add(
        node,
        word.span,
        format!("${name} is decoded: a client can write line ends into {what}"),
    )
    .help("write $request_uri (with the query) for the path as the client sent it");
}

/// The target of a `return` that redirects: its text is a body with any other status.
fn redirect(node: &Node) -> Option<&Word> {
    let (first, second) = (node.arg(0)?, node.arg(1));
    match (&first.text[..], second) {
        (b"301" | b"302" | b"303" | b"307" | b"308", target) => target,
        (_, None) if !first.text.iter().all(u8::is_ascii_digit) => Some(first),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn headers_and_redirects_but_not_bodies() {
        found(
            &RULE,
            &[
                "return https://$host$document_uri;",
                "add_header X-Path ${uri};",
                "location / { proxy_set_header X-Uri $uri; proxy_pass http://127.0.0.1; }",
            ],
        );
        fine(
            &RULE,
            &[
                "return 200 $uri;",
                "return 404;",
                "return 301 /a$is_args$args;",
            ],
        );
    }
}
