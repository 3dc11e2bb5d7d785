//! `-s`: tells the running master something.

use super::options::{Options, Signal};
use super::place;
use crate::config::source::errno;
use crate::log::{self, Level};
use crate::process::{load, pidfile};
use rustix::process::{Pid, kill_process};
use std::process::ExitCode;

/// Sends the signal to the process whose id is in the pid file that the configuration names.
pub fn send(signal: Signal, options: &Options) -> ExitCode {
    let (loaded, _) = load::from_disk(&place::place(options));
    load::to_terminal(&loaded, .., Default::default());
    let Some(cycle) = loaded.cycle else {
        return ExitCode::FAILURE;
    };
    log::event(Level::Notice, format_args!("signal process started"));
    let sent = pidfile::read(&cycle.core.pid).map_err(|message| (Level::Error, message));
    match sent.and_then(|pid| kill(pid, signal)) {
        Ok(()) => ExitCode::SUCCESS,
        Err((level, message)) => {
            log::event(level, format_args!("{message}"));
            ExitCode::FAILURE
        }
    }
}

fn kill(pid: i32, signal: Signal) -> Result<(), (Level, String)> {
    use rustix::process::Signal as System;
    let signal = match signal {
        Signal::Stop => System::TERM,
        Signal::Quit => System::QUIT,
        Signal::Reopen => System::USR1,
        Signal::Reload => System::HUP,
    };
    let sent = Pid::from_raw(pid).map_or(Err(rustix::io::Errno::SRCH), |pid| {
        kill_process(pid, signal)
    });
    sent.map_err(|error| {
        let (number, reason) = (signal.as_raw(), errno(&error.into()));
        (
            Level::Alert,
            format!("kill({pid}, {number}) failed ({reason})"),
        )
    })
}
