//! What the two directions of a connection, its task and its streams know together.

use super::block::Block;
use super::frames::{Header, kind};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The state of a connection that is shared.
#[derive(Default)]
pub struct Control {
    task: RefCell<Option<Waker>>,
    /// The highest stream that the client has begun and that is served.
    last_stream: Cell<u32>,
    /// How many streams it has begun.
    requests: Cell<u64>,
    /// Whether the client has been told that no stream beyond the last is served.
    ending: Cell<bool>,
    /// What the client did too much of.
    excess: Cell<Option<&'static str>>,
    /// What streams have begun with that are not yet requests.
    heads: RefCell<VecDeque<Asked>>,
    /// How much memory those heads take.
    held: Cell<usize>,
    /// What has been sent on streams that are being answered.
    sent: RefCell<HashMap<u32, Rc<Sent>, foldhash::fast::FixedState>>,
    /// Streams that are reset for what they say about priority.
    malformed: RefCell<Vec<u32>>,
    /// Frames that the server itself puts in between.
    extra: RefCell<Vec<u8>>,
    /// Whether nothing more is passed on until the request that has just come is taken in.
    paused: Cell<bool>,
    /// Bodies of requests that are being served, with what their heads say about them.
    bodies: RefCell<HashMap<u32, Rc<Announced>, foldhash::fast::FixedState>>,
    /// Streams that came with a body before the client could know how much of it is taken.
    early: RefCell<Vec<u32>>,
    /// Whether the connection is over.
    lost: Cell<bool>,
    /// Whether the preface or a block of fields is not complete.
    pub incomplete: Cell<bool>,
    /// Whether anything has arrived since the task last looked.
    pub heard: Cell<bool>,
    /// Requests that were answered and that resets have not been set off against.
    pub answered: Cell<u32>,
    /// Bytes of bodies that were sent and that changes of windows have not been set off against.
    pub delivered: Cell<u64>,
}

/// What a stream has begun with.
#[derive(Debug, Default)]
pub struct Asked {
    stream: u32,
    /// Bytes of the head as it was sent.
    pub length: u32,
    /// The head.
    pub head: Block,
}

/// The most streams that are remembered for what they have begun with. Long before, there are too many for those that
/// may run, or that may be refused or reset.
const MOST_HEADS: usize = 1 << 16;

/// So many bytes of heads may wait for the h2 crate to see their streams.
const AHEAD: usize = 64 * 1024;
/// So many are kept of streams that it never gives out. A head with that which waits for it is far smaller.
const MOST_HELD: usize = 4 * 1024 * 1024;

impl Control {
    /// The task of the connection is woken when there is something to do.
    pub fn register(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *task = Some(cx.waker().clone());
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.task.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Notes that a stream begins.
    pub fn begin(&self, stream: u32, length: u32) {
        self.last_stream.set(stream);
        self.requests.set(self.requests.get().saturating_add(1));
        let mut heads = self.heads.borrow_mut();
        if heads.len() >= MOST_HEADS {
            self.take(&mut heads);
        }
        heads.push_back(Asked {
            stream,
            length,
            head: Block::default(),
        });
    }

    /// Notes that the head of the last stream goes on.
    pub fn go_on(&self, length: u32) {
        if let Some(asked) = self.heads.borrow_mut().back_mut() {
            asked.length = asked.length.saturating_add(length);
        }
    }

    /// Notes what the head of the last stream is. A few bytes may unfold to many kilobytes: as soon as some of those are
    /// here, what follows waits until the h2 crate has seen this one.
    pub fn complete(&self, head: Block) {
        let mut heads = self.heads.borrow_mut();
        let Some(asked) = heads.back_mut() else {
            return;
        };
        self.held.set(self.held.get().saturating_add(head.size()));
        asked.head = head;
        if self.held.get() > AHEAD {
            self.pause();
        }
        // What is left of earlier ones are streams that were refused.
        while self.held.get() > MOST_HELD && heads.len() > 1 {
            self.take(&mut heads);
        }
    }

    /// Takes the first of what streams have begun with.
    fn take(&self, heads: &mut VecDeque<Asked>) -> Option<Asked> {
        let asked = heads.pop_front()?;
        let held = self.held.get().saturating_sub(asked.head.size());
        self.held.set(held);
        Some(asked)
    }

    /// What a stream has begun with.
    pub fn asked(&self, stream: u32) -> Option<Asked> {
        let mut heads = self.heads.borrow_mut();
        while heads.front()?.stream < stream {
            self.take(&mut heads);
        }
        match heads.front()?.stream == stream {
            true => self.take(&mut heads),
            false => None,
        }
    }

    /// The highest stream that is served.
    pub fn last_stream(&self) -> u32 {
        self.last_stream.get()
    }

    /// How many streams the client has begun.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Whether no further streams are served.
    pub fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// Tells the client that streams which it has begun are served, and no others (RFC 9113 section 6.8).
    pub fn end(&self) {
        if self.ending.replace(true) {
            return;
        }
        let mut extra = self.extra.borrow_mut();
        extra.extend_from_slice(&goaway(self.last_stream.get(), 0));
        drop(extra);
        self.wake();
    }

    /// Holds back what follows the head of a request until the request is taken in.
    pub fn pause(&self) {
        self.paused.set(true);
    }

    /// Whether something is held back.
    pub fn is_paused(&self) -> bool {
        self.paused.get()
    }

    /// Ends that; whether anything was held back.
    pub fn resume(&self) -> bool {
        self.paused.replace(false)
    }

    /// Notes what the head of a request says about the length of its body.
    pub fn announce(&self, stream: u32, length: Option<u64>) {
        let announced = Rc::new(Announced {
            length,
            left: Cell::new(length),
            ..Announced::default()
        });
        self.bodies.borrow_mut().insert(stream, announced);
    }

    /// What the head of a stream's request says about its body.
    pub fn announced(&self, stream: u32) -> Option<Rc<Announced>> {
        self.bodies.borrow().get(&stream).cloned()
    }

    /// Whether there are bodies of which more is to come.
    pub fn has_open_bodies(&self) -> bool {
        self.bodies.borrow().values().any(|body| !body.is_ended())
    }

    /// Notes that a stream came too early to have a body.
    pub fn come_early(&self, stream: u32) {
        let mut early = self.early.borrow_mut();
        if early.len() < MOST_HEADS {
            early.push(stream);
        }
    }

    /// Whether a stream did; says so once.
    pub fn was_early(&self, stream: u32) -> bool {
        let mut early = self.early.borrow_mut();
        let found = early.iter().position(|number| *number == stream);
        found.map(|at| early.swap_remove(at)).is_some()
    }

    /// Frames to be sent between two others.
    pub fn extra(&self) -> &RefCell<Vec<u8>> {
        &self.extra
    }

    /// Says that the client goes too far; the connection is going to end.
    pub fn exceed(&self, what: &'static str) {
        if self.excess.get().is_none() {
            self.excess.set(Some(what));
        }
        self.wake();
    }

    /// In what the client went too far.
    pub fn excess(&self) -> Option<&'static str> {
        self.excess.get()
    }

    /// Notes that a stream is reset for what it says about priority.
    pub fn malformed(&self, stream: u32) {
        let mut all = self.malformed.borrow_mut();
        if all.len() < MOST_HEADS {
            all.push(stream);
        }
        self.wake();
    }

    /// Takes the streams of which that was noted.
    pub fn take_malformed(&self) -> Vec<u32> {
        self.malformed.take()
    }

    /// Says to all streams that the connection is over.
    pub fn lose(&self) {
        self.lost.set(true);
        for sent in self.sent.borrow().values() {
            sent.lose();
        }
    }

    /// Begins to count what is sent on a stream.
    pub fn count(&self, stream: u32) -> Counted {
        let sent = Rc::new(Sent::default());
        if self.lost.get() {
            sent.lose();
        }
        self.sent.borrow_mut().insert(stream, Rc::clone(&sent));
        sent
    }

    /// Ends that, and whatever else is known of the stream.
    pub fn forget(&self, stream: u32) {
        self.sent.borrow_mut().remove(&stream);
        self.bodies.borrow_mut().remove(&stream);
    }

    /// What is counted of a stream.
    pub fn sent(&self, stream: u32) -> Option<Counted> {
        self.sent.borrow().get(&stream).cloned()
    }
}

/// The frame that ends a connection: no stream beyond the last is served, for this reason.
pub fn goaway(last: u32, code: u32) -> Vec<u8> {
    let header = Header {
        length: 8,
        kind: kind::GOAWAY,
        flags: 0,
        stream: 0,
    };
    [
        &header.write()[..],
        &last.to_be_bytes(),
        &code.to_be_bytes(),
    ]
    .concat()
}

/// What the head of a request says about its body.
#[derive(Default)]
pub struct Announced {
    /// How many bytes it has, if the head says it.
    length: Option<u64>,
    /// Those that are still to come.
    left: Cell<Option<u64>>,
    ended: Cell<bool>,
    wrong: Cell<Option<BadBody>>,
    task: RefCell<Option<Waker>>,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBody {
    /// There is more of it than the head says.
    TooLong,
    /// It has ended before.
    TooShort {
        /// How much came.
        came: u64,
        /// How much was to come.
        of: u64,
    },
}

impl std::fmt::Display for BadBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BadBody::TooLong => write!(f, "client intended to send body data larger than declared"),
            BadBody::TooShort { came, of } => write!(
                f,
                "client prematurely closed stream: only {came} out of {of} bytes of request body received"
            ),
        }
    }
}

impl Announced {
    /// Holds a piece of the body against it; `false` if it must not be passed on.
    pub fn take(&self, length: u64, ends: bool) -> bool {
        self.ended.set(self.ended.get() || ends);
        if self.wrong.get().is_some() {
            return false;
        }
        let (Some(left), Some(of)) = (self.left.get(), self.length) else {
            return true;
        };
        let wrong = match left.checked_sub(length) {
            None => BadBody::TooLong,
            Some(left) if ends && left > 0 => BadBody::TooShort {
                came: of.saturating_sub(left),
                of,
            },
            Some(left) => {
                self.left.set(Some(left));
                return true;
            }
        };
        self.wrong.set(Some(wrong));
        if let Some(waker) = self.task.borrow_mut().take() {
            waker.wake();
        }
        false
    }

    /// Notes that no more of it is to come.
    pub fn end(&self) {
        self.ended.set(true);
    }

    /// What is wrong with the body.
    pub fn wrong(&self) -> Option<BadBody> {
        self.wrong.get()
    }

    /// Whether no more of it is to come.
    pub fn is_ended(&self) -> bool {
        self.ended.get()
    }

    /// Wakes the task when something is.
    pub fn register(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *task = Some(cx.waker().clone());
        }
    }
}

/// What is counted of a stream.
pub type Counted = Rc<Sent>;

/// What the system has taken of a stream's frames.
#[derive(Default)]
pub struct Sent {
    /// Bytes of all frames.
    pub bytes: Cell<u64>,
    /// Bytes of those that carry head and trailer, and of the headers of others.
    pub head: Cell<u64>,
    /// Whether there was a frame of a body.
    pub body: Cell<bool>,
    /// Whether the frame that ends the stream has a trailer.
    pub trailer: Cell<bool>,
    ended: Cell<bool>,
    lost: Cell<bool>,
    task: RefCell<Option<Waker>>,
}

impl Sent {
    /// Notes that all of the stream is sent.
    pub fn end(&self) {
        self.ended.set(true);
        if let Some(waker) = self.task.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Notes that nothing more will be sent: the connection is over.
    fn lose(&self) {
        self.lost.set(true);
        if let Some(waker) = self.task.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Ready when all of the stream is sent, or when it never will be: `false`.
    pub fn poll_ended(&self, cx: &Context<'_>) -> Poll<bool> {
        if self.ended.get() || self.lost.get() {
            return Poll::Ready(self.ended.get());
        }
        *self.task.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_streams_that_came_to_nothing_are_forgotten() {
        let control = Control::default();
        for stream in (1..=9).step_by(2) {
            control.begin(stream, stream * 10);
        }
        control.go_on(5);
        let length = |stream| control.asked(stream).map(|asked| asked.length);
        assert_eq!((length(5), length(5)), (Some(50), None));
        assert_eq!(control.heads.borrow().len(), 2);
        assert_eq!((length(9), length(9)), (Some(95), None));
    }

    #[test]
    fn heads_that_unfold_wait_for_each_other_and_are_not_kept_for_ever() {
        let control = Control::default();
        for number in 0..1000 {
            control.begin(number * 2 + 1, 9);
            let mut head = Block::new(1 << 16);
            head.name().extend_from_slice(&[b'x'; 32 * 1024]);
            head.value();
            head.end().unwrap();
            control.complete(head);
            assert_eq!(control.resume(), number > 0, "{number}");
        }
        let held: usize = control
            .heads
            .borrow()
            .iter()
            .map(|asked| asked.head.size())
            .sum();
        assert!(held <= MOST_HELD && held > MOST_HELD / 2, "{held}");
        assert!(control.asked(1999).is_some());
    }

    #[test]
    fn the_end_is_said_once() {
        let control = Control::default();
        control.begin(7, 1);
        control.end();
        control.end();
        let frame = control.extra().borrow();
        assert_eq!(
            &frame[..],
            [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0]
        );
    }
}
