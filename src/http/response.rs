//! The response while it is put together: what modules set and filters change before it is written.

use super::body::Body;
use bytes::Bytes;

/// One header field of a response.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name as it is sent.
    pub name: Bytes,
    /// The value; empty where the field is one of the response's own.
    pub value: Bytes,
    /// Set where the line only marks the place of a field that the response keeps apart.
    pub own: Option<Own>,
}

impl Field {
    /// A field that is what it says.
    pub fn new(name: Bytes, value: Bytes) -> Self {
        Field {
            name,
            value,
            own: None,
        }
    }
}

/// The fields that a response keeps apart and that may yet have a place among `fields`: where an upstream wrote them,
/// or whoever set them. Those without one are written where nginx writes what it makes up itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// `Server`
    Server = 1,
    /// `Date`
    Date = 1 << 1,
    /// `Last-Modified`
    LastModified = 1 << 2,
    /// `Location`
    Location = 1 << 3,
    /// `ETag`
    Etag = 1 << 4,
    /// `Content-Encoding`
    ContentEncoding = 1 << 5,
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
    /// From the semicolon on, how an upstream wrote the charset that stands in `charset`, and what follows it.
    pub charset_as_sent: Option<Bytes>,
    /// `X-Accel-Charset` of an upstream: the charset to name and to recode to, whatever is configured.
    pub override_charset: Option<Bytes>,
    /// Whether `limit_rate` is over once the head is made: the answer of an upstream is not buffered.
    pub unpaced: bool,
    /// `Content-Length`; `None`: not known (chunked or until the connection closes).
    pub content_length: Option<u64>,
    /// `Content-Encoding`.
    pub content_encoding: Option<Bytes>,
    /// `Last-Modified` in seconds since 1970.
    pub last_modified: Option<i64>,
    /// `Last-Modified` as an upstream or `add_header` wrote it.
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
    /// The other fields, and the places of some of those above.
    pub fields: Vec<Field>,
    /// Which of those above have a place among `fields`: bits of [`Own`].
    pub placed: u8,
    /// Trailer fields to send behind a chunked body.
    pub trailers: Vec<Field>,
    /// The body.
    pub body: Body,
    /// Whether the body is one that the thread keeps: if it is the same bytes or open file again, it is the same body.
    pub body_is_kept: bool,
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
    /// Whether nobody needs the rest of the body when the client goes away: an upstream that sends it is let go at once.
    pub for_client_only: bool,
    /// Whether the head has been sent: nothing can be changed any more.
    pub head_sent: bool,
}

impl Response {
    /// The first of `fields` with this name (any case).
    pub fn get(&self, name: &[u8]) -> Option<&Bytes> {
        self.fields
            .iter()
            .find(|f| f.own.is_none() && f.name.eq_ignore_ascii_case(name))
            .map(|f| &f.value)
    }

    /// Sets the charset to add to the type, in place of what an upstream wrote.
    pub fn set_charset(&mut self, charset: Option<Bytes>) {
        self.charset = charset;
        self.charset_as_sent = None;
    }

    /// What stands behind the type: start and rest.
    pub fn type_parameters(&self) -> Option<(&'static [u8], &Bytes)> {
        match (&self.charset_as_sent, &self.charset) {
            (Some(text), _) => Some((b"", text)),
            (None, Some(charset)) => Some((b"; charset=", charset)),
            (None, None) => None,
        }
    }

    /// Adds a field.
    pub fn push(&mut self, name: &'static str, value: impl Into<Bytes>) {
        self.push_named(Bytes::from_static(name.as_bytes()), value.into());
    }

    /// Adds a field whose name is not fixed.
    pub fn push_named(&mut self, name: Bytes, value: Bytes) {
        self.fields.push(Field::new(name, value));
    }

    /// Gives a field of the response's own its place here, under this name; one that has a place keeps it.
    pub fn place(&mut self, own: Own, name: Bytes) {
        if self.is_placed(own) {
            if let Some(field) = self.fields.iter_mut().find(|f| f.own == Some(own)) {
                field.name = name;
            }
            return;
        }
        self.placed |= own as u8;
        self.fields.push(Field {
            name,
            value: Bytes::new(),
            own: Some(own),
        });
    }

    /// Sets a field of the response's own and gives it its place here.
    pub fn set(&mut self, own: Own, name: Bytes, value: Bytes) {
        self.place(own, name);
        *match own {
            Own::Server => &mut self.server,
            Own::Date => &mut self.date,
            Own::LastModified => &mut self.last_modified_text,
            Own::Location => &mut self.location,
            Own::Etag => &mut self.etag,
            Own::ContentEncoding => &mut self.content_encoding,
        } = Some(value);
    }

    /// Whether it has a place among `fields`.
    pub fn is_placed(&self, own: Own) -> bool {
        self.placed & own as u8 != 0
    }

    /// Takes its place from a field of the response's own: it goes where nginx writes what it makes up itself.
    pub fn displace(&mut self, own: Own) {
        if self.is_placed(own) {
            self.placed &= !(own as u8);
            self.fields.retain(|f| f.own != Some(own));
        }
    }

    /// Removes all fields with this name that are not the response's own.
    pub fn remove(&mut self, name: &[u8]) {
        self.fields
            .retain(|f| f.own.is_some() || !f.name.eq_ignore_ascii_case(name));
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
        self.set_charset(None);
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
        self.body_is_kept = false;
        for own in [Own::LastModified, Own::Etag, Own::ContentEncoding] {
            self.displace(own);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_one_place() {
        let mut r = Response::default();
        r.push("A", "1");
        r.place(Own::Etag, Bytes::from_static(b"etag"));
        r.push("B", "2");
        r.place(Own::Etag, Bytes::from_static(b"ETag"));
        let names: Vec<_> = r.fields.iter().map(|f| &f.name[..]).collect();
        assert_eq!(names, [&b"A"[..], b"ETag", b"B"]);
        r.remove(b"etag");
        assert!(r.is_placed(Own::Etag) && r.get(b"etag").is_none());
        r.clear_body();
        assert!(!r.is_placed(Own::Etag));
        assert_eq!(r.fields.len(), 2);
    }
}
