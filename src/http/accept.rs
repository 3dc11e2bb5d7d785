//! What comes before the first request of a connection: the PROXY protocol, then TLS, then the choice of the protocol
//! that is spoken. A connection on an address that knows nothing but HTTP/1 passes by all of it.

mod arrival;
mod proxy_protocol;
mod tls;

pub use arrival::{Arrival, Seat};

use super::connection::{Front, Peer};
use super::h1::connection::{Connection, Pause};
use super::open::Ended;
use super::parking::Parked;
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
    Http1(Connection),
}

/// Serves a connection until it closes or parks. What it is called with is not kept in the future.
pub fn serve(
    worker: Rc<Worker>,
    stream: Stream,
    front: Front,
    peer: Peer,
    ended: Ended,
) -> impl Future<Output = ()> {
    let plain = front.http.router.is_plain(front.listen);
    let arrival = Arrival::new(worker, stream, front, peer);
    let stage = arrival.map(|arrival| match plain {
        true => Stage::Http1(Connection::new(arrival)),
        false => Stage::Preamble(Box::pin(preamble(arrival))),
    });
    go_on(stage, ended)
}

/// Goes on with a connection that has parked in a place.
pub fn take_up(worker: &Rc<Worker>, place: usize) {
    let Some((due, parked)) = worker.connections.unpark(place) else {
        return;
    };
    let (connection, ended) = parked.resume(worker, place, due);
    ended.go_on(|ended| go_on(Some(Stage::Http1(connection)), ended));
}

fn go_on(mut stage: Option<Stage>, ended: Ended) -> impl Future<Output = ()> {
    let mut ended = Some(ended);
    async move {
        // Used where it is: what is moved inside of a future has a place there twice.
        loop {
            let next = match &mut stage {
                None => return,
                Some(Stage::Preamble(preamble)) => preamble.await,
                Some(Stage::Http1(connection)) => match connection.run().await {
                    Pause::End => return,
                    Pause::Rest => {
                        rest(&mut stage, &mut ended);
                        continue;
                    }
                },
            };
            stage = next;
        }
    }
}

/// Lets a connection park, if it may.
fn rest(stage: &mut Option<Stage>, ended: &mut Option<Ended>) {
    if let Some(Stage::Http1(connection)) = stage
        && connection.may_rest()
        && let Some(Stage::Http1(connection)) = stage.take()
        && let Some(ended) = ended.take()
    {
        Parked::park(connection, ended);
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
    Some(Stage::Http1(Connection::new(arrival)))
}
