//! goodgate: a web server that reads nginx.conf unchanged.

mod boxed;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod cycle;
pub mod decimal;
pub mod diagnostic;
pub mod explain;
pub mod http;
pub mod lint;
pub mod log;
pub mod net;
pub mod process;
pub mod reference;
pub mod tls;
