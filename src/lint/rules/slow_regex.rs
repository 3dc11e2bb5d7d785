//! `^(a+)+$`

use crate::config::span::Span;
use crate::config::tree::Node;
use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Kind, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0112",
        name: "slow-regex",
    },
    summary: "a regular expression that can take very long",
    why: "A repeated group whose inside is itself repeated, as in (a+)+, can divide a text in ever more ways: on a path that\n\
          nearly fits, all are tried. A request of some hundred bytes keeps a processor busy until PCRE2's limit stops it.\n\
          Repeat only once, or put something between that must be there: (/[a-z]+)+ is fine.",
    bad: "location ~ ^/(\\w+)*$ {\n\
          \x20   return 200;\n\
          }\n",
    good: "location ~ ^/\\w*$ {\n\
          \x20   return 200;\n\
          }\n",
    strict: false,
    check: Check::Blocks(block),
};

fn block(site: &Site<'_>, id: BlockId, hits: &mut Hits) {
    let block = site.block(id);
    if let (Some(node), Some(location)) = (block.node, site.location(id))
        && matches!(location.how, How::Regex(_))
    {
        pattern(node, location.text, location.span, hits);
    }
    if let (Kind::If, Some(node)) = (block.kind, block.node) {
        let pairs = node.args.iter().zip(node.args.iter().skip(1));
        for (_, word) in pairs.filter(|(operator, _)| {
            operator.text.starts_with(b"~") || operator.text.starts_with(b"!~")
        }) {
            pattern(node, &word.text, word.span, hits);
        }
    }
    for node in &block.settings {
        let found = match &node.name.text[..] {
            b"rewrite" => node.arg(0).map(|word| (&word.text[..], word.span)),
            b"server_name" => node
                .args
                .iter()
                .find_map(|word| Some((word.text.strip_prefix(b"~")?, word.span))),
            _ => None,
        };
        if let Some((text, span)) = found {
            pattern(node, text, span, hits);
        }
    }
}

fn pattern(node: &Node, text: &[u8], span: Span, hits: &mut Hits) {
    if let Some(group) = nested_repeat(text) {
        let group = String::from_utf8_lossy(group).into_owned();
        hits.add(
            node,
            span,
            format!("\"{group}\" repeats a repetition: matching can take very long"),
        )
        .help("repeat once, or begin the group with something that must be there");
    }
}

/// A group that is repeated without bound, and of which one alternative is nothing but repetitions without bound and what
/// may be left out.
fn nested_repeat(text: &[u8]) -> Option<&[u8]> {
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 1,
            b'[' => at = class_end(text, at),
            b'(' => open.push(at),
            b')' => {
                let start = open.pop()?;
                let inside = text.get(start + 1..at)?;
                let end = at + 1;
                if unbounded(text, end)
                    && !inside.starts_with(b"?>")
                    && alternatives(inside).any(is_loose)
                {
                    return text.get(start..end + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where a class `[...]` ends.
fn class_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    if text.get(at) == Some(&b'^') {
        at += 1;
    }
    // A "]" that comes first is a member.
    if text.get(at) == Some(&b']') {
        at += 1;
    }
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 1,
            b']' => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// Whether what ends at this place is repeated without bound, and not possessively.
fn unbounded(text: &[u8], at: usize) -> bool {
    matches!(text.get(at), Some(b'*' | b'+')) && text.get(at + 1) != Some(&b'+')
}

fn alternatives(inside: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inside = inside.strip_prefix(b"?:").unwrap_or(inside);
    let plain = !inside.iter().any(|b| matches!(b, b'(' | b'['));
    let parts: Vec<&[u8]> = match plain {
        true => inside.split(|b| *b == b'|').collect(),
        false => vec![inside],
    };
    parts.into_iter()
}

/// Whether a sequence holds a repetition without bound and nothing that must be there besides.
fn is_loose(sequence: &[u8]) -> bool {
    let (mut at, mut repeats) = (0, false);
    while let Some(byte) = sequence.get(at) {
        let end = match byte {
            b'\\' => at + 2,
            b'[' => class_end(sequence, at) + 1,
            b'(' | b')' | b'|' | b'^' | b'$' => return false,
            _ => at + 1,
        };
        match sequence.get(end) {
            Some(b'*' | b'+') if unbounded(sequence, end) => repeats = true,
            Some(b'*' | b'?') => {}
            _ => return false,
        }
        at = end + 1;
    }
    repeats
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn only_what_is_nothing_but_repeated() {
        found(
            &RULE,
            &[
                r#"location ~ ^/([a-z]+)*$ { return 200; }"#,
                r#"location ~ "^/(?:.*)+x" { return 200; }"#,
                r#"rewrite ^/(a+)+$ /b;"#,
            ],
        );
        fine(
            &RULE,
            &[
                r#"location ~ ^(/[^/]+)*$ { return 200; }"#,
                r#"location ~ ^/(.*)$ { return 200; }"#,
                r#"location ~ ^/(a|b)+$ { return 200; }"#,
                r#"location ~ "^/([a-z]{1,3})+$" { return 200; }"#,
            ],
        );
    }
}
