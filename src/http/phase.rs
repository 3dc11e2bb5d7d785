//! The phases of a request, in their written order, as plain function calls. Only what waits is asynchronous.

use super::conf::Http;
use super::modules;
use super::request::Request;
use super::router;
use super::trace::Event;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// What a handler decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not for me: the next handler of the phase, then the next phase.
    Declined,
    /// An access handler lets the request pass.
    Allowed,
    /// The response stands in `req.response`, ready for the filters.
    Done,
    /// Answer with this status: by `error_page` or the built-in page (444: close without an answer).
    Status(u16),
    /// The URI was changed inside: go on from here.
    Restart(Start),
}

/// Where the phases begin again after an internal redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the rewrites of the server: a new request, or an internal redirect to a URI.
    ServerRewrite,
    /// With the rewrites of the location, which is set: a named location.
    Rewrite,
}

/// A verdict, now or later.
pub enum Step<'a> {
    /// Now.
    Ready(Verdict),
    /// When the future is done.
    Wait(Pin<Box<dyn Future<Output = Verdict> + 'a>>),
}

/// Makes the answer of a location: `proxy_pass`, `stub_status` and the like.
pub trait Handler: Send + Sync {
    /// Answers, or says with which status to answer.
    fn handle<'a>(&'a self, req: &'a mut Request) -> Step<'a>;
    /// nginx's name of the directive, for explanations.
    fn name(&self) -> &'static str;
}

/// How often a request's URI may be changed inside (nginx: `NGX_HTTP_MAX_URI_CHANGES`).
pub const MAX_URI_CHANGES: u8 = 10;

/// The verdict of a step, waited for if need be.
macro_rules! step {
    ($step:expr) => {
        match $step {
            Step::Ready(v) => v,
            Step::Wait(f) => f.await,
        }
    };
}

/// Takes a request through the phases until a response stands in it, header filters applied.
pub async fn run(req: &mut Request, start: Start) {
    let http = Rc::clone(&req.http);
    let verdict = match step!(super::core::early_body::handle(req, &http)) {
        Verdict::Declined => Verdict::Restart(start),
        refused => refused,
    };
    settle(req, verdict).await;
}

/// Answers a request that never got to the phases with a status.
pub async fn refuse(req: &mut Request, status: u16) {
    settle(req, Verdict::Status(status)).await;
}

async fn settle(req: &mut Request, mut verdict: Verdict) {
    loop {
        let start = match verdict {
            Verdict::Restart(next) => Some(next),
            Verdict::Status(status) => {
                super::special::answer(req, status).or_else(|| super::filter::head(req))
            }
            Verdict::Done | Verdict::Declined | Verdict::Allowed => super::filter::head(req),
        };
        let Some(start) = start else { return };
        let http = Rc::clone(&req.http);
        verdict = phases(req, &http, start).await;
    }
}

/// Goes through the phases for an answer that nobody sees: no header filters, and the body is not sent.
pub async fn run_unseen(req: &mut Request, mut verdict: Verdict) {
    loop {
        let start = match verdict {
            Verdict::Restart(next) => Some(next),
            Verdict::Status(status) => super::special::answer(req, status),
            Verdict::Done | Verdict::Declined | Verdict::Allowed => None,
        };
        let Some(start) = start else { return };
        let http = Rc::clone(&req.http);
        verdict = phases(req, &http, start).await;
    }
}

/// Returns unless the verdict is to go on.
macro_rules! go {
    ($verdict:expr) => {
        match $verdict {
            Verdict::Declined | Verdict::Allowed => {}
            other => return other,
        }
    };
}

async fn phases(req: &mut Request, http: &Arc<Http>, start: Start) -> Verdict {
    if start != Start::Rewrite {
        modules::realip::handle(req, http);
        go!(modules::rewrite::server(req, http));
        go!(router::find_location(req, http));
    }
    loop {
        req.uri_changed = false;
        go!(modules::rewrite::location(req, http));
        if !req.uri_changed {
            break;
        }
        // The rewrites of the server do not run again: only the location is sought anew.
        if req.uri_changes == 0 {
            let uri = req.uri.clone();
            let shown = crate::log::Raw(&uri);
            return req.redirection_cycle(format_args!("while processing \"{shown}\""));
        }
        req.uri_changes -= 1;
        go!(router::find_location(req, http));
    }
    modules::realip::handle(req, http);
    go!(step!(modules::limit_req::handle(req, http)));
    go!(modules::limit_conn::handle(req, http));
    let access = access(req, http).await;
    if matches!(access, Verdict::Status(401 | 407)) {
        modules::auth_basic::delay(req, http).await;
    }
    go!(access);
    go!(step!(modules::try_files::handle(req, http)));
    go!(step!(modules::mirror::handle(req, http)));
    content(req, http).await
}

/// The access phase: every handler must agree, or one of them if `satisfy any` is set.
async fn access(req: &mut Request, http: &Arc<Http>) -> Verdict {
    if req.depth > 0 {
        return Verdict::Declined;
    }
    let any = req.location(http).core.satisfy_any;
    let mut refused = None;
    macro_rules! ask {
        ($by:literal, $verdict:expr) => {
            let verdict = $verdict;
            if verdict != Verdict::Declined {
                req.trace(|| Event::Access { by: $by, verdict });
            }
            match verdict {
                Verdict::Declined => {}
                Verdict::Allowed if any => {
                    if refused == Some(401) {
                        // The challenge of a handler that another one outvotes.
                        req.response.remove(b"WWW-Authenticate");
                    }
                    return Verdict::Declined;
                }
                Verdict::Allowed => {}
                Verdict::Status(s @ (401 | 403)) if any => {
                    // The 401 with its challenge wins over a plain 403.
                    refused = Some(if refused == Some(401) { 401 } else { s });
                }
                other => return other,
            }
        };
    }
    ask!("access", modules::access::handle(req, http));
    ask!("auth_basic", step!(modules::auth_basic::handle(req, http)));
    ask!(
        "auth_request",
        step!(modules::auth_request::handle(req, http))
    );
    match refused {
        Some(403) => {
            crate::log::request(
                req,
                crate::log::Level::Error,
                format_args!("access forbidden by rule"),
            );
            Verdict::Status(403)
        }
        Some(s) => Verdict::Status(s),
        None => Verdict::Declined,
    }
}

async fn content(req: &mut Request, http: &Arc<Http>) -> Verdict {
    let location = req.location(http);
    if let Some(handler) = &location.own.handler {
        let name = handler.name();
        req.trace(|| Event::Handler { name });
        return step!(handler.handle(req));
    }
    macro_rules! try_one {
        ($name:literal, $verdict:expr) => {
            let verdict = $verdict;
            if !matches!(verdict, Verdict::Declined | Verdict::Restart(_)) {
                req.trace(|| Event::Handler { name: $name });
            }
            go!(verdict);
        };
    }
    try_one!("random_index", modules::random_index::handle(req, http));
    try_one!("index", modules::index::handle(req, http));
    try_one!("autoindex", modules::autoindex::handle(req, http));
    try_one!("gzip_static", modules::gzip_static::handle(req, http));
    try_one!("static", modules::static_files::handle(req, http));
    // Nothing took it. A directory without an index is forbidden, anything else does not exist.
    if req.uri.last() == Some(&b'/') {
        let path = modules::static_files::path(req, http);
        crate::log::request(
            req,
            crate::log::Level::Error,
            format_args!(
                "directory index of \"{}\" is forbidden",
                crate::log::Raw(&path)
            ),
        );
        return Verdict::Status(403);
    }
    crate::log::request(
        req,
        crate::log::Level::Error,
        format_args!("no handler found"),
    );
    Verdict::Status(404)
}
