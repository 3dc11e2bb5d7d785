//! The error log, and the files that logs go to.
//!
//! What concerns a request is written by [`request`] to the error logs of its location. What concerns the process
//! is an event of `tracing`, written by our subscriber to the error log of the cycle in force; [`event`] and the
//! macro of the same name send such events with those of nginx's levels that tracing does not have.

pub mod buffer;
mod context;
pub mod directive;
pub mod error;
pub mod files;
mod line;
pub mod main;
mod memory;
pub mod raw;
mod subscriber;
pub mod syslog;

pub use context::{connection, explained, request};
pub use directive::{ErrorLogRaw, Logs, LogsBuilder, finish};
pub use error::ErrorLogs;
pub use main::{detach_stderr, init, init_worker, put_in_force, record};
pub use raw::Raw;

use std::fmt::{self, Arguments, Display};
use std::sync::atomic::{AtomicU64, Ordering};

/// nginx's levels of the error log, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
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

impl Level {
    /// All of them, gravest first.
    pub const ALL: [Level; 8] = [
        Level::Emerg,
        Level::Alert,
        Level::Crit,
        Level::Error,
        Level::Warn,
        Level::Notice,
        Level::Info,
        Level::Debug,
    ];

    /// The word in the brackets of a line, and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Level::Emerg => "emerg",
            Level::Alert => "alert",
            Level::Crit => "crit",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Notice => "notice",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }

    /// The level with this number, counted from the gravest.
    pub fn from_number(number: u64) -> Option<Level> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Logs something about the process or the configuration: an event of `tracing` that carries nginx's level.
pub fn event(level: Level, message: Arguments<'_>) {
    tracing::event!(
        target: subscriber::TARGET,
        tracing::Level::ERROR,
        level = level as u64,
        "{message}"
    );
}

/// `event!(Notice, "signal {n} received")`: [`event`] with the formatting done.
macro_rules! log_event {
    ($level:ident, $($message:tt)+) => {
        $crate::log::event($crate::log::Level::$level, format_args!($($message)+))
    };
}
pub(crate) use log_event as event;

/// Writes out what this thread has gathered for the logs that are not `buffer=`ed.
pub fn flush_thread() {
    buffer::flush();
}

/// Writes out all that this thread has gathered, `buffer=`ed logs included: for a thread that ends.
pub fn finish_thread() {
    buffer::flush_all();
}

/// A connection's number, unique over all threads.
pub fn connection_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}
