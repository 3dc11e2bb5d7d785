//! nginx's uwsgi module: requests are passed to uwsgi servers.

pub mod codec;
pub mod conf;

pub use conf::{DIRECTIVES, PASSING, TLS, UwsgiConf, UwsgiRaw};
