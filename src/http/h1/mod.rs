//! The HTTP/1.1 engine (RFC 9112).

pub mod bad;
pub mod body;
pub mod chunked;
pub mod connection;
pub(in crate::http) mod exchange;
pub mod field_line;
pub mod framing;
pub(in crate::http) mod idle;
pub mod io;
pub mod keep;
pub mod linger;
mod outgoing;
pub mod parse;
mod request_line;
mod send;
mod wait;
pub mod writer;
