//! The error log and the files that logs go to.

use crate::http::request::Request;
use std::fmt::Arguments;

/// nginx's levels of the error log, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the variants are the levels' names")]
pub enum Level {
    Emerg,
    Alert,
    Crit,
    Error,
    Warn,
    Notice,
    Info,
    Debug,
}

/// Logs something about a request to the error log of its location, with the request's context behind it.
pub fn request(_req: &Request, _level: Level, _message: Arguments<'_>) {}

/// Logs something about the process or the configuration to the cycle's error log.
pub fn event(_level: Level, _message: Arguments<'_>) {}

/// Writes out what this thread has buffered for the logs that are not `buffer=`ed.
pub fn flush_thread() {}

/// A connection's number, unique over all threads.
pub fn connection_number(thread: usize, n: u64) -> u64 {
    n.wrapping_mul(64).wrapping_add(thread as u64)
}
