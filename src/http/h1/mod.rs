//! The HTTP/1.1 engine (RFC 9112).

pub mod body;
pub mod connection;
