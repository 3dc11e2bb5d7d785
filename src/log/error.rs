//! Where the lines of an error log go: several files, each with its level.

use super::files::LogFile;
use super::memory::Ring;
use super::syslog::Syslog;
use super::{Level, buffer, line, main};
use std::fmt::Arguments;
use std::sync::Arc;

/// The error logs of one block of the configuration.
#[derive(Clone, Debug, Default)]
pub struct ErrorLogs {
    sinks: Vec<Sink>,
}

/// One `error_log`.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Where its lines go.
    pub target: Target,
    /// The least grave level that is written.
    pub level: Level,
}

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Target {
    /// A file.
    File(Arc<LogFile>),
    /// Standard error.
    Stderr,
    /// A ring in memory.
    Memory(Arc<Ring>),
    /// A syslog server.
    Syslog(Arc<Syslog>),
}

impl ErrorLogs {
    /// These logs together. They are written in the order of their levels, the wordiest first, as nginx does.
    pub fn new(mut sinks: Vec<Sink>) -> Self {
        sinks.sort_by_key(|sink| std::cmp::Reverse(sink.level));
        ErrorLogs { sinks }
    }

    /// Whether any of them takes messages of this level.
    pub fn takes(&self, level: Level) -> bool {
        self.sinks.first().is_some_and(|sink| level <= sink.level)
    }

    /// The least grave level that any of them takes.
    pub fn level(&self) -> Option<Level> {
        self.sinks.first().map(|sink| sink.level)
    }

    /// The logs.
    pub fn sinks(&self) -> &[Sink] {
        &self.sinks
    }

    /// Writes a line to those that take its level. While the process still has its terminal, warnings and graver
    /// messages are shown there too.
    pub fn write(
        &self,
        level: Level,
        connection: Option<u64>,
        message: Arguments<'_>,
        context: impl FnOnce(&mut Vec<u8>),
    ) {
        self.write_explained(level, connection, message, context, |_| {});
    }

    /// The same for a line behind which a cause is told, however long the line is.
    pub fn write_explained(
        &self,
        level: Level,
        connection: Option<u64>,
        message: Arguments<'_>,
        context: impl FnOnce(&mut Vec<u8>),
        cause: impl FnOnce(&mut Vec<u8>),
    ) {
        let shown = level <= Level::Warn && main::has_stderr();
        if self.takes(level) || shown {
            line::with(level, connection, message, context, cause, |line, start| {
                let on_stderr = self.put(level, line, connection.is_some());
                if shown && !on_stderr {
                    let message = line.get(start..).unwrap_or_default();
                    show(level, message);
                }
            });
        }
    }

    /// The same without showing it on the terminal, nor writing it to standard error: for what was shown there in
    /// another form.
    pub fn record(&self, level: Level, message: Arguments<'_>) {
        if self.takes(level) {
            line::with(
                level,
                None,
                message,
                |_| {},
                |_| {},
                |line, _| {
                    let logs = self.sinks.iter().filter(|sink| level <= sink.level);
                    for sink in logs.filter(|sink| !matches!(sink.target, Target::Stderr)) {
                        sink.put(level, line, false);
                    }
                },
            );
        }
    }

    /// Returns whether standard error was among them. A line that concerns a connection may wait.
    fn put(&self, level: Level, line: &[u8], may_wait: bool) -> bool {
        let mut on_stderr = false;
        for sink in self.sinks.iter().take_while(|sink| level <= sink.level) {
            on_stderr |= matches!(sink.target, Target::Stderr);
            sink.put(level, line, may_wait);
        }
        on_stderr
    }
}

impl Sink {
    fn put(&self, level: Level, line: &[u8], may_wait: bool) {
        // A failure to write the error log has nowhere to be reported.
        match &self.target {
            Target::File(file) => write(may_wait && level >= Level::Error, file, line),
            Target::Memory(ring) => ring.write(line),
            Target::Syslog(syslog) => syslog.error(level, line),
            Target::Stderr => drop(rustix::io::write(rustix::stdio::stderr(), line)),
        }
    }
}

/// What concerns single connections waits, as lines of access logs do, until the thread has done what is at hand: a
/// crowd of them costs one write. What is graver, or concerns the process, is written at once, behind what came before it.
fn write(may_wait: bool, file: &Arc<LogFile>, line: &[u8]) {
    if may_wait && buffer::gather(file, line) {
        return;
    }
    buffer::flush();
    let _ = file.write(line);
}

/// Shows a message the way nginx does before it has left the terminal: `nginx: [emerg] message`.
fn show(level: Level, message: &[u8]) {
    let mut text = format!("nginx: [{level}] ").into_bytes();
    text.extend_from_slice(message);
    let _ = rustix::io::write(rustix::stdio::stderr(), &text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(level: Level) -> (Arc<Ring>, Sink) {
        let ring = Arc::new(Ring::new(4096, ""));
        let target = Target::Memory(Arc::clone(&ring));
        (ring, Sink { target, level })
    }

    #[test]
    fn each_log_takes_what_is_grave_enough_for_it() {
        let (error, a) = ring(Level::Error);
        let (info, b) = ring(Level::Info);
        let logs = ErrorLogs::new(vec![a, b]);
        assert!(logs.takes(Level::Info) && !logs.takes(Level::Debug));
        logs.write(Level::Notice, None, format_args!("first"), |_| {});
        logs.write(Level::Error, Some(3), format_args!("second"), |out| {
            out.extend_from_slice(b", server: s");
        });
        let text = |ring: &Ring| String::from_utf8(ring.text()).unwrap();
        assert!(text(&info).contains("first\n") && text(&info).contains("*3 second, server: s\n"));
        assert!(!text(&error).contains("first") && text(&error).contains("second"));
    }

    #[test]
    fn the_same_file_named_twice_gets_a_line_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("e.log");
        let file = crate::log::files::install(&path, crate::log::files::open(&path).unwrap());
        let sink = |level| Sink {
            target: Target::File(Arc::clone(&file)),
            level,
        };
        let logs = ErrorLogs::new(vec![
            sink(Level::Error),
            sink(Level::Error),
            sink(Level::Alert),
        ]);
        logs.write(Level::Error, None, format_args!("x"), |_| {});
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }
}
