//! The built-in pages.

use crate::http::body::Body;
use crate::http::core::browser::Browser;
use crate::http::core::location::ServerTokens;
use crate::http::escape::{Kind, escape};
use crate::http::head::Version;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::http::status::{self, Pages};
use bytes::Bytes;
use std::sync::LazyLock;

/// No answer at all: the connection closes, and the log shows the status.
pub fn none(req: &mut Request, status: u16) {
    req.response.clear_body();
    req.response.status = status;
    req.error_status = 0;
    req.response.no_answer = true;
}

/// The page for a status.
pub fn built_in(req: &mut Request, status: u16) -> Verdict {
    let refresh = matches!(status, 301 | 302) && wants_refresh(req);
    if refresh {
        return send_refresh(req);
    }
    req.error_status = status::sent(status);
    fill(req, status)
}

/// A page of somebody else's for a status, in UTF-8.
pub fn of(req: &mut Request, status: u16, content_type: Bytes, text: Bytes) {
    req.error_status = status::sent(status);
    stand(req, Some(text));
    req.response.content_type = Some(content_type);
    req.response.set_charset(Some(Bytes::from_static(b"utf-8")));
}

/// The page of a redirect by `error_page`, whose status is set.
pub fn redirect(req: &mut Request) -> Verdict {
    if wants_refresh(req) {
        return send_refresh(req);
    }
    fill(req, req.error_status)
}

fn fill(req: &mut Request, status: u16) -> Verdict {
    let core = &req.location(&req.http).core;
    let browser = Browser::of(&req.head);
    let pad = core.msie_padding
        && (browser.msie || browser.chrome)
        && req.head.version >= Version::Http10
        && !(300..400).contains(&status);
    let pages = match core.server_tokens {
        ServerTokens::Off => &*BARE,
        ServerTokens::On | ServerTokens::Build => &*FULL,
    };
    let page = pages.get(status, pad);
    stand(req, page);
    Verdict::Done
}

static FULL: LazyLock<Pages> = LazyLock::new(|| Pages::new(ServerTokens::On.text().as_bytes()));
static BARE: LazyLock<Pages> = LazyLock::new(|| Pages::new(ServerTokens::Off.text().as_bytes()));

/// Puts a page, or an empty body, into the response.
fn stand(req: &mut Request, page: Option<Bytes>) {
    let response = &mut req.response;
    response.status = req.error_status;
    response.status_line = None;
    response.content_type = page.is_some().then_some(Bytes::from_static(b"text/html"));
    let page = page.unwrap_or_default();
    response.content_length = Some(page.len() as u64);
    response.allow_ranges = false;
    response.single_range = false;
    response.clear_accept_ranges();
    response.last_modified = None;
    response.last_modified_text = None;
    response.etag = None;
    response.body = Body::bytes(page);
    response.internal_error_page = true;
}

fn wants_refresh(req: &Request) -> bool {
    req.location(&req.http).core.msie_refresh && Browser::of(&req.head).msie
}

const REFRESH_HEAD: &[u8] = b"<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=";
const REFRESH_TAIL: &[u8] = b"\"></head><body></body></html>\r\n";

/// A page that goes on to the location by itself, in place of a redirect.
fn send_refresh(req: &mut Request) -> Verdict {
    let location = req.response.location.take().unwrap_or_default();
    let mut page = REFRESH_HEAD.to_vec();
    escape(Kind::Refresh, &location, &mut page);
    page.extend_from_slice(REFRESH_TAIL);
    req.error_status = 200;
    stand(req, Some(Bytes::from(page)));
    Verdict::Done
}
