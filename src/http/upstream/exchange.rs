//! One request to a group of servers: sent to one of them, to another if that one fails and the settings allow it,
//! until the head of an answer is there.

use super::answer;
use super::codec::Codec;
use super::conf::Group;
use super::connect::{Conn, connect};
use super::failure::{Cause, Failure, condition};
use super::head::ResponseHead;
use super::hints::Hints;
use super::left_out::left_out;
use super::link::{Link, Rest};
use super::outgoing::{Outgoing, ReadyPart, SendError};
use super::peers::{Choice, Lease, Outcome, Peer};
use super::pool::Place;
use super::rehearse;
use super::settings::Passing;
use super::spoken::Start;
use super::state::{Attempt, Stage, UpstreamState};
use super::tls::Wanted;
use super::tls::handshake::handshake;
use crate::boxed::boxed;
use crate::config::span::Span;
use crate::http::body_in::{BodyError, Kept};
use crate::http::body_keep::Growth;
use crate::http::explain::{self, Wrong};
use crate::http::head::Method;
use crate::http::phase::Verdict;
use crate::http::request::Request;
use crate::log::{self, Level};
use bytes::Bytes;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What an exchange needs to know beyond the protocol.
pub struct Plan<'a> {
    /// The settings.
    pub passing: &'a Passing,
    /// The servers.
    pub group: Arc<Group>,
    /// Whether TLS is spoken with them.
    pub tls: bool,
    /// Where the directive stands that sends requests there.
    pub span: Span,
    /// The start of the client's body, if the rest is sent as it arrives.
    pub streams: Option<ReadyPart>,
    /// Whether the client's body, which has been read, is sent.
    pub sends_body: bool,
}

/// Sends the request and puts the answer into the response.
pub async fn run<C: Codec>(req: &mut Request, codec: &mut C, plan: &Plan<'_>) -> Verdict {
    if !req.upstreams.is_empty() {
        // An internal redirect lies between.
        req.upstreams.push(UpstreamState::default());
    }
    let (text, uri) = match written(req, codec) {
        Ok(both) => both,
        Err(status) => return Verdict::Status(status),
    };
    if req.is_rehearsal() {
        let scheme = codec.scheme(plan.tls);
        return rehearse::run(req, plan, scheme, text, uri);
    }
    let mut tries = Tries::new(plan);
    let client = Rc::clone(&req.client);
    if !req.background {
        client
            .watch
            .set(!plan.passing.ignore_client_abort && plan.passing.store.is_none());
    }
    let origin = Some((plan.span, req.location));
    let mut head = req.worker.upstreams.take_head();
    let tls = plan.passing.tls.as_ref().filter(|_| plan.tls);
    let via = Via {
        text,
        tls: tls.map(|tls| Box::new(tls.wanted(req, &plan.group.name))),
        local: match &plan.passing.bind {
            Some(bind) => bind.local.of(req).map(Box::new),
            None => None,
        },
    };
    let verdict = loop {
        let Some(mut lease) = tries.choice.pick(&*plan.group.balancer, req) else {
            let name = plan.group.name.clone();
            let state = Attempt::begin(name, codec.scheme(plan.tls), uri.clone(), origin);
            req.upstreams.push(state.clone());
            let mut failure = plan.failure(Cause::NoLiveUpstreams, Stage::Connecting, &state);
            failure.span = Some(plan.group.span);
            failure.facts.left_out = left_out(&plan.group, super::peers::now());
            match tries.next(req, plan, &state, failure, None) {
                Some(verdict) => break verdict,
                None => continue,
            }
        };
        let name = lease.peer().name.clone();
        let state = Attempt::begin(name, codec.scheme(plan.tls), uri.clone(), origin);
        req.upstreams.push(state.clone());
        lease.watch(&*plan.group.balancer, &state);
        tries.started_ms.get_or_insert(state.started_ms);
        state.waits.set(Some(Stage::Connecting));
        let attempted = attempt(req, codec, plan, &via, lease, &state, &mut head).await;
        state.waits.set(None);
        match attempted {
            Ok(link) => match tries.judge(req, plan, &head, link, &state) {
                Ok(link) => break answer::deliver(req, codec, plan, &head, link, state),
                Err(Some(verdict)) => break verdict,
                Err(None) => {}
            },
            Err(Trouble::Client(status)) => {
                state.end();
                break Verdict::Status(status);
            }
            Err(Trouble::Upstream(failure, end)) => {
                answer::warn_of_duplicates(req, &head);
                // Variables show what came of the head.
                state.keep_head(&head, Bytes::copy_from_slice(&head.buf));
                if let Some(verdict) = tries.next(req, plan, &state, failure, Some(end)) {
                    break verdict;
                }
            }
        }
        codec.reset();
        head.clear();
    };
    if !req.background {
        req.response.for_client_only = client.watch.replace(false);
    }
    req.worker.upstreams.give_head(head);
    verdict
}

/// The request as it is sent, and the URI in it.
fn written<C: Codec>(req: &mut Request, codec: &mut C) -> Result<(Bytes, Bytes), u16> {
    let mut text = Vec::with_capacity(1024);
    let uri = codec.write_request(req, &mut text)?;
    let text = Bytes::from(text);
    let uri = text.slice(uri.start.min(text.len())..uri.end.min(text.len()));
    Ok((text, uri))
}

impl Plan<'_> {
    fn failure(&self, cause: Cause, stage: Stage, state: &UpstreamState) -> Box<Failure> {
        let waited = (cause == Cause::TimedOut).then_some(match stage {
            Stage::Connecting | Stage::Handshaking => self.passing.connect_timeout,
            Stage::Sending => self.passing.send_timeout,
            _ => self.passing.read_timeout,
        });
        let mut failure = state.why(cause, stage);
        failure.facts.waited = waited;
        failure.facts.limit = self.passing.buffer_size as u64;
        Box::new(failure)
    }
}

/// What is sent and how servers are reached, the same for all attempts.
struct Via {
    /// The request, without the client's body.
    text: Bytes,
    /// TLS as it is wanted.
    tls: Option<Box<Wanted>>,
    /// The address to connect from, and how it is written.
    local: Option<Box<(SocketAddr, Bytes)>>,
}

/// Why an attempt came to nothing.
enum Trouble {
    /// For reasons of the client: the status to answer with.
    Client(u16),
    /// For reasons of the upstream.
    Upstream(Box<Failure>, End),
}

/// What is left of a failed attempt.
struct End {
    lease: Lease,
    /// Whether the connection had served before.
    reused: bool,
    /// Whether anything of the request may have been sent.
    sent: bool,
}

#[allow(
    clippy::too_many_arguments,
    reason = "one caller, which has them all apart"
)]
async fn attempt<C: Codec>(
    req: &mut Request,
    codec: &mut C,
    plan: &Plan<'_>,
    via: &Via,
    mut lease: Lease,
    state: &UpstreamState,
    head: &mut ResponseHead,
) -> Result<Link, Trouble> {
    let text = &via.text;
    let worker = Rc::clone(&req.worker);
    let keepalive = plan.group.keepalive.as_ref();
    let place = Place {
        group: lease.group(),
        peer: lease.peer().name.clone(),
        location: keepalive.and_then(|k| k.local.then_some(req.location)),
        tls: via.tls.as_ref().map(|wanted| Rc::clone(&wanted.key)),
    };
    let pooled = keepalive.and_then(|_| worker.upstreams.take(&place));
    let connected = match pooled {
        Some(conn) => Ok(conn),
        // In a box of its own, for it is large and seldom needed.
        None => boxed(|| connect_to(req, lease.peer(), plan, via)).await,
    };
    let mut conn = match connected {
        Ok(conn) => conn,
        Err((cause, stage)) => {
            let mut failure = plan.failure(cause, stage, state);
            failure.facts.server = Some(lease.server());
            let end = End {
                lease,
                reused: false,
                sent: false,
            };
            return Err(Trouble::Upstream(failure, end));
        }
    };
    conn.requests += 1;
    state.waits.set(Some(Stage::Sending));
    let connected = if conn.reused { 0 } else { state.elapsed_ms() };
    state.connect_ms.set(Some(connected));
    let mut out = if let Some(start) = &plan.streams {
        let limit = req.location(&req.http).core.client_max_body_size;
        Outgoing::streamed(text.clone(), codec.request_framing(), start, limit)
    } else if plan.sends_body {
        Outgoing::buffered(text.clone(), codec.request_framing(), &req.body.kept)
    } else {
        Outgoing::buffered(text.clone(), codec.request_framing(), &Kept::default())
    };
    if out.is_long() {
        conn.no_delay();
    }
    let mut talk = Talk {
        stage: Stage::Sending,
        blocked: false,
        state,
        plan,
        hints: Hints::default(),
        done: false,
    };
    let result = poll_fn(|cx| talk.poll(cx, req, codec, &conn, &mut out, head)).await;
    state.bytes_sent.set(out.sent);
    match result {
        Ok(()) => {
            lease.on_header();
            let sent = out.sent;
            let rest = (!out.is_done()).then(|| {
                // The client's body goes on behind the answer's back.
                let lent = plan.streams.is_some().then(|| req.body.lend());
                let (body, back) = lent.unzip();
                let body = body.unwrap_or_default();
                Box::new(Rest { out, body, back })
            });
            Ok(Link {
                conn,
                lease,
                keep: false,
                place,
                group: Arc::clone(&plan.group),
                worker,
                rest,
                sent,
            })
        }
        Err(Fault::Client(status)) => Err(Trouble::Client(status)),
        Err(Fault::Upstream(cause, stage)) => {
            let mut failure = plan.failure(cause, stage, state);
            failure.facts.server = Some(lease.server());
            failure.facts.idle = conn.idle(state.elapsed_ms());
            failure.facts.kept = plan.group.keepalive.as_ref().map(|rules| rules.timeout);
            failure.facts.received = state.bytes_received.get();
            failure.facts.start = Start::of(codec.input(head));
            let end = End {
                lease,
                reused: conn.reused,
                sent: true,
            };
            Err(Trouble::Upstream(failure, end))
        }
    }
}

/// A new connection, with TLS if it is wanted.
async fn connect_to(
    req: &Request,
    peer: &Peer,
    plan: &Plan<'_>,
    via: &Via,
) -> Result<Box<Conn>, (Cause, Stage)> {
    let conn = connect(req, &peer.addr, via.local.as_deref(), plan.passing).await;
    let conn = conn.map_err(|cause| (cause, Stage::Connecting))?;
    match &via.tls {
        None => Ok(conn),
        Some(wanted) => {
            let server = (plan.group.sessions(), &peer.name[..]);
            handshake(conn, server, wanted, plan.passing).await
        }
    }
}

enum Fault {
    Client(u16),
    Upstream(Cause, Stage),
}

/// Sending a request and reading the head of its answer, at the same time.
struct Talk<'a> {
    stage: Stage,
    /// Whether the upstream takes no more at the moment.
    blocked: bool,
    state: &'a UpstreamState,
    plan: &'a Plan<'a>,
    /// For the client, before the answer.
    hints: Hints,
    /// Whether the head of the answer is there.
    done: bool,
}

impl Talk<'_> {
    fn poll<C: Codec>(
        &mut self,
        cx: &mut Context<'_>,
        req: &mut Request,
        codec: &mut C,
        conn: &Conn,
        out: &mut Outgoing,
        head: &mut ResponseHead,
    ) -> Poll<Result<(), Fault>> {
        if self.done {
            return self.poll_end(cx, req, conn);
        }
        let mut broken = None;
        if self.stage == Stage::Sending {
            broken = self.poll_send(cx, req, conn, out)?;
        }
        // An upstream may answer before it has read all, and then close: what it said counts.
        match self.poll_head(cx, req, codec, conn, head) {
            Poll::Ready(Ok(())) => {
                self.done = true;
                return self.poll_end(cx, req, conn);
            }
            Poll::Ready(Err(cause)) if broken.is_none() => {
                return Poll::Ready(Err(Fault::Upstream(cause, Stage::Head)));
            }
            _ => {}
        }
        if let Some(e) = broken {
            let cause = Cause::of_io(Stage::Sending, &e);
            return Poll::Ready(Err(Fault::Upstream(cause, Stage::Sending)));
        }
        if self.stage == Stage::Sending && out.waits_for_client {
            return Poll::Pending;
        }
        conn.timer
            .poll(cx)
            .map(|()| Err(Fault::Upstream(Cause::TimedOut, self.stage)))
    }

    /// The head is there: what else is for the client goes out in front of it.
    fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
        req: &Request,
        conn: &Conn,
    ) -> Poll<Result<(), Fault>> {
        if self.hints.poll_send(cx, req).is_ready() {
            return Poll::Ready(Ok(()));
        }
        conn.timer.poll(cx).map(|()| Err(Fault::Client(408)))
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        req: &mut Request,
        conn: &Conn,
        out: &mut Outgoing,
    ) -> Result<Option<io::Error>, Fault> {
        let (before, received) = (out.sent, out.received);
        let sent = out.poll_send(cx, &conn.stream, &mut req.body);
        self.state.bytes_sent.set(out.sent);
        let received = out.received.saturating_sub(received);
        req.count_body();
        match sent {
            Poll::Ready(Ok(())) => {
                self.stage = Stage::Head;
                conn.timer.set(self.plan.passing.read_timeout);
            }
            Poll::Ready(Err(SendError::Client(e))) => {
                req.body.turned_out = None;
                match e {
                    BodyError::TooLarge => {
                        let so_far = out.received.saturating_sub(received);
                        refuse_large_body(req, so_far, received, SENDING);
                    }
                    e => explain::body(req, e, SENDING),
                }
                return Err(Fault::Client(e.status()));
            }
            Poll::Ready(Err(SendError::Io(e))) => return Ok(Some(e)),
            Poll::Pending => {
                let blocked = !out.waits_for_client;
                if blocked && (!self.blocked || out.sent > before) {
                    conn.timer.set(self.plan.passing.send_timeout);
                }
                self.blocked = blocked;
            }
        }
        Ok(None)
    }

    fn poll_head<C: Codec>(
        &mut self,
        cx: &mut Context<'_>,
        req: &Request,
        codec: &mut C,
        conn: &Conn,
        head: &mut ResponseHead,
    ) -> Poll<Result<(), Cause>> {
        let limit = self.plan.passing.buffer_size;
        loop {
            // Nothing is allocated for waiting.
            match conn.stream.poll_readable(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(Cause::of_io(Stage::Head, &e))),
                Poll::Ready(Ok(())) => {}
            }
            let buf = codec.input(head);
            if buf.capacity() == buf.len() {
                let room = limit.saturating_sub(buf.len()).max(1);
                buf.reserve_exact(room);
            }
            match conn.stream.poll_read(cx, buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(Cause::of_io(Stage::Head, &e))),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Cause::ClosedEarly)),
                Poll::Ready(Ok(n)) => Attempt::count(&self.state.bytes_received, n),
            }
            self.state.waits.set(Some(Stage::Head));
            let parsed = codec.parse(req, head, limit);
            if !head.hints.is_empty() {
                self.state.hinted.set(true);
                let blocks = std::mem::take(&mut head.hints);
                let hidden = &self.plan.passing.hidden;
                self.hints.take(req, blocks, hidden, limit);
                let _ = self.hints.poll_send(cx, req);
            }
            match parsed {
                Ok(true) if head.status == 101 && !codec.asked_upgrade() => {
                    return Poll::Ready(Err(Cause::UnaskedUpgrade));
                }
                Ok(true) => {
                    self.state.header_ms.set(Some(self.state.elapsed_ms()));
                    self.state.status.set(head.status);
                    return Poll::Ready(Ok(()));
                }
                // The status line may be there.
                Ok(false) => self.state.status.set(head.status),
                Err(cause) => return Poll::Ready(Err(cause)),
            }
        }
    }
}

/// What nginx says is being done while a body is sent as it arrives.
const SENDING: &str = " while sending request to upstream";

/// Says that a body of unknown length has grown beyond `client_max_body_size`; `doing` is what was being done.
pub fn refuse_large_body(req: &mut Request, so_far: u64, more: u64, doing: &str) {
    req.keepalive = false;
    let fault = explain::Fault::now(req, Wrong::BodyTooLarge(so_far.saturating_add(more)));
    explain::client(
        req,
        Level::Error,
        format_args!(
            "client intended to send too large chunked body: {} bytes{doing}",
            Growth::of(req, so_far, more)
        ),
        fault,
    );
}

/// Which servers were tried, and whether another one may be.
struct Tries {
    choice: Choice,
    /// When the first attempt began.
    started_ms: Option<u64>,
}

impl Tries {
    fn new(plan: &Plan<'_>) -> Self {
        let mut choice = Choice::new(plan.group.peers());
        let most = plan.passing.next_upstream_tries;
        if most > 0 {
            choice.tries = choice.tries.min(most);
        }
        Tries {
            choice,
            started_ms: None,
        }
    }

    fn time_is_over(&self, plan: &Plan<'_>) -> bool {
        let most = plan.passing.next_upstream_timeout_ms;
        let started = self.started_ms.unwrap_or(u64::MAX);
        most > 0 && crate::clock::monotonic_ms().saturating_sub(started) >= most
    }

    /// Whether an answer is the one to pass on; else another server is asked.
    fn judge(
        &mut self,
        req: &Request,
        plan: &Plan<'_>,
        head: &ResponseHead,
        link: Link,
        state: &UpstreamState,
    ) -> Result<Link, Option<Verdict>> {
        let Some(bit) = condition::of_status(head.status) else {
            return Ok(link);
        };
        let needed = bit | non_idempotent(req, true);
        if self.choice.tries <= 1
            || plan.passing.next_upstream & needed != needed
            || plan.streams.is_some()
            || self.time_is_over(plan)
        {
            return Ok(link);
        }
        answer::warn_of_duplicates(req, head);
        let mut failure = plan.failure(Cause::Status(head.status), Stage::Head, state);
        failure.facts.server = Some(link.lease.server());
        let end = End {
            reused: link.conn.reused,
            lease: link.lease,
            sent: true,
        };
        Err(self.next(req, plan, state, failure, Some(end)))
    }

    /// Accounts for a failure. Returns what to answer if no other server is to be asked.
    fn next(
        &mut self,
        req: &Request,
        plan: &Plan<'_>,
        state: &UpstreamState,
        failure: Box<Failure>,
        end: Option<End>,
    ) -> Option<Verdict> {
        if failure.is_logged() {
            explain::failure(req, &failure);
        }
        let mut needed = failure.condition();
        let mut sent = false;
        if let Some(end) = end {
            sent = end.sent;
            let outcome = match failure.cause {
                Cause::Status(403 | 404) => Outcome::Next,
                _ => Outcome::Failed(failure.kind()),
            };
            if self.choice.release(end.lease, outcome) {
                let action = failure.stage.action();
                log::request(
                    req,
                    Level::Warn,
                    format_args!("upstream server temporarily disabled while {action}"),
                );
            }
            if end.reused && needed == condition::ERROR {
                // It had been closed while it was idle, which says nothing about the server.
                self.choice.tries += 1;
            }
        }
        needed |= non_idempotent(req, sent);
        state.status.set(failure.status());
        state.hinted.set(false);
        state.end();
        let verdict = Verdict::Status(failure.status());
        let over = self.choice.tries == 0
            || plan.passing.next_upstream & needed != needed
            || !failure.may_be_retried()
            || (sent && plan.streams.is_some())
            || self.time_is_over(plan);
        *state.failure.borrow_mut() = Some(failure);
        over.then_some(verdict)
    }
}

/// What the settings must allow for a request to be sent twice.
fn non_idempotent(req: &Request, sent: bool) -> u32 {
    match req.method {
        Method::Post | Method::Lock | Method::Patch if sent => condition::NON_IDEMPOTENT,
        _ => 0,
    }
}
