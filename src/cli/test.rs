//! `-t` and `-T`: checks the configuration. Creates no files, binds nothing.

use super::options::Options;
use super::{place, say};
use crate::cycle::{Cycle, Loaded};
use crate::process::{load, pidfile};
use std::io::{self, Write};
use std::process::ExitCode;

/// Checks, and prints nginx's lines about the outcome.
pub fn run(options: &Options) -> ExitCode {
    let place = place::place(options);
    let file = place.conf_file.display();
    let (loaded, _) = load::from_disk(&place);
    let first = loaded.diagnostics.len().min(loaded.first_stage);
    load::to_terminal(&loaded, ..first);
    if loaded.syntax_ok && !options.quiet {
        say(&format!(
            "nginx: the configuration file {file} syntax is ok"
        ));
    }
    load::to_terminal(&loaded, first..);
    let fine = loaded.cycle.as_deref().is_some_and(pid_file_is_possible);
    if !fine {
        say(&format!("nginx: configuration file {file} test failed"));
        return ExitCode::FAILURE;
    }
    if !options.quiet {
        say(&format!(
            "nginx: configuration file {file} test is successful"
        ));
    }
    if options.dump && dump(&loaded).is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn pid_file_is_possible(cycle: &Cycle) -> bool {
    pidfile::check(&cycle.core.pid)
        .inspect_err(|message| say(&format!("nginx: [emerg] {message}")))
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
