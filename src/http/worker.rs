//! What one worker thread has: the cycle in force, its connections, its pools. Never crosses threads.

use super::conf::Http;
use super::connection::Client;
use super::head::Head;
use super::request::Scratch;
use crate::cycle::Cycle;
use crate::net::stream::Stream;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// The context of a worker thread.
pub struct Worker {
    /// The number of the thread, from 0.
    pub number: usize,
    cycle: RefCell<Arc<Cycle>>,
    http: RefCell<Option<Rc<Arc<Http>>>>,
    /// Connections that are open.
    pub active: Cell<usize>,
    shutting_down: Cell<bool>,
    /// The connections that are open.
    pub connections: Connections,
    heads: RefCell<Vec<Rc<Head>>>,
    buffers: RefCell<Vec<Vec<u8>>>,
    scratch: RefCell<Vec<Scratch>>,
    /// Connections that close once the log lines of their requests are written.
    closing: RefCell<Vec<Rc<Stream>>>,
    /// Idle connections to upstreams.
    pub upstreams: super::upstream::pool::Pools,
    /// Contents and descriptors of files that were served.
    pub files: super::modules::static_files::Cache,
    /// What is known of names that requests asked for.
    pub resolvers: crate::net::resolver::Resolvers,
}

/// So many heads and buffers are kept for reuse by each thread.
const POOLED: usize = 256;
/// Buffers that grew larger than this are not kept.
const KEEP_CAPACITY: usize = 64 * 1024;

impl Worker {
    /// The context of thread `number`, with its first cycle.
    pub fn new(number: usize, cycle: Arc<Cycle>) -> Rc<Self> {
        let http = cycle.http.clone().map(Rc::new);
        Rc::new(Worker {
            number,
            cycle: RefCell::new(cycle),
            http: RefCell::new(http),
            active: Cell::new(0),
            shutting_down: Cell::new(false),
            connections: Connections::default(),
            heads: RefCell::default(),
            buffers: RefCell::default(),
            scratch: RefCell::default(),
            closing: RefCell::default(),
            upstreams: Default::default(),
            files: Default::default(),
            resolvers: Default::default(),
        })
    }

    /// Puts a new cycle in force: requests that begin from now on see it.
    pub fn set_cycle(&self, cycle: Arc<Cycle>) {
        super::regex::forget_locations();
        self.resolvers.clear();
        self.http.replace(cycle.http.clone().map(Rc::new));
        self.cycle.replace(cycle);
    }

    /// The cycle in force.
    pub fn cycle(&self) -> Arc<Cycle> {
        self.cycle.borrow().clone()
    }

    /// The HTTP side of the cycle in force.
    pub fn http(&self) -> Option<Rc<Arc<Http>>> {
        self.http.borrow().clone()
    }

    /// Begins a graceful shutdown: idle connections close at once, others when their request is answered.
    pub fn begin_shutdown(&self) {
        self.shutting_down.set(true);
        self.connections.close_idle();
    }

    /// Whether a shutdown has begun.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.get()
    }

    /// How many connections are open.
    pub fn active(&self) -> usize {
        self.active.get()
    }

    /// Called when the thread is about to wait for events: what was gathered is written out.
    pub fn before_park(&self) {
        crate::log::flush_thread();
        self.closing.borrow_mut().clear();
    }

    /// Closes a connection, but not before what was logged of it is written: who has seen the end of an answer finds
    /// its line in the log.
    pub fn close(&self, stream: &Rc<Stream>) {
        /// A thread that never waits must not gather descriptors.
        const MOST: usize = 64;
        let mut closing = self.closing.borrow_mut();
        closing.push(Rc::clone(stream));
        if closing.len() >= MOST {
            crate::log::flush_thread();
            closing.clear();
        }
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
        self.buffers
            .borrow_mut()
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(4096))
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
    pub fn give_buffer(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEEP_CAPACITY && self.buffers.borrow().len() < POOLED {
            buffer.clear();
            self.buffers.borrow_mut().push(buffer);
        }
    }
}

/// The open connections of a thread, so that a shutdown finds those that wait for a request.
#[derive(Default)]
pub struct Connections {
    places: RefCell<Vec<Option<Rc<Client>>>>,
    free: RefCell<Vec<usize>>,
}

impl Connections {
    /// Takes a connection in; it is to `leave` the place that this returns.
    pub fn enter(&self, client: &Rc<Client>) -> usize {
        let mut places = self.places.borrow_mut();
        let number = match self.free.borrow_mut().pop() {
            Some(number) => {
                if let Some(place) = places.get_mut(number) {
                    *place = Some(Rc::clone(client));
                }
                number
            }
            None => {
                places.push(Some(Rc::clone(client)));
                places.len() - 1
            }
        };
        number
    }

    /// Lets a connection go from its place.
    pub fn leave(&self, number: usize) {
        if let Some(place) = self.places.borrow_mut().get_mut(number) {
            *place = None;
        }
        self.free.borrow_mut().push(number);
    }

    /// Closes those that wait for a request: the end of their input is announced, and their task wakes and sees it.
    pub fn close_idle(&self) {
        for client in self.places.borrow().iter().flatten() {
            if client.idle.get() {
                client.stream.shutdown_read();
            }
        }
    }
}
