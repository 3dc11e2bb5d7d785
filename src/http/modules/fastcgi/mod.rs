//! nginx's fastcgi module: requests are passed to FastCGI servers (FastCGI specification 1.0, responder role).

pub mod answer;
pub mod codec;
pub mod conf;
pub mod record;
pub mod variables;

pub use conf::{DIRECTIVES, FastcgiConf, FastcgiRaw, PASSING};
pub use variables::VARIABLES;
