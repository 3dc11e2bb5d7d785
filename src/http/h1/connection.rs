//! The loop of a connection.

use crate::http::connection::Peer;
use crate::http::worker::Worker;
use crate::net::stream::Stream;
use std::rc::Rc;

/// Serves HTTP/1.x on a connection until it closes.
pub async fn serve(_worker: Rc<Worker>, _stream: Stream, _listen: usize, _peer: Peer) {}
