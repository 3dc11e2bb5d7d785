//! Answers that no handler made: error pages, configured or built in, and redirects.

mod page;

use super::core::error_page::ErrorPage;
use super::explain;
use super::head::Method;
use super::phase::{Start, Verdict};
use super::request::Request;
use super::router;
use super::trace::Event;
use crate::log::{self, Level};
use bytes::Bytes;
use std::rc::Rc;

/// Prepares the answer for a status: by `error_page`, or the built-in page. Returns where to go on if an error page is
/// to be fetched by an internal redirect.
pub fn answer(req: &mut Request, status: u16) -> Option<Start> {
    let mut status = status;
    loop {
        if matches!(status, 408 | 444 | 499) || explain::client_left(req) {
            page::none(req, status);
            return None;
        }
        match prepare(req, status) {
            Verdict::Restart(start) => return Some(start),
            // The way to the error page failed.
            Verdict::Status(failure) => status = failure,
            _ => return None,
        }
    }
}

/// A redirect with a `Location`, which is made absolute when it is sent if it begins with a slash.
pub fn redirect(req: &mut Request, status: u16, location: Bytes) -> Verdict {
    req.response.location = Some(location);
    Verdict::Status(status)
}

/// Statuses after which a connection is not kept: what follows on it may be out of step, or the server is in trouble.
fn ends_connection(status: u16) -> bool {
    matches!(status, 400 | 413 | 414 | 495 | 496 | 497 | 500 | 501)
}

fn prepare(req: &mut Request, status: u16) -> Verdict {
    req.error_status = status;
    if ends_connection(status) {
        req.keepalive = false;
    }
    req.response.content_type = None;
    let http = Rc::clone(&req.http);
    let core = &req.location(&http).core;
    if !req.error_page && !core.error_pages.is_empty() {
        req.error_page = !core.recursive_error_pages;
        if let Some(page) = core.error_pages.iter().find(|page| page.status == status) {
            return send(req, page);
        }
    }
    req.body.give_up();
    req.body.discard();
    req.trace(|| Event::BuiltIn { status });
    if explain::page(req, status) {
        return Verdict::Done;
    }
    page::built_in(req, status)
}

/// Puts a page into the response in place of the built-in one for a status.
pub fn page_of(req: &mut Request, status: u16, content_type: Bytes, text: Bytes) {
    page::of(req, status, content_type, text);
}

/// Goes to what `error_page` says.
fn send(req: &mut Request, page: &ErrorPage) -> Verdict {
    if let Some(overwrite) = page.overwrite {
        req.error_status = overwrite;
    }
    if !matches!(page.overwrite, Some(0 | 200)) {
        // What is still an error does not ask for the body.
        req.response.internal_error_page = true;
        req.body.give_up();
    }
    let target = page.target.eval_bytes(req);
    req.trace(|| Event::ErrorPage {
        status: page.status,
        target: target.clone(),
    });
    match target.first() {
        Some(b'/') => {
            let (uri, args) = match page.target.as_literal() {
                Some(_) => (target, page.args.clone()),
                None => match memchr::memchr(b'?', &target) {
                    Some(at) => (target.slice(..at), target.slice(at + 1..)),
                    None => (target, Bytes::new()),
                },
            };
            if req.method != Method::Head {
                req.method = Method::Get;
            }
            req.climbs |= page.target.climbs();
            req.redirect_to_uri(&uri, &args, behind_upstream(req))
        }
        Some(b'@') => req.redirect_to_name(&target, behind_upstream(req)),
        _ => {
            req.body.give_up();
            req.body.discard();
            if !matches!(page.overwrite, Some(301 | 302 | 303 | 307 | 308)) {
                req.error_status = 302;
            }
            req.response.location = Some(target);
            page::redirect(req)
        }
    }
}

/// What nginx says is being done where an upstream's answer, or that there is none, leads to an error page.
fn behind_upstream(req: &Request) -> &'static str {
    let asked = req.upstreams.last().and_then(|last| last.origin);
    match asked.is_some_and(|(_, location)| location == req.location) {
        true => " while sending to client",
        false => "",
    }
}

impl Request {
    /// Goes on with another URI, from the rewrites of the server on.
    pub fn internal_redirect(&mut self, uri: &[u8], args: &[u8]) -> Verdict {
        self.redirect_to_uri(uri, args, "")
    }

    /// The same; `doing` is what nginx says is being done.
    pub fn redirect_to_uri(&mut self, uri: &[u8], args: &[u8], doing: &str) -> Verdict {
        if self.uri_changes == 0 {
            let shown = crate::log::Raw(uri);
            let what = format_args!("while internally redirecting to \"{shown}\"{doing}");
            return self.redirection_cycle(what);
        }
        self.uri_changes -= 1;
        self.uri.clear();
        self.uri.extend_from_slice(uri);
        self.args.clear();
        self.args.extend_from_slice(args);
        self.args_emptied = false;
        self.extensions.clear();
        self.computed.get_mut().clear();
        self.location = self.server(&self.http).location;
        self.internal = true;
        self.unparsed_uri_valid = false;
        self.location_valid = true;
        self.trace(|| Event::Redirected {
            uri: self.uri.clone(),
            args: self.args.clone(),
        });
        Verdict::Restart(Start::ServerRewrite)
    }

    /// Goes on in the location `@name`, with the same URI.
    pub fn named_redirect(&mut self, name: &[u8]) -> Verdict {
        self.redirect_to_name(name, "")
    }

    /// The same; `doing` is what nginx says is being done.
    pub fn redirect_to_name(&mut self, name: &[u8], doing: &str) -> Verdict {
        let shown = crate::log::Raw(name);
        if self.uri_changes == 0 {
            let what = format_args!("while redirect to named location \"{shown}\"{doing}");
            return self.redirection_cycle(what);
        }
        self.uri_changes -= 1;
        if self.uri.is_empty() {
            let message =
                format_args!("empty URI in redirect to named location \"{shown}\"{doing}");
            log::request(self, Level::Error, message);
            return Verdict::Status(500);
        }
        let http = Rc::clone(&self.http);
        let Some(&location) = self.server(&http).named.get(name) else {
            let message = format_args!("could not find named location \"{shown}\"{doing}");
            log::request(self, Level::Error, message);
            return Verdict::Status(500);
        };
        self.internal = true;
        self.uri_changed = false;
        self.extensions.clear();
        self.computed.get_mut().clear();
        self.trace(|| Event::SentTo {
            name: name.to_vec(),
        });
        router::enter(self, &http, location);
        self.trace(|| Event::Location { id: self.location });
        Verdict::Restart(Start::Rewrite)
    }

    /// Gives up: the URI was changed too often. `what` says by what, in nginx's words.
    pub fn redirection_cycle(&mut self, what: std::fmt::Arguments<'_>) -> Verdict {
        log::request(
            self,
            Level::Error,
            format_args!("rewrite or internal redirection cycle {what}"),
        );
        // Not even for an error page.
        self.error_page = true;
        Verdict::Status(500)
    }
}
