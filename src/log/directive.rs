//! `error_log`, and the list of all log files of a configuration.

use super::Level;
use super::error::{ErrorLogs, Sink, Target};
use super::files::{self, LogFile};
use super::memory::Ring;
use super::syslog::Syslog;
use crate::config::directive::{Args, Directive};
use crate::config::source::errno;
use crate::config::tree::{Node, Word};
use crate::config::value::parse_size;
use crate::cycle::Builder;
use crate::cycle::context::{EVERYWHERE, MAIN};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type D = Directive<Builder>;

const SYNTAX: &str = "file | stderr | syslog:server=address[,parameter=value] | memory:size [debug | info | notice | warn | error | crit | alert | emerg]";

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("error_log", MAIN, Args::AtLeast(1), set_main)
        .syntax(SYNTAX)
        .default("/var/log/nginx/error.log error")
        .doc("Where messages go, and how grave they must be to go there. Several may stand in one block."),
    D::custom("error_log", EVERYWHERE, Args::AtLeast(1), set_http)
        .syntax(SYNTAX)
        .doc("The same for the requests of a server or location, in place of the logs of the enclosing block."),
];

/// The logs of a cycle.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// The error logs of the main block.
    pub error: Arc<ErrorLogs>,
    /// All log files by their fixed names, in the order in which they are named: what is to be opened.
    pub files: Vec<Arc<LogFile>>,
    /// Whether standard error is a log, and so must stay what it is.
    pub stderr: bool,
}

impl Logs {
    /// The names of all log files: what the master opens and hands to the worker.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path())
    }

    /// Opens all of them with the rights of this process and puts them in force.
    ///
    /// # Errors
    /// nginx's sentence: `open() "/x/error.log" failed (13: Permission denied)`. Those that were opened before stay.
    pub fn open(&self) -> Result<(), String> {
        for file in &self.files {
            let path = file.path();
            let fd = files::open(path).map_err(|error| failure(path, &error))?;
            files::install(path, fd);
        }
        Ok(())
    }
}

/// Logs while they are collected.
#[derive(Default)]
pub struct LogsBuilder {
    main: Vec<Sink>,
    files: Vec<Arc<LogFile>>,
    by_path: HashMap<PathBuf, Arc<LogFile>>,
    stderr: bool,
    /// The main block's, once they are complete: what blocks without any of their own use.
    error: Arc<ErrorLogs>,
}

impl LogsBuilder {
    /// The file of a path, which is opened when the cycle comes into force.
    pub fn file(&mut self, path: &Path) -> Arc<LogFile> {
        if let Some(file) = self.by_path.get(path) {
            return Arc::clone(file);
        }
        let file = files::get(path);
        self.by_path.insert(path.to_owned(), Arc::clone(&file));
        self.files.push(Arc::clone(&file));
        file
    }

    /// What the cycle needs.
    pub fn logs(&self) -> Logs {
        Logs {
            error: Arc::clone(&self.error),
            files: self.files.clone(),
            stderr: self.stderr,
        }
    }
}

/// Completes the logs of the main block; must come before the settings of HTTP are merged, which may fall back to
/// them. Where no file is named, the one of the command line is used.
pub fn finish(b: &mut Builder) {
    let mut sinks = std::mem::take(&mut b.logs.main);
    if !sinks
        .iter()
        .any(|sink| !matches!(sink.target, Target::Memory(_) | Target::Syslog(_)))
    {
        let path: PathBuf = b.options.error_log.clone();
        let target = match path.as_os_str().is_empty() {
            true => Target::Stderr,
            false => Target::File(b.logs.file(&path)),
        };
        let level = Level::Error;
        sinks.push(Sink { target, level });
    }
    b.logs.error = Arc::new(ErrorLogs::new(sinks));
}

/// Complains of log files that could not be opened, as nginx does behind a syntax that is ok. Nothing is created.
pub fn check(b: &mut Builder) {
    let failed = b.logs.files.iter().find_map(|file| {
        let path = file.path();
        files::check(path).err().map(|error| failure(path, &error))
    });
    if let Some(message) = failed {
        let d = Diagnostic::new(message).help(
            "the directory must exist, and the user who starts the server must be allowed to write there",
        );
        b.diagnostics.push(d);
    }
}

fn failure(path: &Path, error: &std::io::Error) -> String {
    format!("open() \"{}\" failed ({})", path.display(), errno(error))
}

/// `error_log` as one block writes it.
#[derive(Clone, Default)]
pub struct ErrorLogRaw {
    sinks: Vec<Sink>,
}

impl Settings for ErrorLogRaw {
    type Conf = ErrorLogs;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.sinks.is_empty() {
            self.sinks = parent.sinks.clone();
        }
    }

    fn build(&self, b: &mut Builder) -> ErrorLogs {
        match self.sinks.is_empty() {
            true => ErrorLogs::clone(&b.logs.error),
            false => ErrorLogs::new(self.sinks.clone()),
        }
    }
}

fn set_main(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let sink = read(b, node)?;
    b.logs.main.push(sink);
    Ok(())
}

fn set_http(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let sink = read(b, node)?;
    b.http.here().error_log().sinks.push(sink);
    Ok(())
}

fn read(b: &mut Builder, node: &Node) -> Result<Sink, Diagnostic> {
    let name = node.arg(0).unwrap_or(&node.name);
    let target = if &*name.text == b"stderr" {
        b.logs.stderr = true;
        Target::Stderr
    } else if name.text.is_empty() {
        // The same, but it does not stay what it is.
        Target::Stderr
    } else if let Some(size) = name.text.strip_prefix(b"memory:") {
        Target::Memory(Arc::new(ring(b, node, name, size)?))
    } else if name.text.starts_with(b"syslog:") {
        Target::Syslog(Arc::new(Syslog::parse(node, name)?))
    } else {
        let path = b.path(&name.text);
        Target::File(b.logs.file(&path))
    };
    let level = level(node)?;
    Ok(Sink { target, level })
}

/// The largest length of a line, and what the title may take: a ring must hold at least that.
const LEAST_RING: usize = 2048 + 52;

fn ring(b: &Builder, node: &Node, name: &Word, size: &[u8]) -> Result<Ring, Diagnostic> {
    let place = b.sources.place(node.end);
    let size_is = |size: &u64| usize::try_from(*size).is_ok_and(|n| n >= LEAST_RING + place.len());
    let Some(size) = parse_size(size).filter(size_is) else {
        let size = String::from_utf8_lossy(size).into_owned();
        return Err(node
            .error_at(name, format!("invalid buffer size \"{size}\""))
            .help("a size of some kilobytes is meant, as in memory:32k"));
    };
    let title = format!("MEMLOG {size} {place}");
    Ok(Ring::new(
        usize::try_from(size).unwrap_or(LEAST_RING),
        &title,
    ))
}

/// The level of a directive. The `debug_...` ones of nginx choose among debug messages, and so let all others pass.
fn level(node: &Node) -> Result<Level, Diagnostic> {
    let (mut level, mut debug) = (None, false);
    for word in node.args.iter().skip(1) {
        let name = word.str();
        if let Some(known) = Level::ALL.into_iter().find(|level| level.name() == name) {
            if level.is_some() || debug {
                return Err(node.error_at(word, format!("duplicate log level \"{name}\"")));
            }
            level = Some(known);
        } else if DEBUG.contains(&&*name) && level.is_none() {
            debug = true;
        } else {
            let names: Vec<&str> = Level::ALL.iter().rev().map(|level| level.name()).collect();
            return Err(node
                .error_at(word, format!("invalid log level \"{name}\""))
                .help(format!("it must be one of: {}", names.join(", "))));
        }
    }
    Ok(match debug {
        true => Level::Debug,
        false => level.unwrap_or(Level::Error),
    })
}

const DEBUG: [&str; 7] = [
    "debug_core",
    "debug_alloc",
    "debug_mutex",
    "debug_event",
    "debug_http",
    "debug_mail",
    "debug_stream",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::Cycle;
    use crate::cycle::testing::{cycle, first_complaint};

    fn paths(cycle: &Cycle) -> Vec<&Path> {
        cycle.logs.paths().collect()
    }

    #[test]
    fn without_a_file_the_one_of_the_command_line_is_added() {
        let logs = cycle("events {}");
        assert_eq!(paths(&logs), [Path::new("/p/error.log")]);
        assert_eq!(logs.logs.error.level(), Some(Level::Error));
        let logs = cycle("error_log memory:32k debug; events {}");
        assert_eq!(paths(&logs), [Path::new("/p/error.log")]);
        assert_eq!(logs.logs.error.sinks().len(), 2);
        let logs = cycle("error_log stderr info; events {}");
        assert!(paths(&logs).is_empty() && logs.logs.stderr);
        let logs = cycle("error_log ''; events {} http { access_log ''; error_log '' info; }");
        assert!(paths(&logs).is_empty() && !logs.logs.stderr);
    }

    #[test]
    fn several_are_kept_with_their_levels() {
        let logs =
            cycle("error_log a; error_log /b warn; error_log a debug_http debug_core; events {}");
        assert_eq!(paths(&logs), [Path::new("/p/a"), Path::new("/b")]);
        let levels: Vec<Level> = logs.logs.error.sinks().iter().map(|s| s.level).collect();
        assert_eq!(levels, [Level::Debug, Level::Warn, Level::Error]);
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_nginx() {
        let cases = [
            ("error_log a nonsense;", "invalid log level \"nonsense\""),
            (
                "error_log a info debug_http;",
                "invalid log level \"debug_http\"",
            ),
            ("error_log a info warn;", "duplicate log level \"warn\""),
            ("error_log memory:1k;", "invalid buffer size \"1k\""),
        ];
        for (text, message) in cases {
            assert_eq!(first_complaint(text), message);
        }
    }
}
