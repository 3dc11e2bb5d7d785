//! What happened at each attempt to get an answer from an upstream: the source of `$upstream_*` and of the
//! `upstream:` part of the error log.

use super::failure::{Cause, Failure};
use super::head::{Field, ResponseHead};
use crate::config::span::Span;
use crate::http::conf::LocationId;
use crate::http::head::Piece;
use crate::log::Level;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What is being done with an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Choosing a server and connecting to it.
    #[default]
    Connecting,
    /// Agreeing on TLS.
    Handshaking,
    /// Asking what a name means.
    Resolving,
    /// Sending the request.
    Sending,
    /// Reading the head of the answer.
    Head,
    /// Reading its body.
    Body,
    /// Passing bytes both ways after an upgrade.
    Upgraded,
}

impl Stage {
    /// The word in `$upstream_error_stage` and on pages.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Resolving => "resolve",
            Stage::Connecting => "connect",
            Stage::Handshaking => "tls",
            Stage::Sending => "send",
            Stage::Head => "header",
            Stage::Body => "body",
            Stage::Upgraded => "upgraded",
        }
    }

    /// What follows `while` in nginx's error log.
    pub fn action(self) -> &'static str {
        match self {
            Stage::Connecting => "connecting to upstream",
            Stage::Handshaking => "SSL handshaking to upstream",
            Stage::Resolving => "resolving upstream",
            Stage::Sending => "sending request to upstream",
            Stage::Head => "reading response header from upstream",
            Stage::Body => "reading upstream",
            Stage::Upgraded => "proxying upgraded connection",
        }
    }
}

/// One attempt. Shared with the body of the answer, which arrives when the request is long out of our hands.
#[derive(Clone, Debug, Default)]
pub struct UpstreamState(pub Rc<Attempt>);

/// What is known of an attempt.
#[derive(Debug, Default)]
pub struct Attempt {
    /// The server's address, or the group's name if no server could be chosen. Empty: an internal redirect followed,
    /// which `$upstream_*` show as ` : `.
    pub peer: Bytes,
    /// The scheme with `://`, for the error log.
    pub scheme: &'static str,
    /// The URI that was asked for, for the error log.
    pub uri: Bytes,
    /// When it began: monotonic milliseconds.
    pub started_ms: u64,
    /// What is being done, as long as the head of its answer is waited for.
    pub waits: Cell<Option<Stage>>,
    /// The status of the answer, or the one that stands for the failure; 0 while there is none.
    pub status: Cell<u16>,
    /// Whether the answer's body is passed on as it comes.
    pub unbuffered: Cell<bool>,
    /// Whether early hints came in front of the answer.
    pub hinted: Cell<bool>,
    /// How long it took to connect, in milliseconds.
    pub connect_ms: Cell<Option<u64>>,
    /// How long until the head of the answer was there.
    pub header_ms: Cell<Option<u64>>,
    /// Whether its answer is passed on. Until the head is on its way to the client, `$upstream_*` show such an
    /// attempt as nginx does, which closes its books later: no time yet, nothing counted.
    pub passed_on: Cell<bool>,
    /// How long until the answer was complete.
    pub response_ms: Cell<Option<u64>>,
    /// Bytes of the answer's body as they came, framing included.
    pub response_length: Cell<u64>,
    /// All bytes received.
    pub bytes_received: Cell<u64>,
    /// All bytes sent.
    pub bytes_sent: Cell<u64>,
    /// The head of the answer, for `$upstream_http_*`.
    pub head: RefCell<KeptHead>,
    /// Trailer fields, for `$upstream_trailer_*`.
    pub trailers: RefCell<Vec<(Bytes, Bytes)>>,
    /// What the error log should still be told: noted where no request is at hand.
    pub notes: RefCell<Vec<Note>>,
    /// Where the directive stands that sent the request there, and the block whose settings held.
    pub origin: Option<(Span, LocationId)>,
    /// Why it failed.
    pub failure: RefCell<Option<Box<Failure>>>,
}

/// Something for the error log.
#[derive(Debug)]
pub enum Note {
    /// A sentence.
    Sentence(Level, String),
    /// A sentence whose reason is known.
    Reason(Box<Failure>),
    /// Why the attempt failed.
    Failure,
}

/// The header fields of an answer: a text, and where they stand in it.
#[derive(Debug, Default)]
pub struct KeptHead {
    /// The text.
    pub text: Bytes,
    /// The fields.
    pub fields: Vec<Field>,
}

impl KeptHead {
    /// All fields as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let bytes = |piece: Piece| {
            self.text
                .get(piece.start as usize..piece.end as usize)
                .unwrap_or_default()
        };
        self.fields
            .iter()
            .map(move |f| (bytes(f.name), bytes(f.value)))
    }
}

impl Attempt {
    /// Keeps the fields of a head for `$upstream_http_*`; `text` is what its buffer holds.
    pub fn keep_head(&self, head: &ResponseHead, text: Bytes) {
        *self.head.borrow_mut() = KeptHead {
            text,
            fields: head.fields.clone(),
        };
    }

    /// An attempt that begins now.
    pub fn begin(
        peer: Bytes,
        scheme: &'static str,
        uri: Bytes,
        origin: Option<(Span, LocationId)>,
    ) -> UpstreamState {
        UpstreamState(Rc::new(Attempt {
            peer,
            origin,
            scheme,
            uri,
            started_ms: crate::clock::monotonic_ms(),
            ..Attempt::default()
        }))
    }

    /// Milliseconds since it began.
    pub fn elapsed_ms(&self) -> u64 {
        crate::clock::monotonic_ms().saturating_sub(self.started_ms)
    }

    /// Takes note that it is over, once.
    pub fn end(&self) {
        if self.response_ms.get().is_none() {
            self.response_ms.set(Some(self.elapsed_ms()));
        }
    }

    /// The same for an answer that came in one piece: it took as long as its head.
    pub fn end_with_head(&self) {
        if self.response_ms.get().is_none() {
            self.response_ms.set(self.header_ms.get());
        }
        self.end();
    }

    /// A failure of this attempt.
    pub fn why(&self, cause: Cause, stage: Stage) -> Failure {
        let mut failure = Failure::new(cause, stage);
        failure.peer = Some(self.peer.clone());
        failure.scheme = self.scheme;
        failure.facts.unbuffered = self.unbuffered.get();
        if let Some((span, location)) = self.origin {
            failure.span = Some(span);
            failure.location = location;
        }
        failure
    }

    /// Whether its answer has come to an end too soon, as far as it was an answer.
    pub fn is_short(&self) -> bool {
        let failure = self.failure.borrow();
        failure
            .as_ref()
            .is_some_and(|failure| match &failure.cause {
                Cause::ClosedEarly | Cause::TimedOut | Cause::Receive(_) => true,
                Cause::BadBody(sentence) => sentence.starts_with("upstream prematurely closed"),
                _ => false,
            })
    }

    /// The status as `$upstream_status` shows it: that of the first head of its answer, as nginx notes it.
    pub fn first_status(&self) -> u16 {
        match self.hinted.get() {
            true => 103,
            false => self.status.get(),
        }
    }

    /// What nginx says when the client goes away meanwhile; nothing if nobody is asked.
    pub fn client_is_gone(&self) -> Option<String> {
        self.client_has_left("")
    }

    /// The same with the error of its connection, ` (104: Connection reset by peer)` say.
    pub fn client_has_left(&self, error: &str) -> Option<String> {
        let body = || self.response_ms.get().is_none().then_some(Stage::Body);
        let stage = self.waits.get().or_else(body)?.action();
        Some(format!(
            "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too{error} while {stage}"
        ))
    }

    /// When it was over, or what time it is.
    pub fn ended_at_ms(&self) -> u64 {
        match self.response_ms.get() {
            Some(ms) => self.started_ms.saturating_add(ms),
            None => crate::clock::monotonic_ms(),
        }
    }

    /// Has the error log told about something when the request is at hand again.
    pub fn note(&self, level: Level, sentence: String) {
        self.notes
            .borrow_mut()
            .push(Note::Sentence(level, sentence));
    }

    /// The same with the reason.
    pub fn note_reason(&self, failure: Failure) {
        let note = Note::Reason(Box::new(failure));
        self.notes.borrow_mut().push(note);
    }

    /// The attempt has failed: the error log is told when the request is at hand again.
    pub fn fail(&self, failure: Box<Failure>) {
        self.notes.borrow_mut().push(Note::Failure);
        *self.failure.borrow_mut() = Some(failure);
    }

    /// Adds to a counter.
    pub fn count(counter: &Cell<u64>, n: usize) {
        counter.set(counter.get().saturating_add(n as u64));
    }

    /// Appends what the error log shows as `upstream: "..."`: scheme, server and URI.
    pub fn write_url(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.scheme.as_bytes());
        out.extend_from_slice(&self.peer);
        if self.peer.starts_with(b"unix:") {
            out.push(b':');
        }
        out.extend_from_slice(&self.uri);
    }
}

impl std::ops::Deref for UpstreamState {
    type Target = Attempt;
    fn deref(&self) -> &Attempt {
        &self.0
    }
}
