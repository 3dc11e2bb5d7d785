//! The HTTP/2 engine (RFC 9113): streams become requests, their responses become frames. What frames mean is the h2
//! crate's business; what it leaves open, or judges otherwise than nginx, is here.

mod allowance;
mod assembly;
mod block;
pub mod body;
pub mod conf;
mod connection;
mod control;
mod frames;
mod hpack;
mod huffman;
mod incoming;
mod outgoing;
pub mod preface;
mod request;
mod response;
mod send;
mod stream;
mod transport;

pub use stream::Gone;

pub use connection::serve;
pub use stream::Over;
