//! The command line.

pub mod defaults;
pub mod modules;
pub mod options;
pub mod place;
pub mod version;
