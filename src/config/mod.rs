//! The configuration language. Knows nothing of HTTP.

mod advice;
pub mod braces;
pub mod directive;
mod glob;
mod included;
pub mod known;
pub mod late;
mod layout;
pub mod load;
pub mod meant;
pub mod missing_end;
pub mod parse;
mod slip;
pub mod source;
pub mod span;
pub mod suggest;
pub mod table;
pub mod tree;
pub mod value;
mod word;
