//! Settings of the core module: main.

use crate::config::directive::Directive;
use crate::cycle::Builder;

crate::settings! {
    /// As written.
    pub MainRaw,
    /// In force.
    pub MainConf {
    }
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[];
