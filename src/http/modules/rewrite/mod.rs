//! nginx's rewrite module: `rewrite`, `return`, `if`, `set`, `break`.
//!
//! What a block writes is a list of codes, run in its order: those of the server before a location is sought, those
//! of the location once it is found. The codes of an `if` are a list of their own inside the list of the block around
//! it, which goes on behind it.

mod code;
mod condition;
mod directive;
mod file;
mod run;

pub use code::Codes;
pub use directive::DIRECTIVES;
pub use run::{location, server};

crate::settings! {
    /// Settings as written.
    pub RewriteRaw,
    /// Settings in force.
    pub RewriteConf {
        /// `rewrite_log`: whether matches and rewrites go to the error log, at level `notice`.
        log: bool = false,
        /// `uninitialized_variable_warn`: whether a variable that is read before it is set is worth a warning.
        uninitialized_variable_warn: bool = true,
    }
}
