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

mod access;
mod auth_basic;
mod auth_request;
mod body_size;
mod browser;
mod causes;
mod cgi;
mod chromium;
mod crowd;
mod error_log;
mod error_page;
mod fastcgi;
mod h2;
mod h2_abuse;
mod h2_client;
mod h2_talk;
mod keepalive;
mod limit;
mod listen;
mod location;
mod log;
mod mirror;
mod names;
mod origin;
mod parking;
mod php;
mod proxy;
mod proxy_protocol;
mod proxy_ssl;
mod realip;
mod redirect;
mod resolve;
mod resolver;
mod rewrite;
mod server_name;
mod shipped;
mod small_modules;
mod smuggling;
mod static_files;
mod store;
mod stub_status;
mod syslog;
mod tls;
mod tls_client_certificates;
mod upstream;
mod variables;
