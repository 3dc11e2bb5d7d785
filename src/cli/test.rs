//! `-t` and `-T`: checks the configuration. Creates no files, binds nothing.

use super::options::Options;
use super::{effective, place, say};
use crate::clock;
use crate::config::source::Disk;
use crate::cycle::{Cycle, Loaded};
use crate::diagnostic::output::{self, ErrorFormat};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::{self, Around};
use crate::log;
use crate::net::resolve;
use crate::process::system::rlimit_nofile;
use crate::process::{load, pidfile};
use std::io::{self, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::process::ExitCode;

/// Checks, and prints nginx's lines about the outcome.
pub fn run(options: &Options) -> ExitCode {
    let place = place::place(options);
    let file = place.conf_file.display();
    let format = options.error_format;
    let sentences = format != ErrorFormat::Json;
    resolve::set_offline(options.offline);
    if sentences {
        log::main::check(&place);
    }
    // The process ends with this: to take apart what ten thousand servers are made of would be in vain.
    let loaded = ManuallyDrop::new(load::from_disk(&place));
    let (loaded, _) = &*loaded;
    let first = loaded.diagnostics.len().min(loaded.first_stage);
    load::to_terminal(loaded, ..first, format);
    if loaded.syntax_ok && !options.quiet && sentences {
        say(&format!(
            "nginx: the configuration file {file} syntax is ok"
        ));
    }
    load::to_terminal(loaded, first.., format);
    let found = lint(loaded, options);
    let warned = !found.is_empty()
        || loaded
            .diagnostics
            .iter()
            .any(|d| d.severity == Severity::Warn);
    let fine = loaded
        .cycle
        .as_deref()
        .is_some_and(|cycle| pid_file_is_possible(cycle, loaded, format));
    if !fine || options.strict && warned {
        if sentences {
            say(&format!("nginx: configuration file {file} test failed"));
        }
        return ExitCode::FAILURE;
    }
    if !options.quiet && sentences {
        say(&format!(
            "nginx: configuration file {file} test is successful"
        ));
    }
    let dumped = match (options.effective, options.dump) {
        (true, _) => effective::print(loaded),
        (false, true) => dump(loaded),
        (false, false) => Ok(()),
    };
    match dumped {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Says what lint finds in a configuration that is otherwise right. Quiet tests are for scripts, which want errors only.
fn lint(loaded: &Loaded, options: &Options) -> Vec<Diagnostic> {
    if loaded.cycle.is_none() || options.quiet && !options.strict {
        return Vec::new();
    }
    let place = place::place(options);
    let around = Around {
        strict: options.strict,
        open_files: Some(rlimit_nofile()),
        files: &Disk,
        conf_prefix: &place.conf_prefix,
        now: i64::try_from(clock::unix_time().as_secs()).unwrap_or(i64::MAX),
    };
    let found = lint::check(&loaded.tree, &loaded.sources, &around);
    let mut stderr = io::stderr().lock();
    let color = output::color(io::stderr().is_terminal());
    for diagnostic in &found {
        let text = options
            .error_format
            .text(diagnostic, &loaded.sources, color);
        let _ = stderr.write_all(text.as_bytes());
    }
    if let (Some(rule), ErrorFormat::Human) =
        (found.first().and_then(|d| d.rule), options.error_format)
    {
        let count = found.len();
        let noun = if count == 1 { "warning" } else { "warnings" };
        let _ = writeln!(
            stderr,
            "goodgate: {count} {noun} of lint; \"goodgate --why {}\" explains, \"# goodgate: allow({}) reason\" on the \
             line above silences",
            rule.number, rule.name
        );
    }
    found
}

fn pid_file_is_possible(cycle: &Cycle, loaded: &Loaded, format: ErrorFormat) -> bool {
    pidfile::check(&cycle.core.pid)
        .inspect_err(|message| {
            let text = format.text(&Diagnostic::new(message.clone()), &loaded.sources, false);
            say(text.trim_end());
        })
        .is_ok()
}

/// The files as they are, each once, in the order in which they were read.
fn dump(loaded: &Loaded) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (path, text) in loaded.sources.files() {
        writeln!(out, "# configuration file {}:", path.display())?;
        out.write_all(text)?;
        writeln!(out)?;
    }
    out.flush()
}
