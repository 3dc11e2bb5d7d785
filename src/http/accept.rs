//! What comes before the first request of a connection: the PROXY protocol, then TLS, then the choice of the protocol
//! that is spoken. A connection on an address that knows nothing but HTTP/1 passes by all of it.

mod arrival;
mod proxy_protocol;
mod tls;

pub use arrival::{Arrival, Seat};

use super::connection::{Front, Peer};
use super::h1;
use super::stats::{self, Doing};
use super::worker::Worker;
use crate::net::stream::Stream;
use std::pin::Pin;
use std::rc::Rc;

/// A future on the heap.
type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// How far a connection has come.
enum Stage {
    /// Something comes before the first request; in the end the next stage is known, or there is none.
    Preamble(Boxed<Option<Stage>>),
    /// It speaks HTTP/1.x.
    Http1(h1::connection::Connection),
}

/// Serves a connection until it closes; then `guard` is dropped. What it is called with is not kept in the future.
pub fn serve(
    worker: Rc<Worker>,
    stream: Stream,
    front: Front,
    peer: Peer,
    guard: impl Sized + 'static,
) -> impl Future<Output = ()> {
    let plain = front.http.router.is_plain(front.listen);
    let arrival = Arrival::new(worker, stream, front, peer);
    let mut stage = arrival.map(|arrival| match plain {
        true => Stage::Http1(h1::connection::Connection::new(arrival)),
        false => Stage::Preamble(Box::pin(preamble(arrival))),
    });
    async move {
        // Used where they are: what is moved inside of a future has a place there twice.
        let _guard = &guard;
        loop {
            let next = match &mut stage {
                None => return,
                Some(Stage::Preamble(preamble)) => preamble.await,
                Some(Stage::Http1(connection)) => return connection.run().await,
            };
            stage = next;
        }
    }
}

/// Takes a connection through all that its address asks for.
async fn preamble(mut arrival: Arrival) -> Option<Stage> {
    let _waiting = stats::enter(Doing::Waiting);
    arrival.start_time();
    let protocols = arrival.http.router.address(&arrival.client)?.protocols;
    if protocols.proxy_protocol {
        proxy_protocol::read(&arrival, protocols.ssl).await?;
    }
    if protocols.ssl {
        arrival = tls::accept(arrival, protocols).await?;
    }
    Some(Stage::Http1(h1::connection::Connection::new(arrival)))
}
