//! The head of a request: what the client sent before the body, kept in one buffer.

use super::h1::parse::Scan;

/// A piece of [`Head::buf`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

/// The method of a request (RFC 9110 section 9), with those of WebDAV that nginx knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the variants are the methods' names")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Mkcol,
    Copy,
    Move,
    Options,
    Propfind,
    Proppatch,
    Lock,
    Unlock,
    Patch,
    Trace,
    Connect,
    /// Any other token.
    Other,
}

impl Method {
    /// Recognises a method as it is written (RFC 9110 section 9.1: case matters).
    pub fn of(name: &[u8]) -> Method {
        match name {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"MKCOL" => Method::Mkcol,
            b"COPY" => Method::Copy,
            b"MOVE" => Method::Move,
            b"OPTIONS" => Method::Options,
            b"PROPFIND" => Method::Propfind,
            b"PROPPATCH" => Method::Proppatch,
            b"LOCK" => Method::Lock,
            b"UNLOCK" => Method::Unlock,
            b"PATCH" => Method::Patch,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        }
    }
}

/// The version that the request line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `GET /` without a version: the answer is the body alone.
    Http09,
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1, and any later 1.x
    Http11,
    /// HTTP/2
    Http2,
}

macro_rules! known_fields {
    ($(#[$doc:meta])* $known:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the variants are the fields' names")]
        pub enum $known { $($variant,)* Other }

        impl $known {
            /// How many there are, `Other` not counted.
            pub const COUNT: usize = $known::Other as usize;

            /// Recognises a field name in any case.
            pub fn of(name: &[u8]) -> $known {
                static NAMES: [(&[u8], $known); $known::COUNT] = [$(($name, $known::$variant),)*];
                static TABLE: $crate::http::known::Table =
                    $crate::http::known::Table::new(&[$($name,)*]);
                match NAMES.get(TABLE.candidate(name)) {
                    Some((known, variant)) if $crate::http::known::is_named(name, known) => *variant,
                    _ => $known::Other,
                }
            }
        }
    };
}

pub(crate) use known_fields;

known_fields! {
    /// Request header fields that the server itself looks at; recognised once, when the head is parsed.
    Known {
        Host = b"host",
        Connection = b"connection",
        UserAgent = b"user-agent",
        Accept = b"accept",
        AcceptEncoding = b"accept-encoding",
        Referer = b"referer",
        Cookie = b"cookie",
        ContentLength = b"content-length",
        ContentType = b"content-type",
        TransferEncoding = b"transfer-encoding",
        Expect = b"expect",
        Upgrade = b"upgrade",
        Range = b"range",
        IfRange = b"if-range",
        IfMatch = b"if-match",
        IfNoneMatch = b"if-none-match",
        IfModifiedSince = b"if-modified-since",
        IfUnmodifiedSince = b"if-unmodified-since",
        Authorization = b"authorization",
        KeepAlive = b"keep-alive",
        Te = b"te",
        Via = b"via",
        XForwardedFor = b"x-forwarded-for",
        XRealIp = b"x-real-ip",
        AcceptLanguage = b"accept-language",
        Depth = b"depth",
        Destination = b"destination",
        Overwrite = b"overwrite",
        Date = b"date",
        ProxyConnection = b"proxy-connection",
        ProxyAuthorization = b"proxy-authorization",
        ContentRange = b"content-range",
    }
}

/// One header field line. Names and values are bytes as they came, white space around values cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the server recognises it as.
    pub known: Known,
    /// The name as the client wrote it.
    pub name: Piece,
    /// The value.
    pub value: Piece,
}

/// A parsed request head. Lives in a pool: `clear` keeps the buffers.
#[derive(Debug)]
pub struct Head {
    /// The bytes of the head; what follows the head in it (a body's start, the next request) is at `len..`.
    pub buf: Vec<u8>,
    /// Where the head ends in `buf`, its empty line included.
    pub len: u32,
    /// The request line without its line end.
    pub line: Piece,
    /// The method.
    pub method: Method,
    /// The method as it was written.
    pub method_name: Piece,
    /// The request target as it was written (RFC 9112 section 3.2), absolute form included.
    pub target: Piece,
    /// Path and query of the target: all of it in origin form, what follows the authority in absolute form (empty
    /// there if the client gave no path).
    pub path_query: Piece,
    /// Scheme of an absolute-form target.
    pub scheme: Option<Piece>,
    /// Host (with port) of an absolute-form target.
    pub authority: Option<Piece>,
    /// The version.
    pub version: Version,
    /// `HTTP/1.1` as it was written; empty for HTTP/0.9.
    pub version_text: Piece,
    /// The header fields in order, without those that are dropped as invalid.
    pub fields: Vec<Field>,
    /// For each known name the number of its first field plus one, 0 if there is none.
    pub first: [u16; Known::COUNT],
    /// Lines dropped as invalid (directive `ignore_invalid_headers`), for the error log.
    pub dropped: Vec<Piece>,
    /// How far the parser has come: `parse` goes on from there when more bytes have arrived.
    pub scan: Scan,
}

impl Default for Head {
    fn default() -> Self {
        Head {
            buf: Vec::new(),
            len: 0,
            line: Piece::default(),
            method: Method::Get,
            method_name: Piece::default(),
            target: Piece::default(),
            path_query: Piece::default(),
            scheme: None,
            authority: None,
            version: Version::Http09,
            version_text: Piece::default(),
            fields: Vec::new(),
            first: [0; Known::COUNT],
            dropped: Vec::new(),
            scan: Scan::default(),
        }
    }
}

impl Head {
    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        let (mut buf, mut fields) = (
            std::mem::take(&mut self.buf),
            std::mem::take(&mut self.fields),
        );
        buf.clear();
        fields.clear();
        let mut dropped = std::mem::take(&mut self.dropped);
        dropped.clear();
        *self = Head {
            buf,
            fields,
            dropped,
            ..Head::default()
        };
    }

    /// Drops all fields.
    pub fn forget_fields(&mut self) {
        self.fields.clear();
        self.first = [0; Known::COUNT];
    }

    /// Drops the fields behind the first one of this name, and returns where its line ends.
    pub fn forget_fields_behind(&mut self, known: Known) -> usize {
        let number = self.first.get(known as usize).copied().unwrap_or(0);
        let field = usize::from(number).checked_sub(1);
        let value = field.and_then(|i| self.fields.get(i)).map(|f| f.value);
        let end = value.map_or(0, |value| value.end as usize);
        let rest = self.buf.get(end..).unwrap_or_default();
        let line_end = memchr::memchr(b'\n', rest).map_or(self.buf.len(), |n| end + n + 1);
        self.fields.truncate(usize::from(number));
        for first in &mut self.first {
            if *first > number {
                *first = 0;
            }
        }
        line_end
    }

    /// The bytes of a piece.
    pub fn bytes(&self, piece: Piece) -> &[u8] {
        self.buf
            .get(piece.start as usize..piece.end as usize)
            .unwrap_or_default()
    }

    /// The value of the first field with a known name.
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        let number = *self.first.get(known as usize)?;
        let field = self.fields.get(usize::from(number).checked_sub(1)?)?;
        Some(self.bytes(field.value))
    }

    /// All values of fields with a known name, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |f| f.known == known)
            .map(|f| self.bytes(f.value))
    }

    /// All values of fields whose name has so many bytes and is meant, in order. Most names are told by their length.
    pub fn named_with(
        &self,
        length: usize,
        is_meant: impl Fn(&[u8]) -> bool,
    ) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |f| {
                f.name.end.wrapping_sub(f.name.start) as usize == length
                    && is_meant(self.bytes(f.name))
            })
            .map(|f| self.bytes(f.value))
    }

    /// All fields as (what it is, name, value), in order.
    pub fn iter(&self) -> impl Iterator<Item = (Known, &[u8], &[u8])> {
        self.fields
            .iter()
            .map(|f| (f.known, self.bytes(f.name), self.bytes(f.value)))
    }

    /// Adds a field; its text must stand in `buf` already.
    pub fn push(&mut self, name: Piece, value: Piece) {
        let known = Known::of(self.bytes(name));
        self.fields.push(Field { known, name, value });
        let number = u16::try_from(self.fields.len()).unwrap_or(u16::MAX);
        if let Some(first) = self.first.get_mut(known as usize)
            && *first == 0
        {
            *first = number;
        }
    }

    /// Appends a field whose text is not in the buffer yet: for what the server itself adds.
    pub fn append(&mut self, name: &[u8], value: &[u8]) {
        let name = self.store(name);
        let value = self.store(value);
        self.push(name, value);
    }

    fn store(&mut self, text: &[u8]) -> Piece {
        let start = self.buf.len() as u32;
        self.buf.extend_from_slice(text);
        Piece {
            start,
            end: self.buf.len() as u32,
        }
    }
}
