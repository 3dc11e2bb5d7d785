//! The response while it is put together: what modules set and filters change before it is written.

use super::body::Body;
use bytes::Bytes;

/// One header field of a response.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name as it is sent.
    pub name: Bytes,
    /// The value.
    pub value: Bytes,
}

/// A response. Fields that the server computes have places of their own; `fields` has the others in their order.
#[derive(Default)]
pub struct Response {
    /// The status code; 0 while there is none.
    pub status: u16,
    /// Code and reason as an upstream sent them, if they are to be passed on (`201 Made`).
    pub status_line: Option<Bytes>,
    /// `Server`, if not our own.
    pub server: Option<Bytes>,
    /// `Date`, if not now.
    pub date: Option<Bytes>,
    /// `Content-Type` without the charset parameter that the charset module adds.
    pub content_type: Option<Bytes>,
    /// The charset to add to the type.
    pub charset: Option<Bytes>,
    /// `Content-Length`; `None`: not known (chunked or until the connection closes).
    pub content_length: Option<u64>,
    /// `Content-Encoding`.
    pub content_encoding: Option<Bytes>,
    /// `Last-Modified` in seconds since 1970.
    pub last_modified: Option<i64>,
    /// `Last-Modified` as an upstream wrote it; empty if it stands among `fields`.
    pub last_modified_text: Option<Bytes>,
    /// `Location`; one that starts with `/` is made absolute when it is sent, if so configured.
    pub location: Option<Bytes>,
    /// `ETag`.
    pub etag: Option<Bytes>,
    /// Whether conditions of the client (`If-None-Match`, ...) are left to whoever made the answer.
    pub disable_not_modified: bool,
    /// Whether range requests are served.
    pub allow_ranges: bool,
    /// Whether `Accept-Ranges: bytes` is due: set by the range filter.
    pub accept_ranges: bool,
    /// Whether only a single range is served (an upstream's body that comes piece by piece).
    pub single_range: bool,
    /// Whether `Vary: Accept-Encoding` is due.
    pub vary_encoding: bool,
    /// The other fields.
    pub fields: Vec<Field>,
    /// Trailer fields to send behind a chunked body.
    pub trailers: Vec<Field>,
    /// The body.
    pub body: Body,
    /// Whether trailer fields are to be computed when the body is sent (`filter::trailers`).
    pub want_trailers: bool,
    /// Whether this is a built-in error page: the client is not asked for the body that it wanted to send.
    pub internal_error_page: bool,
    /// Whether there is no answer: the connection just closes (status 444 and the like).
    pub no_answer: bool,
    /// Whether the connection is closed behind it, whatever its head says: what nginx does when a filter refuses.
    pub close: bool,
    /// Whether the answer switches protocols: the connection is handed over when the head is sent.
    pub upgrade: bool,
    /// Whether the head has been sent: nothing can be changed any more.
    pub head_sent: bool,
}

impl Response {
    /// The first of `fields` with this name (any case).
    pub fn get(&self, name: &[u8]) -> Option<&Bytes> {
        self.fields
            .iter()
            .find(|f| f.name.eq_ignore_ascii_case(name))
            .map(|f| &f.value)
    }

    /// Adds a field.
    pub fn push(&mut self, name: &'static str, value: impl Into<Bytes>) {
        self.fields.push(Field {
            name: Bytes::from_static(name.as_bytes()),
            value: value.into(),
        });
    }

    /// Adds a field whose name is not fixed.
    pub fn push_named(&mut self, name: Bytes, value: Bytes) {
        self.fields.push(Field { name, value });
    }

    /// Removes all fields with this name.
    pub fn remove(&mut self, name: &[u8]) {
        self.fields.retain(|f| !f.name.eq_ignore_ascii_case(name));
    }

    /// Serves no ranges of this body, whatever an upstream offered.
    pub fn clear_accept_ranges(&mut self) {
        self.allow_ranges = false;
        self.accept_ranges = false;
        self.remove(b"Accept-Ranges");
    }

    /// Forgets everything about the body and its kind, for another answer in its place; added fields stay.
    pub fn clear_body(&mut self) {
        self.content_type = None;
        self.charset = None;
        self.content_length = None;
        self.content_encoding = None;
        self.last_modified = None;
        self.last_modified_text = None;
        self.disable_not_modified = false;
        self.etag = None;
        self.allow_ranges = false;
        self.accept_ranges = false;
        self.single_range = false;
        self.body = Body::Empty;
    }

    /// Clears all of it, keeping memory.
    pub fn reset(&mut self) {
        let (mut fields, mut trailers) = (
            std::mem::take(&mut self.fields),
            std::mem::take(&mut self.trailers),
        );
        fields.clear();
        trailers.clear();
        *self = Response {
            fields,
            trailers,
            ..Response::default()
        };
    }
}
