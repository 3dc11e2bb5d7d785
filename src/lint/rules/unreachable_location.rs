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
          \"^~\" prefix, where regular expressions are not tried at all.",
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
    let mut regexes: Vec<(BlockId, Match<'_>)> = Vec::new();
    for (child, location) in &inside {
        let How::Regex(caseless) = location.how else {
            continue;
        };
        let Some(node) = site.block(*child).node else {
            continue;
        };
        let earlier = regexes
            .iter()
            .find(|(_, other)| covers(other, location.text, caseless));
        let shield = inside.iter().find(|(_, other)| {
            other.how == How::NoRegex
                && literal_start(location.text, caseless)
                    .is_some_and(|start| start.starts_with(other.text))
        });
        if let Some((other, _)) = earlier {
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
        regexes.push((*child, *location));
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
    let name = String::from_utf8_lossy(location.text).into_owned();
    hits.add(
        node,
        location.span,
        format!("location {name} can never match: \"{title}\" ({line}) {why}"),
    )
    .also(place, why)
    .help("move it in front of the other one, or remove it");
}

/// Whether an earlier pattern matches all that a later one matches, where that is plain to see: the same pattern, or an
/// ending such as `\.php$` that the later one ends with.
fn covers(earlier: &Match<'_>, later: &[u8], caseless: bool) -> bool {
    let How::Regex(earlier_caseless) = earlier.how else {
        return false;
    };
    if caseless && !earlier_caseless {
        return false;
    }
    if earlier.text == later {
        return true;
    }
    let plain = earlier
        .text
        .strip_prefix(b"\\.")
        .and_then(|rest| rest.strip_suffix(b"$"));
    plain.is_some_and(|ending| {
        let alone = later.strip_suffix(earlier.text);
        ending.iter().all(u8::is_ascii_alphanumeric)
            && alone.is_some_and(|before| !before.ends_with(b"\\") && !before.contains(&b'|'))
    })
}

/// The characters that every match of a pattern begins with.
fn literal_start(pattern: &[u8], caseless: bool) -> Option<Vec<u8>> {
    if caseless || pattern.contains(&b'|') {
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
            _ => return Some(start),
        };
        if matches!(behind.first(), Some(b'?' | b'*' | b'{')) {
            return Some(start);
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
            ],
        );
        fine(
            &RULE,
            &[
                "location ~ \\.php$ { return 200; }\nlocation ~* \\.php$ { return 201; }",
                "location ^~ /img/ { return 200; }\nlocation ~ ^/im(g|age)/ { return 201; }",
                "location ^~ /img/ { return 200; }\nlocation ~ \\.png$ { return 201; }",
            ],
        );
    }
}
