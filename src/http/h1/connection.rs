//! The loop of a connection: wait for a request, serve it, wait for the next. While it waits it holds no buffer.

use super::exchange::{self, Next};
use super::io::{Io, IoError};
use super::linger;
use crate::clock;
use crate::http::connection::{Client, Peer};
use crate::http::router;
use crate::http::stats::{self, Doing};
use crate::http::worker::Worker;
use crate::net::stream::Stream;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;

/// Serves HTTP/1.x on a connection until it closes.
pub async fn serve(worker: Rc<Worker>, stream: Stream, listen: usize, peer: Peer) {
    let Some(http) = worker.http() else { return };
    let stream = Rc::new(stream);
    let mut peer_text = Vec::with_capacity(16);
    peer.write_ip(&mut peer_text);
    let client = Rc::new(Client {
        number: worker.connection_number(),
        requests: Cell::new(0),
        peer,
        peer_text,
        listen,
        bound: http.router.bound(listen),
        local: OnceCell::new(),
        started_ms: clock::monotonic_ms(),
        watch: Cell::new(false),
        idle: Cell::new(false),
        stream: Rc::clone(&stream),
    });
    let io = Rc::new(Io::new(stream));
    let Some(default) = router::default_server(&http, &client) else {
        return;
    };
    let default = http.server(default);
    io.read_within(default.core.client_header_timeout);
    drop(http);
    let _place = worker.connections.enter(&client);
    let _counted = stats::connection();
    let mut wait = Wait::default();
    loop {
        let waiting = stats::enter(Doing::Waiting);
        let readable = wait.for_request(&worker, &client, &io).await;
        drop(waiting);
        match readable {
            Ok(()) => {}
            // Nobody asked for anything: no answer, no line in a log.
            Err(IoError::TimedOut | IoError::Broken(_)) => break,
        }
        match Box::pin(exchange::one(&worker, &client, &io)).await {
            Next::Keep { timeout, least } => {
                wait = Wait {
                    least,
                    rest: timeout.saturating_sub(least),
                };
                io.read_within(timeout.min(match least.is_zero() {
                    true => timeout,
                    false => least,
                }));
            }
            Next::Linger { time, timeout } => {
                linger::linger(&io, time, timeout).await;
                break;
            }
            Next::Close => break,
        }
    }
}

/// How long to wait for a request: first for certain, then unless the server stops.
#[derive(Default)]
struct Wait {
    least: Duration,
    rest: Duration,
}

impl Wait {
    async fn for_request(&self, worker: &Worker, client: &Client, io: &Io) -> Result<(), IoError> {
        if !self.least.is_zero() {
            let readable = std::future::poll_fn(|cx| io.poll_readable(cx)).await;
            let timed_out = matches!(readable, Err(IoError::TimedOut));
            if !timed_out || self.rest.is_zero() || worker.is_shutting_down() {
                return readable;
            }
            io.read_within(self.rest);
        }
        client.idle.set(true);
        let readable = std::future::poll_fn(|cx| io.poll_readable(cx)).await;
        client.idle.set(false);
        readable
    }
}
