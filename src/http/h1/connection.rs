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
        idle: Cell::new(true),
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
    loop {
        client.idle.set(true);
        let waiting = stats::enter(Doing::Waiting);
        let readable = std::future::poll_fn(|cx| io.poll_readable(cx)).await;
        drop(waiting);
        client.idle.set(false);
        match readable {
            Ok(()) => {}
            // Nobody asked for anything: no answer, no line in a log.
            Err(IoError::TimedOut | IoError::Broken(_)) => break,
        }
        match Box::pin(exchange::one(&worker, &client, &io)).await {
            Next::Keep(timeout) => io.read_within(timeout),
            Next::Linger { time, timeout } => {
                linger::linger(&io, time, timeout).await;
                break;
            }
            Next::Close => break,
        }
    }
}
