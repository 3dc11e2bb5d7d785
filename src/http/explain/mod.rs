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
use super::upstream::failure::{Failure, System};
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

/// Tells why the body of a request could not be had, and remembers it; `doing` is what nginx says was being done.
pub fn body(req: &Request, error: BodyError, doing: &str) {
    let info = |message: Arguments<'_>, wrong| {
        client(req, Level::Info, message, Fault::now(req, wrong));
    };
    match error {
        BodyError::TimedOut if req.head.version >= Version::Http2 && doing.is_empty() => info(
            format_args!("client timed out (110: Connection timed out)"),
            Wrong::BodyTimedOut,
        ),
        BodyError::TimedOut => body_timed_out(req),
        BodyError::Closed => info(
            format_args!("client prematurely closed connection{doing}"),
            Wrong::ClosedWhileSending,
        ),
        BodyError::Broken(e) => info(
            format_args!("recv() failed {}{doing}", System(e)),
            Wrong::ClosedWhileSending,
        ),
        BodyError::StreamClosed(gone) => {
            if gone.reason.is_some() {
                log::request(req, Level::Info, format_args!("{gone}{doing}"));
            }
            info(
                format_args!("client prematurely closed stream{doing}"),
                Wrong::ClosedWhileWaiting,
            );
        }
        BodyError::Malformed if req.head.version < Version::Http2 => invalid_chunks(req, doing),
        BodyError::Malformed => {
            if let Some(what) = &req.body.complaint {
                log::request(req, Level::Info, format_args!("{what}{doing}"));
            }
        }
        // What is said about these is said where they are noticed.
        BodyError::TooLarge | BodyError::Storage => {}
    }
}

/// nginx says nothing about this: the error log is told only where it is told causes.
fn body_timed_out(req: &Request) {
    let fault = Fault::now(req, Wrong::BodyTimedOut);
    if !req.location(&req.http).explain.hints {
        *req.reason.borrow_mut() = Some(Box::new(Reason::Client(fault)));
        return;
    }
    let message = "client timed out (110: Connection timed out) while reading client request body";
    client(req, Level::Info, format_args!("{message}"), fault);
}

/// Whether the client went away before it had sent all of the request: there is nobody to answer to.
pub fn client_left(req: &Request) -> bool {
    let reason = req.reason.borrow();
    let reason = reason.as_deref();
    matches!(reason, Some(Reason::Client(fault)) if fault.wrong == Wrong::ClosedWhileSending)
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
