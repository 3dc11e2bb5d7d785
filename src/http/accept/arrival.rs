//! A connection that has been accepted and has not asked for anything yet.

use crate::clock;
use crate::http::conf::{Held, Http, Server};
use crate::http::connection::{Client, Front, Peer};
use crate::http::modules::static_files::Moment;
use crate::http::router;
use crate::http::stats;
use crate::http::worker::Worker;
use crate::log::{self, Level};
use crate::net::stream::Stream;
use std::cell::{Cell, OnceCell};
use std::fmt::Arguments;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// A connection before its first request.
pub struct Arrival {
    /// Its place in the thread.
    pub seat: Seat,
    /// Who is at the other end.
    pub client: Rc<Client>,
    /// The configuration under which it was accepted.
    pub http: Held,
    /// What was read of its first request already.
    pub read: Vec<u8>,
    /// When the time for its first request began, if that is not now.
    since: Option<Instant>,
}

/// The place of an open connection among those of its thread, which it leaves when this is dropped.
pub struct Seat {
    /// The thread.
    pub worker: Rc<Worker>,
    number: u32,
    /// Taken where the connection stays in its place without a task.
    counted: Option<stats::Connection>,
}

impl Seat {
    /// The place with this number.
    pub fn new(worker: Rc<Worker>, number: usize, counted: stats::Connection) -> Seat {
        Seat {
            worker,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            counted: Some(counted),
        }
    }

    /// Its number.
    pub fn number(&self) -> usize {
        self.number as usize
    }

    /// Leaves the place to who is in it without a task.
    pub fn give_up(mut self) -> stats::Connection {
        self.counted.take().unwrap_or_else(stats::connection)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.counted.is_some() {
            self.worker.connections.leave(self.number());
        }
    }
}

impl Arrival {
    /// Takes a connection in; none if the address is no longer listened on.
    pub fn new(worker: Rc<Worker>, stream: Stream, front: Front, peer: Peer) -> Option<Arrival> {
        let Front { http, listen } = front;
        let mut peer_text = Vec::with_capacity(16);
        peer.write_ip(&mut peer_text);
        let client = Rc::new(Client {
            number: worker.connection_number(),
            requests: Cell::new(0),
            peer,
            peer_text: peer_text.into_boxed_slice(),
            listen,
            bound: http.router.bound(listen),
            local: OnceCell::new(),
            started_ms: clock::monotonic_ms(),
            asked: Cell::new(Moment::NEVER),
            watch: Cell::new(false),
            leaving: Cell::new(false),
            dismissed: Cell::new(false),
            waiting: Cell::new(0),
            rest: Default::default(),
            proxied: OnceCell::new(),
            security: OnceCell::new(),
            stream: Rc::new(stream),
            h2: OnceCell::new(),
        });
        router::default_server(&http, &client)?;
        let number = worker.connections.enter(&client);
        Some(Arrival {
            seat: Seat::new(worker, number, stats::connection()),
            client,
            http,
            read: Vec::new(),
            since: None,
        })
    }

    /// The server that decides until a name is known.
    pub fn server(&self) -> Option<&Server> {
        let server = router::default_server(&self.http, &self.client)?;
        Some(self.http.server(server))
    }

    /// What is left of `client_header_timeout`, which all that precedes the first request shares with its head.
    pub fn time_left(&self) -> Duration {
        let all = self
            .server()
            .map_or(Duration::ZERO, |server| server.core.client_header_timeout);
        let gone = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        all.saturating_sub(gone)
    }

    /// Starts that time. Without it the time starts with the first request.
    pub fn start_time(&mut self) {
        self.since = Some(Instant::now());
    }

    /// Takes a step that waits for the client; none if there is no time left for it, which is logged with what was
    /// being done: `while SSL handshaking`.
    pub async fn within<T>(&self, doing: &str, step: impl Future<Output = T>) -> Option<T> {
        let result = tokio::time::timeout(self.time_left(), step).await;
        if result.is_err() {
            self.log(
                Level::Info,
                format_args!("client timed out (110: Connection timed out) {doing}"),
            );
        }
        result.ok()
    }

    /// Goes on over another stream that is made of this one's, such as a TLS session over a socket; none if somebody
    /// else holds on to the stream, which nobody does before the first request.
    pub fn over(self, change: impl FnOnce(Stream) -> Stream) -> Option<Arrival> {
        let Arrival {
            seat,
            client,
            http,
            read,
            since,
        } = self;
        let connections = &seat.worker.connections;
        connections.vacate(seat.number());
        let client = Rc::into_inner(client)?;
        let stream = Rc::new(change(Rc::into_inner(client.stream)?));
        let client = Rc::new(Client { stream, ..client });
        connections.occupy(seat.number(), &client);
        Some(Arrival {
            seat,
            client,
            http,
            read,
            since,
        })
    }

    /// Logs something that concerns the connection alone.
    pub fn log(&self, level: Level, message: Arguments<'_>) {
        let (Some(server), Some(bound)) = (self.server(), &self.client.bound) else {
            return;
        };
        let http: &Http = &self.http;
        let logs = &http.location(server.location).error_log;
        log::connection(logs, &self.client, &**bound, level, message);
    }
}
