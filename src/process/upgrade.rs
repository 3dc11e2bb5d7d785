//! Replacing the program while it serves: USR2 starts another binary on the same sockets, as nginx does it, so that
//! the one may be nginx and the other goodgate.

use super::master::Master;
use super::pidfile;
use super::spawn;
use super::system;
use crate::config::source::errno;
use crate::log::{self, Level};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, getppid};
use socket2::Socket;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable that names the sockets: their numbers, a semicolon behind each.
const VARIABLE: &str = "NGINX";

/// The sockets that another binary left to this one; none if there was none.
pub fn inherited() -> Option<Vec<Socket>> {
    let list = std::env::var(VARIABLE).ok()?;
    log::event(
        Level::Notice,
        format_args!("using inherited sockets from \"{list}\""),
    );
    let mut sockets = Vec::new();
    for number in list.split_terminator([';', ':']) {
        match number
            .parse()
            .map_err(|_| ())
            .and_then(|number| system::inherited(number).map_err(|_| ()))
        {
            Ok(descriptor) => {
                // Not for workers: they are given theirs.
                let _ = fcntl_setfd(&descriptor, FdFlags::CLOEXEC);
                sockets.push(Socket::from(descriptor));
            }
            Err(()) => {
                log::event(
                    Level::Emerg,
                    format_args!(
                        "invalid socket number \"{number}\" in {VARIABLE} environment variable, \
                         ignoring the rest of the variable"
                    ),
                );
                break;
            }
        }
    }
    Some(sockets)
}

/// Where this process stands in an exchange of binaries.
pub struct Upgrade {
    /// Who started this process.
    parent: Option<Pid>,
    /// The new binary that this process has started.
    new: Option<Pid>,
}

impl Upgrade {
    /// To be called when the process starts.
    pub fn new() -> Upgrade {
        Upgrade {
            parent: getppid(),
            new: None,
        }
    }

    /// Whether a new binary runs beside this one.
    pub fn running(&self) -> bool {
        self.new.is_some()
    }

    /// Whether who started this process still runs: then the sockets may be its own.
    pub fn parent_lives(&self) -> bool {
        getppid() == self.parent
    }
}

impl Master {
    pub(super) fn change_binary(&mut self) {
        if self.upgrade.running() || self.upgrade.parent_lives() {
            log::event(
                Level::Crit,
                format_args!(
                    "the changing binary signal is ignored: you should shutdown or terminate before either old or \
                     new binary's process"
                ),
            );
            return;
        }
        log::event(Level::Notice, format_args!("changing binary"));
        let pid = &self.current.core.pid;
        let old = pidfile::old(pid);
        if let Err(error) = fs::rename(pid, &old) {
            log::event(
                Level::Alert,
                format_args!(
                    "rename() {} to {} failed before executing new binary process ({})",
                    pid.display(),
                    old.display(),
                    errno(&error)
                ),
            );
            return;
        }
        self.upgrade.new = self.execute();
        if self.upgrade.new.is_none() {
            self.take_pid_file_back();
        }
    }

    fn execute(&self) -> Option<Pid> {
        let descriptors: Vec<_> = self.current.listeners.descriptors().collect();
        let list: String = descriptors
            .iter()
            .map(|fd| format!("{};", fd.as_raw_fd()))
            .collect();
        let (program, arguments) = spawn::original_command();
        let mut command = Command::new(&program);
        command.arg0(&program).args(arguments).env(VARIABLE, list);
        let pass_on = |flags| {
            for fd in &descriptors {
                let _ = fcntl_setfd(fd, flags);
            }
        };
        pass_on(FdFlags::empty());
        let started = command.spawn();
        pass_on(FdFlags::CLOEXEC);
        match started {
            Ok(child) => {
                log::event(
                    Level::Notice,
                    format_args!("start new binary process {}", child.id()),
                );
                i32::try_from(child.id()).ok().and_then(Pid::from_raw)
            }
            Err(error) => {
                let reason = errno(&error);
                log::event(
                    Level::Alert,
                    format_args!(
                        "execve() failed while executing new binary process \"{}\" ({reason})",
                        program.display()
                    ),
                );
                None
            }
        }
    }

    /// A process that is no worker has ended.
    pub(super) fn other_ended(&mut self, pid: Pid) {
        if self.upgrade.new != Some(pid) {
            return;
        }
        self.upgrade.new = None;
        self.take_pid_file_back();
        if std::mem::take(&mut self.not_accepting) {
            self.start_worker();
        }
    }

    fn take_pid_file_back(&self) {
        let pid = &self.current.core.pid;
        let old = pidfile::old(pid);
        if let Err(error) = fs::rename(&old, pid) {
            log::event(
                Level::Alert,
                format_args!(
                    "rename() {} back to {} failed ({})",
                    old.display(),
                    pid.display(),
                    errno(&error)
                ),
            );
        }
    }
}
