//! The head of an upstream's answer (RFC 9112 section 4), in one buffer like a request's.
//!
//! Stricter than nginx: what is no HTTP is refused rather than passed on as HTTP/0.9, interim answers are read over,
//! control characters are refused.

use std::mem::MaybeUninit;

use super::bad_answer::BadAnswer;
use crate::http::h1::field_line::{self, Line};
use crate::http::h1::framing::content_length;
use crate::http::h1::parse::piece_of;
use crate::http::head::{Piece, Version, known_fields};

known_fields! {
    /// Answer header fields that the server itself looks at.
    Known {
        Status = b"status",
        ContentType = b"content-type",
        ContentLength = b"content-length",
        Date = b"date",
        LastModified = b"last-modified",
        Etag = b"etag",
        Server = b"server",
        WwwAuthenticate = b"www-authenticate",
        Location = b"location",
        Refresh = b"refresh",
        SetCookie = b"set-cookie",
        ContentDisposition = b"content-disposition",
        CacheControl = b"cache-control",
        Expires = b"expires",
        AcceptRanges = b"accept-ranges",
        Upgrade = b"upgrade",
        ContentRange = b"content-range",
        Connection = b"connection",
        KeepAlive = b"keep-alive",
        Vary = b"vary",
        Link = b"link",
        XAccelExpires = b"x-accel-expires",
        XAccelRedirect = b"x-accel-redirect",
        XAccelLimitRate = b"x-accel-limit-rate",
        XAccelBuffering = b"x-accel-buffering",
        XAccelCharset = b"x-accel-charset",
        TransferEncoding = b"transfer-encoding",
        ContentEncoding = b"content-encoding",
        Trailer = b"trailer",
    }
}

/// One header field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the server recognises it as.
    pub known: Known,
    /// The name as the upstream wrote it.
    pub name: Piece,
    /// The value, without spaces around it.
    pub value: Piece,
}

/// The body that follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    /// There is none: HEAD, 204, 304, or length 0.
    None,
    /// So many bytes.
    Length(u64),
    /// In chunked coding.
    Chunked,
    /// All until the connection closes.
    UntilClose,
}

/// A parsed answer head. `clear` keeps the buffers.
#[derive(Debug)]
pub struct ResponseHead {
    /// The bytes of the head; what follows it is at `len..`.
    pub buf: Vec<u8>,
    /// Where the head ends in `buf`.
    pub len: u32,
    /// HTTP/1.0, or 1.1 for anything later.
    pub version: Version,
    /// 100 to 999; never an interim answer but 101.
    pub status: u16,
    /// Status and reason as they came: `200 OK`.
    pub status_line: Piece,
    /// The fields in order, without ignored duplicates.
    pub fields: Vec<Field>,
    /// For each known name the number of its first field plus one, 0 if there is none.
    pub first: [u16; Known::COUNT],
    /// Second fields of those that nginx takes once, each with the first one; it warns and ignores them.
    pub duplicates: Vec<(Field, Field)>,
    /// The fields of 103s that came in front of it.
    pub hints: Vec<super::hints::Fields>,
    scan: Scan,
}

/// How far the parser has come.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    in_fields: bool,
    next: usize,
    field: field_line::Progress,
    interim: u32,
}

/// How many interim answers are read over before an upstream is given up.
const INTERIM_LIMIT: u32 = 64;

impl Default for ResponseHead {
    fn default() -> Self {
        ResponseHead {
            buf: Vec::new(),
            len: 0,
            version: Version::Http10,
            status: 0,
            status_line: Piece::default(),
            fields: Vec::new(),
            first: [0; Known::COUNT],
            duplicates: Vec::new(),
            hints: Vec::new(),
            scan: Scan::default(),
        }
    }
}

impl ResponseHead {
    /// Reads what is in `buf`; to be called again when bytes were appended to it. `true` when the head is complete.
    /// `limit` is what it may have in bytes (`proxy_buffer_size`). Interim answers are removed from the buffer.
    pub fn parse(&mut self, limit: usize) -> Result<bool, BadAnswer> {
        loop {
            let fresh = self.scan.next == 0;
            if !((fresh && self.whole()) || self.lines(fresh)?) {
                return if self.buf.len() >= limit {
                    Err(BadAnswer::TooBig)
                } else {
                    Ok(false)
                };
            }
            if self.len as usize > limit {
                return Err(BadAnswer::TooBig);
            }
            if !self.is_interim() {
                self.check_framing()?;
                return Ok(true);
            }
            self.drop_interim()?;
            if self.buf.is_empty() {
                return Ok(false);
            }
        }
    }

    /// The same for the head of a CGI script's answer (RFC 3875 section 6): the status is that of the field `Status`,
    /// else 302 if there is a `Location`, else 200. A status line may stand in front of it if `line`.
    pub fn parse_cgi(&mut self, limit: usize, line: bool) -> Result<bool, BadAnswer> {
        let begun = self.scan.in_fields || self.begin_cgi(line);
        if !(begun && (self.whole_fields() || self.lines(false)?)) {
            return if self.buf.len() >= limit {
                Err(BadAnswer::TooBig)
            } else {
                Ok(false)
            };
        }
        if self.len as usize > limit {
            return Err(BadAnswer::TooBig);
        }
        self.check_framing()?;
        if self.status == 0 {
            self.status = match self.field(Known::Status) {
                Some(field) => {
                    let text = self.bytes(field.value);
                    let code = text.get(..3).and_then(content_length);
                    let code = code.and_then(|code| u16::try_from(code).ok());
                    if text.len() > 3 {
                        self.status_line = field.value;
                    }
                    code.filter(|code| *code >= 100)
                        .ok_or(BadAnswer::Status(field))?
                }
                None if self.field(Known::Location).is_some() => 302,
                None => 200,
            };
        }
        Ok(true)
    }

    /// Looks for a status line. `false`: it cannot be known yet whether there is one.
    fn begin_cgi(&mut self, line: bool) -> bool {
        let start = b"HTTP/";
        if line
            && self
                .buf
                .iter()
                .zip(start)
                .all(|(got, wanted)| got == wanted)
        {
            let Some(end) = memchr::memchr(b'\n', &self.buf) else {
                return false;
            };
            let text = self.buf.get(..end).unwrap_or_default();
            if let Ok(found) = status_line(text) {
                (self.version, self.status, self.status_line) = found;
                self.scan.next = end + 1;
            }
        }
        self.scan.in_fields = true;
        true
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.forget_head();
        self.hints.clear();
        self.scan.interim = 0;
    }

    /// The bytes of a piece.
    pub fn bytes(&self, piece: Piece) -> &[u8] {
        self.buf
            .get(piece.start as usize..piece.end as usize)
            .unwrap_or_default()
    }

    /// The first field with a known name.
    pub fn field(&self, known: Known) -> Option<Field> {
        let number = *self.first.get(known as usize)?;
        self.fields
            .get(usize::from(number).checked_sub(1)?)
            .copied()
    }

    /// The value of the first field with a known name.
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.field(known).map(|field| self.bytes(field.value))
    }

    /// All values of fields with a known name, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |f| f.known == known)
            .map(|f| self.bytes(f.value))
    }

    /// All fields as (what it is, name, value), in order.
    pub fn iter(&self) -> impl Iterator<Item = (Known, &[u8], &[u8])> {
        self.fields
            .iter()
            .map(|f| (f.known, self.bytes(f.name), self.bytes(f.value)))
    }

    /// The body that follows, `head` being whether the request was HEAD.
    pub fn body(&self, head: bool) -> ResponseBody {
        if head || matches!(self.status, 204 | 304) {
            return ResponseBody::None;
        }
        if self
            .first
            .get(Known::TransferEncoding as usize)
            .is_some_and(|first| *first != 0)
        {
            return ResponseBody::Chunked;
        }
        match self.get(Known::ContentLength).and_then(content_length) {
            Some(0) => ResponseBody::None,
            Some(length) => ResponseBody::Length(length),
            None => ResponseBody::UntilClose,
        }
    }

    /// Whether the upstream lets the connection be used again once the body is read.
    pub fn keep_alive(&self) -> bool {
        let close = |value: &[u8]| {
            value
                .windows(5)
                .any(|part| part.eq_ignore_ascii_case(b"close"))
        };
        self.version >= Version::Http11
            && self.status != 101
            && !self.all(Known::Connection).any(close)
    }

    /// The usual case: the head is there as a whole, and httparse finds nothing wrong. `false` says nothing about it.
    fn whole(&mut self) -> bool {
        const USUAL: usize = 64;
        let mut slots = [const { MaybeUninit::uninit() }; USUAL];
        let mut response = httparse::Response::new(&mut []);
        let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            &self.buf,
            &mut slots,
        );
        let Ok(httparse::Status::Complete(len)) = parsed else {
            return false;
        };
        let text = self.buf.get(..len).unwrap_or_default();
        // httparse takes blank lines first, and cuts tabs off values; nginx does neither.
        let Some(line_end) =
            memchr::memchr(b'\n', text).filter(|_| memchr::memchr(b'\t', text).is_none())
        else {
            return false;
        };
        let Ok(line) = status_line(text.get(..line_end).unwrap_or_default()) else {
            return false;
        };
        (self.version, self.status, self.status_line) = line;
        let (fields, first, duplicates) = (&mut self.fields, &mut self.first, &mut self.duplicates);
        if add_all(text, response.headers, fields, first, duplicates).is_err() {
            self.forget_head();
            return false;
        }
        self.len = len as u32;
        true
    }

    /// The same for a head without a status line.
    fn whole_fields(&mut self) -> bool {
        const USUAL: usize = 32;
        if self.scan.next != 0 {
            return false;
        }
        let mut slots = [httparse::EMPTY_HEADER; USUAL];
        let parsed = httparse::parse_headers(&self.buf, &mut slots);
        let Ok(httparse::Status::Complete((len, headers))) = parsed else {
            return false;
        };
        let text = self.buf.get(..len).unwrap_or_default();
        if memchr::memchr(b'\t', text).is_some() {
            return false;
        }
        let (fields, first, duplicates) = (&mut self.fields, &mut self.first, &mut self.duplicates);
        if add_all(text, headers, fields, first, duplicates).is_err() {
            self.fields.clear();
            self.duplicates.clear();
            self.first = [0; Known::COUNT];
            return false;
        }
        self.len = len as u32;
        true
    }

    /// Goes on line by line, and judges each of them as it comes: what is wrong with the first ones is known before the
    /// head is complete, which it may never be.
    fn lines(&mut self, fresh: bool) -> Result<bool, BadAnswer> {
        if !self.scan.in_fields {
            let new = self.buf.get(self.scan.next..).unwrap_or_default();
            let end = memchr::memchr(b'\n', new).map(|at| self.scan.next + at);
            let line = self
                .buf
                .get(..end.unwrap_or(self.buf.len()))
                .unwrap_or_default();
            let start = b"HTTP/";
            if fresh && line.iter().zip(start).any(|(got, wanted)| got != wanted) {
                return Err(BadAnswer::NotHttp);
            }
            let Some(end) = end else {
                // Few bytes may have come: what they start with is looked at again with the next ones.
                self.scan.next = if self.buf.len() < start.len() {
                    0
                } else {
                    self.buf.len()
                };
                return Ok(false);
            };
            (self.version, self.status, self.status_line) = status_line(line)?;
            if self.is_interim() && self.version == Version::Http10 {
                return Err(BadAnswer::InterimIn10);
            }
            self.scan.in_fields = true;
            self.scan.next = end + 1;
        }
        loop {
            match self.stray_status_line() {
                Some(Some(end)) => {
                    self.scan.next = end;
                    continue;
                }
                Some(None) => return Ok(false),
                None => {}
            }
            let to = self.buf.len();
            let line = field_line::scan(&self.buf, &mut self.scan.field, self.scan.next, to);
            match line.map_err(BadAnswer::Field)? {
                Line::Partial => {
                    self.scan.next = to;
                    return Ok(false);
                }
                Line::Empty(end) => {
                    self.len = end as u32;
                    return Ok(true);
                }
                Line::Field {
                    name, value, end, ..
                } => {
                    self.scan.next = end;
                    let known = Known::of(self.bytes(name));
                    let field = Field { known, name, value };
                    let (first, duplicates) = (&mut self.first, &mut self.duplicates);
                    let added = add(&mut self.fields, first, duplicates, field);
                    if matches!(known, Known::ContentLength | Known::TransferEncoding)
                        && !self.is_interim()
                    {
                        added?;
                        self.check_framing()?;
                    }
                }
            }
        }
    }

    /// A status line among the fields, which some applications send: it is overlooked. Gives where it ends; nothing in
    /// that place if that has not come, or if what has come may become one.
    fn stray_status_line(&self) -> Option<Option<usize>> {
        const START: &[u8] = b"HTTP/";
        let line = self.buf.get(self.scan.next..).unwrap_or_default();
        if !self.scan.field.is_at_start() || line.first() != START.first() {
            return None;
        }
        match line.get(..START.len()) {
            Some(start) if start != START => None,
            None if !START.starts_with(line) => None,
            _ => Some(memchr::memchr(b'\n', line).map(|at| self.scan.next + at + 1)),
        }
    }

    /// Whether another answer follows this one. The fields of such a one are not judged.
    fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..200)
    }

    fn check_framing(&self) -> Result<(), BadAnswer> {
        let (length, coding) = (
            self.field(Known::ContentLength),
            self.field(Known::TransferEncoding),
        );
        let is_first = |field: Field, other: Option<Field>| {
            other.is_none_or(|other| field.name.start < other.name.start)
        };
        match (length, coding) {
            (Some(field), other)
                if is_first(field, other) && content_length(self.bytes(field.value)).is_none() =>
            {
                Err(BadAnswer::ContentLength(field))
            }
            (other, Some(field))
                if is_first(field, other)
                    && !self.bytes(field.value).eq_ignore_ascii_case(b"chunked") =>
            {
                Err(BadAnswer::UnknownCoding(field))
            }
            (Some(_), Some(_)) => Err(BadAnswer::LengthAndCoding),
            _ => Ok(()),
        }
    }

    fn drop_interim(&mut self) -> Result<(), BadAnswer> {
        if self.version == Version::Http10 {
            return Err(BadAnswer::InterimIn10);
        }
        self.scan.interim += 1;
        if self.scan.interim > INTERIM_LIMIT {
            return Err(BadAnswer::TooManyInterim);
        }
        if self.status == 103 {
            let fields = self.iter();
            let owned = fields.map(|(known, name, value)| (known, name.to_vec(), value.to_vec()));
            let owned = owned.collect();
            self.hints.push(owned);
        }
        let len = (self.len as usize).min(self.buf.len());
        self.buf.drain(..len);
        self.forget_head();
        Ok(())
    }

    fn forget_head(&mut self) {
        self.fields.clear();
        self.duplicates.clear();
        *self = ResponseHead {
            buf: std::mem::take(&mut self.buf),
            fields: std::mem::take(&mut self.fields),
            duplicates: std::mem::take(&mut self.duplicates),
            hints: std::mem::take(&mut self.hints),
            scan: Scan {
                interim: self.scan.interim,
                ..Scan::default()
            },
            ..ResponseHead::default()
        };
    }
}

/// `HTTP/1.1 200 OK`, with or without the carriage return of its end. Versions, codes and what may follow them are
/// those that nginx takes; the reason may be missing.
fn status_line(line: &[u8]) -> Result<(Version, u16, Piece), BadAnswer> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = line.strip_prefix(b"HTTP/").ok_or(BadAnswer::NotHttp)?;
    let version_end = text
        .iter()
        .position(|b| *b == b' ')
        .ok_or(BadAnswer::NotHttp)?;
    let version = text
        .get(..version_end)
        .and_then(version)
        .ok_or(BadAnswer::NotHttp)?;
    let spaces = text
        .iter()
        .skip(version_end)
        .take_while(|b| **b == b' ')
        .count();
    let rest = text.get(version_end + spaces..).unwrap_or_default();
    let (code, reason) = rest.split_at_checked(3).ok_or(BadAnswer::NotHttp)?;
    let code = code.iter().try_fold(0, |code, byte| {
        byte.is_ascii_digit()
            .then(|| code * 10 + u16::from(byte - b'0'))
    });
    let code = code.filter(|code| *code >= 100).ok_or(BadAnswer::NotHttp)?;
    let controls = reason.iter().any(|b| matches!(b, 0..=8 | 0xa..0x20 | 0x7f));
    if controls || !matches!(reason.first(), None | Some(b' ' | b'.')) {
        return Err(BadAnswer::NotHttp);
    }
    let piece = Piece {
        start: (line.len() - rest.len()) as u32,
        end: line.len() as u32,
    };
    Ok((version, code, piece))
}

fn version(text: &[u8]) -> Option<Version> {
    let dot = text.iter().position(|b| *b == b'.')?;
    let (major, minor) = (text.get(..dot)?, text.get(dot + 1..)?);
    let number = |digits: &[u8]| {
        (digits.len() <= 3)
            .then(|| content_length(digits))
            .flatten()
    };
    let known = (
        number(major).filter(|_| major.first() != Some(&b'0'))?,
        number(minor)?,
    );
    Some(if known >= (1, 1) {
        Version::Http11
    } else {
        Version::Http10
    })
}

fn add_all(
    text: &[u8],
    headers: &[httparse::Header<'_>],
    fields: &mut Vec<Field>,
    first: &mut [u16; Known::COUNT],
    duplicates: &mut Vec<(Field, Field)>,
) -> Result<(), BadAnswer> {
    headers.iter().try_for_each(|header| {
        let name = header.name.as_bytes();
        let field = Field {
            known: Known::of(name),
            name: piece_of(text, name),
            value: piece_of(text, header.value),
        };
        add(fields, first, duplicates, field)
    })
}

fn add(
    fields: &mut Vec<Field>,
    first: &mut [u16; Known::COUNT],
    duplicates: &mut Vec<(Field, Field)>,
    field: Field,
) -> Result<(), BadAnswer> {
    let number = u16::try_from(fields.len() + 1).unwrap_or(u16::MAX);
    if let Some(first) = first.get_mut(field.known as usize) {
        if *first == 0 {
            *first = number;
        } else {
            let previous = fields
                .get(usize::from(*first) - 1)
                .copied()
                .unwrap_or(field);
            match field.known {
                Known::ContentLength | Known::TransferEncoding => {
                    return Err(BadAnswer::Duplicate { field, previous });
                }
                known if is_single(known) => {
                    duplicates.push((field, previous));
                    return Ok(());
                }
                _ => {}
            }
        }
    }
    fields.push(field);
    Ok(())
}

/// Those whose second occurrence nginx ignores.
fn is_single(known: Known) -> bool {
    matches!(
        known,
        Known::Status
            | Known::ContentType
            | Known::Date
            | Known::LastModified
            | Known::Etag
            | Known::Server
            | Known::Location
            | Known::Refresh
            | Known::Expires
            | Known::XAccelExpires
            | Known::XAccelRedirect
            | Known::XAccelLimitRate
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(pieces: &[&[u8]], limit: usize) -> (Result<bool, BadAnswer>, ResponseHead) {
        let mut head = ResponseHead::default();
        let mut outcome = Ok(false);
        for piece in pieces {
            head.buf.extend_from_slice(piece);
            if outcome == Ok(false) {
                outcome = head.parse(limit);
            }
        }
        (outcome, head)
    }

    fn one(text: &str) -> (Result<bool, BadAnswer>, ResponseHead) {
        let whole = feed(&[text.as_bytes()], 4096);
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        same(&whole, &feed(&bytes, 4096));
        whole
    }

    fn same(
        a: &(Result<bool, BadAnswer>, ResponseHead),
        b: &(Result<bool, BadAnswer>, ResponseHead),
    ) {
        assert_eq!(a.0, b.0);
        if a.0 == Ok(true) {
            assert_eq!(
                (a.1.status, a.1.version, a.1.status_line),
                (b.1.status, b.1.version, b.1.status_line)
            );
            assert_eq!(
                (&a.1.fields, &a.1.duplicates, a.1.first),
                (&b.1.fields, &b.1.duplicates, b.1.first)
            );
            assert_eq!((a.1.len, &a.1.buf), (b.1.len, &b.1.buf));
        }
    }

    fn bad(text: &str) -> String {
        let (outcome, head) = one(text);
        let mut out = Vec::new();
        outcome.unwrap_err().sentence(&head, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn usual() {
        let (outcome, head) = one(
            "HTTP/1.1 200 OK\r\nServer: a\r\nSET-cookie: b \r\nX: \r\nset-cookie: c\r\n\r\nbody",
        );
        assert_eq!(outcome, Ok(true));
        assert_eq!((head.status, head.version), (200, Version::Http11));
        assert_eq!(head.bytes(head.status_line), b"200 OK");
        assert_eq!(head.all(Known::SetCookie).collect::<Vec<_>>(), [b"b", b"c"]);
        assert_eq!(&head.buf[head.len as usize..], b"body");
        assert_eq!(head.body(false), ResponseBody::UntilClose);
        assert!(head.keep_alive());
    }

    #[test]
    fn status_lines() {
        for (line, text, version) in [
            ("HTTP/1.0 200", "200", Version::Http10),
            (
                "HTTP/1.1   404  Not  Found ",
                "404  Not  Found ",
                Version::Http11,
            ),
            ("HTTP/1.1 403.1 x", "403.1 x", Version::Http11),
            ("HTTP/1.2 999 ", "999 ", Version::Http11),
            ("HTTP/2.0 200 \u{e9}", "200 \u{e9}", Version::Http11),
        ] {
            for end in ["\r\n", "\n"] {
                let (outcome, head) = one(&format!("{line}{end}A: b{end}{end}"));
                assert_eq!(outcome, Ok(true), "{line}");
                assert_eq!(
                    (head.bytes(head.status_line), head.version),
                    (text.as_bytes(), version)
                );
            }
        }
        for line in [
            "SSH-2.0-x",
            "hello",
            "HTTP/1.1",
            "HTTP/1.1 20",
            "HTTP/1.1 2000",
            "HTTP/1.1 200\x01",
            "HTTP/0.9 200",
            "HTTP/2 200",
            "HTTP/1.1 099 x",
            "HTTP/1.1 200 a\rb",
            "\r",
            "http/1.1 200 OK",
            "ICY 200 OK",
        ] {
            assert_eq!(
                bad(&format!("{line}\r\n\r\n")),
                "upstream sent no valid HTTP/1.0 header",
                "{line}"
            );
        }
        assert_eq!(bad("S"), "upstream sent no valid HTTP/1.0 header");
    }

    #[test]
    fn framing() {
        let body = |fields: &str| {
            one(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"))
                .1
                .body(false)
        };
        assert_eq!(body("Content-Length: 5\r\n"), ResponseBody::Length(5));
        assert_eq!(body("Content-Length: 0\r\n"), ResponseBody::None);
        assert_eq!(
            body("Transfer-Encoding: CHUNKED\r\n"),
            ResponseBody::Chunked
        );
        let (_, head) = one("HTTP/1.1 304 x\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\n");
        assert_eq!(
            (head.body(false), head.keep_alive()),
            (ResponseBody::None, false)
        );
        let (_, head) = one("HTTP/1.0 200 x\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(
            (head.body(true), head.keep_alive()),
            (ResponseBody::None, false)
        );
    }

    #[test]
    fn refused() {
        let of = |fields: &str| bad(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
        assert_eq!(
            of("Content-Length: foo"),
            "upstream sent invalid \"Content-Length\" header: \"Content-Length: foo\""
        );
        assert_eq!(
            of("Content-Length: 0\r\nContent-length: 1"),
            "upstream sent duplicate header line: \"Content-length: 1\", previous value: \"Content-Length: 0\""
        );
        assert_eq!(
            of("Transfer-Encoding: foo"),
            "upstream sent unknown \"Transfer-Encoding\": \"foo\""
        );
        let both =
            "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
        assert_eq!(of("Content-Length: 0\r\nTransfer-Encoding: chunked"), both);
        assert_eq!(of("Transfer-Encoding: chunked\r\nContent-Length: 0"), both);
        assert_eq!(
            of("foo bar: x"),
            "upstream sent invalid header: \"foo\\x20...\""
        );
        assert_eq!(of(" x"), "upstream sent invalid header: \"\\x20...\"");
        assert_eq!(
            of("foo: a\x01"),
            "upstream sent invalid header: \"foo: a\\x01...\""
        );
    }

    #[test]
    fn lines_are_judged_as_they_come() {
        for (start, sentence) in [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: x\r\n",
                "upstream sent invalid \"Content-Length\" header: \"Content-Length: x\"",
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\nA",
                "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
                "upstream sent unknown \"Transfer-Encoding\": \"gzip\"",
            ),
            (
                "HTTP/1.0 103 x\r\n",
                "upstream sent HTTP/1.0 response with early hints",
            ),
        ] {
            assert_eq!(bad(start), sentence);
            // A line that has not ended is none yet.
            let unfinished = start.trim_end_matches(['\r', '\n', 'A']);
            assert_eq!(one(unfinished).0, Ok(false));
        }
        let mut head = ResponseHead::default();
        head.buf.extend_from_slice(b"Content-Length: x\r\n");
        assert!(head.parse_cgi(4096, true).is_err());
        let twice = "HTTP/1.1 103 x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
        assert_eq!(one(twice).0, Ok(true));
    }

    #[test]
    fn odd_names_pass() {
        let (outcome, head) = one("HTTP/1.1 200 OK\r\n(a)_: b\r\nplain\r\n\r\n");
        assert_eq!(outcome, Ok(true));
        let fields: Vec<_> = head.iter().map(|(_, name, value)| (name, value)).collect();
        assert_eq!(fields, [(&b"(a)_"[..], &b"b"[..]), (b"plain", b"")]);
    }

    #[test]
    fn duplicates_ignored() {
        let (_, head) = one("HTTP/1.1 200 OK\r\nExpires: foo\r\nexpires: bar\r\n\r\n");
        assert_eq!((head.fields.len(), head.duplicates.len()), (1, 1));
        let mut out = Vec::new();
        super::super::bad_answer::duplicate_sentence(&head, head.duplicates[0], &mut out);
        let text = "upstream sent duplicate header line: \"expires: bar\", previous value: \"Expires: foo\", ignored";
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn interim_and_limits() {
        let (outcome, head) = one(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nContent-Length: z\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n",
        );
        assert_eq!(
            (outcome, head.status, head.fields.len()),
            (Ok(true), 200, 1)
        );
        assert_eq!(one("HTTP/1.1 101 x\r\n\r\n").0, Ok(true));
        assert_eq!(one("HTTP/1.1 100 x\r\n\r\n").0, Ok(false));
        assert_eq!(one("HTTP/1.0 100 x\r\n\r\n").0, Err(BadAnswer::InterimIn10));
        assert_eq!(
            one(&"HTTP/1.1 100 x\r\n\r\n".repeat(65)).0,
            Err(BadAnswer::TooManyInterim)
        );
        assert_eq!(feed(&[b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"], 25).0, Ok(true));
        assert_eq!(
            feed(&[b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"], 24).0,
            Err(BadAnswer::TooBig)
        );
        assert_eq!(
            feed(&[b"HTTP/1.1 200 OK\r\nA: b\r\n"], 23).0,
            Err(BadAnswer::TooBig)
        );
    }

    const PARTS: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 100 x\n",
        b"HTTP/1.1 103\r\n",
        b"HTTP/",
        b"1.1",
        b" 200",
        b"\r\n",
        b"\n",
        b"\r",
        b"a: b\r\n",
        b"Date: c \r\n",
        b"Content-Length: 1\r\n",
        b"Content-Length: z\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"x",
        b":",
        b" ",
        b"\t",
        b"\0",
        b"\xff",
    ];

    proptest! {
        #[test]
        fn pieces_do_not_matter(parts in proptest::collection::vec(prop::sample::select(PARTS), 0..12)) {
            let input = parts.concat();
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            same(&feed(&[&input], 60_000), &feed(&bytes, 60_000));
        }
    }

    #[test]
    fn status_lines_among_the_fields_are_overlooked() {
        for text in [
            "HTTP/1.1 404 None\r\nA: b\r\n\r\n",
            "HTTP/\nA: b\nHTTP/x: y z\n\n",
            "A: b\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            for size in [1, 3, 100] {
                let mut head = ResponseHead::default();
                let mut done = false;
                for piece in text.as_bytes().chunks(size) {
                    assert!(!done);
                    head.buf.extend_from_slice(piece);
                    done = head.parse_cgi(4096, false).unwrap();
                }
                assert!(done, "{text}");
                let fields: Vec<_> = head.iter().map(|(_, n, v)| (n, v)).collect();
                assert_eq!(fields, [(&b"A"[..], &b"b"[..])], "{text}");
                assert_eq!(head.len as usize, text.len());
            }
        }
        // What only begins like one is a field.
        let mut head = ResponseHead::default();
        head.buf.extend_from_slice(b"HTTPS: on\r\nHTT");
        assert_eq!(head.parse_cgi(4096, false), Ok(false));
        head.buf.extend_from_slice(b": c\r\n\r\n");
        assert_eq!(head.parse_cgi(4096, false), Ok(true));
        assert_eq!(head.fields.len(), 2);
    }
}
