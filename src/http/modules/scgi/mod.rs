//! nginx's scgi module: requests are passed to SCGI servers.

pub mod codec;
pub mod conf;

pub use conf::{DIRECTIVES, PASSING, ScgiConf, ScgiRaw};
