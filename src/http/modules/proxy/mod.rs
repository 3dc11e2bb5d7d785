//! nginx's proxy module: requests are passed to HTTP servers.

pub mod conf;
pub mod cookie;
pub mod headers;
pub mod pass;
pub mod redirect;
pub mod request;
pub mod rewrite;
pub mod variables;

pub use conf::{DIRECTIVES, PASSING, ProxyConf, ProxyRaw, TLS};
pub use variables::VARIABLES;
