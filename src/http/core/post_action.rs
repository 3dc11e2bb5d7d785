//! `post_action`: another location that a request is taken to when it has been answered.

use crate::http::body_in::RequestBody;
use crate::http::phase;
use crate::http::request::Request;
use std::rc::Rc;

/// Takes an answered request to the location that `post_action` names, to the one named there, and so on. What they
/// answer goes nowhere but into the status of the access log.
pub async fn run(req: &mut Request) {
    let mut first = true;
    loop {
        let http = Rc::clone(&req.http);
        let Some(target) = &req.location(&http).core.post_action else {
            return;
        };
        if !first && req.uri_changes == 0 {
            return;
        }
        first = false;
        let status = req.response.status;
        req.response.reset();
        req.response.head_sent = true;
        if !req.body.complete {
            req.body = RequestBody::default();
        }
        let verdict = if target.starts_with(b"/") {
            req.internal_redirect(target, b"")
        } else {
            req.named_redirect(target)
        };
        phase::run_unseen(req, verdict).await;
        // An upstream's connection is not read any further.
        req.response.body = Default::default();
        if req.error_status != 0 {
            req.response.status = req.error_status;
        } else if req.response.status == 0 {
            req.response.status = status;
        }
    }
}
