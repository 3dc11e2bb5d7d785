//! The configuration language. Knows nothing of HTTP.

pub mod directive;
pub mod span;
pub mod tree;
