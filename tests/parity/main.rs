//! The same configuration and the same bytes to this server and to the nginx of the machine: the answers must agree
//! but for the name of the product. Without an nginx nothing is compared. `GOODGATE_NGINX` names another one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "../common/mod.rs"]
mod common;

mod accel;
mod access;
mod cgi;
mod content;
mod core;
mod failures;
mod fastcgi;
mod harness;
mod http2;
mod limits;
mod log;
mod modules;
mod normal;
#[path = "../http/origin.rs"]
mod origin;
mod outside;
mod pair;
mod proxy;
mod proxy_protocol;
mod proxy_ssl;
mod requests;
mod rewrite;
mod small;
mod ssl;
mod static_site;
#[path = "../http/h2_talk.rs"]
mod talk;
mod upstream;
