//! `location /api/ { proxy_pass http://app/v1; }`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Site, split_url};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0108",
        name: "proxy-uri",
    },
    summary: "a path that proxy_pass glues together, doubles or drops",
    why: "A proxy_pass with a path replaces the location's path by it, letter for letter. Where one ends with a slash and\n\
          the other does not, the result has none (/v1users) or two (//users). Without any path, not even \"/\", the\n\
          request's own is passed on. With a variable in the value, the path in it is all that is passed on.\n\
          And where a \"rewrite ... break\" has changed the path, that of proxy_pass is not used at all.",
    bad: "location /api/ {\n    proxy_pass http://127.0.0.1:3000/v1;\n}\n",
    good: "location /api/ {\n    proxy_pass http://127.0.0.1:3000/v1/;\n}\n",
    strict: false,
    check: Check::Directives(&["proxy_pass"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let (Some(location), Some(word)) = (site.location_of(id), node.arg(0)) else {
        return;
    };
    let Some((_, _, uri)) = split_url(&word.text) else {
        return;
    };
    if uri.is_empty() || uri.contains(&b'$') {
        return;
    }
    if word.text.contains(&b'$') {
        // What is only asked from within, such as a question for auth_request, has one address.
        if location.how != How::Exact && location.how != How::Named && !site.has(id, "internal") {
            let uri = String::from_utf8_lossy(uri).into_owned();
            hits.add(
                node,
                word.span,
                format!("every request is passed on as {uri}: with a variable in the value, its own path is not added"),
            )
            .help("without a path in proxy_pass, the request's own is passed on; or add $request_uri");
        }
        return;
    }
    let rewrite = site
        .own(id, "rewrite")
        .find(|rewrite| rewrite.args.last().is_some_and(|flag| flag.text == "break"));
    if let Some(rewrite) = rewrite {
        let everything = rewrite
            .arg(0)
            .is_some_and(|w| w.text == "^" || w.text == "^(.*)$");
        if uri != b"/" {
            let may = if everything { "is" } else { "may be" };
            let uri = String::from_utf8_lossy(uri);
            let line = site.place(rewrite.name.span, word.span);
            hits.add(
                node,
                word.span,
                format!("\"{uri}\" {may} dropped: \"rewrite ... break\" ({line}) has set the path"),
            )
            .also(rewrite.name.span, "the path is what this makes of it")
            .help("write the whole path in the rewrite, and none in proxy_pass");
        }
        return;
    }
    if !matches!(location.how, How::Prefix | How::NoRegex) {
        return;
    }
    // What follows a "?" is a query, to which the rest of the path is added on purpose.
    if uri.contains(&b'?') {
        return;
    }
    let (from, to) = (
        String::from_utf8_lossy(location.text),
        String::from_utf8_lossy(uri),
    );
    let rest = |text: &str| format!("{text}users");
    match (location.text.ends_with(b"/"), uri.ends_with(b"/")) {
        (true, false) => {
            hits.add(
                node,
                word.span,
                format!("{} becomes {}: a \"/\" is missing", rest(&from), rest(&to)),
            )
            .also(location.span, "this ends with a slash")
            .help(format!("write \"proxy_pass {}/;\"", word.str()));
        }
        (false, true) => {
            hits.add(
                node,
                word.span,
                format!("{from}/users becomes {to}/users: the \"/\" is doubled"),
            )
            .also(location.span, "this ends without a slash")
            .help(format!("write \"location {from}/\""));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found, messages};

    #[test]
    fn slashes_at_both_or_neither() {
        fine(
            &RULE,
            &[
                "location /a/ { proxy_pass http://127.0.0.1/; }",
                "location /a { proxy_pass http://127.0.0.1/b; }",
                "location /a/ { proxy_pass http://127.0.0.1; }",
                "location = /a { proxy_pass http://127.0.0.1/b/; }",
                "location /a/ { proxy_pass http://127.0.0.1/$request_uri; }",
            ],
        );
        assert_eq!(
            messages(&RULE, "location /a { proxy_pass http://127.0.0.1/; }"),
            ["/a/users becomes //users: the \"/\" is doubled"]
        );
        found(
            &RULE,
            &[
                "set $b 127.0.0.1; location /a/ { proxy_pass http://$b/; }",
                "location /a/ { rewrite ^/a/(.*)$ /$1 break; proxy_pass http://127.0.0.1/b/; }",
            ],
        );
    }
}
