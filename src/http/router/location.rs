//! Finding the location of a request.

use super::How;
use super::prefixes::Found;
use crate::http::conf::{Http, LocationId};
use crate::http::escape::{Kind, escape};
use crate::http::explain::{self, Fault, Wrong};
use crate::http::h1::keep::apply_keepalive;
use crate::http::phase::Verdict;
use crate::http::regex::MatchFailed;
use crate::http::request::Request;
use crate::http::special;
use crate::http::trace::Event;
use crate::log;
use bytes::Bytes;

/// Finds the location of the request's URI and puts its settings in force. Answers what is not open to the request,
/// has too large a body, or lacks a final slash.
pub fn find_location(req: &mut Request, http: &Http) -> Verdict {
    req.uri_changed = false;
    let server = req.server(http).location;
    let mut chosen = server;
    let Ok(search) = search(req, http, &mut chosen) else {
        // To go on as if the expression did not match would open what it guards to whoever makes it fail.
        return Verdict::Status(500);
    };
    let location = http.location(chosen);
    enter(req, http, chosen);
    req.trace(|| Event::Location { id: req.location });
    let conf = &location.core;
    if conf.internal && !req.internal {
        // nginx refuses before the settings are in force, which nothing but their error pages can show.
        req.location = chosen;
        req.trace(|| Event::NotInternal { id: chosen });
        return Verdict::Status(404);
    }
    if let Some(length) = req.body.length
        && conf.client_max_body_size != 0
        && length > conf.client_max_body_size
    {
        let message = format_args!("client intended to send too large body: {length} bytes");
        let fault = Fault::now(req, Wrong::BodyTooLarge(length));
        explain::client(req, log::Level::Error, message, fault);
        req.body.give_up();
        req.body.discard();
        return Verdict::Status(413);
    }
    if search == Search::Redirect {
        let mut to = Vec::with_capacity(64);
        escape(Kind::Uri, http.location_name(chosen), &mut to);
        if !req.args.is_empty() {
            to.push(b'?');
            to.extend_from_slice(&req.args);
        }
        req.trace(|| Event::AddsSlash { to: to.clone() });
        return special::redirect(req, 301, Bytes::from(to));
    }
    Verdict::Declined
}

/// Puts the settings of a block in force: its `limit_except`, if the method is not one of those let alone. What ends
/// the connection in one of the blocks that a request comes through ends it for good.
pub fn enter(req: &mut Request, http: &Http, id: LocationId) {
    req.location = match &http.location(id).own.limit_except {
        Some((methods, limited)) if !methods.contains(&req.method) => *limited,
        _ => id,
    };
    apply_keepalive(req, http);
}

/// How a search ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Search {
    /// At most a prefix: regular expressions of the blocks around are still to be tried.
    Open,
    /// An exact path or a regular expression: it stays.
    Certain,
    /// As `Certain`; the path lacks the location's final slash.
    Redirect,
}

/// Looks for the location inside the block `at`, which becomes what was found. Nested blocks are as deep as the
/// configuration, which the parser limits.
fn search(req: &Request, http: &Http, at: &mut LocationId) -> Result<Search, MatchFailed> {
    let Some(inside) = http.location(*at).nested.get() else {
        return Ok(Search::Open);
    };
    let (mut result, mut regexes) = (Search::Open, true);
    let found = inside.prefixes.find(&req.uri);
    req.trace(|| Event::Prefixes {
        inside: *at,
        path: req.uri.clone(),
        found,
    });
    match found {
        Found::Nothing => {}
        Found::Exact(id) => {
            *at = id;
            return Ok(Search::Certain);
        }
        Found::Redirect(id) => {
            *at = id;
            return Ok(Search::Redirect);
        }
        Found::Prefix(id) => {
            let kind = http.location(id).kind.location();
            regexes = !kind.is_some_and(|location| matches!(location.how, How::NoRegex));
            *at = id;
            result = search(req, http, at)?;
            if matches!(result, Search::Certain | Search::Redirect) {
                return Ok(result);
            }
        }
    }
    if regexes {
        for (regex, id) in &inside.regexes {
            let hit = regex.exec(req, &req.uri)?;
            req.trace(|| Event::Tried { id: *id, hit });
            if hit {
                *at = *id;
                search(req, http, at)?;
                return Ok(Search::Certain);
            }
        }
    }
    Ok(result)
}
