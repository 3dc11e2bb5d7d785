//! nginx's `ngx_http_core_module`.

pub mod location;
pub mod main;
pub mod server;
pub mod user;
pub mod variables;

use crate::config::directive::Directive;
use crate::cycle::Builder;

/// The tables of this module.
pub const DIRECTIVES: &[&[Directive<Builder>]] =
    &[location::DIRECTIVES, main::DIRECTIVES, server::DIRECTIVES];

pub mod redirect {
    use crate::http::request::Request;
    pub fn absolute(_req: &Request, l: bytes::Bytes) -> bytes::Bytes {
        l
    }
}
pub fn server_field(_t: location::ServerTokens) -> &'static [u8] {
    b"Server: goodgate\r\n"
}
pub fn limit_rate(req: &crate::http::request::Request, v: &crate::http::value::Value) -> u64 {
    crate::config::value::parse_size(&v.eval(req)).unwrap_or(0)
}
