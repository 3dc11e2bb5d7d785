//! `try_files $uri $uri.html;`

use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Kind, Match, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0124",
        name: "try-files-loop",
    },
    summary: "a last argument of try_files that leads back to the same try_files",
    why: "The last argument is no candidate: the request starts anew with it, whether there is such a file or not. Where that\n\
          leads to the same location, it is tried again, with .html.html, until \"rewrite or internal redirection cycle\" ends\n\
          it with a 500. End with =404, a named location, or a path that another location serves.",
    bad: "location / {\n\
          \x20   try_files $uri $uri.html;\n\
          }\n",
    good: "location / {\n\
          \x20   try_files $uri $uri.html =404;\n\
          }\n",
    strict: false,
    check: Check::Directives(&["try_files"], check),
};

fn check(site: &Site<'_>, id: BlockId, node: &Node, hits: &mut Hits) {
    let (Some(last), Some(location)) = (node.args.last(), site.location(id)) else {
        return;
    };
    let target = last.text.split(|b| *b == b'?').next().unwrap_or_default();
    if target.starts_with(b"@") || target.starts_with(b"=") {
        return;
    }
    if leads_back(site, id, &location, target) {
        hits.add(
            node,
            last.span,
            "where no candidate exists, this leads here again: a loop that ends with 500",
        )
        .help("add \"=404\" behind it");
    }
}

fn leads_back(site: &Site<'_>, id: BlockId, location: &Match<'_>, target: &[u8]) -> bool {
    const PATHS: [&[u8]; 5] = [
        b"$uri",
        b"${uri}",
        b"$document_uri",
        b"$request_uri",
        b"${request_uri}",
    ];
    let Some((at, path)) = PATHS
        .iter()
        .filter_map(|path| Some((memchr::memmem::find(target, path)?, *path)))
        .min_by_key(|(at, path)| (*at, std::cmp::Reverse(path.len())))
    else {
        return false;
    };
    let (before, behind) = (
        target.get(..at).unwrap_or_default(),
        target.get(at + path.len()..).unwrap_or_default(),
    );
    if before.contains(&b'$') || behind.contains(&b'$') {
        return false;
    }
    match location.how {
        How::Regex(_) | How::Exact => before.is_empty() && behind.is_empty(),
        How::Named => false,
        How::Prefix | How::NoRegex => {
            let same = before.is_empty() || before.starts_with(location.text);
            same && !elsewhere(site, id, location, before, behind)
        }
    }
}

/// Whether another location may take the path.
fn elsewhere(
    site: &Site<'_>,
    id: BlockId,
    location: &Match<'_>,
    before: &[u8],
    behind: &[u8],
) -> bool {
    let Some(server) = site.around(id, Kind::Server) else {
        return true;
    };
    let mut all = Vec::new();
    below(site, server, &mut all);
    let ending = |text: &[u8]| -> Vec<u8> {
        text.iter()
            .rev()
            .take_while(|b| b.is_ascii_alphanumeric())
            .copied()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect()
    };
    let endings = [ending(before), ending(behind)];
    all.iter().any(|other| match other.how {
        How::Regex(_) if location.how == How::NoRegex => false,
        How::Regex(_) => {
            endings
                .iter()
                .any(|e| !e.is_empty() && memchr::memmem::find(other.text, e).is_some())
                || !before.is_empty() && other.text.starts_with(b"^")
        }
        How::Prefix | How::NoRegex => {
            other.text.len() > location.text.len()
                && !before.is_empty()
                && before.starts_with(other.text)
        }
        _ => false,
    })
}

fn below<'a>(site: &Site<'a>, id: BlockId, all: &mut Vec<Match<'a>>) {
    for child in &site.block(id).children {
        all.extend(site.location(*child));
        below(site, *child, all);
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn what_leads_to_another_place_is_fine() {
        found(
            &RULE,
            &[
                r#"location / { try_files $uri $uri; }"#,
                r#"location / { try_files $uri /x$uri; }"#,
            ],
        );
        fine(
            &RULE,
            &[
                r#"location / { try_files $uri /index.html; }"#,
                r#"location / { try_files $uri @app; }
location @app { return 200; }"#,
                r#"location / { try_files $uri /x$uri; }
location /x { return 200; }"#,
                r#"location / { try_files $uri $uri.php; }
location ~ \.php$ { return 200; }"#,
                r#"location / { try_files $uri /index.php?q=$uri; }"#,
            ],
        );
    }
}
