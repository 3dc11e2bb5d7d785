//! goodgate
pub mod config;
pub mod diagnostic;
pub mod http;
pub mod net;
