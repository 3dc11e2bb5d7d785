//! nginx's range filter: single ranges, several ranges, If-Range (RFC 9110 section 14).

use crate::http::body::{Body, Cut, FileRange, Part, Source};
use crate::http::date;
use crate::http::head::{Known, Version};
use crate::http::range::{self, Ranges};
use crate::http::request::Request;
use crate::http::response::Response;
use bytes::Bytes;
use smallvec::SmallVec;
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

/// Cuts the answer down to the ranges that the client asks for, or says that it may ask for some.
///
/// # Errors
/// 416: none of the ranges is inside of the body.
pub fn head(req: &mut Request, max_ranges: i64) -> Result<(), u16> {
    // The default, which is as good as none, bounds the answer in another way.
    let max_ranges = match max_ranges {
        n if n == i64::from(i32::MAX) => None,
        n => Some(u64::try_from(n).unwrap_or(0)),
    };
    let response = &mut req.response;
    let length = match response.content_length {
        Some(length)
            if response.allow_ranges
                && response.status == 200
                && max_ranges != Some(0)
                && req.depth == 0
                && req.head.version >= Version::Http10 =>
        {
            length
        }
        _ => return Ok(()),
    };
    response.accept_ranges = true;
    let Some(field) = req.head.get(Known::Range) else {
        return Ok(());
    };
    if req
        .head
        .get(Known::IfRange)
        .is_some_and(|validator| !is_current(validator, response))
    {
        return Ok(());
    }
    let single = response.single_range || matches!(response.body, Body::Stream(_));
    let most = if single { Some(1) } else { max_ranges };
    match range::parse(field, length, most) {
        Ranges::Ignore => Ok(()),
        Ranges::NotSatisfiable => {
            response.remove(b"Content-Range");
            response.push("Content-Range", text(format_args!("bytes */{length}")));
            response.content_length = None;
            response.accept_ranges = false;
            Err(416)
        }
        Ranges::Parts(ranges) => {
            response.status = 206;
            response.status_line = None;
            response.accept_ranges = false;
            response.remove(b"Content-Range");
            match ranges.as_slice() {
                [one] => single_part(response, one.clone(), length),
                several => multipart(response, several, length),
            }
            Ok(())
        }
    }
}

/// Whether the validator of If-Range is that of the answer: an entity tag, compared strongly, or a date.
fn is_current(validator: &[u8], response: &Response) -> bool {
    if validator.len() >= 2 && validator.ends_with(b"\"") {
        return response.etag.as_deref() == Some(validator);
    }
    response
        .last_modified
        .is_some_and(|lm| date::parse_http_time(validator).unwrap_or(-1) == lm)
}

fn single_part(response: &mut Response, range: Range<u64>, length: u64) {
    let value = text(format_args!(
        "bytes {}-{}/{length}",
        range.start,
        range.end.saturating_sub(1)
    ));
    response.push("Content-Range", value);
    response.content_length = Some(range.end - range.start);
    response.body = match std::mem::take(&mut response.body) {
        Body::Empty => Body::Empty,
        Body::Parts(parts) => Body::Parts(cut(&parts, &range).collect()),
        Body::Stream(inner) => Body::Stream(Box::new(Window {
            inner,
            skip: range.start,
            left: range.end - range.start,
        })),
    };
}

/// The boundary of an answer with several parts: so many digits in front of the letter that nginx writes.
const BOUNDARY_DIGITS: usize = 20;
static BOUNDARIES: AtomicU64 = AtomicU64::new(0);

fn multipart(response: &mut Response, ranges: &[Range<u64>], length: u64) {
    let number = BOUNDARIES.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let boundary = format!("{number:0width$}", width = BOUNDARY_DIGITS);
    let mut header = Vec::with_capacity(128);
    let _ = write!(header, "\r\n--{boundary}\r\n");
    if let Some(kind) = response.content_type.as_deref().filter(|t| !t.is_empty()) {
        header.extend_from_slice(b"Content-Type: ");
        header.extend_from_slice(kind);
        if let Some((start, rest)) = response.type_parameters().filter(|(_, c)| !c.is_empty()) {
            header.extend_from_slice(start);
            header.extend_from_slice(rest);
        }
        header.extend_from_slice(b"\r\n");
    }
    header.extend_from_slice(b"Content-Range: bytes ");
    response.set_charset(None);
    response.content_type = Some(text(format_args!(
        "multipart/byteranges; boundary={boundary}"
    )));
    let whole = match std::mem::take(&mut response.body) {
        Body::Parts(parts) => parts,
        Body::Empty | Body::Stream(_) => SmallVec::new(),
    };
    let mut body: SmallVec<[Part; 1]> = SmallVec::new();
    let mut total = 0u64;
    for range in ranges {
        let mut head = header.clone();
        let last = range.end.saturating_sub(1);
        let _ = write!(head, "{}-{last}/{length}\r\n\r\n", range.start);
        total = total
            .saturating_add(head.len() as u64)
            .saturating_add(range.end - range.start);
        body.push(Part::Bytes(Bytes::from(head)));
        body.extend(cut(&whole, range));
    }
    let end = text(format_args!("\r\n--{boundary}--\r\n"));
    response.content_length = Some(total.saturating_add(end.len() as u64));
    body.push(Part::Bytes(end));
    // The answer to HEAD has the length but never had a body.
    if !whole.is_empty() {
        response.body = Body::Parts(body);
    }
}

/// The pieces of a body that lie in a range of it.
fn cut<'a>(parts: &'a [Part], range: &'a Range<u64>) -> impl Iterator<Item = Part> + 'a {
    let mut start = 0u64;
    parts.iter().filter_map(move |part| {
        let end = start.saturating_add(part.len());
        let from = range.start.max(start);
        let to = range.end.min(end);
        let piece = (from < to).then(|| slice(part, from - start, to - from));
        start = end;
        piece
    })
}

fn slice(part: &Part, offset: u64, length: u64) -> Part {
    match part {
        Part::Bytes(bytes) => {
            let from = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let to = from
                .saturating_add(usize::try_from(length).unwrap_or(usize::MAX))
                .min(bytes.len());
            Part::Bytes(bytes.slice(from..to))
        }
        Part::File(file) => Part::File(FileRange {
            file: file.file.clone(),
            offset: file.offset.saturating_add(offset),
            length,
        }),
    }
}

/// A range of a body that comes piece by piece.
struct Window {
    inner: Box<dyn Source>,
    skip: u64,
    left: u64,
}

impl Source for Window {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>> {
        while self.left > 0 {
            let Some(part) = ready!(self.inner.poll_next(cx))? else {
                return Poll::Ready(Err(Cut));
            };
            let length = part.len();
            let from = self.skip.min(length);
            self.skip -= from;
            let take = self.left.min(length - from);
            self.left -= take;
            if take > 0 {
                return Poll::Ready(Ok(Some(slice(&part, from, take))));
            }
        }
        Poll::Ready(Ok(None))
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        self.inner.poll_ahead(cx);
    }

    fn flush(&self) -> bool {
        self.inner.flush()
    }
}

fn text(arguments: std::fmt::Arguments<'_>) -> Bytes {
    Bytes::from(arguments.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    fn response() -> Response {
        Response {
            status: 200,
            content_type: Some(Bytes::from_static(b"text/plain")),
            content_length: Some(10),
            body: Body::Parts(smallvec::smallvec![
                Part::Bytes(Bytes::from_static(b"012")),
                Part::Bytes(Bytes::from_static(b"3456789")),
            ]),
            ..Response::default()
        }
    }

    fn bytes(body: &Body) -> Vec<u8> {
        let Body::Parts(parts) = body else {
            return Vec::new();
        };
        parts
            .iter()
            .flat_map(|p| match p {
                Part::Bytes(b) => b.to_vec(),
                Part::File(_) => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn one_range_is_cut_out_of_the_pieces() {
        let mut r = response();
        single_part(&mut r, 2..5, 10);
        assert_eq!(bytes(&r.body), b"234");
        assert_eq!(r.content_length, Some(3));
        assert_eq!(r.get(b"Content-Range").unwrap(), "bytes 2-4/10");
    }

    #[test]
    fn a_file_is_cut_by_its_offset() {
        let file = Part::File(FileRange {
            file: Rc::new(std::fs::File::open("/dev/null").unwrap()),
            offset: 100,
            length: 10,
        });
        let Part::File(f) = slice(&file, 3, 4) else {
            unreachable!()
        };
        assert_eq!((f.offset, f.length), (103, 4));
    }

    #[test]
    fn several_ranges_make_a_multipart_answer() {
        let mut r = response();
        r.charset = Some(Bytes::from_static(b"utf-8"));
        multipart(&mut r, &[0..1, 8..10], 10);
        let kind = String::from_utf8(r.content_type.unwrap().to_vec()).unwrap();
        let boundary = kind
            .strip_prefix("multipart/byteranges; boundary=")
            .unwrap();
        assert_eq!(boundary.len(), BOUNDARY_DIGITS);
        let part = |range: &str, data: &str| {
            format!(
                "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
                 Content-Range: bytes {range}/10\r\n\r\n{data}"
            )
        };
        let expected = part("0-0", "0") + &part("8-9", "89") + &format!("\r\n--{boundary}--\r\n");
        assert_eq!(
            String::from_utf8(bytes(&r.body)).unwrap(),
            expected,
            "{kind}"
        );
        assert_eq!(r.content_length, Some(expected.len() as u64));
        assert_eq!(r.charset, None);
    }

    #[test]
    fn a_window_on_a_stream() {
        let inner = response().body.into_source();
        let mut window = Window {
            inner,
            skip: 2,
            left: 3,
        };
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut seen = Vec::new();
        while let Poll::Ready(Ok(Some(Part::Bytes(b)))) = window.poll_next(&mut cx) {
            seen.extend_from_slice(&b);
        }
        assert_eq!(seen, b"234");
        let mut short = Window {
            inner: Body::Empty.into_source(),
            skip: 0,
            left: 1,
        };
        assert!(matches!(short.poll_next(&mut cx), Poll::Ready(Err(Cut))));
    }

    #[test]
    fn if_range_compares_strongly() {
        let mut r = response();
        r.etag = Some(Bytes::from_static(b"\"a\""));
        r.last_modified = Some(784_111_777);
        assert!(is_current(b"\"a\"", &r));
        assert!(!is_current(b"W/\"a\"", &r));
        assert!(is_current(b"Sun, 06 Nov 1994 08:49:37 GMT", &r));
        assert!(!is_current(b"Sun, 06 Nov 1994 08:49:38 GMT", &r));
        assert!(!is_current(b"x", &r));
    }
}
