//! The filters of a response, in nginx's order. Each one looks at the head and joins in only where it applies.

use super::explain;
use super::head::Method;
use super::modules::{charset, gzip, headers, not_modified, range, userid};
use super::phase::Start;
use super::request::Request;
use super::special;
use bytes::Bytes;
use std::rc::Rc;

/// Applies all filters to a response that stands. A condition of the client's that does not hold makes another
/// answer of it; returns where to go on if that one is fetched by an internal redirect.
pub fn head(req: &mut Request) -> Option<Start> {
    // What stands in place of a refused answer has another status, which nothing refuses again, unless an error
    // page says that it is a 200.
    for _ in 0..MOST_REFUSALS {
        let Err(status) = pass(req) else { return None };
        if status == 412 {
            req.response.reset();
        }
        let start = special::answer(req, status);
        req.response.close |= status == 412;
        if start.is_some() {
            return start;
        }
    }
    None
}

const MOST_REFUSALS: usize = 4;

fn pass(req: &mut Request) -> Result<(), u16> {
    if req.error_status != 0 {
        req.response.status = req.error_status;
        req.response.status_line = None;
    }
    let http = Rc::clone(&req.http);
    let conf = &http.location(req.location).conf;
    not_modified::head(req, conf.core.if_modified_since)?;
    headers::head(req, &conf.headers);
    userid::head(req, &conf.userid);
    let recode = charset::head(req, &conf.charset, &http.charset);
    let compress = gzip::head(req, &conf.gzip);
    range::head(req, conf.core.max_ranges)?;
    explain::head(req, conf);
    // Bodies are cut before they are changed, so that ranges count the bytes of the file.
    if let Some(recode) = recode {
        charset::body(req, recode);
    }
    if let Some(compress) = compress {
        gzip::body(req, compress);
    }
    if req.response.unpaced && req.method != Method::Head {
        req.limit_rate = Some(0);
    }
    Ok(())
}

/// Computes the trailer fields, when the body has been sent.
pub fn trailers(req: &mut Request) {
    let http = Rc::clone(&req.http);
    headers::trailers(req, &http.location(req.location).conf.headers);
}

/// The charset that the filters will give to the response as it stands, for modules that write texts themselves.
pub fn charset(req: &Request) -> Option<Bytes> {
    charset::destination(
        req,
        &req.http.location(req.location).conf.charset,
        &req.http.charset,
    )
}
