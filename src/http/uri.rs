//! The path that locations are matched against: percent-decoded, without dot segments, slashes merged, as nginx does
//! it. All of it is bytes; a request's own text stays as it came beside it.

/// The target is refused: a malformed or zero escape, or `..` above the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("client sent invalid request")]
pub struct BadUri;

/// What a target was made of. Offsets into the input are named so, the others count in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Offset in the input of the query, behind the `?`.
    pub query: Option<usize>,
    /// Offset in the input where path and query end: its length, or where a `#fragment` starts.
    pub end: usize,
    /// Offset in the output of the file name extension, behind its dot.
    pub extension: Option<usize>,
    /// The path had a dot segment, a double slash or a fragment (nginx's `complex_uri`).
    pub complex: bool,
    /// The path had percent-escapes (nginx's `quoted_uri`).
    pub quoted: bool,
    /// The path had a `+`, plain or escaped (nginx's `plus_in_uri`).
    pub plus: bool,
    /// An absolute-form target without a path: the output's `/` is not in the input (nginx's `empty_path_in_uri`).
    pub empty_path: bool,
}

impl Parsed {
    /// The query, without `?` and fragment; empty if there is none.
    pub fn query_of<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        self.query
            .and_then(|start| input.get(start..self.end))
            .unwrap_or_default()
    }

    /// Whether the output is not simply the path of the input.
    pub fn changed(&self) -> bool {
        self.complex || self.quoted || self.empty_path
    }

    /// Whether the target ended in a fragment, which no client should send (RFC 9112 section 3.2).
    pub fn has_fragment(&self, input: &[u8]) -> bool {
        self.end < input.len()
    }
}

/// Normalises path and query of a request target (`Head::path_query`) into `out`, replacing what is there.
pub fn normalise(input: &[u8], merge_slashes: bool, out: &mut Vec<u8>) -> Result<Parsed, BadUri> {
    out.clear();
    if let Some(parsed) = simple(input) {
        let path = parsed.query.map_or(input.len(), |query| query - 1);
        out.extend_from_slice(input.get(..path).unwrap_or_default());
        return Ok(parsed);
    }
    let mut walk = Walk {
        input,
        at: 0,
        merge_slashes,
        out,
        parsed: flags(input),
    };
    walk.path()?;
    let mut parsed = walk.parsed;
    if let Some(query) = parsed.query {
        let fragment = memchr::memchr(b'#', input.get(query..).unwrap_or_default());
        parsed.end = fragment.map_or(input.len(), |at| query + at);
    }
    Ok(parsed)
}

/// A URI that an upstream or a client gives for use inside the server would leave the document root, or is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsafe URI")]
pub struct UnsafeUri;

/// Takes a URI from a header (X-Accel-Redirect, Destination): decodes the path into `path`, replacing what is there,
/// and returns the query. Refused are an empty path, a zero byte and `..` as a segment, before and after decoding.
/// Stricter than nginx, which overlooks a `..` that a `?` follows.
pub fn internal<'a>(uri: &'a [u8], path: &mut Vec<u8>) -> Result<&'a [u8], UnsafeUri> {
    let question = memchr::memchr(b'?', uri);
    let written = uri.get(..question.unwrap_or(uri.len())).unwrap_or_default();
    path.clear();
    if memchr::memchr(b'%', written).is_some() {
        check_internal(written)?;
        super::escape::unescape(super::escape::Unescape::All, written, path);
    } else {
        path.extend_from_slice(written);
    }
    check_internal(path)?;
    Ok(question
        .and_then(|at| uri.get(at + 1..))
        .unwrap_or_default())
}

fn check_internal(path: &[u8]) -> Result<(), UnsafeUri> {
    let climbs = path.split(|b| *b == b'/').any(|segment| segment == b"..");
    if path.is_empty() || climbs || memchr::memchr(0, path).is_some() {
        Err(UnsafeUri)
    } else {
        Ok(())
    }
}

/// The usual path needs no work. `None` where it is not obviously so.
fn simple(input: &[u8]) -> Option<Parsed> {
    let mut parsed = Parsed {
        end: input.len(),
        ..Parsed::default()
    };
    let (b'/', rest) = input.split_first()? else {
        return None;
    };
    let mut after_slash = true;
    for (i, &byte) in rest.iter().enumerate() {
        match byte {
            b'%' | b'#' | 0 => return None,
            b'/' | b'.' if after_slash => return None,
            b'/' => {
                parsed.extension = None;
                after_slash = true;
                continue;
            }
            b'.' => parsed.extension = Some(i + 2),
            b'+' => {
                // nginx takes what follows for a segment's start still: a dot there makes it look closer.
                parsed.plus = true;
                continue;
            }
            b'?' => {
                let query = i + 2;
                if memchr::memchr(b'#', input.get(query..)?).is_some() {
                    return None;
                }
                parsed.query = Some(query);
                return Some(parsed);
            }
            _ => {}
        }
        after_slash = false;
    }
    Some(parsed)
}

/// nginx's flags of a path that is not simple. It stops looking at the first oddity, so that at most one of `complex`
/// and `quoted` comes from here; the walk finds escapes behind it.
fn flags(input: &[u8]) -> Parsed {
    let mut parsed = Parsed {
        end: input.len(),
        empty_path: input.first() != Some(&b'/'),
        ..Parsed::default()
    };
    let mut after_slash = false;
    for &byte in input {
        match byte {
            b'%' => {
                parsed.quoted = true;
                break;
            }
            b'/' | b'.' if after_slash => {
                parsed.complex = true;
                break;
            }
            b'?' | b'#' => break,
            b'+' => {
                parsed.plus = true;
                continue;
            }
            _ => {}
        }
        after_slash = byte == b'/';
    }
    parsed.complex |= memchr::memchr(b'#', input).is_some();
    parsed
}

/// A walk over the path.
struct Walk<'a> {
    input: &'a [u8],
    at: usize,
    merge_slashes: bool,
    out: &'a mut Vec<u8>,
    parsed: Parsed,
}

/// What stands before the byte in its segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Usual,
    Slash,
    Dot,
    DotDot,
}

/// One character of the path.
enum Char {
    /// As it is written, or an escape that means the same.
    Plain(u8),
    /// An escaped `%`, `#` or `?`: part of the name.
    Literal(u8),
    /// The path ends here.
    End,
}

impl Walk<'_> {
    fn path(&mut self) -> Result<(), BadUri> {
        let mut place = Place::Usual;
        if self.parsed.empty_path {
            self.out.push(b'/');
        }
        loop {
            place = match (self.next()?, place) {
                (Char::End, place) => return self.leave(place),
                (Char::Literal(byte), _) => {
                    self.out.push(byte);
                    Place::Usual
                }
                (Char::Plain(b'/'), Place::Usual) => {
                    self.parsed.extension = None;
                    self.out.push(b'/');
                    Place::Slash
                }
                (Char::Plain(b'/'), Place::Slash) => {
                    if !self.merge_slashes {
                        self.out.push(b'/');
                    }
                    Place::Slash
                }
                (Char::Plain(b'/'), place) => {
                    self.leave(place)?;
                    Place::Slash
                }
                (Char::Plain(b'.'), place) => {
                    self.out.push(b'.');
                    match place {
                        Place::Slash => Place::Dot,
                        Place::Dot => Place::DotDot,
                        Place::DotDot => Place::Usual,
                        Place::Usual => {
                            self.parsed.extension = Some(self.out.len());
                            Place::Usual
                        }
                    }
                }
                (Char::Plain(byte), _) => {
                    self.parsed.plus |= byte == b'+';
                    self.out.push(byte);
                    Place::Usual
                }
            };
        }
    }

    /// Ends a segment: `.` goes away, `..` takes the one before with it.
    fn leave(&mut self, place: Place) -> Result<(), BadUri> {
        match place {
            Place::Usual | Place::Slash => {}
            Place::Dot => {
                self.out.pop();
            }
            Place::DotDot => {
                let before = self
                    .out
                    .len()
                    .checked_sub(3)
                    .and_then(|end| self.out.get(..end))
                    .unwrap_or_default();
                let slash = memchr::memrchr(b'/', before).ok_or(BadUri)?;
                self.out.truncate(slash + 1);
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Char, BadUri> {
        let Some(&byte) = self.input.get(self.at) else {
            return Ok(Char::End);
        };
        self.at += 1;
        match byte {
            b'?' => {
                self.parsed.query = Some(self.at);
                Ok(Char::End)
            }
            b'#' => {
                self.parsed.end = self.at - 1;
                Ok(Char::End)
            }
            0 => Err(BadUri),
            b'%' => {
                self.parsed.quoted = true;
                let high = self.digit().ok_or(BadUri)?;
                let low = self.digit().ok_or(BadUri)?;
                match high << 4 | low {
                    0 => Err(BadUri),
                    byte @ (b'%' | b'#' | b'?') => Ok(Char::Literal(byte)),
                    byte => Ok(Char::Plain(byte)),
                }
            }
            _ => Ok(Char::Plain(byte)),
        }
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = char::from(*self.input.get(self.at)?).to_digit(16)?;
        self.at += 1;
        u8::try_from(digit).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn normal(input: &str) -> Option<String> {
        let mut out = b"old".to_vec();
        let parsed = normalise(input.as_bytes(), true, &mut out).ok()?;
        let query = String::from_utf8_lossy(parsed.query_of(input.as_bytes())).into_owned();
        let extension = parsed
            .extension
            .map(|at| String::from_utf8_lossy(&out[at..]).into_owned());
        let path = String::from_utf8_lossy(&out).into_owned();
        Some(
            [Some(path), Some(query), extension]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("|"),
        )
    }

    #[test]
    fn paths() {
        for (input, expected) in [
            ("/", "/|"),
            ("", "/|"),
            ("?a", "/|a"),
            ("?a#b", "/|a"),
            ("/a.b.c?x=%20?y", "/a.b.c|x=%20?y|c"),
            ("/a.b/c", "/a.b/c|"),
            ("/.htaccess", "/.htaccess|"),
            ("/a.b/../c.d", "/c.d||d"),
            ("/a/./b/.", "/a/b/|"),
            ("/a/b/..", "/a/|"),
            ("/a/b/..?q", "/a/|q"),
            ("/a/b/..#f?q", "/a/|"),
            ("/a/...", "/a/...|"),
            ("/a/..b", "/a/..b|"),
            ("//a///b", "/a/b|"),
            ("/%2e%2E/", "ERR"),
            ("/a%2F%2e%2e/b", "/b|"),
            ("/a%2f/b", "/a/b|"),
            ("/%41%zz", "ERR"),
            ("/%4", "ERR"),
            ("/%", "ERR"),
            ("/%00", "ERR"),
            ("/a\0", "ERR"),
            ("/..", "ERR"),
            ("/a/../..", "ERR"),
            ("/a%3Fb%23c%25", "/a?b#c%|"),
            ("/a%2eb", "/a.b||b"),
            ("/a#b", "/a|"),
            ("/%02", "/\u{2}|"),
            ("/+.a+", "/+.a+||a+"),
            ("/.%2e/a", "ERR"),
            ("/x/.%2e/a", "/a|"),
            ("/x/..%3f", "/x/..?|"),
        ] {
            assert_eq!(normal(input).unwrap_or("ERR".into()), expected, "{input}");
        }
    }

    #[test]
    fn from_headers() {
        let of = |uri: &str| {
            let mut path = Vec::new();
            let query = internal(uri.as_bytes(), &mut path).ok()?;
            Some((
                String::from_utf8(path).ok()?,
                String::from_utf8(query.to_vec()).ok()?,
            ))
        };
        assert_eq!(of("/a%20b?c%20d"), Some(("/a b".into(), "c%20d".into())));
        assert_eq!(of("/a/..b/c?"), Some(("/a/..b/c".into(), String::new())));
        for uri in [
            "", "?a", "..", "../a", "/a/../b", "/a/..", "/..?x", "/%2e./a", "/a%2f..", "/a\0",
            "/%00",
        ] {
            assert_eq!(of(uri), None, "{uri}");
        }
    }

    #[test]
    fn slashes_kept() {
        for (input, expected) in [
            ("/foo//../bar", "/foo/bar"),
            ("/foo///../bar", "/foo//bar"),
            ("//", "//"),
        ] {
            let mut out = Vec::new();
            normalise(input.as_bytes(), false, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn flagged() {
        let of = |input: &[u8]| normalise(input, true, &mut Vec::new()).unwrap();
        assert!(!of(b"/a?b%20..//#".split_last().unwrap().1).changed());
        assert!(of(b"/a+").plus && of(b"/%2B").plus && !of(b"/a?+").plus);
        assert!(of(b"/a//b").complex && of(b"/a#").complex && of(b"/a?#").has_fragment(b"/a?#"));
        assert!(of(b"/%41").quoted && of(b"?").empty_path && !of(b"/?%41").quoted);
    }

    /// The rules in a slow and obvious form: decode, then go through the segments.
    fn naive(input: &[u8]) -> Option<Vec<u8>> {
        let path = input.split(|b| matches!(b, b'?' | b'#')).next()?;
        let (mut decoded, mut at) = (Vec::new(), 0);
        while at < path.len() {
            if path[at] == b'%' {
                let digits = std::str::from_utf8(path.get(at + 1..at + 3)?).ok()?;
                let byte = digits
                    .bytes()
                    .all(|b| b.is_ascii_hexdigit())
                    .then(|| u8::from_str_radix(digits, 16))?
                    .ok()?;
                decoded.push((byte != 0).then_some(byte)?);
                at += 3;
            } else {
                decoded.push(path[at]);
                at += 1;
            }
        }
        let segments: Vec<&[u8]> = decoded.split(|b| *b == b'/').skip(1).collect();
        let mut kept: Vec<&[u8]> = Vec::new();
        for (i, segment) in segments.iter().enumerate() {
            let last = i + 1 == segments.len();
            match *segment {
                b".." => {
                    kept.pop()?;
                    kept.extend(last.then_some(&b""[..]));
                }
                b"." | b"" => kept.extend(last.then_some(&b""[..])),
                name => kept.push(name),
            }
        }
        Some(
            kept.iter()
                .flat_map(|name| [b"/", *name].concat())
                .collect(),
        )
    }

    proptest! {
        #[test]
        fn like_the_naive_one(input in "/[ab./%2eF?#+]{0,16}") {
            let mut out = Vec::new();
            let got = normalise(input.as_bytes(), true, &mut out).ok().map(|_| out);
            prop_assert_eq!(got, naive(input.as_bytes()));
        }

        #[test]
        fn no_panic(input in proptest::collection::vec(any::<u8>(), 0..40), merge in any::<bool>()) {
            let mut out = Vec::new();
            let _ = normalise(&input, merge, &mut out);
        }
    }
}
