//! Locations that no request can reach.

use crate::diagnostic::Code;
use crate::lint::site::{BlockId, How, Match, Site};
use crate::lint::{Check, Hits, Rule};

/// The rule.
pub static RULE: Rule = Rule {
    code: Code {
        number: "L0105",
        name: "unreachable-location",
    },
    summary: "a location that can never match",
    why: "Regular expressions are tried in the order in which they stand, and the first that matches is taken: one\n\
          behind another that matches all the same paths is never used. Nor is one that only fits paths below a\n\
          \"^~\" prefix, where regular expressions are not tried at all, nor a prefix whose paths all match one.",
    bad: "location ~ \\.php$ {\n    return 403;\n}\nlocation ~ ^/app/.*\\.php$ {\n    fastcgi_pass 127.0.0.1:9000;\n}\n",
    good: "location ~ ^/app/.*\\.php$ {\n    fastcgi_pass 127.0.0.1:9000;\n}\nlocation ~ \\.php$ {\n    return 403;\n}\n",
    strict: false,
    check: Check::Blocks(check),
};

fn check(site: &Site<'_>, id: BlockId, hits: &mut Hits) {
    let inside: Vec<_> = site
        .block(id)
        .children
        .iter()
        .filter_map(|child| Some((*child, site.location(*child)?)))
        .collect();
    let mut regexes: Vec<(BlockId, Match<'_>, Option<Whole>)> = Vec::new();
    let whole: Vec<_> = inside
        .iter()
        .filter_map(|(child, other)| Some((*child, Whole::of(other)?)))
        .collect();
    let prefixes = inside.iter().filter(|(_, of)| of.how == How::Prefix);
    for (child, location) in prefixes {
        let taken = whole.iter().find(|(_, other)| other.takes(location.text));
        if let (Some((other, _)), Some(node)) = (taken, site.block(*child).node)
            && !has_other_uses(site, *child, location)
        {
            report(site, hits, node, location, *other, "takes these paths");
        }
    }
    for (child, location) in &inside {
        let How::Regex(caseless) = location.how else {
            continue;
        };
        let Some(node) = site.block(*child).node else {
            continue;
        };
        let later = Later {
            pattern: location.text,
            caseless,
            start: literal_start(location.text).map(|(start, _)| start),
        };
        let earlier = regexes
            .iter()
            .find(|(_, other, whole)| covers(other, whole.as_ref(), &later));
        let shield = inside.iter().find(|(_, other)| {
            other.how == How::NoRegex
                && !caseless
                && literal_start(location.text)
                    .is_some_and(|(start, _)| start.starts_with(other.text))
        });
        if let Some((other, ..)) = earlier {
            report(site, hits, node, location, *other, "matches first");
        } else if let Some((other, _)) = shield {
            report(
                site,
                hits,
                node,
                location,
                *other,
                "takes these paths before",
            );
        }
        regexes.push((*child, *location, Whole::of(location)));
    }
}

fn report(
    site: &Site<'_>,
    hits: &mut Hits,
    node: &crate::config::tree::Node,
    location: &Match<'_>,
    other: BlockId,
    why: &str,
) {
    let place = site.head(other).unwrap_or(location.span);
    let (title, line) = (site.title(other), site.place(place, location.span));
    let words = std::iter::once(&node.name).chain(&node.args);
    let name = words.map(|word| word.str()).collect::<Vec<_>>().join(" ");
    hits.add(
        node,
        location.span,
        format!("\"{name}\" can never match: \"{title}\" ({line}) {why}"),
    )
    .also(place, why)
    .help(match location.how {
        How::Prefix => {
            "write \"^~\" before its path if regular expressions are not to be tried, or remove it"
        }
        _ => "move it in front of the other one, or remove it",
    });
}

/// A pattern that matches whatever begins with some fixed characters.
struct Whole {
    caseless: bool,
    start: Vec<u8>,
}

impl Whole {
    fn of(location: &Match<'_>) -> Option<Self> {
        let How::Regex(caseless) = location.how else {
            return None;
        };
        let (start, rest) = literal_start(location.text)?;
        let all = [&b""[..], b".*", b"(.*)", b".*$", b"(.*)$"].contains(&rest);
        (all && !start.is_empty()).then_some(Self { caseless, start })
    }

    /// Whether it matches all that begins like this.
    fn takes(&self, text: &[u8]) -> bool {
        let start = text.get(..self.start.len());
        start.is_some_and(|start| match self.caseless {
            true => start.eq_ignore_ascii_case(&self.start),
            false => start == self.start,
        })
    }
}

/// What is in a location is tried before the patterns beside it, and one that passes requests on sends those without its last
/// slash to itself.
fn has_other_uses(site: &Site<'_>, id: BlockId, location: &Match<'_>) -> bool {
    let passes = || {
        ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass"]
            .iter()
            .any(|name| site.has(id, name))
    };
    !site.block(id).children.is_empty() || location.text.ends_with(b"/") && passes()
}

/// A pattern that stands behind others.
struct Later<'a> {
    pattern: &'a [u8],
    caseless: bool,
    start: Option<Vec<u8>>,
}

/// Whether an earlier pattern matches all that a later one matches, where that is plain to see: the same pattern, a fixed
/// beginning such as `^/app/`, or an ending such as `\.php$` that the later one has, too.
fn covers(earlier: &Match<'_>, whole: Option<&Whole>, later: &Later<'_>) -> bool {
    let How::Regex(earlier_caseless) = earlier.how else {
        return false;
    };
    if later.caseless && !earlier_caseless {
        return false;
    }
    if earlier.text == later.pattern {
        return true;
    }
    if let (Some(whole), Some(start)) = (whole, &later.start) {
        return whole.takes(start);
    }
    let plain = earlier
        .text
        .strip_prefix(b"\\.")
        .and_then(|rest| rest.strip_suffix(b"$"));
    plain.is_some_and(|ending| {
        let alone = later.pattern.strip_suffix(earlier.text);
        ending.iter().all(u8::is_ascii_alphanumeric)
            && alone.is_some_and(|before| !before.ends_with(b"\\") && !before.contains(&b'|'))
    })
}

/// The characters that every match of a pattern begins with, and the rest of the pattern.
fn literal_start(pattern: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if pattern.contains(&b'|') {
        return None;
    }
    let mut start = Vec::new();
    let mut rest = pattern.strip_prefix(b"^")?;
    loop {
        let (byte, behind) = match rest {
            [b'\\', c, behind @ ..] if c.is_ascii_punctuation() => (*c, behind),
            [c, behind @ ..] if c.is_ascii_alphanumeric() || b"/_-,:%@~=&!'".contains(c) => {
                (*c, behind)
            }
            _ => return Some((start, rest)),
        };
        if matches!(behind.first(), Some(b'?' | b'*' | b'{')) {
            return Some((start, rest));
        }
        start.push(byte);
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::lint::testing::{fine, found};

    #[test]
    fn what_is_plain_to_see_and_nothing_else() {
        found(
            &RULE,
            &[
                "location ~ ^/a { return 200; }\nlocation ~ ^/a { return 201; }",
                "location ^~ /img/ { return 200; }\nlocation ~ ^/img/.*\\.png$ { return 201; }",
                "location ~ ^/img/ { return 200; }\nlocation ~ ^/img/.*\\.png$ { return 201; }",
                "location ~* ^/Img/(.*)$ { return 200; }\nlocation ~ ^/img/x$ { return 201; }",
                "location /img/x/ { return 200; }\nlocation ~ ^/img/ { return 201; }",
            ],
        );
        fine(
            &RULE,
            &[
                "location ~ \\.php$ { return 200; }\nlocation ~* \\.php$ { return 201; }",
                "location ^~ /img/ { return 200; }\nlocation ~ ^/im(g|age)/ { return 201; }",
                "location ^~ /img/ { return 200; }\nlocation ~ \\.png$ { return 201; }",
                "location ~ ^/img/a+ { return 200; }\nlocation ~ ^/img/ { return 201; }",
                "location ~ ^/img/ { return 200; }\nlocation ~* ^/img/x { return 201; }",
                "location ~ ^/img/?$ { return 200; }\nlocation /img/ { return 201; }",
                "location ~ ^/img/ { return 200; }\nlocation ^~ /img/x { return 201; }\nlocation = /img/y { return 202; }",
                "location ~ ^/img/ { return 200; }\nlocation /img/ { proxy_pass http://127.0.0.1:1; }",
            ],
        );
    }
}
