//! What one worker thread has: the cycle in force, its connections, its pools. Never crosses threads.

use super::buffers::Buffers;
use super::conf::Held;
use super::connection::Client;
use super::connections::Connections;
use super::head::Head;
use super::open::Open;
use super::parking::Parking;
use super::request::Scratch;
use super::room::Room;
use super::trace::Trace;
use crate::cycle::Cycle;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// The context of a worker thread.
pub struct Worker {
    /// The number of the thread, from 0.
    pub number: usize,
    cycle: RefCell<Arc<Cycle>>,
    http: RefCell<Option<Held>>,
    /// What goes on without a connection that waits for it.
    pub background: Background,
    shutting_down: Cell<bool>,
    /// The connections of clients that are open.
    pub connections: Connections,
    /// How many they are, and how they are cut.
    pub open: Rc<Open>,
    /// How those that have waited for a while are watched.
    pub parking: Parking,
    /// The places for them and for connections to upstreams.
    pub room: Room,
    heads: RefCell<Vec<Rc<Head>>>,
    buffers: Buffers,
    scratch: RefCell<Vec<Scratch>>,
    /// Idle connections to upstreams.
    pub upstreams: super::upstream::pool::Pools,
    /// Contents and descriptors of files that were served.
    pub files: super::modules::static_files::Cache,
    /// What is known of names that requests asked for.
    pub resolvers: crate::net::resolver::Resolvers,
    /// What happens to requests, where they are rehearsed; none where they are served.
    pub trace: Option<Box<Trace>>,
}

/// So many heads and the like are kept for reuse by each thread.
const POOLED: usize = 256;
/// Heads that grew larger than this are not kept.
const KEEP_CAPACITY: usize = 64 * 1024;

impl Worker {
    /// The context of thread `number`, with its first cycle.
    pub fn new(number: usize, cycle: Arc<Cycle>) -> Rc<Self> {
        Self::with_trace(number, cycle, None)
    }

    /// A context in which requests are rehearsed: their steps are told to its trace.
    pub fn for_rehearsal(cycle: Arc<Cycle>) -> Rc<Self> {
        Self::with_trace(0, cycle, Some(Box::default()))
    }

    fn with_trace(number: usize, cycle: Arc<Cycle>, trace: Option<Box<Trace>>) -> Rc<Self> {
        let http = cycle.http.clone().map(Rc::new);
        Rc::new(Worker {
            number,
            cycle: RefCell::new(cycle),
            http: RefCell::new(http),
            background: Background::default(),
            shutting_down: Cell::new(false),
            connections: Connections::default(),
            open: Rc::default(),
            parking: Parking::default(),
            room: Room::default(),
            heads: RefCell::default(),
            buffers: Buffers::default(),
            scratch: RefCell::default(),
            upstreams: Default::default(),
            files: Default::default(),
            resolvers: Default::default(),
            trace,
        })
    }

    /// Puts a new cycle in force: requests that begin from now on see it.
    pub fn set_cycle(&self, cycle: Arc<Cycle>) {
        super::regex::forget_locations();
        self.resolvers.clear();
        self.http.replace(cycle.http.clone().map(Rc::new));
        self.cycle.replace(cycle);
        self.connections.end_http2();
    }

    /// The cycle in force.
    pub fn cycle(&self) -> Arc<Cycle> {
        self.cycle.borrow().clone()
    }

    /// The HTTP side of the cycle in force.
    pub fn http(&self) -> Option<Held> {
        self.http.borrow().clone()
    }

    /// Begins a graceful shutdown: kept-alive connections that wait for a request close at once, others when their
    /// request is answered.
    pub fn begin_shutdown(&self) {
        self.shutting_down.set(true);
        self.connections.close_idle(|_| true, |_| true);
    }

    /// Closes kept-alive connections whose address the cycle in force does not listen on any more.
    pub fn close_abandoned(&self) {
        let http = self.http();
        self.connections.close_idle(
            |client| abandoned(http.as_ref(), client),
            |parked| {
                let router = http.as_ref().map(|http| &http.router);
                !router.is_some_and(|router| parked.is_listened_for(router))
            },
        );
    }

    /// Whether a request came by an address that is not listened on any more since it began.
    pub fn has_abandoned(&self, http: &Held, client: &Client) -> bool {
        let current = self.http.borrow();
        let same = current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, http));
        !same && abandoned(current.as_ref(), client)
    }

    /// Whether a shutdown has begun.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.get()
    }

    /// Called when the thread is about to wait for events: what was gathered is written out.
    pub fn before_park(&self) {
        crate::log::flush_thread();
        self.files.end_turn();
    }

    /// A number for a new connection, unique in the worker process (`$connection`).
    pub fn connection_number(&self) -> u64 {
        crate::log::connection_number()
    }

    /// An empty head with room.
    pub fn take_head(&self) -> Rc<Head> {
        self.heads.borrow_mut().pop().unwrap_or_default()
    }

    /// Gives a head back, if nobody else holds it.
    pub fn give_head(&self, mut head: Rc<Head>) {
        let Some(inner) = Rc::get_mut(&mut head) else {
            return;
        };
        if inner.buf.capacity() <= KEEP_CAPACITY && self.heads.borrow().len() < POOLED {
            inner.clear();
            self.heads.borrow_mut().push(head);
        }
    }

    /// An empty buffer with room.
    pub fn take_buffer(&self) -> Vec<u8> {
        self.buffers.take()
    }

    /// Empty memory for a request.
    pub fn take_scratch(&self) -> Scratch {
        self.scratch.borrow_mut().pop().unwrap_or_default()
    }

    /// Gives the memory of a request back.
    pub fn give_scratch(&self, scratch: Scratch) {
        if self.scratch.borrow().len() < POOLED {
            self.scratch.borrow_mut().push(scratch);
        }
    }

    /// Gives a buffer back.
    pub fn give_buffer(&self, buffer: Vec<u8>) {
        self.buffers.give(buffer);
    }
}

/// Counts what a thread still does for requests whose connections do not wait for it, such as copies by `mirror`.
#[derive(Default)]
pub struct Background(Rc<Running>);

#[derive(Default)]
struct Running {
    count: Cell<usize>,
    ended: Notify,
}

/// Something that goes on, until this is dropped.
pub struct Errand(Rc<Running>);

impl Background {
    /// Says that something begins.
    pub fn begin(&self) -> Errand {
        self.0.count.set(self.0.count.get().saturating_add(1));
        Errand(Rc::clone(&self.0))
    }

    /// Returns when nothing goes on.
    pub async fn none_left(&self) {
        while self.0.count.get() > 0 {
            self.0.ended.notified().await;
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let left = self.0.count.get().saturating_sub(1);
        self.0.count.set(left);
        if left == 0 {
            self.0.ended.notify_waiters();
        }
    }
}

fn abandoned(http: Option<&Held>, client: &Client) -> bool {
    http.is_none_or(|http| super::router::default_server(http, client).is_none())
}
