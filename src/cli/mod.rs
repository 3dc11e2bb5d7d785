//! The command line.

pub mod completions;
pub mod defaults;
mod directives;
mod effective;
pub mod explain;
pub mod flags;
pub mod modules;
pub mod options;
pub mod place;
mod print;
mod signal;
mod test;
pub mod version;

use crate::log;
use crate::process;
use options::Options;
use std::io::Write;
use std::process::ExitCode;

/// Does what the command line asks for.
///
/// # Errors
/// The command line is wrong; nothing was done.
pub fn run() -> Result<ExitCode, WrongUsage> {
    if let Some(code) = process::continue_as_started() {
        return Ok(code);
    }
    let options = options::parse(std::env::args_os().skip(1)).map_err(WrongUsage)?;
    if options.version {
        let _ = std::io::stderr().write_all(version::text(&options).as_bytes());
        if !options.test {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if let Some(print) = &options.print {
        return Ok(print::run(print));
    }
    if options.ask.is_asked() {
        return Ok(explain::run(&options));
    }
    log::init(&place::place(&options));
    Ok(act(&options))
}

/// The command line is wrong: nginx's sentence about it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(String);

fn act(options: &Options) -> ExitCode {
    match options.signal {
        _ if options.test => test::run(options),
        Some(signal) => signal::send(signal, options),
        None => process::start(options),
    }
}

/// A line for the person at the terminal; without one there is nobody to tell.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
