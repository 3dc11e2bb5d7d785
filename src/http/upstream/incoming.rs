//! The body of an answer on its way: read ahead of the client into the buffers that the settings allow, then into a
//! temporary file; without buffering, no faster than the client takes it.

use super::decoder::Decoder;
use super::failure::Cause;
use super::link::Link;
use super::settings::{Hidden, Passing};
use super::spill::Spill;
use super::state::{Attempt, Stage, UpstreamState};
use crate::http::body::{Cut, Part, Source, compact, join};
use crate::log::Level;
use bytes::Bytes;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// The settings that hold for the body.
#[derive(Clone)]
pub struct Rules {
    /// Whether to read ahead.
    pub buffering: bool,
    /// How much may be held in memory, in bytes.
    pub memory: usize,
    /// How much is read at once.
    pub piece: usize,
    /// `*_read_timeout`
    pub read_timeout: Duration,
    /// Bytes per second; 0: no limit.
    pub rate: u64,
    /// Trailer fields that are not passed on.
    pub hidden: Option<Hidden>,
}

impl Rules {
    /// From the settings.
    pub fn new(passing: &Passing, buffering: bool, rate: u64) -> Self {
        /// One read never asks for more.
        const LARGEST: usize = 64 * 1024;
        let (count, each) = passing.buffers;
        let memory = count.saturating_mul(each);
        // As in nginx, where a buffer is read at a time: the pace is kept by a pause behind each of them.
        let at_once = if rate > 0 { each } else { memory };
        Rules {
            buffering,
            memory,
            piece: if buffering {
                at_once.min(LARGEST)
            } else {
                passing.buffer_size
            },
            read_timeout: passing.read_timeout,
            rate: if buffering { rate } else { 0 },
            hidden: passing.pass_trailers.then(|| passing.hidden.clone()),
        }
    }
}

/// The body.
pub struct Incoming {
    link: Option<Link>,
    state: UpstreamState,
    decoder: Decoder,
    rules: Rules,
    queue: VecDeque<Part>,
    /// Bytes in memory in the queue.
    held: usize,
    spill: Spill,
    ended: Option<Result<(), Cut>>,
    waiting: bool,
    started_ms: u64,
    read: u64,
    pause: Option<Pin<Box<Sleep>>>,
    trailers: Vec<(Bytes, Bytes)>,
}

impl Incoming {
    /// The body that comes over a connection.
    pub fn new(
        link: Link,
        state: UpstreamState,
        decoder: Decoder,
        rules: Rules,
        spill: Spill,
    ) -> Self {
        Incoming {
            link: Some(link),
            state,
            decoder,
            rules,
            queue: VecDeque::new(),
            held: 0,
            spill,
            ended: None,
            waiting: false,
            started_ms: crate::clock::monotonic_ms(),
            read: 0,
            pause: None,
            trailers: Vec::new(),
        }
    }

    /// Takes what came with the head. Without buffering nginx is still busy with the head then, by its own account.
    pub fn feed_first(&mut self, input: Bytes) {
        let stage = match self.rules.buffering {
            true => Stage::Body,
            false => Stage::Head,
        };
        self.feed_at(input, stage);
    }

    /// Takes a piece of the body as it came, framing included.
    fn feed(&mut self, input: Bytes) {
        self.feed_at(input, Stage::Body);
    }

    fn feed_at(&mut self, input: Bytes, stage: Stage) {
        Attempt::count(&self.state.response_length, input.len());
        self.count_for_pace(input.len() as u64);
        let (queue, held) = (&mut self.queue, &mut self.held);
        let decoded = self.decoder.decode(input, &mut |data| {
            *held = held.saturating_add(data.len());
            let last = match queue.back_mut() {
                Some(Part::Bytes(last)) => Some(last),
                _ => None,
            };
            let own = join(last, data);
            queue.extend(own.map(Part::Bytes));
        });
        for sentence in self.decoder.notes() {
            let failure = self.state.why(Cause::Stderr(sentence), stage);
            self.state.note_reason(failure);
        }
        match decoded {
            Err(cause) => self.fail(cause),
            Ok(decoded) => {
                if decoded.surplus
                    && let Some(sentence) = self.decoder.surplus_sentence()
                {
                    let action = stage.action();
                    self.state
                        .note(Level::Warn, format!("{sentence} while {action}"));
                }
                if decoded.end {
                    self.finish(!decoded.surplus);
                }
            }
        }
    }

    /// The end came as it should.
    fn finish(&mut self, clean: bool) {
        let trailers = self.decoder.trailers();
        if let Some(hidden) = &self.rules.hidden {
            let passed = trailers
                .iter()
                .filter(|(name, _)| !hidden.has(super::head::Known::of(name), name));
            self.trailers = passed.cloned().collect();
        }
        if !trailers.is_empty() {
            *self.state.trailers.borrow_mut() = trailers;
        }
        self.state.end();
        self.ended = Some(Ok(()));
        if let Some(link) = self.link.take() {
            link.finish(&self.state, clean);
        }
    }

    fn fail(&mut self, cause: Cause) {
        self.state.end();
        self.ended = Some(Err(Cut));
        let timed_out = cause == Cause::TimedOut;
        let mut failure = self.state.why(cause, Stage::Body);
        let facts = &mut failure.facts;
        facts.received = self.state.response_length.get();
        facts.waited = timed_out.then_some(self.rules.read_timeout);
        if let Decoder::Length(left) = &self.decoder {
            facts.announced = Some(facts.received.saturating_add(*left));
        }
        facts.server = self.link.as_ref().map(|link| link.lease.server());
        self.state.fail(Box::new(failure));
        if let Some(link) = self.link.take() {
            link.count_sent(&self.state);
        }
    }

    /// Reads once. Ready when something was read, or when the body has ended one way or the other.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limit = match self.poll_pace(cx) {
            Poll::Ready(limit) => limit,
            Poll::Pending => return Poll::Pending,
        };
        let Some(link) = &mut self.link else {
            return Poll::Ready(());
        };
        // What is left of the request goes on while the answer comes.
        link.poll_rest(cx);
        let mut piece = self.rules.piece.min(limit).max(1);
        if let Decoder::Length(left) = &self.decoder {
            // One byte more shows a surplus without a read of its own.
            let left = usize::try_from(*left).unwrap_or(usize::MAX);
            piece = piece.min(left.saturating_add(1));
        }
        let stream = &link.conn.stream;
        // Nothing is allocated for waiting.
        let read = match stream.poll_readable(cx) {
            Poll::Ready(Ok(())) => {
                let mut buf = Vec::with_capacity(piece);
                stream
                    .poll_read(cx, &mut buf)
                    .map(|r| r.map(|n| (n, compact(buf))))
            }
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Pending => Poll::Pending,
        };
        match read {
            Poll::Pending => {
                if !std::mem::replace(&mut self.waiting, true) {
                    link.conn.timer.set(self.rules.read_timeout);
                }
                ready!(link.conn.timer.poll(cx));
                self.fail(Cause::TimedOut);
            }
            Poll::Ready(Ok((0, _))) if self.decoder.ends_at_close() => {
                if let Some(link) = &mut self.link {
                    link.keep = false;
                }
                self.finish(false);
            }
            Poll::Ready(Ok((0, _))) => self.fail(Cause::ClosedEarly),
            Poll::Ready(Ok((n, data))) => {
                self.waiting = false;
                Attempt::count(&self.state.bytes_received, n);
                self.feed(data);
            }
            Poll::Ready(Err(e)) => self.fail(Cause::of_io(Stage::Body, &e)),
        }
        Poll::Ready(())
    }

    /// What was read takes the time that it may take by `*_limit_rate`.
    fn count_for_pace(&mut self, read: u64) {
        self.read = self.read.saturating_add(read);
        let wait = read.saturating_mul(1000).checked_div(self.rules.rate);
        if let Some(wait) = wait.filter(|wait| *wait > 0) {
            self.pause = Some(Box::pin(sleep(Duration::from_millis(wait))));
        }
    }

    /// How much may be read now by `*_limit_rate`; waits until it is something.
    fn poll_pace(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let rate = self.rules.rate;
        if rate == 0 {
            return Poll::Ready(usize::MAX);
        }
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            let seconds = crate::clock::monotonic_ms().saturating_sub(self.started_ms) / 1000 + 1;
            let allowed = rate.saturating_mul(seconds);
            if allowed > self.read {
                return Poll::Ready(usize::try_from(allowed - self.read).unwrap_or(usize::MAX));
            }
            let over = self.read - allowed;
            let wait = over.saturating_mul(1000) / rate + 1;
            self.pause = Some(Box::pin(sleep(Duration::from_millis(wait))));
        }
    }
}

impl Source for Incoming {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Part>, Cut>> {
        loop {
            if let Some(part) = self.queue.pop_front() {
                if let Part::Bytes(bytes) = &part {
                    self.held = self.held.saturating_sub(bytes.len());
                }
                return Poll::Ready(Ok(Some(part)));
            }
            if let Some(end) = self.ended {
                return Poll::Ready(end.map(|()| None));
            }
            ready!(self.poll_fill(cx));
        }
    }

    fn poll_ahead(&mut self, cx: &mut Context<'_>) {
        /// After so many reads others get their turn.
        const TURN: usize = 16;
        if !self.rules.buffering {
            return;
        }
        for _ in 0..TURN {
            if self.ended.is_some() {
                return;
            }
            if self.held >= self.rules.memory && !self.spill.take(&mut self.queue, &self.state) {
                // No room: the upstream waits until the client has taken something, which is no fault of its.
                self.waiting = false;
                return;
            }
            if self.held >= self.rules.memory {
                self.held = 0;
            }
            if self.poll_fill(cx).is_pending() {
                return;
            }
        }
        cx.waker().wake_by_ref();
    }

    fn flush(&self) -> bool {
        true
    }

    fn trailers(&mut self) -> Vec<(Bytes, Bytes)> {
        std::mem::take(&mut self.trailers)
    }
}
