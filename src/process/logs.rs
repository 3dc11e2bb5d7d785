//! Opening the log files anew, as after they were rotated away.

use super::message::OpenLog;
use crate::config::source::errno;
use crate::core::account::Account;
use crate::log::{self, Level, Logs};
use rustix::fs::{Mode, Uid, fchmod, fchown, fstat};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Opens all files anew and gives them to the account of the worker, so that it could do the same itself. A file that
/// cannot be opened is reported, and the old one stays in use.
pub fn reopen(owner: Option<(&Logs, &Account)>) {
    for (path, error) in log::files::reopen() {
        let reason = errno(&error);
        log::event(
            Level::Emerg,
            format_args!("open() \"{}\" failed ({reason})", path.display()),
        );
    }
    let Some((logs, account)) = owner else { return };
    for (path, log) in descriptors(logs) {
        if let Err((call, error)) = give(&log, account) {
            let (path, reason) = (path.display(), errno(&error.into()));
            match call {
                "chown" => log::event(
                    Level::Emerg,
                    format_args!("chown(\"{path}\", {}) failed ({reason})", account.uid),
                ),
                call => log::event(
                    Level::Emerg,
                    format_args!("{call}() \"{path}\" failed ({reason})"),
                ),
            }
        }
    }
}

fn give(log: &OwnedFd, account: &Account) -> Result<(), (&'static str, rustix::io::Errno)> {
    let stat = fstat(log).map_err(|error| ("stat", error))?;
    if stat.st_uid != account.uid {
        fchown(log, Some(Uid::from_raw(account.uid)), None).map_err(|error| ("chown", error))?;
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if !mode.contains(Mode::RUSR | Mode::WUSR) {
        fchmod(log, mode | Mode::RUSR | Mode::WUSR).map_err(|error| ("chmod", error))?;
    }
    Ok(())
}

/// The files that are open, to be handed to the worker.
pub fn descriptors(logs: &Logs) -> Vec<OpenLog> {
    let open = |file: &Arc<log::files::LogFile>| Some((file.path().to_owned(), file.descriptor()?));
    logs.files.iter().filter_map(open).collect()
}
