//! TLS, on both sides, without anything of HTTP: certificates, keys, verification, and what rustls is told.

pub mod verify;
