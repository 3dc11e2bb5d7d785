//! The processes that the master has started.

use super::channel::Channel;
use super::message;
use super::prepared::Prepared;
use super::{privileges, spawn};
use crate::config::source::errno;
use crate::log::{self, Level};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use rustix::process::{Pid, Signal, kill_process};
use std::io;
use std::time::Instant;

/// A worker process.
pub struct Worker {
    /// Its process id.
    pub pid: Pid,
    /// Orders go there, reports come from there.
    pub channel: Channel,
    /// When it was started.
    pub started: Instant,
    /// The number of the cycle that it has in force; 0 until it has one.
    pub cycle: u64,
    /// Whether it has been told to end.
    pub leaving: bool,
}

impl Worker {
    /// Starts a worker and sends it what to serve.
    pub fn start(prepared: &Prepared) -> io::Result<Worker> {
        let (id, channel) = spawn::worker(&prepared.core)?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        log::event(Level::Notice, format_args!("start worker process {id}"));
        privileges::limit(pid, &prepared.core, None);
        let worker = Worker {
            pid,
            channel,
            started: Instant::now(),
            cycle: 0,
            leaving: false,
        };
        // Should it be gone already, its end is reported like any other.
        if let Err(error) = prepared.send(&worker.channel) {
            log::event(
                Level::Alert,
                format_args!("sendmsg() failed ({})", errno(&error)),
            );
        }
        Ok(worker)
    }

    /// Tells it to finish what runs and to end; once is enough.
    pub fn quit(&mut self) {
        if !self.leaving && message::send_quit(&self.channel).is_err() {
            self.kill(Signal::QUIT);
        }
        self.leaving = true;
    }

    /// Sends it a signal.
    pub fn kill(&mut self, signal: Signal) {
        if let Err(error) = kill_process(self.pid, signal) {
            let (pid, number, reason) = (
                self.pid.as_raw_nonzero(),
                signal.as_raw(),
                errno(&error.into()),
            );
            log::event(
                Level::Alert,
                format_args!("kill({pid}, {number}) failed ({reason})"),
            );
        }
        self.leaving = true;
    }
}

/// A process that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its process id.
    pub pid: Pid,
    /// Its exit status, unless a signal has ended it.
    pub code: Option<i32>,
}

/// Those that have ended since the last call, each reported as nginx does; `is_worker` tells what to call them.
pub fn reap(is_worker: impl Fn(Pid) -> bool) -> Vec<Ended> {
    let mut all = Vec::new();
    loop {
        let status = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(nix::Error::EINTR) => continue,
            Err(_) | Ok(WaitStatus::StillAlive) => return all,
            Ok(status) => status,
        };
        let Some(pid) = status.pid().and_then(|pid| Pid::from_raw(pid.as_raw())) else {
            continue;
        };
        let what = if is_worker(pid) {
            "worker process"
        } else {
            "process"
        };
        let shown = pid.as_raw_nonzero();
        let code = match status {
            WaitStatus::Exited(_, code) => {
                log::event(
                    Level::Notice,
                    format_args!("{what} {shown} exited with code {code}"),
                );
                Some(code)
            }
            WaitStatus::Signaled(_, signal, core) => {
                let dumped = if core { " (core dumped)" } else { "" };
                let number = signal as i32;
                log::event(
                    Level::Alert,
                    format_args!("{what} {shown} exited on signal {number}{dumped}"),
                );
                None
            }
            _ => continue,
        };
        all.push(Ended { pid, code });
    }
}
