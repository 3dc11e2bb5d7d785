//! The server over HTTP: a configuration in, bytes in, bytes out. One file per module or subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "../common/mod.rs"]
mod common;

mod body_size;
mod error_page;
mod listen;
mod location;
mod redirect;
mod server_name;
