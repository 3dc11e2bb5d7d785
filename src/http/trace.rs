//! What happens to a request, told step by step to whoever rehearses it (`--explain`). A server that serves has no
//! trace: whoever reports asks for it first, and builds nothing if there is none.

use super::conf::{LocationId, ServerId};
use super::phase::Verdict;
use super::request::Request;
use super::router::names::NameMatch;
use super::router::prefixes::Found;
use super::variable::VarId;
use crate::config::span::Span;
use crate::log::Level;
use bytes::Bytes;
use std::cell::RefCell;
use std::fmt::Arguments;

/// The steps of one request and its subrequests, in their order.
#[derive(Default)]
pub struct Trace(RefCell<Vec<Entry>>);

/// A step.
#[derive(Debug)]
pub struct Entry {
    /// How deep the subrequest is that it belongs to; 0: the request itself.
    pub depth: u8,
    /// What happened.
    pub event: Event,
}

/// What can happen. Texts are bytes as they are.
#[derive(Debug)]
#[allow(missing_docs, reason = "the fields are what their names say")]
pub enum Event {
    /// A server other than the default one has the host.
    Server { id: ServerId, by: NameMatch },
    /// What the prefixes and exact paths inside a block say about the path.
    Prefixes {
        inside: LocationId,
        path: Vec<u8>,
        found: Found,
    },
    /// The regular expression of a location was tried.
    Tried { id: LocationId, hit: bool },
    /// This location's settings are in force now.
    Location { id: LocationId },
    /// The location is `internal`, and the request came from outside.
    NotInternal { id: LocationId },
    /// The path lacks the location's final slash.
    AddsSlash { to: Vec<u8> },
    /// A `rewrite`.
    Rewrite { at: Span, outcome: Rewritten },
    /// An `if`: the value that it looked at.
    If {
        at: Span,
        value: Vec<u8>,
        holds: bool,
    },
    /// The settings inside an `if` are in force now.
    Enters { id: LocationId },
    /// A `set`.
    Set { at: Span, id: VarId, value: Vec<u8> },
    /// A `break`.
    Break { at: Span },
    /// A `return`.
    Return { at: Span, status: u16 },
    /// A `map` looked for a value; the line that fits.
    Mapped {
        subject: Vec<u8>,
        line: Option<Span>,
    },
    /// A variable of a `map` and the like got its value.
    Computed { id: VarId, value: Vec<u8> },
    /// The client's address was taken from a field.
    RealIp { address: Vec<u8> },
    /// A limit that would count the request.
    Limit {
        directive: &'static str,
        zone: Bytes,
        key: Vec<u8>,
    },
    /// An `allow` or `deny` fits.
    Rule { at: Span, allows: bool },
    /// What an access module says.
    Access { by: &'static str, verdict: Verdict },
    /// Another location would be asked for leave.
    AsksLeave { uri: Bytes },
    /// A copy of the request would go there.
    Copies { uri: Bytes },
    /// `try_files` looked for a file or directory.
    TriedFile {
        name: Vec<u8>,
        directory: bool,
        found: bool,
    },
    /// `try_files` found none.
    NoFile,
    /// `index` looked for a file.
    TriedIndex { name: Vec<u8>, found: bool },
    /// This handler makes the answer.
    Handler { name: &'static str },
    /// A file was looked for.
    Opened { name: Vec<u8>, what: Opened },
    /// The answer is this file.
    Sends { name: Vec<u8> },
    /// Goes on with another URI.
    Redirected { uri: Vec<u8>, args: Vec<u8> },
    /// Goes on in a named location.
    SentTo { name: Vec<u8> },
    /// `error_page` says what to answer with in place of a status.
    ErrorPage { status: u16, target: Bytes },
    /// The built-in page of a status is the answer.
    BuiltIn { status: u16 },
    /// A name would be resolved.
    WouldResolve { host: Bytes },
    /// A parameter of a FastCGI, uwsgi or SCGI request.
    Param { name: Bytes, value: Vec<u8> },
    /// The request would be sent to an upstream.
    Passes(Box<Passes>),
    /// An `add_header`; without `value` it does not hold for this status.
    AddsHeader {
        at: Span,
        name: Bytes,
        value: Option<Bytes>,
    },
    /// What the error log would be told.
    Logs { level: Level, message: String },
}

/// What a `rewrite` did.
#[derive(Debug)]
pub enum Rewritten {
    /// The URI does not match.
    No,
    /// The URI is another one; `stay`: no location is sought for it.
    To {
        /// The new path.
        uri: Vec<u8>,
        /// The new query.
        args: Vec<u8>,
        /// `break`
        stay: bool,
    },
    /// The client is sent elsewhere.
    Redirect {
        /// 301 or 302.
        status: u16,
        /// Where.
        to: Bytes,
    },
}

/// What a name turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Neither.
    Other,
    /// It could not be opened; for most errors since it is not there.
    No(rustix::io::Errno),
}

/// A request that would be sent to an upstream.
#[derive(Debug)]
pub struct Passes {
    /// The directive that says so.
    pub at: Span,
    /// The group of servers.
    pub group: Bytes,
    /// Where the group is configured.
    pub group_at: Span,
    /// The servers in the order in which they would be tried.
    pub peers: Vec<Tried>,
    /// `http://`, `fastcgi://`
    pub scheme: &'static str,
    /// The URI as it is sent.
    pub uri: Bytes,
    /// What is sent, as its protocol writes it, the body not included.
    pub text: Bytes,
}

/// A server of a group.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Its address.
    pub address: Bytes,
    /// Whether it is one of the backup servers.
    pub backup: bool,
}

impl Trace {
    /// Adds a step.
    pub fn add(&self, depth: u8, event: Event) {
        self.0.borrow_mut().push(Entry { depth, event });
    }

    /// Takes all steps out.
    pub fn take(&self) -> Vec<Entry> {
        self.0.take()
    }
}

impl Request {
    /// Tells what happens to the request, if anybody wants to know.
    #[inline]
    pub fn trace(&self, event: impl FnOnce() -> Event) {
        if let Some(trace) = &self.worker.trace {
            trace.add(self.depth, event());
        }
    }

    /// Whether this is a rehearsal: nobody else is to be asked or told anything, and nothing to be counted.
    #[inline]
    pub fn is_rehearsal(&self) -> bool {
        self.worker.trace.is_some()
    }

    /// Takes what the error log would be told; false if it is to be told.
    #[inline]
    pub fn keeps_log(&self, level: Level, message: Arguments<'_>) -> bool {
        self.trace(|| Event::Logs {
            level,
            message: crate::log::raw::lossy(message),
        });
        self.is_rehearsal()
    }
}
