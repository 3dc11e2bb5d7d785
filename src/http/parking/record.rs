//! What is kept of a connection that has parked.

use super::Due;
use super::rest::{Patience, Rest};
use crate::http::accept::Seat;
use crate::http::conf::Held;
use crate::http::connection::{Client, Peer};
use crate::http::h1::connection::{Connection, Resting};
use crate::http::h1::idle::{self, Ended as How};
use crate::http::modules::static_files::Moment;
use crate::http::open::Ended;
use crate::http::router::Router;
use crate::http::stats::{self, Doing};
use crate::http::worker::Worker;
use crate::log::ErrorLogs;
use crate::net::address::Addr;
use crate::net::proxy_protocol::Header;
use crate::net::stream::Stream;
use rustix::net::{RecvFlags, recv};
use std::cell::{Cell, OnceCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

/// The connection. Its fields are those of [`Client`], and what its task has known.
pub struct Parked {
    socket: OwnedFd,
    listen: u32,
    waiting: u32,
    counted: stats::Connection,
    _waiting: stats::In,
    patience: Patience,
    number: u64,
    requests: u64,
    started_ms: u64,
    peer: Peer,
    bound: Option<Arc<Addr>>,
    proxied: Option<Box<Header>>,
    first: Option<Held>,
    logs: Option<Box<ErrorLogs>>,
    ended: Ended,
}

impl Parked {
    /// Lets a connection wait without its task. It is watched already.
    pub fn park(connection: Connection, ended: Ended) {
        let Some(Resting {
            seat,
            client,
            waiting,
            first,
            logs,
            until,
        }) = connection.rest()
        else {
            return;
        };
        let worker = Rc::clone(&seat.worker);
        let number = seat.number();
        let stream = Rc::into_inner(client.stream).and_then(Stream::into_plain);
        let (Some(socket), Ok(listen)) = (stream, u32::try_from(client.listen)) else {
            return;
        };
        ended.park(number);
        let due = Due::not_before(until);
        let parked = Parked {
            socket,
            listen,
            waiting,
            counted: seat.give_up(),
            _waiting: stats::enter(Doing::Waiting),
            patience: client.rest.patience(),
            number: client.number,
            requests: client.requests.get(),
            started_ms: client.started_ms,
            peer: client.peer,
            bound: client.bound,
            proxied: client.proxied.into_inner(),
            first,
            logs,
            ended,
        };
        worker.connections.park(number, due, Box::new(parked));
        worker.parking.remember(due);
    }

    /// Goes on with it in a task.
    pub fn resume(self, worker: &Rc<Worker>, place: usize, due: Due) -> (Connection, Ended) {
        worker.parking.forget(&self.socket);
        let mut peer_text = Vec::with_capacity(16);
        self.peer.write_ip(&mut peer_text);
        let seat = Seat::new(Rc::clone(worker), place, self.counted);
        let stream = Stream::accepted(self.socket, self.peer == Peer::Unix);
        let client = Rc::new(Client {
            number: self.number,
            requests: Cell::new(self.requests),
            peer: self.peer,
            peer_text: peer_text.into_boxed_slice(),
            listen: self.listen as usize,
            bound: self.bound,
            local: OnceCell::new(),
            started_ms: self.started_ms,
            watch: Cell::new(false),
            asked: Cell::new(Moment::NEVER),
            leaving: Cell::new(false),
            dismissed: Cell::new(false),
            waiting: Cell::new(0),
            rest: Rest::again(self.patience.more()),
            proxied: self.proxied.map_or_else(OnceCell::new, OnceCell::from),
            security: OnceCell::new(),
            stream: Rc::new(stream),
            h2: OnceCell::new(),
        });
        worker.connections.occupy(place, &client);
        let connection = Connection::again(seat, client, self.first, self.logs, due.left());
        (connection, self.ended)
    }

    /// When it began to wait, as [`Connections`](crate::http::connections::Connections) counts it.
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Whether it has made a request.
    pub fn has_asked(&self) -> bool {
        self.requests > 0
    }

    /// Whether its address is listened on.
    pub fn is_listened_for(&self, router: &Router) -> bool {
        let bound = self.bound.as_ref();
        bound.is_some_and(|bound| router.listens_for(self.listen as usize, bound))
    }

    /// Whether nobody is told when its time is over.
    pub fn ends_silently(&self) -> bool {
        self.first.is_none()
    }

    /// Whether the client has closed or broken it, which is logged. One that has not asked for anything has its task
    /// tell that.
    pub fn has_gone(&self) -> bool {
        if self.first.is_some() {
            return false;
        }
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match recv(&self.socket, &mut [0; 1], flags) {
            Ok((_, 0)) => {
                if let Some(logs) = &self.logs {
                    let mut name = Vec::new();
                    self.peer.write_ip(&mut name);
                    idle::kept(self.number, &name, logs, &How::Closed);
                }
                true
            }
            Ok(_) => false,
            Err(e) => e != rustix::io::Errno::AGAIN && e != rustix::io::Errno::INTR,
        }
    }
}
