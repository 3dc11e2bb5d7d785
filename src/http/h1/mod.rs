//! The HTTP/1.1 engine (RFC 9112).
