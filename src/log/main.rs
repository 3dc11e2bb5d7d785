//! The error log of the process: that of the cycle in force.

use super::error::{ErrorLogs, Sink, Target};
use super::{Level, Logs, files, subscriber};
use crate::config::source::errno;
use crate::cycle::Options;
use arc_swap::ArcSwap;
use std::fmt::Arguments;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static MAIN: LazyLock<ArcSwap<ErrorLogs>> = LazyLock::new(ArcSwap::default);

/// Whether what is grave is shown on standard error as well.
static STDERR: AtomicBool = AtomicBool::new(true);

/// Opens the first error log (`-e`, level notice) and installs the subscriber. Messages go there until
/// [`put_in_force`]. A test of the configuration opens nothing: its messages only go to standard error.
pub fn init(options: &Options) {
    subscriber::install();
    log_panics();
    if options.test {
        return;
    }
    let path = &options.error_log;
    let target = if path.as_os_str().is_empty() {
        Target::Stderr
    } else {
        match files::open(path) {
            Ok(fd) => Target::File(files::install(path, fd)),
            Err(error) => {
                complain(path, &error);
                Target::Stderr
            }
        }
    };
    let level = Level::Notice;
    MAIN.store(Arc::new(ErrorLogs::new(vec![Sink { target, level }])));
}

/// Says what [`init`] would say of the first error log if this were no test. Nothing is created.
pub fn check(options: &Options) {
    let path = &options.error_log;
    if !path.as_os_str().is_empty()
        && let Err(error) = files::check(path)
    {
        complain(path, &error);
    }
}

#[allow(clippy::print_stderr, reason = "there is no log to write it to")]
fn complain(path: &Path, error: &io::Error) {
    eprintln!(
        "nginx: [alert] could not open error log file: open() \"{}\" failed ({})",
        path.display(),
        errno(error)
    );
}

/// Installs the subscriber in a process that is given its log files: until then there is standard error.
pub fn init_worker() {
    subscriber::install();
    log_panics();
}

/// A panic ends one connection, at most; what it was stands in the error log.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("of an unknown kind");
        let place = panic.location().map(ToString::to_string);
        super::event(
            Level::Alert,
            format_args!("panic in {}: {text}", place.unwrap_or_default()),
        );
    }));
}

/// Makes the error logs of a cycle those of the process. Its files must be open.
pub fn put_in_force(logs: &Logs) {
    MAIN.store(Arc::clone(&logs.error));
}

/// From now on nothing is shown on standard error; called when the server has started (nginx: `ngx_use_stderr`).
/// Unless `error_log stderr` is in use, what others write to standard error goes to the first error log file.
pub fn detach_stderr(logs: &Logs) {
    STDERR.store(false, Ordering::Relaxed);
    if logs.stderr {
        return;
    }
    let mut sinks = logs.error.sinks().iter();
    let first = sinks.find(|sink| matches!(sink.target, Target::File(_) | Target::Stderr));
    if let Some(Target::File(file)) = first.map(|sink| &sink.target)
        && let Some(fd) = file.descriptor()
        && let Err(error) = rustix::stdio::dup2_stderr(fd)
    {
        let error = errno(&error.into());
        super::event!(Alert, "dup2(STDERR_FILENO) failed ({error})");
    }
}

/// Writes to the error log of the process without showing it on the terminal: for diagnostics of the configuration
/// that were shown there in full.
pub fn record(level: Level, message: Arguments<'_>) {
    MAIN.load().record(level, message);
}

/// Whether messages are shown on standard error.
pub(super) fn has_stderr() -> bool {
    STDERR.load(Ordering::Relaxed)
}

/// Whether a message of this level would be written or shown at all.
pub(super) fn takes(level: Level) -> bool {
    MAIN.load().takes(level) || level <= Level::Warn && has_stderr()
}

/// The error logs in force.
pub(super) fn logs() -> Arc<ErrorLogs> {
    MAIN.load_full()
}
