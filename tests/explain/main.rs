//! `--explain` says what the running server then does: compared on every example, and on a thousand requests over
//! generated configurations.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "../common/mod.rs"]
mod common;

mod choices;
mod command;
mod examples;
mod generate;
mod generated;
mod pair;
mod tls;
