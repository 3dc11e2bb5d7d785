//! Makes the response out of an upstream's answer: its header fields with nginx's special cases, and its body.

use super::accel;
use super::codec::Codec;
use super::exchange::Plan;
use super::failure::Cause;
use super::head::{Field as HeadField, Known, ResponseHead};
use super::incoming::{Incoming, Rules};
use super::link::Link;
use super::settings::{Passing, ignore};
use super::spill::Spill;
use super::spoken::wants_tls;
use super::state::{Attempt, Stage, UpstreamState};
use super::upgrade::Handover;
use crate::http::body::Body;
use crate::http::date::parse_http_time;
use crate::http::explain;
use crate::http::head::{Method, Piece};
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::response::Own;
use crate::log::{self, Level};
use bytes::Bytes;

/// Puts the answer into the response. Returns another verdict where it is not passed on: an `error_page` takes its
/// place, or `X-Accel-Redirect` leads elsewhere.
pub fn deliver<C: Codec>(
    req: &mut Request,
    codec: &mut C,
    plan: &Plan<'_>,
    head: &ResponseHead,
    mut link: Link,
    state: UpstreamState,
) -> Verdict {
    let passing = plan.passing;
    // One copy, of which all that is passed on are slices.
    let text = Bytes::copy_from_slice(&head.buf);
    warn_of_duplicates(req, head);
    state.keep_head(head, text.clone());
    if head.status == 400 && state.scheme == "http://" {
        look_for_tls(req, head, &link, &state, &text);
    }
    link.keep = codec.keep_alive(head);
    let ignored = |bit| passing.ignore_headers & bit != 0;
    // These two hold for an error page that takes the answer's place, too.
    if let Some(rate) = head.get(Known::XAccelLimitRate)
        && !ignored(ignore::X_ACCEL_LIMIT_RATE)
        && let Some(rate) = number(rate)
    {
        req.limit_rate = Some(rate);
    }
    let charset = head.field(Known::XAccelCharset).and_then(|_| {
        let mut fields = head.fields.iter();
        fields.rfind(|field| field.known == Known::XAccelCharset)
    });
    if let Some(charset) = charset
        && !ignored(ignore::X_ACCEL_CHARSET)
    {
        req.response.override_charset = Some(slice(&text, charset.value));
    }
    if head.status >= 300 && passing.intercept_errors && has_error_page(req, head.status) {
        if codec.challenge(head) {
            copy_challenge(req, head, &text);
        }
        end(link, codec, head, &text, &state);
        return Verdict::Status(head.status);
    }
    if let Some(to) = head.field(Known::XAccelRedirect)
        && !ignored(ignore::X_ACCEL_REDIRECT)
    {
        let to = slice(&text, to.value);
        copy_for_redirect(req, codec, passing, head, &text);
        end(link, codec, head, &text, &state);
        return accel::redirect(req, &to);
    }
    copy_fields(req, codec, passing, head, &text);
    let response = &mut req.response;
    response.status = head.status;
    response.status_line = Some(slice(&text, head.status_line)).filter(|line| !line.is_empty());
    response.content_length = codec.content_length(head);
    response.disable_not_modified = true;
    if passing.force_ranges {
        response.allow_ranges = true;
        response.single_range = true;
    }
    if head.status == 101 {
        return upgrade(req, passing, link, state, &text, head);
    }
    let mut buffering = passing.buffering;
    if !ignored(ignore::X_ACCEL_BUFFERING) {
        for word in head.all(Known::XAccelBuffering) {
            if word.eq_ignore_ascii_case(b"no") {
                buffering = false;
            } else if word.eq_ignore_ascii_case(b"yes") {
                buffering = true;
            }
        }
    }
    req.response.unpaced = !buffering;
    state.unbuffered.set(!buffering);
    state.passed_on.set(true);
    body(
        req,
        codec,
        passing,
        buffering,
        head,
        link,
        state.clone(),
        &text,
    );
    if buffering && head.status == 200 && req.head.method != Method::Head {
        super::store::keep(req, passing, &state);
    }
    Verdict::Done
}

#[allow(
    clippy::too_many_arguments,
    reason = "one caller, which has them all apart"
)]
fn body<C: Codec>(
    req: &mut Request,
    codec: &mut C,
    passing: &Passing,
    buffering: bool,
    head: &ResponseHead,
    link: Link,
    state: UpstreamState,
    text: &Bytes,
) {
    let (decoder, rest) = codec.body(head, text, passing.pass_trailers);
    if decoder.is_empty() {
        finish_whole(link, &rest, &state);
        req.response.body = Body::Empty;
        return;
    }
    if decoder.is_just(&rest) {
        // The usual small answer: nothing is left to read.
        Attempt::count(&state.response_length, rest.len());
        finish_whole(link, &Bytes::new(), &state);
        req.response.body = Body::bytes(rest);
        return;
    }
    if req.head.method == Method::Head {
        // The upstream sends a body that nobody will see: its connection closes instead.
        link.count_sent(&state);
        state.end();
        return;
    }
    let rate = passing
        .limit_rate
        .as_ref()
        .map_or(0, |size| size.of(req, 0));
    let rules = Rules::new(passing, buffering, rate);
    let spill = Spill::new(passing.temp_path.clone(), passing.max_temp_file_size);
    let mut incoming = Incoming::new(link, state, decoder, rules, spill);
    if !rest.is_empty() {
        incoming.feed_first(rest);
    }
    // Even one that is complete already is of unknown length for the client, as in nginx, unless its head says it.
    req.response.body = Body::Stream(Box::new(incoming));
}

/// An answer that came in one piece is over; nothing else should have come behind it.
fn finish_whole(link: Link, rest: &Bytes, state: &UpstreamState) {
    state.end_with_head();
    link.finish(state, rest.is_empty());
}

/// The answer is not passed on. Its connection is kept only if there is nothing left to read on it.
fn end<C: Codec>(
    link: Link,
    codec: &mut C,
    head: &ResponseHead,
    text: &Bytes,
    state: &UpstreamState,
) {
    let (decoder, rest) = codec.body(head, text, false);
    if decoder.is_empty() {
        return finish_whole(link, &rest, state);
    }
    state.end();
    link.count_sent(state);
}

fn upgrade(
    req: &mut Request,
    passing: &Passing,
    link: Link,
    state: UpstreamState,
    text: &Bytes,
    head: &ResponseHead,
) -> Verdict {
    if req.depth > 0 {
        let message = format_args!("connection upgrade in subrequest");
        log::request(req, Level::Error, message);
        return Verdict::Status(502);
    }
    req.keepalive = false;
    req.response.upgrade = true;
    req.extensions.insert(Handover {
        link,
        state,
        rest: text.slice((head.len as usize).min(text.len())..),
        read_timeout: passing.read_timeout,
        send_timeout: passing.send_timeout,
        buffer_size: passing.buffer_size,
    });
    Verdict::Done
}

fn has_error_page(req: &Request, status: u16) -> bool {
    let pages = &req.location(&req.http).core.error_pages;
    pages.iter().any(|page| page.status == status)
}

fn slice(text: &Bytes, piece: Piece) -> Bytes {
    let end = (piece.end as usize).min(text.len());
    text.slice((piece.start as usize).min(end)..end)
}

/// Tells the log of lines that are overlooked since such a field was there before.
pub fn warn_of_duplicates(req: &Request, head: &ResponseHead) {
    for pair in &head.duplicates {
        let mut sentence = Vec::new();
        super::bad_answer::duplicate_sentence(head, *pair, &mut sentence);
        let sentence = log::Raw(&sentence);
        let action = super::state::Stage::Head.action();
        log::request(req, Level::Warn, format_args!("{sentence} while {action}"));
    }
}

fn copy_challenge(req: &mut Request, head: &ResponseHead, text: &Bytes) {
    for field in head
        .fields
        .iter()
        .filter(|f| f.known == Known::WwwAuthenticate)
    {
        push(req, text, field);
    }
}

/// Fields that hold for the answer which `X-Accel-Redirect` leads to.
fn copy_for_redirect<C: Codec>(
    req: &mut Request,
    codec: &C,
    passing: &Passing,
    head: &ResponseHead,
    text: &Bytes,
) {
    for field in &head.fields {
        if matches!(
            field.known,
            Known::ContentType
                | Known::SetCookie
                | Known::ContentDisposition
                | Known::CacheControl
                | Known::Expires
                | Known::AcceptRanges
        ) {
            copy(req, codec, passing, text, field);
        }
    }
}

fn copy_fields<C: Codec>(
    req: &mut Request,
    codec: &C,
    passing: &Passing,
    head: &ResponseHead,
    text: &Bytes,
) {
    req.response.fields.reserve(head.fields.len());
    for field in &head.fields {
        if !passing.hidden.has(field.known, head.bytes(field.name)) {
            copy(req, codec, passing, text, field);
        }
    }
    if codec.is_server() {
        for (known, own, name) in [
            (Known::Server, Own::Server, &b"Server"[..]),
            (Known::Date, Own::Date, b"Date"),
        ] {
            // A place without a value: none is sent.
            if head.field(known).is_none() && !passing.hidden.has(known, name) {
                req.response.place(own, Bytes::from_static(name));
            }
        }
    }
}

fn push(req: &mut Request, text: &Bytes, field: &HeadField) {
    req.response
        .push_named(slice(text, field.name), slice(text, field.value));
}

/// Copies one field to where it belongs.
fn copy<C: Codec>(
    req: &mut Request,
    codec: &C,
    passing: &Passing,
    text: &Bytes,
    field: &HeadField,
) {
    let value = slice(text, field.value);
    let own = |req: &mut Request, own| {
        let response = &mut req.response;
        response.set(own, slice(text, field.name), value.clone());
    };
    match field.known {
        Known::ContentLength | Known::Connection | Known::KeepAlive | Known::TransferEncoding => {}
        Known::ContentType => copy_content_type(req, value),
        Known::Date => own(req, Own::Date),
        Known::Server => own(req, Own::Server),
        Known::Etag => own(req, Own::Etag),
        // A second one goes out behind the first, as with nginx.
        Known::ContentEncoding if req.response.is_placed(Own::ContentEncoding) => {
            push(req, text, field);
        }
        Known::ContentEncoding => own(req, Own::ContentEncoding),
        Known::LastModified => {
            req.response.last_modified = parse_http_time(&value);
            own(req, Own::LastModified);
        }
        Known::Location => copy_location(req, codec, text, field, value),
        Known::Refresh => {
            let at = find_url(&value).filter(|_| codec.rewrites_redirects());
            let value = at
                .and_then(|at| codec.rewrite_redirect(req, &value, at))
                .unwrap_or(value);
            req.response.push_named(slice(text, field.name), value);
        }
        Known::SetCookie => {
            let value = codec.rewrite_cookie(req, &value).unwrap_or(value);
            req.response.push_named(slice(text, field.name), value);
        }
        Known::AcceptRanges if passing.force_ranges => {}
        _ => push(req, text, field),
    }
}

/// A path that was not rewritten stays as it is; anything else counts as a redirect of ours.
fn copy_location<C: Codec>(
    req: &mut Request,
    codec: &C,
    text: &Bytes,
    field: &HeadField,
    value: Bytes,
) {
    if codec.rewrites_redirects() {
        match codec.rewrite_redirect(req, &value, 0) {
            Some(value) => req
                .response
                .set(Own::Location, slice(text, field.name), value),
            None => push(req, text, field),
        }
    } else if value.starts_with(b"/") {
        push(req, text, field);
    } else {
        req.response
            .set(Own::Location, slice(text, field.name), value);
    }
}

/// Servers that expect TLS answer with a page that says so, which is passed on: whoever looks for the reason looks here.
fn look_for_tls(
    req: &Request,
    head: &ResponseHead,
    link: &Link,
    state: &UpstreamState,
    text: &Bytes,
) {
    let body = text.get(head.len as usize..).unwrap_or_default();
    if wants_tls(body) {
        let mut failure = state.why(Cause::WantsTls(head.status), Stage::Head);
        failure.facts.server = Some(link.lease.server());
        explain::failure(req, &failure);
        *state.failure.borrow_mut() = Some(Box::new(failure));
    }
}

/// Behind `url=`.
fn find_url(value: &[u8]) -> Option<usize> {
    let at = value
        .windows(4)
        .position(|w| w.eq_ignore_ascii_case(b"url="))?;
    Some(at + 4)
}

/// The charset is cut off and kept apart, as the filters want it.
fn copy_content_type(req: &mut Request, value: Bytes) {
    req.response.set_charset(None);
    let mut from = 0;
    while let Some(semicolon) =
        memchr::memchr(b';', value.get(from..).unwrap_or_default()).map(|i| from + i)
    {
        let rest = value.get(semicolon + 1..).unwrap_or_default();
        let spaces = rest.iter().take_while(|c| **c == b' ').count();
        let start = semicolon + 1 + spaces;
        from = start;
        let parameter = value.get(start..).unwrap_or_default();
        if !parameter
            .get(..8)
            .is_some_and(|key| key.eq_ignore_ascii_case(b"charset="))
        {
            continue;
        }
        let mut charset = value.slice(start + 8..);
        if charset.starts_with(b"\"") {
            charset = charset.slice(1..);
        }
        if charset.ends_with(b"\"") {
            charset.truncate(charset.len() - 1);
        }
        req.response.content_type = Some(value.slice(..semicolon));
        req.response.charset_as_sent = Some(value.slice(semicolon..));
        req.response.charset = Some(charset);
        return;
    }
    req.response.content_type = Some(value);
}

fn number(text: &[u8]) -> Option<u64> {
    crate::config::value::parse_number(text).and_then(|n| u64::try_from(n).ok())
}
