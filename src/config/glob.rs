//! File name patterns as libc's `glob` understands them: `*`, `?`, `[a-z]`, `[!x]`, `[[:digit:]]`, `\`; a dot at the
//! start of a name is matched only by a dot. The result is sorted by bytes, whole paths compared.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Whether the text has a character that makes it a pattern; nginx takes others as plain file names.
pub fn is_pattern(path: &Path) -> bool {
    path.as_os_str()
        .as_bytes()
        .iter()
        .any(|b| matches!(b, b'*' | b'?' | b'['))
}

/// The paths that match. Directories that cannot be read are passed over, as libc does.
pub fn glob(pattern: &Path) -> Vec<PathBuf> {
    let pattern = pattern.as_os_str().as_bytes();
    let mut found: Vec<Vec<u8>> = vec![Vec::new()];
    for part in pattern.split_inclusive(|&b| b == b'/') {
        let (name, slash) = match part.strip_suffix(b"/") {
            Some(name) => (name, true),
            None => (part, false),
        };
        found = found
            .into_iter()
            .flat_map(|dir| step(&dir, name, slash))
            .collect();
    }
    found.sort_unstable();
    found
        .into_iter()
        .map(|path| PathBuf::from(OsString::from_vec(path)))
        .collect()
}

/// The paths below `dir` whose next part matches `name`.
fn step(dir: &[u8], name: &[u8], slash: bool) -> Vec<Vec<u8>> {
    let path_to = |name: &[u8]| {
        let mut path = [dir, name].concat();
        path.extend(slash.then_some(b'/'));
        path
    };
    if !name.iter().any(|b| matches!(b, b'*' | b'?' | b'[' | b'\\')) {
        let path = path_to(name);
        let there = slash
            || Path::new(OsStr::from_bytes(&path))
                .symlink_metadata()
                .is_ok();
        return if there { vec![path] } else { Vec::new() };
    }
    let at = if dir.is_empty() { b"." } else { dir };
    let Ok(entries) = std::fs::read_dir(OsStr::from_bytes(at)) else {
        return Vec::new();
    };
    // A directory has two more entries, which `.*` matches.
    let dots = [b".".to_vec(), b"..".to_vec()];
    entries
        .flatten()
        .filter(|entry| !slash || entry.path().is_dir())
        .map(|entry| entry.file_name().into_vec())
        .chain(dots)
        .filter(|entry| matches(name, entry))
        .map(|entry| path_to(&entry))
        .collect()
}

/// Whether a name matches a pattern without slashes.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && !matches!(pattern, [b'.', ..] | [b'\\', b'.', ..]) {
        return false;
    }
    // The last `*` seen: what follows it, and what it has not eaten yet. Going back to it alone is enough.
    let mut star: Option<(&[u8], &[u8])> = None;
    let (mut pattern, mut name) = (pattern, name);
    loop {
        let step = match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                star = Some((rest, name));
                pattern = rest;
                continue;
            }
            (None, None) => return true,
            (Some(_), Some((&byte, after))) => one(pattern, byte).map(|rest| (rest, after)),
            _ => None,
        };
        (pattern, name) = match (step, star) {
            (Some(next), _) => next,
            (None, Some((rest, eaten))) => {
                let Some((_, eaten)) = eaten.split_first() else {
                    return false;
                };
                star = Some((rest, eaten));
                (rest, eaten)
            }
            (None, None) => return false,
        };
    }
}

/// What is left of the pattern if its first element matches the byte.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'\\', literal, rest @ ..] => (*literal == byte).then_some(rest),
        [b'[', set @ ..] => match in_set(set, byte) {
            Some((hit, rest)) => hit.then_some(rest),
            None => (byte == b'[').then_some(set),
        },
        [literal, rest @ ..] => (*literal == byte).then_some(rest),
        [] => None,
    }
}

/// Whether the byte is in the set behind a `[`, and what follows the `]`; none if there is no `]`.
fn in_set(set: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match set {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let (mut hit, mut impossible) = (false, false);
    let mut first = true;
    loop {
        if let ([b']', rest @ ..], false) = (rest, first) {
            return Some(((hit != negated) && !impossible, rest));
        }
        first = false;
        if let Some((name, behind)) = class(rest) {
            // A pattern with a class that does not exist matches nothing.
            match is_of_class(name, byte) {
                Some(is) => hit |= is,
                None => impossible = true,
            }
            rest = behind;
            continue;
        }
        let (low, behind) = literal(rest)?;
        rest = behind;
        let mut high = low;
        if let [b'-', end @ ..] = behind
            && !end.starts_with(b"]")
        {
            (high, rest) = literal(end)?;
        }
        hit |= (low..=high).contains(&byte);
    }
}

/// One character of a set, alone or as an end of a range, and what follows it.
fn literal(set: &[u8]) -> Option<(u8, &[u8])> {
    match set {
        [b'\\', byte, rest @ ..] | [byte, rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

/// The name in `[:name:]`, and what follows it.
fn class(set: &[u8]) -> Option<(&[u8], &[u8])> {
    let named = set.strip_prefix(b"[:")?;
    let length = named.iter().position(|b| !b.is_ascii_lowercase())?;
    let (name, behind) = named.split_at(length);
    Some((name, behind.strip_prefix(b":]")?))
}

/// Whether a byte belongs to a class, as in the locale "C"; none if there is no such class.
fn is_of_class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_libc() {
        let yes = [
            ("*.conf", "a.conf"),
            ("*", "x"),
            ("a?c", "abc"),
            ("[a-c]x", "bx"),
            ("[!a]x", "bx"),
            ("a*b*c", "aXbbYc"),
            ("[[:digit:]]*", "1x"),
            ("[![:alpha:]_]x", "1x"),
            ("[a[:digit:]-]", "-"),
            ("[[:x]", "["),
            (r"[\a-\c]", "b"),
            (r"\.x", ".x"),
        ];
        let no = [
            ("*.conf", ".a.conf"),
            ("*", ".x"),
            ("?x", ".x"),
            ("[!a]x", "ax"),
            ("*.conf", "a.conf~"),
            ("a*b", "abc"),
            ("[[:digit:]]", "a"),
            ("[[:nothing:]x]", "x"),
            ("[![:nothing:]]", "x"),
            ("[.]x", ".x"),
        ];
        for (pattern, name) in yes {
            assert!(
                matches(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        for (pattern, name) in no {
            assert!(
                !matches(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        assert!(
            matches(b".*", b".x")
                && matches(b"[]x]", b"]")
                && matches(b"a[b", b"a[b")
                && matches(br"\*", b"*")
        );
    }

    #[test]
    fn whole_paths_are_sorted_by_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "b/1.conf",
            "a/2.conf",
            "a-b/3.conf",
            "B/4.conf",
            "a/.5.conf",
            "a/6.txt",
        ] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = glob(&dir.path().join("*/*.conf"));
        let names: Vec<_> = found
            .iter()
            .map(|p| p.strip_prefix(dir.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["B/4.conf", "a-b/3.conf", "a/2.conf", "b/1.conf"]);
        assert!(glob(&dir.path().join("none/*")).is_empty());
        let hidden = glob(&dir.path().join("a/.*"));
        let names = [".", "..", ".5.conf"].map(|name| dir.path().join(format!("a/{name}")));
        assert!(
            hidden
                .iter()
                .map(|p| p.as_os_str())
                .eq(names.iter().map(|p| p.as_os_str()))
        );
        assert_eq!(
            glob(&dir.path().join("*/1.conf")),
            [dir.path().join("b/1.conf")]
        );
    }
}
