//! The configuration language. Knows nothing of HTTP.

pub mod directive;
mod glob;
pub mod known;
pub mod load;
pub mod parse;
pub mod source;
pub mod span;
mod suggest;
pub mod table;
pub mod tree;
pub mod value;
mod word;
