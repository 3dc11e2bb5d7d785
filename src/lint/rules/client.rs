//! Which variables hold what a client wrote.

use crate::lint::site::{BlockId, How, Kind, Site, variables};

/// Whether the client chooses the value freely: fields, arguments, cookies, what a location's pattern captured, and what
/// `set` makes of these.
pub fn chosen_by_client(site: &Site<'_>, id: BlockId, name: &[u8]) -> bool {
    chosen(site, id, name, 0)
}

fn chosen(site: &Site<'_>, id: BlockId, name: &[u8], depth: usize) -> bool {
    const FREE: [&[u8]; 3] = [b"arg_", b"http_", b"cookie_"];
    if FREE.iter().any(|family| name.starts_with(family)) {
        return true;
    }
    if name.iter().all(u8::is_ascii_digit) {
        return site.location_of(id).is_some_and(|location| {
            matches!(location.how, How::Regex(_))
                && !site.has(id, "rewrite")
                && wild(location.text, name)
        });
    }
    if depth > 4 {
        return false;
    }
    site.outwards(id).any(|block| {
        site.own(block, "set").any(|set| {
            let is = set.arg(0).and_then(|word| word.text.strip_prefix(b"$")) == Some(name);
            // What an `if` around has compared is not free any more.
            is && site.kind(block) != Kind::If
                && set.arg(1).is_some_and(|value| {
                    variables(&value.text).any(|inner| {
                        inner != name
                            && !inner.iter().all(u8::is_ascii_digit)
                            && chosen(site, block, inner, depth + 1)
                    })
                })
        })
    })
}

/// Whether a numbered group of a pattern takes any text that could be a host, rather than one of a few words.
fn wild(pattern: &[u8], number: &[u8]) -> bool {
    let Some(number) = std::str::from_utf8(number)
        .ok()
        .and_then(|n| n.parse::<usize>().ok())
    else {
        return false;
    };
    let groups = memchr::memchr_iter(b'(', pattern).filter(|at| {
        let escaped = at.checked_sub(1).and_then(|i| pattern.get(i)) == Some(&b'\\');
        !escaped && pattern.get(at + 1) != Some(&b'?')
    });
    let Some(start) = groups.into_iter().nth(number.saturating_sub(1)) else {
        return false;
    };
    let inner = pattern.get(start + 1..).unwrap_or_default();
    let inner = inner.split(|b| *b == b')').next().unwrap_or_default();
    // `.*` and `[^/]+` take dots and so whole host names; `[a-z]+` and `a|b` do not.
    inner.starts_with(b".") || inner.starts_with(b"[^")
}

/// Whether an `if` around or beside compares the variable, so that only known values come through.
pub fn is_checked(site: &Site<'_>, id: BlockId, name: &[u8]) -> bool {
    let compares = |block: BlockId| {
        let node = site
            .block(block)
            .node
            .filter(|_| site.kind(block) == Kind::If);
        node.is_some_and(|node| {
            node.args
                .iter()
                .any(|word| variables(&word.text).any(|inner| inner == name))
        })
    };
    site.outwards(id).any(|around| {
        compares(around)
            || site
                .block(around)
                .children
                .iter()
                .any(|child| compares(*child))
    })
}
