//! Running the codes of a block.

use super::code::{Code, Codes, Condition, If, Return, Rewrite, Target};
use crate::config::span::Span;
use crate::http::body::Body;
use crate::http::conf::Http;
use crate::http::core::content_type;
use crate::http::escape::{Unescape, unescape};
use crate::http::h1::keep::apply_keepalive;
use crate::http::phase::Verdict;
use crate::http::regex::Regex;
use crate::http::request::Request;
use crate::http::trace::{Event, Rewritten};
use crate::http::value::{Value, is_true};
use crate::http::worker::Worker;
use crate::log::{self, Level};
use bytes::Bytes;

/// Runs the codes of the server.
pub fn server(req: &mut Request, http: &Http) -> Verdict {
    let location = http.location(req.server(http).location);
    Engine::new(location.rewrite.log).start(req, http, &location.own.rewrite)
}

/// Runs the codes of the location.
pub fn location(req: &mut Request, http: &Http) -> Verdict {
    // Where no location was found, the server's codes have run already.
    if req.location == req.server(http).location {
        return Verdict::Declined;
    }
    let location = req.location(http);
    Engine::new(location.rewrite.log).start(req, http, &location.own.rewrite)
}

/// What lasts from one code of a block to the next.
struct Engine {
    /// `rewrite_log`
    log: bool,
    /// Whether captures are escaped where they go into a value: until a `rewrite` has matched, as in nginx.
    quote: bool,
}

impl Engine {
    fn new(log: bool) -> Self {
        Engine { log, quote: true }
    }

    fn start(&mut self, req: &mut Request, http: &Http, codes: &Codes) -> Verdict {
        if codes.0.is_empty() {
            return Verdict::Declined;
        }
        self.run(req, http, codes).unwrap_or(Verdict::Declined)
    }

    /// Runs a list; `None` if the list around it goes on.
    fn run(&mut self, req: &mut Request, http: &Http, codes: &Codes) -> Option<Verdict> {
        codes.0.iter().find_map(|(at, code)| match code {
            Code::Rewrite(rewrite) => self.rewrite(req, *at, rewrite),
            Code::Return(code) => {
                let (at, status) = (*at, code.status);
                req.trace(|| Event::Return { at, status });
                Some(answer(req, http, code))
            }
            Code::Break => {
                req.trace(|| Event::Break { at: *at });
                if req.uri_changed {
                    req.location_valid = false;
                    req.uri_changed = false;
                }
                Some(Verdict::Declined)
            }
            Code::Set(variable, value) => {
                let told = |value: &[u8]| Event::Set {
                    at: *at,
                    id: *variable,
                    value: value.to_vec(),
                };
                match value.as_literal() {
                    Some(text) => {
                        req.trace(|| told(text));
                        req.assign(*variable, text);
                    }
                    None => {
                        let mut buffer = req.worker.take_buffer();
                        self.write(req, value, &mut buffer);
                        req.trace(|| told(&buffer));
                        req.assign(*variable, &buffer);
                        req.worker.give_buffer(buffer);
                    }
                }
                None
            }
            Code::If(code) => match self.test(req, *at, &code.condition) {
                Ok(true) => self.enter(req, http, code),
                Ok(false) => None,
                Err(verdict) => Some(verdict),
            },
        })
    }

    fn enter(&mut self, req: &mut Request, http: &Http, code: &If) -> Option<Verdict> {
        if let Some(location) = code.location {
            req.location = location;
            apply_keepalive(req, http);
            req.trace(|| Event::Enters { id: location });
        }
        self.run(req, http, &code.codes)
    }

    /// Writes a value, captures escaped if they have to be.
    fn write(&self, req: &Request, value: &Value, out: &mut Vec<u8>) {
        if self.quote && value.has_captures() && was_escaped(req) {
            value.write_escaped(req, out);
        } else {
            value.write(req, out);
        }
    }

    /// Whether a condition holds; an error ends the rewriting.
    fn test(&self, req: &Request, at: Span, condition: &Condition) -> Result<bool, Verdict> {
        req.with_scratch(|req, buffer| {
            let holds = self.holds(req, condition, buffer)?;
            req.trace(|| Event::If {
                at,
                value: buffer.clone(),
                holds,
            });
            Ok(holds)
        })
    }

    /// The same; what it asked about stays in the buffer.
    fn holds(
        &self,
        req: &Request,
        condition: &Condition,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, Verdict> {
        match condition {
            Condition::True(variable) => {
                req.variable(*variable, buffer);
                Ok(is_true(buffer))
            }
            Condition::Equal(variable, value, negated) => {
                req.variable(*variable, buffer);
                let middle = buffer.len();
                self.write(req, value, buffer);
                let (left, right) = buffer.split_at_checked(middle).unwrap_or_default();
                let equal = left == right;
                buffer.truncate(middle);
                Ok(equal != *negated)
            }
            Condition::Match(variable, regex, negated) => {
                req.variable(*variable, buffer);
                Ok(self.matches(req, regex, buffer)? != *negated)
            }
            Condition::File(test, value, negated) => {
                self.write(req, value, buffer);
                Ok(test.holds(req, buffer) != *negated)
            }
        }
    }

    /// Matches, logs it, and forgets older captures if there is no match.
    fn matches(&self, req: &Request, regex: &Regex, subject: &[u8]) -> Result<bool, Verdict> {
        let Ok(hit) = regex.exec(req, subject) else {
            return Err(Verdict::Status(500));
        };
        if self.log {
            let verb = if hit { "matches" } else { "does not match" };
            self.note(
                req,
                format_args!("\"{}\" {verb} \"{}\"", regex.as_str(), log::Raw(subject)),
            );
        }
        if !hit {
            req.clear_captures();
        }
        Ok(hit)
    }

    fn note(&self, req: &Request, message: std::fmt::Arguments<'_>) {
        log::request(req, Level::Notice, message);
    }

    fn rewrite(&mut self, req: &mut Request, at: Span, code: &Rewrite) -> Option<Verdict> {
        match self.matches(req, &code.regex, &req.uri) {
            Ok(true) => {}
            Ok(false) => {
                let outcome = Rewritten::No;
                req.trace(|| Event::Rewrite { at, outcome });
                return None;
            }
            Err(verdict) => return Some(verdict),
        }
        req.internal = true;
        req.unparsed_uri_valid = false;
        if matches!(code.target, Target::Internal { stay: true, .. }) {
            req.location_valid = false;
            req.uri_changed = false;
        } else {
            req.uri_changed = true;
        }
        let failed = match &code.target {
            Target::Redirect {
                status,
                url,
                has_query,
            } => {
                self.redirect(req, url, code.keep_args, *has_query);
                Some(Verdict::Status(*status))
            }
            Target::Internal { path, args, .. } => self.replace(req, path, args.as_ref(), code),
        };
        req.trace(|| Event::Rewrite {
            at,
            outcome: told(req, &code.target),
        });
        self.quote = false;
        failed.or(code.last.then_some(Verdict::Declined))
    }

    /// Puts the URL of a redirect into the response.
    fn redirect(&self, req: &mut Request, url: &Value, keep_args: bool, has_query: bool) {
        let mut buffer = req.worker.take_buffer();
        if was_escaped(req) {
            url.write_escaped(req, &mut buffer);
        } else {
            url.write(req, &mut buffer);
        }
        if memchr::memchr(b'%', &buffer).is_some() {
            let mut plain = req.worker.take_buffer();
            let read = unescape(Unescape::Redirect, &buffer, &mut plain);
            plain.extend_from_slice(buffer.get(read..).unwrap_or_default());
            req.worker
                .give_buffer(std::mem::replace(&mut buffer, plain));
        }
        if keep_args && !req.args.is_empty() {
            buffer.push(if has_query { b'&' } else { b'?' });
            buffer.extend_from_slice(&req.args);
        }
        if self.log {
            self.note(
                req,
                format_args!("rewritten redirect: \"{}\"", log::Raw(&buffer)),
            );
        }
        req.response.location = Some(location_value(&buffer));
        req.worker.give_buffer(buffer);
    }

    /// Puts another URI in place.
    fn replace(
        &self,
        req: &mut Request,
        path: &Value,
        args: Option<&Value>,
        code: &Rewrite,
    ) -> Option<Verdict> {
        let mut buffer = req.worker.take_buffer();
        path.write(req, &mut buffer);
        if let Some(args) = args {
            let mut query = req.worker.take_buffer();
            if args.has_captures() && was_escaped(req) {
                args.write_escaped(req, &mut query);
            } else {
                args.write(req, &mut query);
            }
            if code.keep_args && !req.args.is_empty() {
                query.push(b'&');
                query.extend_from_slice(&req.args);
            }
            take_over(req.worker.as_ref(), &mut req.args, query);
            req.args_emptied = req.args.is_empty();
        } else if !code.keep_args {
            req.args_emptied |= !req.args.is_empty();
            req.args.clear();
        }
        take_over(req.worker.as_ref(), &mut req.uri, buffer);
        req.climbs |= path.climbs();
        if self.log {
            self.note(
                req,
                format_args!(
                    "rewritten data: \"{}\", args: \"{}\"",
                    log::Raw(&req.uri),
                    log::Raw(&req.args)
                ),
            );
        }
        if req.uri.is_empty() {
            log::request(
                req,
                Level::Error,
                format_args!("the rewritten URI has a zero length"),
            );
            return Some(Verdict::Status(500));
        }
        None
    }
}

/// `return`: a redirect, a text, or a status that error pages stand for.
fn answer(req: &mut Request, http: &Http, code: &Return) -> Verdict {
    if code.status >= 400 && code.text.is_none() {
        return Verdict::Status(code.status);
    }
    // `$status` in the text is this one.
    req.response.status = code.status;
    let text = match &code.text {
        Some(text) => text.eval_bytes(req),
        None => Bytes::new(),
    };
    req.body.ask();
    if matches!(code.status, 301 | 302 | 303 | 307 | 308) {
        req.response.location = Some(location_value(&text));
        return Verdict::Status(code.status);
    }
    content_type::set(req, http);
    req.response.content_length = Some(text.len() as u64);
    req.response.body = Body::bytes(text);
    Verdict::Done
}

/// What a `rewrite` that matched has made of the request.
fn told(req: &Request, target: &Target) -> Rewritten {
    match target {
        Target::Redirect { status, .. } => Rewritten::Redirect {
            status: *status,
            to: req.response.location.clone().unwrap_or_default(),
        },
        Target::Internal { stay, .. } => Rewritten::To {
            uri: req.uri.clone(),
            args: req.args.clone(),
            stay: *stay,
        },
    }
}

/// A value for `Location`. A line end that was decoded on the way must not begin a field of its own.
fn location_value(text: &[u8]) -> Bytes {
    if memchr::memchr2(b'\r', b'\n', text).is_none() {
        return Bytes::copy_from_slice(text);
    }
    let mut out = Vec::with_capacity(text.len().saturating_add(8));
    for &byte in text {
        match byte {
            b'\r' => out.extend_from_slice(b"%0D"),
            b'\n' => out.extend_from_slice(b"%0A"),
            _ => out.push(byte),
        }
    }
    Bytes::from(out)
}

/// Whether the client's path had escapes or a plus sign: only then may a piece of it, decoded, mean something else
/// in a URL than it did.
fn was_escaped(req: &Request) -> bool {
    let target = req.head.bytes(req.head.path_query);
    let path = memchr::memchr(b'?', target).and_then(|at| target.get(..at));
    memchr::memchr2(b'%', b'+', path.unwrap_or(target)).is_some()
}

/// Copies what a buffer of the worker has to where it stays, and gives the buffer back, which has more room.
fn take_over(worker: &Worker, place: &mut Vec<u8>, buffer: Vec<u8>) {
    place.clear();
    place.extend_from_slice(&buffer);
    worker.give_buffer(buffer);
}
