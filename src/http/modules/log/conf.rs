//! `access_log` and `open_log_file_cache` as they are written, and what they come to.

use super::format::{self, Format};
use super::script::CacheConf;
use super::{AccessLog, Target};
use crate::config::directive::{Args, Directive};
use crate::config::tree::{Node, Word};
use crate::config::value::{parse_number, parse_seconds, parse_size, parse_time};
use crate::cycle::context::{EVERYWHERE, LIMIT_EXCEPT, LOCATION_IF};
use crate::cycle::{Builder, invalid_parameter, parameter};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::value::Value;
use crate::log::buffer::Buffering;
use crate::log::syslog::Syslog;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    format::DIRECTIVE,
    D::custom(
        "access_log",
        crate::config::directive::Contexts(EVERYWHERE.0 | LOCATION_IF.0 | LIMIT_EXCEPT.0),
        Args::AtLeast(1),
        set_access_log,
    )
    .syntax("off | path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]]")
    .default("/var/log/nginx/access.log combined")
    .doc("Where requests are logged, and in which format. Several may stand in one block."),
    D::custom(
        "open_log_file_cache",
        EVERYWHERE,
        Args::Between(1, 4),
        set_cache,
    )
    .syntax("off | max=number [inactive=time] [min_uses=number] [valid=time]")
    .default("off")
    .doc("Keeps log files open whose names have variables in them."),
];

/// As one block writes them.
#[derive(Clone, Default)]
pub struct LogRaw {
    logs: Vec<Written>,
    off: bool,
    cache: Option<Option<CacheConf>>,
}

#[derive(Clone)]
struct Written {
    to: To,
    format: Arc<Format>,
    filter: Option<Value>,
}

#[derive(Clone)]
enum To {
    Path(PathBuf),
    Script(Value),
    Syslog(Arc<Syslog>),
    /// Of a name that is empty.
    Stderr,
}

/// In force.
pub struct LogConf {
    logs: Vec<AccessLog>,
    off: bool,
    cache: Option<CacheConf>,
}

impl LogConf {
    /// Whether nothing is said, and so the default log is used.
    pub fn is_default(&self) -> bool {
        !self.off && self.logs.is_empty()
    }

    /// The logs to write to.
    pub(super) fn logs(&self) -> &[AccessLog] {
        match self.off {
            true => &[],
            false => &self.logs,
        }
    }

    pub(super) fn cache(&self) -> Option<&CacheConf> {
        self.cache.as_ref()
    }
}

impl Settings for LogRaw {
    type Conf = LogConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        if self.cache.is_none() {
            self.cache = parent.cache.clone();
        }
        if self.logs.is_empty() && !self.off {
            self.logs = parent.logs.clone();
            self.off = parent.off;
        }
    }

    fn build(&self, b: &mut Builder) -> LogConf {
        let in_force = |log: &Written, b: &mut Builder| AccessLog {
            target: match &log.to {
                To::Path(path) => Target::File(b.logs.file(path), super::buffering(b, path)),
                To::Script(path) => Target::Script(path.clone()),
                To::Syslog(syslog) => Target::Syslog(Arc::clone(syslog)),
                To::Stderr => Target::Stderr,
            },
            format: Arc::clone(&log.format),
            filter: log.filter.clone(),
        };
        LogConf {
            logs: self.logs.iter().map(|log| in_force(log, b)).collect(),
            off: self.off,
            cache: self.cache.clone().flatten(),
        }
    }
}

fn set_access_log(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let name = node.arg(0).unwrap_or(&node.name);
    if &*name.text == b"off" {
        b.http.here().log().off = true;
        return match node.arg(1) {
            Some(word) => Err(invalid_parameter(word).help("nothing may follow \"off\"")),
            None => Ok(()),
        };
    }
    let to = if name.text.starts_with(b"syslog:") {
        To::Syslog(Arc::new(Syslog::parse(node, name)?))
    } else if name.text.is_empty() {
        To::Stderr
    } else {
        destination(b, name)?
    };
    let format = match node.arg(1) {
        None => format::combined(b),
        Some(word) => format::find(b, &word.text).ok_or_else(|| {
            node.error_at(word, format!("unknown log format \"{}\"", word.str()))
                .help("a format must be defined by log_format in http, in front of its use")
        })?,
    };
    let parameters = Parameters::read(b, node)?;
    parameters.put_in_force(b, node, name, &to)?;
    b.http.here().log().logs.push(Written {
        to,
        format,
        filter: parameters.filter,
    });
    Ok(())
}

fn destination(b: &mut Builder, name: &Word) -> Result<To, Diagnostic> {
    use std::os::unix::ffi::OsStrExt;
    let path = b.path(&name.text);
    if !name.text.contains(&b'$') {
        b.logs.file(&path);
        return Ok(To::Path(path));
    }
    let full = Word {
        text: path.as_os_str().as_bytes().to_vec().into(),
        ..name.clone()
    };
    Ok(To::Script(Value::compile(b, &full)?))
}

/// What stands behind the format.
#[derive(Default)]
struct Parameters {
    size: usize,
    flush: Option<Duration>,
    gzip: Option<u32>,
    filter: Option<Value>,
}

/// What `gzip` gathers where no size is given.
const GZIP_BUFFER: usize = 64 * 1024;

impl Parameters {
    fn read(b: &mut Builder, node: &Node) -> Result<Self, Diagnostic> {
        let mut p = Parameters::default();
        for word in node.args.iter().skip(2) {
            let complaint = |what: &str, value: &[u8]| {
                let value = String::from_utf8_lossy(value);
                node.error_at(word, format!("invalid {what} \"{value}\""))
            };
            if let Some(size) = parameter(word, "buffer") {
                p.size = parse_size(size)
                    .and_then(|n| usize::try_from(n).ok())
                    .filter(|n| *n > 0)
                    .ok_or_else(|| complaint("buffer size", size))?;
            } else if let Some(time) = parameter(word, "flush") {
                let flush = parse_time(time).filter(|t| !t.is_zero());
                p.flush = Some(flush.ok_or_else(|| complaint("flush time", time))?);
            } else if &*word.text == b"gzip" {
                p.set_gzip(1);
            } else if let Some(level) = parameter(word, "gzip") {
                let number = parse_number(level).and_then(|n| u32::try_from(n).ok());
                let number = number.filter(|n| (1..=9).contains(n));
                p.set_gzip(number.ok_or_else(|| complaint("compression level", level))?);
            } else if parameter(word, "if").is_some() {
                p.filter = Some(Value::compile_from(b, word, "if=".len())?);
            } else {
                return Err(invalid_parameter(word));
            }
        }
        Ok(p)
    }

    fn set_gzip(&mut self, level: u32) {
        if self.size == 0 {
            self.size = GZIP_BUFFER;
        }
        self.gzip = Some(level);
    }

    fn put_in_force(
        &self,
        b: &mut Builder,
        node: &Node,
        name: &Word,
        to: &To,
    ) -> Result<(), Diagnostic> {
        if self.size == 0 {
            return match self.flush {
                None => Ok(()),
                Some(_) => Err(node
                    .error(format!(
                        "no buffer is defined for access_log \"{}\"",
                        name.str()
                    ))
                    .help("flush= needs buffer= beside it")),
            };
        }
        let path = match to {
            To::Path(path) => path,
            To::Script(_) => {
                return Err(node.error_at(name, "buffered logs cannot have variables in name"));
            }
            To::Syslog(_) => return Err(node.error_at(name, "logs to syslog cannot be buffered")),
            // Whoever looks at it wants to see lines as they come.
            To::Stderr => return Ok(()),
        };
        let how = Buffering {
            size: self.size,
            flush: self.flush,
            gzip: self.gzip,
        };
        match b.http.log.buffers.get(path) {
            Some(other) if *other != how => Err(node.error(format!(
                "access_log \"{}\" already defined with conflicting parameters",
                name.str()
            ))),
            _ => {
                b.http.log.buffers.insert(path.clone(), how);
                Ok(())
            }
        }
    }
}

fn set_cache(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().log().cache.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let (mut max, mut min_uses, mut off) = (0, 1, false);
    let (mut inactive, mut valid) = (Duration::from_secs(10), Duration::from_secs(60));
    for word in &node.args {
        let number = |text| parse_number(text).and_then(|n| usize::try_from(n).ok());
        let known = if let Some(text) = parameter(word, "max") {
            number(text).map(|n| max = n)
        } else if let Some(text) = parameter(word, "min_uses") {
            number(text).map(|n| min_uses = n)
        } else if let Some(text) = parameter(word, "inactive") {
            parse_seconds(text).map(|t| inactive = t)
        } else if let Some(text) = parameter(word, "valid") {
            parse_seconds(text).map(|t| valid = t)
        } else {
            (&*word.text == b"off").then(|| off = true)
        };
        let complaint = format!(
            "invalid \"open_log_file_cache\" parameter \"{}\"",
            word.str()
        );
        known.ok_or_else(|| node.error_at(word, complaint))?;
    }
    if max == 0 && !off {
        return Err(node.error("\"open_log_file_cache\" must have \"max\" parameter"));
    }
    let cache = (!off).then(|| CacheConf::new(max, inactive, valid, min_uses));
    b.http.here().log().cache = Some(cache);
    Ok(())
}
