//! From an address and a name to a server, from a path to a location.

pub mod location;
pub mod names;
pub mod ports;
pub mod prefixes;
mod server;
mod tree;

pub use location::{enter, find_location};
pub use ports::{Protocols, Router, listens, listens_http2, port};
pub use server::{
    MISDIRECTED, NoServer, ServerBuilder, ServerName, default_server, servers, set_virtual_server,
    virtual_server,
};
pub use tree::{LocationTree, trees};

use super::regex::Regex;
use crate::config::span::Span;
use bytes::Bytes;
use std::sync::Arc;

/// The name of a location, and how it is chosen by it.
#[derive(Clone, Debug)]
pub struct LocationMatch {
    /// The prefix, the path, the pattern or `@name`.
    pub name: Bytes,
    /// What it is of these.
    pub how: How,
    /// The place that nginx's messages about it name.
    pub line: Span,
}

/// How a location is chosen.
#[derive(Clone, Debug)]
pub enum How {
    /// The path begins with the name, and no regular expression matches.
    Prefix,
    /// `^~`: the path begins with the name.
    NoRegex,
    /// `=`: the path is the name.
    Exact,
    /// `~` and `~*`: the path matches.
    Regex(Arc<Regex>),
    /// `@`: only by being sent there.
    Named,
}
