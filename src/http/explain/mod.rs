//! Why a request failed, said wherever one may look: behind nginx's line in the error log, in `$upstream_error`, in
//! `Proxy-Status`, on a page. Nothing of it is looked up unless something failed and somebody looks.

mod accept;
mod conf;
mod fault;
mod page;
mod proxy_status;
mod route;

pub use conf::{DIRECTIVES, Diagnostics, ExplainConf, ExplainRaw, ProxyStatus};
pub use fault::{Fault, Wrong};
pub use page::answer as page;

use super::body_in::BodyError;
use super::conf::LocationConf;
use super::head::Version;
use super::request::Request;
use super::upstream::failure::Failure;
use super::upstream::state::Attempt;
use super::variable::Variable;
use crate::log::{self, Level};
use std::fmt::{self, Arguments};
use std::io::Write;

/// Why a request failed.
#[derive(Clone, Debug)]
pub enum Reason {
    /// The server that it was to be passed to.
    Upstream(Box<Failure>),
    /// The client.
    Client(Fault),
}

impl Reason {
    /// The status of the answer to it.
    pub fn status(&self) -> u16 {
        match self {
            Reason::Upstream(failure) => failure.status(),
            Reason::Client(fault) => fault.wrong.status(),
        }
    }
}

/// `$upstream_error` and `$upstream_error_stage`: for each attempt, `-` for one that went well. And `$location` with
/// `$location_source`: the location that was chosen, and where it is written.
pub static VARIABLES: &[Variable] = &[
    Variable::weak("upstream_error", |req, out| {
        errors(req, out, |failure| failure.kind().name())
    }),
    Variable::weak("upstream_error_stage", |req, out| {
        errors(req, out, |failure| failure.stage.name())
    }),
    Variable::weak("location", route::location),
    Variable::weak("location_source", route::location_source),
];

fn errors(req: &Request, out: &mut Vec<u8>, word: fn(&Failure) -> &'static str) -> bool {
    if let Some(Reason::Upstream(failure)) = req.reason.borrow().as_deref()
        && req.upstreams.is_empty()
    {
        out.extend_from_slice(word(failure).as_bytes());
        return true;
    }
    let of_attempt = |attempt: &Attempt, out: &mut Vec<u8>| {
        let failure = attempt.failure.borrow();
        let word = failure.as_deref().map_or("-", word);
        out.extend_from_slice(word.as_bytes());
    };
    super::upstream::variables::list(req, out, of_attempt)
}

/// Adds the header fields that tell how an answer came about, where they are asked for.
pub fn head(req: &mut Request, conf: &LocationConf) {
    let conf = &conf.explain;
    if conf.proxy_status != ProxyStatus::Off {
        proxy_status::add(req, conf);
    }
    if !conf.debug_route.is_empty() {
        route::add(req, conf);
    }
}

/// Tells the error log about an attempt that failed.
pub fn failure(req: &Request, failure: &Failure) {
    if !failure.is_known_to_nginx() && !req.location(&req.http).explain.hints {
        return;
    }
    let message = format_args!("{failure}");
    log::explained(req, failure.level(), message, |out| {
        let (cause, hint) = (failure.kind().name(), failure.hint(req));
        tell(cause, hint, out);
    });
}

/// Appends what stands behind nginx's line. Names in a hint may come from clients: none ends the quotation or the line.
fn tell(cause: &str, hint: impl fmt::Display, out: &mut Vec<u8>) {
    // Writing into a vector cannot fail.
    let _ = write!(out, ", cause: {cause}, hint: \"");
    let start = out.len();
    let _ = write!(out, "{hint}");
    for byte in out.iter_mut().skip(start) {
        match *byte {
            b'"' => *byte = b'\'',
            control if control.is_ascii_control() => *byte = b' ',
            _ => {}
        }
    }
    out.push(b'"');
}

/// Tells the error log that no attempt could be made, and remembers why.
pub fn no_attempt(req: &Request, reason: Failure) {
    failure(req, &reason);
    *req.reason.borrow_mut() = Some(Box::new(Reason::Upstream(Box::new(reason))));
}

/// Tells the error log what the client did wrong, with nginx's words, and remembers it.
pub fn client(req: &Request, level: Level, message: Arguments<'_>, fault: Fault) {
    log::explained(req, level, message, |out| {
        let (cause, hint) = (fault.wrong.name(), fault.hint(req));
        tell(cause, hint, out);
    });
    *req.reason.borrow_mut() = Some(Box::new(Reason::Client(fault)));
}

/// Remembers why the body of a request could not be had. nginx says nothing about some of these: the error log is told
/// only where it is told causes.
pub fn body(req: &Request, error: BodyError) {
    let (wrong, message) = match error {
        BodyError::TimedOut => (
            Wrong::BodyTimedOut,
            "client timed out (110: Connection timed out) while reading client request body",
        ),
        BodyError::Closed => (
            Wrong::ClosedWhileSending,
            "client prematurely closed connection while reading client request body",
        ),
        BodyError::Malformed if req.head.version < Version::Http2 => {
            return invalid_chunks(req, "");
        }
        // The stream tells what is wrong.
        BodyError::Malformed => return,
        // What is said about these is said where they are noticed.
        BodyError::TooLarge | BodyError::Storage => return,
    };
    let fault = Fault::now(req, wrong);
    match req.location(&req.http).explain.hints {
        true => client(req, Level::Info, format_args!("{message}"), fault),
        false => *req.reason.borrow_mut() = Some(Box::new(Reason::Client(fault))),
    }
}

/// Tells that a chunked body is none; `doing` is what nginx says was being done.
pub fn invalid_chunks(req: &Request, doing: &str) {
    client(
        req,
        Level::Error,
        format_args!("client sent invalid chunked body{doing}"),
        Fault::now(req, Wrong::Chunks),
    );
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_ends_a_hint_early() {
        let mut out = b"line".to_vec();
        super::tell("x", "a\"b\nc", &mut out);
        assert_eq!(out, b"line, cause: x, hint: \"a'b c\"");
    }
}
