//! The head of a request: from bytes to [`Head`].
//!
//! Two ways lead there. A head that arrives in one piece and has nothing unusual about it goes through httparse, whose
//! result is checked against nginx's rules. Anything else (a head in several pieces, odd header names, absolute-form
//! targets, mistakes) is read byte by byte, by code that keeps its place and finds mistakes as early as nginx does.

use std::mem::MaybeUninit;

pub use super::bad::Bad;
pub use super::framing::{BodyLength, framing};
use super::{field_line, request_line};
use crate::http::head::{Field, Head, Known, Method, Piece, Version};
use crate::http::{host, uri};

/// What is known about the head after the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// More bytes are needed.
    Partial,
    /// All of it is there.
    Done,
    /// The request is to be refused.
    Bad(Bad),
}

/// What the configuration allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `client_header_buffer_size`, in bytes.
    pub header_buffer: usize,
    /// `large_client_header_buffers`: how many, and the bytes of each.
    pub large_buffers: (usize, usize),
    /// `max_headers`.
    pub max_headers: usize,
}

/// What names fields may have.
#[derive(Clone, Copy, Debug)]
pub struct NameRules {
    /// `ignore_invalid_headers`.
    pub ignore_invalid: bool,
    /// `underscores_in_headers`.
    pub underscores: bool,
}

impl Default for NameRules {
    fn default() -> Self {
        NameRules {
            ignore_invalid: true,
            underscores: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            header_buffer: 1024,
            large_buffers: (4, 8192),
            max_headers: 1000,
        }
    }
}

/// How far the parser has come with a head.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scan {
    /// Place in the request line.
    pub(super) line: request_line::State,
    /// Place in a header line.
    field: field_line::Progress,
    /// The request line is complete.
    in_fields: bool,
    /// Where the current line starts.
    start: usize,
    /// The next byte to look at.
    next: usize,
    /// The minor version.
    pub(super) minor: u16,
    room: Room,
}

/// Reads what is in `head.buf`, which starts with the request; to be called again when bytes were appended to it.
///
/// The path, the host and the framing are not looked at: `uri::normalise`, `host::of_request` and [`framing`] do that,
/// in this order in nginx. Blank lines before the request are removed from the buffer. After `Bad` the head holds what
/// was understood, the request line for the access log at least. `names` is asked about the first name that is not all
/// letters, digits and dashes, and about each after it: the fields so far may decide.
pub fn parse(head: &mut Head, limits: &Limits, names: &dyn Fn(&Head) -> NameRules) -> Outcome {
    if head.scan.next == 0 {
        let blank = head
            .buf
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
        head.buf.drain(..blank);
        if head.buf.is_empty() {
            return Outcome::Partial;
        }
        if whole(head, limits) {
            return Outcome::Done;
        }
        start_over(head, limits);
    }
    match resume(head, limits, names) {
        Ok(true) => Outcome::Done,
        Ok(false) => Outcome::Partial,
        Err(bad) if head.scan.in_fields => Outcome::Bad(earlier(head).unwrap_or(bad)),
        Err(bad) => {
            keep_raw_line(head);
            Outcome::Bad(bad)
        }
    }
}

/// Whether the request line was understood.
pub fn has_line(head: &Head) -> bool {
    head.scan.in_fields
}

/// How many bytes nginx counts of a head that is refused: the lines that were understood, and one whose field is not
/// taken.
pub fn taken(head: &Head) -> u64 {
    match head.scan.in_fields {
        true => head.scan.start as u64,
        false => 0,
    }
}

/// nginx looks at the path when the request line is there, and at the host when its line is: of several mistakes, it
/// complains about one of these before one further down.
fn earlier(head: &Head) -> Option<Bad> {
    let mut scratch = Vec::new();
    if uri::normalise(head.bytes(head.path_query), true, &mut scratch).is_err() {
        return Some(Bad::Request);
    }
    host::of_request(head, &mut scratch).err()
}

/// The usual case. `false` says nothing about the head but that it needs a closer look.
fn whole(head: &mut Head, limits: &Limits) -> bool {
    const USUAL: usize = 64;
    let mut slots = [const { MaybeUninit::uninit() }; USUAL];
    let mut request = httparse::Request::new(&mut []);
    let Ok(httparse::Status::Complete(len)) =
        request.parse_with_uninit_headers(&head.buf, &mut slots)
    else {
        return false;
    };
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return false;
    };
    let text = head.buf.get(..len).unwrap_or_default();
    head.method = Method::of(method.as_bytes());
    let unusual_method = match head.method {
        Method::Connect => true,
        Method::Other => !method.bytes().all(request_line::is_method_byte),
        _ => false,
    };
    // httparse cuts tabs off values, nginx only spaces.
    let unusual = unusual_method
        || !target.starts_with('/')
        || request.headers.len() > limits.max_headers
        || memchr::memchr(b'\t', text).is_some();
    if unusual {
        return false;
    }
    head.method_name = piece_of(text, method.as_bytes());
    head.target = piece_of(text, target.as_bytes());
    head.path_query = head.target;
    head.version_text = Piece {
        start: head.target.end + 1,
        end: head.target.end + 9,
    };
    head.version = if minor == 0 {
        Version::Http10
    } else {
        Version::Http11
    };
    head.line = Piece {
        start: 0,
        end: head.version_text.end,
    };
    for header in request.headers.iter() {
        let name = header.name.as_bytes();
        let known = Known::of(name);
        if known == Known::Other && !name.iter().all(|b| field_line::is_name_byte(*b, false)) {
            return false;
        }
        let field = Field {
            known,
            name: piece_of(text, name),
            value: piece_of(text, header.value),
        };
        if add(&mut head.fields, &mut head.first, field).is_err() {
            return false;
        }
    }
    head.len = len as u32;
    len <= limits.header_buffer || fits(head, limits)
}

/// The offsets of a part of `text`.
pub fn piece_of(text: &[u8], part: &[u8]) -> Piece {
    let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
    Piece {
        start: start as u32,
        end: start.wrapping_add(part.len()) as u32,
    }
}

/// Whether all lines of a complete head fit into nginx's buffers.
fn fits(head: &Head, limits: &Limits) -> bool {
    let len = head.len as usize;
    let blank = if head
        .buf
        .get(..len)
        .is_some_and(|text| text.ends_with(b"\r\n"))
    {
        2
    } else {
        1
    };
    let starts = head
        .fields
        .iter()
        .map(|f| f.name.start as usize)
        .chain([len.saturating_sub(blank), len]);
    let mut room = Room::new(limits);
    let mut line = 0;
    starts.into_iter().all(|next| {
        let length = next.saturating_sub(line);
        line = next;
        length <= room.most(limits) && {
            room.take(length, limits);
            true
        }
    })
}

fn start_over(head: &mut Head, limits: &Limits) {
    head.fields.clear();
    head.dropped.clear();
    let (buf, fields, dropped) = (
        std::mem::take(&mut head.buf),
        std::mem::take(&mut head.fields),
        std::mem::take(&mut head.dropped),
    );
    *head = Head {
        buf,
        fields,
        dropped,
        version: Version::Http10,
        ..Head::default()
    };
    head.scan.room = Room::new(limits);
}

/// Goes on byte by byte; `true` when the head is complete.
fn resume(
    head: &mut Head,
    limits: &Limits,
    names: &dyn Fn(&Head) -> NameRules,
) -> Result<bool, Bad> {
    loop {
        let most = head.scan.room.most(limits);
        let full = head.scan.start.saturating_add(most);
        let to = head.buf.len().min(full);
        let end = if head.scan.in_fields {
            let scanned = field_line::scan(&head.buf, &mut head.scan.field, head.scan.next, to);
            match scanned.map_err(Bad::Field)? {
                field_line::Line::Partial => None,
                field_line::Line::Empty(end) => {
                    head.len = end as u32;
                    return Ok(true);
                }
                field_line::Line::Field {
                    name,
                    value,
                    odd,
                    end,
                } => {
                    let rules = odd.then(|| names(head));
                    if let Err(bad) = take_field(head, limits, name, value, rules) {
                        head.scan.start = end;
                        return Err(bad);
                    }
                    Some(end)
                }
            }
        } else {
            request_line::scan(head, head.scan.next, to)?
        };
        let Some(end) = end else {
            head.scan.next = to;
            return if to == full {
                Err(too_large(head, to))
            } else {
                Ok(false)
            };
        };
        if !head.scan.in_fields {
            head.scan.in_fields = true;
            if head.version == Version::Http09 {
                head.len = end as u32;
                return Ok(true);
            }
        }
        head.scan
            .room
            .take(end.saturating_sub(head.scan.start), limits);
        head.scan.start = end;
        head.scan.next = end;
    }
}

fn take_field(
    head: &mut Head,
    limits: &Limits,
    name: Piece,
    value: Piece,
    odd: Option<NameRules>,
) -> Result<(), Bad> {
    let dropped = odd.is_some_and(|rules| {
        let is_valid = |b: &u8| field_line::is_name_byte(*b, rules.underscores);
        rules.ignore_invalid && !head.bytes(name).iter().all(is_valid)
    });
    if dropped {
        head.dropped.push(Piece {
            start: name.start,
            end: value.end,
        });
        return Ok(());
    }
    if head.fields.len() >= limits.max_headers {
        return Err(Bad::TooManyFields);
    }
    let field = Field {
        known: Known::of(head.bytes(name)),
        name,
        value,
    };
    add(&mut head.fields, &mut head.first, field)
}

/// Adds a field, unless it is a second one of those that nginx takes once.
pub fn add(
    fields: &mut Vec<Field>,
    first: &mut [u16; Known::COUNT],
    field: Field,
) -> Result<(), Bad> {
    if let Some(first) = first.get_mut(field.known as usize) {
        if *first == 0 {
            *first = u16::try_from(fields.len() + 1).unwrap_or(u16::MAX);
        } else if is_unique(field.known) {
            let previous = fields
                .get(usize::from(*first) - 1)
                .copied()
                .unwrap_or(field);
            if field.known != Known::Host {
                // Logs show both.
                fields.push(field);
            }
            return Err(Bad::Duplicate { field, previous });
        }
    }
    fields.push(field);
    Ok(())
}

fn is_unique(known: Known) -> bool {
    matches!(
        known,
        Known::Host
            | Known::IfModifiedSince
            | Known::IfUnmodifiedSince
            | Known::IfMatch
            | Known::IfNoneMatch
            | Known::IfRange
            | Known::ContentLength
            | Known::ContentRange
            | Known::TransferEncoding
            | Known::Expect
            | Known::Authorization
            | Known::ProxyAuthorization
    )
}

fn too_large(head: &Head, end: usize) -> Bad {
    let line = Piece {
        start: head.scan.start as u32,
        end: end as u32,
    };
    match () {
        _ if !head.scan.in_fields => Bad::LineTooLong,
        _ if line.start == line.end => Bad::TooLarge,
        _ => Bad::FieldTooLong(line),
    }
}

/// The access log shows a request line that could not be read as it came.
fn keep_raw_line(head: &mut Head) {
    let end = head
        .buf
        .iter()
        .position(|b| matches!(b, b'\r' | b'\n'))
        .unwrap_or(head.buf.len());
    head.line = Piece {
        start: 0,
        end: end as u32,
    };
}

/// What is left of nginx's buffers for the head: a line must lie in one of them as a whole. The first is
/// `client_header_buffer_size`; a line that does not fit into the current one moves to a new large one.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    /// Bytes left in the current buffer.
    left: usize,
    /// Large buffers not used yet.
    large: usize,
}

impl Room {
    fn new(limits: &Limits) -> Self {
        Room {
            left: limits.header_buffer,
            large: limits.large_buffers.0,
        }
    }

    /// How long the next line may be, its line end included.
    fn most(self, limits: &Limits) -> usize {
        if self.large == 0 {
            self.left
        } else {
            self.left.max(limits.large_buffers.1)
        }
    }

    /// Takes a line that is not longer than `most`.
    fn take(&mut self, length: usize, limits: &Limits) {
        if length <= self.left {
            self.left -= length;
        } else {
            self.large = self.large.saturating_sub(1);
            self.left = limits.large_buffers.1.saturating_sub(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(pieces: &[&[u8]], limits: &Limits) -> (Outcome, Head) {
        feed_by(pieces, limits, NameRules::default())
    }

    fn feed_by(pieces: &[&[u8]], limits: &Limits, rules: NameRules) -> (Outcome, Head) {
        let mut head = Head::default();
        let mut outcome = Outcome::Partial;
        for piece in pieces {
            head.buf.extend_from_slice(piece);
            outcome = parse(&mut head, limits, &|_| rules);
            if outcome != Outcome::Partial {
                break;
            }
        }
        (outcome, head)
    }

    fn one(text: &[u8]) -> (Outcome, Head) {
        feed(&[text], &Limits::default())
    }

    fn text(head: &Head, piece: Piece) -> String {
        String::from_utf8_lossy(head.bytes(piece)).into_owned()
    }

    fn fields(head: &Head) -> Vec<(String, String)> {
        head.fields
            .iter()
            .map(|f| (text(head, f.name), text(head, f.value)))
            .collect()
    }

    fn sentence(bad: Bad, head: &Head) -> String {
        let mut out = Vec::new();
        bad.sentence(head, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn usual() {
        let request =
            b"GET /a?b HTTP/1.1\r\nHost: x\r\nX-Empty:\r\nuser-AGENT:  a b \r\n\r\nGET /next";
        let bytes: Vec<&[u8]> = request.chunks(1).collect();
        for (outcome, head) in [one(request), feed(&bytes, &Limits::default())] {
            assert_eq!(outcome, Outcome::Done);
            assert_eq!(head.method, Method::Get);
            assert_eq!(text(&head, head.line), "GET /a?b HTTP/1.1");
            assert_eq!(text(&head, head.path_query), "/a?b");
            assert_eq!(text(&head, head.version_text), "HTTP/1.1");
            assert_eq!(head.version, Version::Http11);
            assert_eq!(head.get(Known::UserAgent), Some(&b"a b"[..]));
            assert_eq!(fields(&head)[1], ("X-Empty".into(), "".into()));
            assert!(head.buf[head.len as usize..].is_empty() || head.buf.ends_with(b"GET /next"));
            assert_eq!(head.len, 59);
        }
    }

    #[test]
    fn served_by_nginx_though_odd() {
        for (request, path, version) in [
            (&b"\r\n\n\rGET / HTTP/1.0\n\n"[..], "/", Version::Http10),
            (
                b"GET   /x   HTTP/1.2  \r\nHost: a\r\n\r\n",
                "/x",
                Version::Http11,
            ),
            (b"GET /\r\n", "/", Version::Http09),
            (b"GET /x \n", "/x", Version::Http09),
            (b"MKCOL-X_Y /x HTTP/1.00\r\n\r\n", "/x", Version::Http10),
            (
                b"GET http://A.b:80/p?q HTTP/1.0\r\n\r\n",
                "/p?q",
                Version::Http10,
            ),
            (b"GET http://a?q HTTP/1.0\r\n\r\n", "?q", Version::Http10),
            (b"GET h+1://[::1]:1 HTTP/1.0\r\n\r\n", "", Version::Http10),
            (
                b"GET /\xff\x80 HTTP/1.0\r\n\r\n",
                "/\u{fffd}\u{fffd}",
                Version::Http10,
            ),
            (b"CONNECT a:1 HTTP/1.1\r\n\r\n", "", Version::Http11),
        ] {
            let (outcome, head) = one(request);
            assert_eq!(outcome, Outcome::Done, "{}", request.escape_ascii());
            assert_eq!(text(&head, head.path_query), path);
            assert_eq!(head.version, version);
        }
        let (_, head) = one(b"GET http://A.b:80/p?q HTTP/1.0\r\n\r\n");
        assert_eq!(
            head.authority.map(|p| text(&head, p)).as_deref(),
            Some("A.b:80")
        );
        assert_eq!(head.scheme.map(|p| text(&head, p)).as_deref(), Some("http"));
        assert_eq!(text(&head, head.target), "http://A.b:80/p?q");
    }

    #[test]
    fn refused_lines() {
        for (request, bad) in [
            (&b"get / HTTP/1.1\r\n\r\n"[..], Bad::Method),
            (b"\x16\x03\x01", Bad::Method),
            (b"GET\t/", Bad::Method),
            (b"G/", Bad::Method),
            (b"GET *", Bad::Request),
            (b"GET / /", Bad::Request),
            (b"GET /\x02", Bad::Request),
            (b"GET /\x7f", Bad::Request),
            (b"GET / HTTP/1.1\rX", Bad::Request),
            (b"GET / HTTP/1", Bad::Request),
            (b"GET / HTTP/0.9\r\n", Bad::Request),
            (b"GET / HTTP/1.1000", Bad::Request),
            (b"GET / HTTP/1.1 x", Bad::Request),
            (b"GET / http/1.1\r\n\r\n", Bad::Request),
            (b"GET / HTTP/2.0\r\n\r\n", Bad::Version),
            (b"GET / HTTP/11.0\r\n\r\n", Bad::Version),
            (b"POST /\r\n", Bad::Method09),
            (b"GET http:/a", Bad::Request),
            (b"GET http://a_b/", Bad::Request),
            (b"GET http://a:x/", Bad::Request),
            (b"CONNECT / HTTP/1.1\r\n\r\n", Bad::Request),
            (b"CONNECT a HTTP/1.1\r\n\r\n", Bad::Request),
            (b"CONNECT a:1/ HTTP/1.1\r\n\r\n", Bad::Request),
        ] {
            let (outcome, head) = one(request);
            let partial = bad == Bad::Request && request == b"GET / HTTP/1";
            assert_eq!(
                outcome,
                if partial {
                    Outcome::Partial
                } else {
                    Outcome::Bad(bad)
                },
                "{}",
                request.escape_ascii()
            );
            if !partial {
                let line = request
                    .split(|b| matches!(b, b'\r' | b'\n'))
                    .next()
                    .unwrap();
                assert_eq!(head.bytes(head.line), line);
            }
        }
    }

    #[test]
    fn refused_fields() {
        for line in [
            &b":foo: x"[..],
            b" foo: x",
            b"\tfoo: x",
            b"foo : x",
            b"foo\t: x",
            b"foo\x02: x",
            b"Content-Length : 5",
            b"Content-Length\0: 5",
            b"foo: a\0b",
            b"foo: a\x01b",
            b"foo: a\x7fb",
            b"foo: a\rb",
            b"foo\rb: x",
            b"foo: bar\r",
            b"foo: bar\r\n folded",
            b"\r",
        ] {
            let request = [b"GET / HTTP/1.0\r\nHost: x\r\n", line, b"\r\n\r\n"].concat();
            let (outcome, _) = one(&request);
            assert!(
                matches!(outcome, Outcome::Bad(Bad::Field(_))),
                "{} {outcome:?}",
                line.escape_ascii()
            );
        }
        let (Outcome::Bad(bad), head) = one(b"GET / HTTP/1.0\r\nfoo\x02: x\r\n\r\n") else {
            panic!()
        };
        assert_eq!(
            sentence(bad, &head),
            "client sent invalid header line: \"foo\\x02...\""
        );
        assert_eq!(bad.status(), 400);
        let (Outcome::Bad(bad), head) = one(b"GET / HTTP/1.0\r\nA: b\rc") else {
            panic!()
        };
        assert_eq!(
            sentence(bad, &head),
            "client sent invalid header line: \"A: b\\x0d...\""
        );
    }

    #[test]
    fn invalid_names() {
        let request =
            b"GET / HTTP/1.0\r\nx_a: 1\r\nx.b: 2  \r\nplain\r\n\"\xff: 3\r\nc:\t4\t\r\n\r\n";
        let names = |rules| {
            let (outcome, head) = feed_by(&[request], &Limits::default(), rules);
            assert_eq!(outcome, Outcome::Done);
            (
                fields(&head)
                    .into_iter()
                    .map(|f| f.0)
                    .collect::<Vec<_>>()
                    .join(" "),
                head,
            )
        };
        let (kept, head) = names(NameRules::default());
        assert_eq!(kept, "plain c");
        assert_eq!(head.bytes(head.fields[1].value), b"\t4\t");
        assert_eq!(text(&head, head.dropped[1]), "x.b: 2");
        assert_eq!(
            names(NameRules {
                underscores: true,
                ..NameRules::default()
            })
            .0,
            "x_a plain c"
        );
        let all = NameRules {
            ignore_invalid: false,
            ..NameRules::default()
        };
        assert_eq!(names(all).0, "x_a x.b plain \"\u{fffd} c");
    }

    #[test]
    fn duplicates() {
        let (Outcome::Bad(bad), head) = one(b"GET / HTTP/1.0\r\nHost: a\r\nHOST: b\r\n\r\n") else {
            panic!()
        };
        assert_eq!(
            sentence(bad, &head),
            "client sent duplicate host header: \"HOST: b\", previous value: \"Host: a\""
        );
        let (Outcome::Bad(bad), _) = one(b"GET / HTTP/1.0\r\nIf-Range: a\r\nIf-Range: b\r\n\r\n")
        else {
            panic!()
        };
        assert_eq!(bad.status(), 400);
        let (outcome, head) = one(b"GET / HTTP/1.0\r\nCookie: a\r\nCookie: b\r\n\r\n");
        assert_eq!(
            (outcome, head.all(Known::Cookie).count()),
            (Outcome::Done, 2)
        );
    }

    #[test]
    fn buffers() {
        let limits = Limits {
            header_buffer: 128,
            large_buffers: (2, 256),
            max_headers: 5,
        };
        let status = |request: &str| {
            let bytes: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
            let (whole, head) = feed(&[request.as_bytes()], &limits);
            assert_eq!(whole, feed(&bytes, &limits).0);
            match whole {
                Outcome::Bad(bad) => (bad.status(), sentence(bad, &head).len() < 1800),
                Outcome::Done => (200, true),
                Outcome::Partial => (0, true),
            }
        };
        let line = |len: usize| format!("GET /{} HTTP/1.0\r\n", "x".repeat(len - 16));
        let field = |len: usize| format!("a: {}\r\n", "x".repeat(len - 5));
        assert_eq!(status(&format!("{}\r\n", line(256))).0, 200);
        assert_eq!(status(&line(257)).0, 414);
        assert_eq!(status(&line(300)[..256]).0, 414);
        assert_eq!(status(&line(300)[..255]).0, 0);
        assert_eq!(status(&format!("{}{}\r\n", line(20), field(256))).0, 200);
        assert_eq!(status(&format!("{}{}\r\n", line(20), field(257))).0, 494);
        // 20 bytes in the first buffer, then one field in each of the two large ones.
        assert_eq!(
            status(&format!("{}{}{}\r\n", line(20), field(200), field(200))).0,
            200
        );
        assert_eq!(
            status(&format!(
                "{}{}{}{}\r\n",
                line(20),
                field(200),
                field(200),
                field(200)
            ))
            .0,
            494
        );
        assert_eq!(
            status(&format!("{}{}{}\r\n", line(256), field(128), field(128))).0,
            494
        );
        assert_eq!(
            status(&format!("{}{}\r\n", line(20), field(6).repeat(5))).0,
            200
        );
        assert_eq!(
            status(&format!("{}{}\r\n", line(20), field(6).repeat(6))).0,
            494
        );
    }

    #[test]
    fn body_lengths() {
        let of = |request: &str| {
            let (outcome, head) = one(request.as_bytes());
            match outcome {
                Outcome::Done => framing(&head).map_err(|bad| bad.status()),
                Outcome::Bad(bad) => Err(bad.status()),
                Outcome::Partial => panic!("incomplete"),
            }
        };
        let post = |fields: &str| of(&format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        assert_eq!(post(""), Ok(BodyLength::None));
        assert_eq!(post("Content-Length: 007\r\n"), Ok(BodyLength::Length(7)));
        assert_eq!(
            post("Content-Length: 9223372036854775807\r\n"),
            Ok(BodyLength::Length(i64::MAX as u64))
        );
        assert_eq!(post("Content-Length: 9223372036854775808\r\n"), Err(400));
        for value in [
            "",
            "-1",
            "+1",
            "1,1",
            "1 1",
            "0x1",
            "1.0",
            "99999999999999999999",
        ] {
            assert_eq!(
                post(&format!("Content-Length: {value}\r\n")),
                Err(400),
                "{value}"
            );
        }
        assert_eq!(post("Content-Length: 1\r\nContent-Length: 1\r\n"), Err(400));
        assert_eq!(
            post("Transfer-Encoding: Chunked\r\n"),
            Ok(BodyLength::Chunked)
        );
        assert_eq!(
            post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n"),
            Err(400)
        );
        assert_eq!(
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            Err(400)
        );
        assert_eq!(post("Transfer-Encoding: gzip, chunked\r\n"), Err(501));
        assert_eq!(post("Transfer-Encoding: \tchunked\r\n"), Err(501));
        assert_eq!(
            of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Err(400)
        );
        assert_eq!(of("GET / HTTP/1.1\r\n\r\n"), Err(400));
        assert_eq!(of("TRACE / HTTP/1.0\r\n\r\n"), Err(405));
        assert_eq!(of("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), Err(405));
    }

    fn same(a: &(Outcome, Head), b: &(Outcome, Head)) {
        let ((outcome, a), (other, b)) = (a, b);
        // Pieces of a mistake may end elsewhere when less has arrived.
        match (outcome, other) {
            (Outcome::Bad(x), Outcome::Bad(y)) => assert_eq!(x.status(), y.status()),
            _ => assert_eq!(outcome, other),
        }
        if *outcome == Outcome::Done {
            assert_eq!(
                (a.len, a.line, a.method, a.target, a.path_query),
                (b.len, b.line, b.method, b.target, b.path_query)
            );
            assert_eq!(
                (a.version, a.version_text, a.authority, a.scheme),
                (b.version, b.version_text, b.authority, b.scheme)
            );
            assert_eq!(
                (fields(a), a.first, a.method_name),
                (fields(b), b.first, b.method_name)
            );
        }
    }

    const PARTS: &[&[u8]] = &[
        b"GET ",
        b"POST",
        b"/",
        b"/a?b",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\n",
        b"Host: x\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b":",
        b"a_b: c \r\n",
        b"Content-Length: 1\r\n",
        b"http://a",
        b"x",
        b"\t",
        b"\0",
        b"\xff",
    ];

    proptest! {
        #[test]
        fn pieces_do_not_matter(parts in proptest::collection::vec(prop::sample::select(PARTS), 0..14), usual in any::<bool>()) {
            let start: &[u8] = if usual { b"GET / HTTP/1.1\r\n" } else { b"" };
            let input = [start, &parts.concat()].concat();
            let limits = Limits { header_buffer: 40, large_buffers: (2, 30), ..Limits::default() };
            for limits in [limits, Limits::default()] {
                let bytes: Vec<&[u8]> = input.chunks(1).collect();
                same(&feed(&[&input], &limits), &feed(&bytes, &limits));
            }
        }

        #[test]
        fn random_bytes(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            same(&one(&input), &feed(&bytes, &Limits::default()));
        }
    }
}
