//! nginx's core and events modules: the directives outside `http`, and what they come to.

pub mod account;
pub mod affinity;
pub mod directives;
pub mod events;

use crate::cli::defaults;
use crate::config::directive::Directive;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::diagnostic::Diagnostic;
use account::Account;
use affinity::Affinity;
use bytes::Bytes;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// What the directives of the main context and of `events` said.
#[derive(Debug, Default)]
pub struct CoreRaw {
    pub(crate) daemon: Option<bool>,
    pub(crate) master_process: Option<bool>,
    pub(crate) worker_processes: Option<usize>,
    pub(crate) account: Option<Account>,
    pub(crate) pid: Option<Bytes>,
    pub(crate) worker_priority: Option<i32>,
    pub(crate) affinity: Option<Affinity>,
    pub(crate) rlimit_nofile: Option<i64>,
    pub(crate) rlimit_core: Option<u64>,
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) working_directory: Option<Bytes>,
    pub(crate) env: Vec<Bytes>,
    pub(crate) events: bool,
    pub(crate) worker_connections: Option<usize>,
    pub(crate) event_method: Option<&'static str>,
    pub(crate) without_effect: directives::WithoutEffect,
}

/// The settings that the processes run by.
#[derive(Clone, Debug)]
pub struct Core {
    /// Whether the master leaves the terminal.
    pub daemon: bool,
    /// Whether there is a master beside the worker process.
    pub master_process: bool,
    /// How many threads serve connections.
    pub worker_processes: usize,
    /// Whom the worker process runs as; none when this process may not change it.
    pub account: Option<Account>,
    /// The file with the master's process id.
    pub pid: PathBuf,
    /// The scheduling priority of the worker, 0 for none of its own.
    pub worker_priority: i32,
    /// Which processors the threads may use.
    pub affinity: Option<Affinity>,
    /// The limit of open files of the worker.
    pub rlimit_nofile: Option<u64>,
    /// The limit of a core file of the worker, in bytes.
    pub rlimit_core: Option<u64>,
    /// How long a graceful stop may take; none for as long as it takes.
    pub shutdown_timeout: Option<Duration>,
    /// The directory that the worker changes to.
    pub working_directory: Option<PathBuf>,
    /// `NAME` or `NAME=value`: what the worker has in its environment.
    pub env: Vec<Bytes>,
    /// How many connections a thread may have at a time.
    pub worker_connections: usize,
}

/// The tables.
pub static DIRECTIVES: &[&[Directive<Builder>]] = &[directives::DIRECTIVES, events::DIRECTIVES];

/// Puts in the defaults, and complains of what is missing altogether. These are the complaints of nginx's second
/// stage, after it has called the syntax ok: they have no place in a file.
pub fn finish(b: &mut Builder, sockets: usize) -> Core {
    let raw = std::mem::take(&mut b.core);
    let worker_processes = raw.worker_processes.unwrap_or(1);
    if let Some(affinity) = &raw.affinity {
        b.diagnostics.extend(affinity.warning(worker_processes));
    }
    let account = match raw.account {
        None if account::can_change() => {
            Account::standard().map_err(|d| b.diagnostics.push(d)).ok()
        }
        account => account,
    };
    // Where something else is wrong, the section may only have been missed.
    let fine = b.diagnostics.iter().all(|d| !d.severity.is_error());
    if !raw.events && fine {
        b.diagnostics.push(
            Diagnostic::new("no \"events\" section in configuration").help(
                "nginx wants the section even when it is empty: add `events {}` outside of `http`",
            ),
        );
    }
    let connections = raw.worker_connections.unwrap_or(512);
    if raw.events && fine && connections <= sockets {
        // There, too, one more is wanted than there are sockets.
        b.diagnostics.push(Diagnostic::new(format!(
            "{connections} worker_connections are not enough for {sockets} listening sockets"
        )));
    }
    check_thread_pools(b, &raw.without_effect);
    let pid = raw.pid.filter(|name| !name.is_empty());
    Core {
        daemon: raw.daemon.unwrap_or(true),
        master_process: raw.master_process.unwrap_or(true),
        worker_processes,
        account,
        pid: b.path(pid.as_deref().unwrap_or(defaults::PID_PATH.as_bytes())),
        worker_priority: raw.worker_priority.unwrap_or(0),
        affinity: raw.affinity,
        rlimit_nofile: raw.rlimit_nofile.and_then(|n| u64::try_from(n).ok()),
        rlimit_core: raw.rlimit_core,
        shutdown_timeout: raw.shutdown_timeout.filter(|t| !t.is_zero()),
        working_directory: raw
            .working_directory
            .map(|d| PathBuf::from(OsStr::from_bytes(&d))),
        env: raw.env,
        worker_connections: raw.worker_connections.unwrap_or(512),
    }
}

/// An error that points at an argument, or at the name if it has no such argument.
pub(crate) fn at(node: &Node, index: usize, message: impl Into<String>) -> Diagnostic {
    node.error_at(node.arg(index).unwrap_or(&node.name), message)
}

/// The text of an argument; empty if there is none, which the table has excluded.
pub(crate) fn argument(node: &Node, index: usize) -> &[u8] {
    node.arg(index).map_or(&[], |word| &word.text)
}

/// A whole number as nginx reads it: digits and nothing else.
pub(crate) fn whole_number(text: &[u8]) -> Option<usize> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok().filter(|n| isize::try_from(*n).is_ok())
}
/// Complains about the first pool that is used and defined nowhere.
fn check_thread_pools(b: &mut Builder, without_effect: &directives::WithoutEffect) {
    let defined = |name: &Bytes| name == "default" || without_effect.thread_pools.contains(name);
    let used = &without_effect.thread_pools_used;
    if let Some((name, span, end)) = used.iter().find(|(name, ..)| !defined(name)) {
        let message = format!("unknown thread pool \"{}\"", String::from_utf8_lossy(name));
        let d = Diagnostic::new(message).at(*end).label(*span, "");
        b.diagnostics.push(d);
    }
}
