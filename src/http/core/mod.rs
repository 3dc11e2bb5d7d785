//! nginx's `ngx_http_core_module`.

pub mod location;
pub mod main;
pub mod server;

use crate::config::directive::Directive;
use crate::cycle::Builder;

/// The tables of this module.
pub const DIRECTIVES: &[&[Directive<Builder>]] =
    &[location::DIRECTIVES, main::DIRECTIVES, server::DIRECTIVES];
