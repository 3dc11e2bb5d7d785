//! Signals as nginx understands and reports them.

use crate::log::{self, Level};
use nix::sys::signal::{SigSet, Signal};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::WithOrigin;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// QUIT: finish what runs, then stop.
    Quit,
    /// TERM, INT: stop at once.
    Terminate,
    /// HUP: read the configuration anew.
    Reload,
    /// USR1: open the logs anew.
    Reopen,
    /// WINCH: stop the worker, and no more than that.
    StopAccepting,
    /// USR2: start another binary on the same sockets.
    ChangeBinary,
    /// CHLD: a child has ended.
    Reap,
}

/// Whose signals these are: it decides what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The master, or the process that is alone. Whether it left the terminal decides about WINCH.
    Master {
        /// Whether it left the terminal.
        daemon: bool,
    },
    /// The worker.
    Worker,
}

/// The signals of this process, collected.
pub struct Signals {
    delivery: SignalDelivery<UnixStream, WithOrigin>,
}

impl Signals {
    /// From now on signals are collected here rather than ending the process.
    pub fn listen() -> io::Result<Signals> {
        use nix::libc::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
        // A master of nginx keeps its signals blocked, and leaves that to the binary that takes its place.
        SigSet::empty().thread_set_mask()?;
        let (read, write) = UnixStream::pair()?;
        let signals = [
            SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
        ];
        let delivery = SignalDelivery::with_pipe(read, write, WithOrigin::default(), signals)?;
        Ok(Signals { delivery })
    }

    /// What has come since the last call, each reported to the error log.
    pub fn take(&mut self, role: Role) -> Vec<Action> {
        let mut actions = Vec::new();
        for origin in self.delivery.pending() {
            let Ok(signal) = Signal::try_from(origin.signal) else {
                continue;
            };
            let (action, consequence) = meaning(signal, role);
            let sender = origin
                .process
                .map_or_else(String::new, |p| format!(" from {}", p.pid));
            let number = origin.signal;
            log::event(
                Level::Notice,
                format_args!("signal {number} ({signal}) received{sender}{consequence}"),
            );
            actions.extend(action);
        }
        actions
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.delivery.get_read().as_fd()
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> RawFd {
        self.delivery.get_read().as_raw_fd()
    }
}

/// What it asks for, and the end of nginx's line about it.
fn meaning(signal: Signal, role: Role) -> (Option<Action>, &'static str) {
    match (signal, role) {
        (Signal::SIGQUIT, _) => (Some(Action::Quit), ", shutting down"),
        (Signal::SIGTERM | Signal::SIGINT, _) => (Some(Action::Terminate), ", exiting"),
        (Signal::SIGUSR1, _) => (Some(Action::Reopen), ", reopening logs"),
        (Signal::SIGCHLD, Role::Master { .. }) => (Some(Action::Reap), ""),
        (Signal::SIGHUP, Role::Master { .. }) => (Some(Action::Reload), ", reconfiguring"),
        // A terminal sends WINCH whenever its window changes its size.
        (Signal::SIGWINCH, Role::Master { daemon: true }) => {
            (Some(Action::StopAccepting), ", stop accepting connections")
        }
        (Signal::SIGUSR2, Role::Master { .. }) => (Some(Action::ChangeBinary), ", changing binary"),
        (Signal::SIGHUP | Signal::SIGUSR2, Role::Worker) => (None, ", ignoring"),
        _ => (None, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_decides() {
        let master = Role::Master { daemon: false };
        assert_eq!(meaning(Signal::SIGHUP, master).0, Some(Action::Reload));
        assert_eq!(meaning(Signal::SIGHUP, Role::Worker).0, None);
        assert_eq!(meaning(Signal::SIGWINCH, master).0, None);
        assert_eq!(
            meaning(Signal::SIGWINCH, Role::Master { daemon: true }).0,
            Some(Action::StopAccepting)
        );
    }
}
