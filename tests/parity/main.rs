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
mod configuration;
mod content;
mod core;
mod details;
mod failures;
mod fastcgi;
#[allow(dead_code, reason = "where a slip is does not matter here")]
#[path = "../mutations/slips.rs"]
mod generator;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../http/h2_client.rs"]
mod h2_client;
mod harness;
mod http2;
mod limits;
mod log;
mod modules;
#[path = "../http/names.rs"]
#[allow(dead_code, reason = "how often it is asked is nginx's affair")]
mod names;
mod normal;
#[path = "../http/origin.rs"]
mod origin;
mod outside;
mod pair;
mod proxy;
mod proxy_protocol;
mod proxy_ssl;
mod rarely;
mod requests;
mod resolve;
mod rewrite;
mod slips;
mod small;
mod ssl;
mod static_site;
#[path = "../http/h2_talk.rs"]
mod talk;
mod upstream;
