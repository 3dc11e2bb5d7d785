//! `access_log`, `log_format`, `open_log_file_cache`: nginx's log module.

mod conf;
mod format;
mod script;

pub use conf::{DIRECTIVES, LogConf, LogRaw};

use crate::cycle::Builder;
use crate::http::conf::{BlockKind, Location};
use crate::http::request::Request;
use crate::http::value::Value;
use crate::log::Level;
use crate::log::buffer::{self, Buffering};
use crate::log::files::LogFile;
use crate::log::syslog::Syslog;
use bytes::Bytes;
use format::Format;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Formats while they are collected.
#[derive(Default)]
pub struct LogBuilder {
    formats: Vec<(Bytes, Arc<Format>)>,
    /// The predefined one, once it is used.
    combined: Option<Arc<Format>>,
    /// How files are buffered: what one directive says of a file holds for all that name it.
    buffers: HashMap<PathBuf, Buffering>,
}

/// What holds for all of `http`.
#[derive(Default)]
pub struct LogMain {
    /// The log of servers that name none.
    default: Option<AccessLog>,
}

/// One `access_log` in force.
#[derive(Clone)]
pub struct AccessLog {
    target: Target,
    format: Arc<Format>,
    /// `if=`
    filter: Option<Value>,
}

#[derive(Clone)]
enum Target {
    File(Arc<LogFile>, Option<Buffering>),
    /// A file name with variables.
    Script(Value),
    /// A syslog server.
    Syslog(Arc<Syslog>),
    /// Standard error, or what has been put in its place: the error log.
    Stderr,
}

/// Prepares what servers need that name no log: only if there is one.
pub fn finish(b: &mut Builder, locations: &[Location]) -> LogMain {
    let needed = locations
        .iter()
        .any(|l| matches!(l.kind, BlockKind::Server) && l.log.is_default());
    if !needed {
        return LogMain::default();
    }
    let path = b.path(crate::cli::defaults::HTTP_LOG_PATH.as_bytes());
    let buffering = buffering(b, &path);
    LogMain {
        default: Some(AccessLog {
            target: Target::File(b.logs.file(&path), buffering),
            format: format::combined(b),
            filter: None,
        }),
    }
}

fn buffering(b: &Builder, path: &Path) -> Option<Buffering> {
    b.http.log.buffers.get(path).copied()
}

/// Writes the lines of a request to the logs of its location.
pub fn access(req: &Request) {
    req.logging.set(true);
    let conf = &req.location(&req.http).log;
    if conf.is_default() {
        if let Some(log) = &req.http.log.default {
            log.write(req, conf);
        }
        return;
    }
    for log in conf.logs() {
        log.write(req, conf);
    }
}

impl AccessLog {
    fn write(&self, req: &Request, conf: &LogConf) {
        if self
            .filter
            .as_ref()
            .is_some_and(|filter| !filter.is_true(req))
        {
            return;
        }
        let line = |out: &mut Vec<u8>| self.format.write(req, out);
        match &self.target {
            Target::File(file, None) => buffer::append(file, line),
            Target::File(file, Some(how)) => buffer::append_buffered(file, *how, line),
            Target::Syslog(syslog) => {
                if !syslog.access(line) {
                    let message = format_args!("send() to syslog failed");
                    crate::log::request(req, Level::Warn, message);
                }
            }
            Target::Stderr => {
                let mut text = req.worker.take_buffer();
                line(&mut text);
                text.push(b'\n');
                let _ = rustix::io::write(rustix::stdio::stderr(), &text);
                req.worker.give_buffer(text);
            }
            Target::Script(path) => {
                let mut text = req.worker.take_buffer();
                line(&mut text);
                text.push(b'\n');
                script::write(req, path, conf.cache(), &text);
                req.worker.give_buffer(text);
            }
        }
    }
}
