//! Settings of the core module that are inherited down to locations.

use crate::config::directive::Directive;
use crate::cycle::Builder;

crate::settings! {
    /// As written.
    pub LocationRaw,
    /// In force.
    pub LocationConf {
        /// `satisfy any`.
        satisfy_any: bool = false,
    }
}

/// The table.
pub static DIRECTIVES: &[Directive<Builder>] = &[];
