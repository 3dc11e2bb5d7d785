//! Settings of the core module: server.

use crate::config::directive::Directive;
use crate::cycle::Builder;

crate::settings! {
    /// As written.
    pub ServerRaw,
    /// In force.
    pub ServerConf {
    }
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[];
