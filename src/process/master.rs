//! The master process: it waits for signals, for what the worker reports, and for its end.

use super::children::{self, Ended, Worker};
use super::message::{self, Report};
use super::prepared::{Prepared, Unusable};
use super::signals::{Action, Role, Signals};
use super::upgrade::Upgrade;
use super::watch::Watch;
use super::{Invocation, logs, pidfile};
use crate::config::source::errno;
use crate::log::{self, Level};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};
use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// nginx's exit code of a worker for which starting again would not help.
const FATAL: i32 = 2;

/// How long workers that are to stop at once get before they are killed.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A worker that lived this long is started again at once when it dies.
const SOUND: Duration = Duration::from_secs(1);

/// The longest pause before a worker that dies all the time is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The master process.
pub struct Master {
    pub(super) invocation: Invocation,
    pub(super) signals: Signals,
    role: Role,
    /// The configuration in force.
    pub(super) current: Prepared,
    /// One that the worker with this process id is putting in force.
    pub(super) candidate: Option<(Pid, Prepared)>,
    /// Whether to reload once more when that is done.
    pub(super) reload_again: bool,
    pub(super) workers: Vec<Worker>,
    /// When to start a worker again that has died, and how often in a row that has happened.
    restart: Option<Instant>,
    deaths: u32,
    stop: Stop,
    /// Whether WINCH has ended the worker.
    pub(super) not_accepting: bool,
    pub(super) upgrade: Upgrade,
    pub(super) watch: Option<Watch>,
    /// With `--watch`, the terminal of the person who edits the configuration.
    pub(super) terminal: Option<File>,
    /// Whether the pid file is there.
    serving: bool,
    when_serving: Option<Box<dyn Fn()>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    /// When all requests are answered.
    Gracefully,
    /// At once; killed at that time.
    Now(Instant),
}

impl Master {
    /// A master with its first configuration. In the background, WINCH has a meaning.
    pub fn new(
        invocation: Invocation,
        first: Prepared,
        background: bool,
    ) -> Result<Master, Unusable> {
        let signals = Signals::listen().map_err(|error| {
            log::event(
                Level::Emerg,
                format_args!("sigaction() failed ({})", errno(&error)),
            );
            Unusable
        })?;
        Ok(Master {
            watch: invocation
                .watch
                .then(|| Watch::start(&first.snapshot))
                .flatten(),
            terminal: invocation.watch.then(terminal).flatten(),
            invocation,
            signals,
            role: Role::Master { daemon: background },
            current: first,
            candidate: None,
            reload_again: false,
            workers: Vec::new(),
            restart: None,
            deaths: 0,
            stop: Stop::No,
            not_accepting: false,
            upgrade: Upgrade::new(),
            serving: false,
            when_serving: None,
        })
    }

    /// What to do once when connections are accepted and the pid file is there.
    pub fn when_serving(&mut self, action: Box<dyn Fn()>) {
        self.when_serving = Some(action);
    }

    /// Runs until the end of the server.
    pub fn run(mut self) -> Result<(), Unusable> {
        self.start_worker();
        if self.workers.is_empty() {
            return Err(self.give_up());
        }
        loop {
            self.wait();
            for action in self.signals.take(self.role) {
                self.obey(action);
            }
            self.take_reports();
            self.reap()?;
            self.look_at_clock();
            if self.stop != Stop::No && self.workers.is_empty() {
                self.end();
                return Ok(());
            }
        }
    }

    /// Waits until there is something to do.
    fn wait(&self) {
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        fds.extend(
            self.workers
                .iter()
                .map(|worker| PollFd::new(&worker.channel, PollFlags::IN)),
        );
        fds.extend(
            self.watch
                .iter()
                .map(|watch| PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)),
        );
        let now = Instant::now();
        let next = self
            .deadlines()
            .min()
            .map(|at| at.saturating_duration_since(now));
        let timeout = next.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                log::event(
                    Level::Alert,
                    format_args!("poll() failed ({})", errno(&error.into())),
                );
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let kill = match self.stop {
            Stop::Now(at) => Some(at),
            _ => None,
        };
        let watch = self.watch.as_ref().and_then(Watch::due);
        self.restart.into_iter().chain(kill).chain(watch)
    }

    fn obey(&mut self, action: Action) {
        match action {
            Action::Reap => {}
            Action::Terminate => {
                self.workers
                    .iter_mut()
                    .for_each(|worker| worker.kill(Signal::TERM));
                self.stop = Stop::Now(Instant::now() + PATIENCE);
            }
            Action::Quit => {
                if self.stop == Stop::No {
                    self.stop = Stop::Gracefully;
                    self.close_listeners();
                }
                self.workers.iter_mut().for_each(Worker::quit);
            }
            _ if self.stop != Stop::No => {}
            Action::Reload => self.reload(),
            Action::Reopen => self.reopen(),
            Action::StopAccepting => {
                self.not_accepting = true;
                self.workers.iter_mut().for_each(Worker::quit);
            }
            Action::ChangeBinary => self.change_binary(),
        }
    }

    fn reopen(&mut self) {
        log::event(Level::Notice, format_args!("reopening logs"));
        let owner = self
            .current
            .core
            .account
            .as_ref()
            .map(|account| (&self.current.logs, account));
        logs::reopen(owner);
        log::detach_stderr(&self.current.logs);
        let opened = logs::descriptors(&self.current.logs);
        for worker in &self.workers {
            if let Err(error) = message::send_reopen(&worker.channel, &opened) {
                log::event(
                    Level::Alert,
                    format_args!("sendmsg() failed ({})", errno(&error)),
                );
            }
        }
    }

    /// Starts a worker for the configuration in force.
    pub(super) fn start_worker(&mut self) {
        log::event(Level::Notice, format_args!("start worker processes"));
        match Worker::start(&self.current) {
            Ok(worker) => self.workers.push(worker),
            Err(error) => {
                log::event(
                    Level::Alert,
                    format_args!("could not start a worker process ({})", errno(&error)),
                );
                self.restart_later();
            }
        }
    }

    fn take_reports(&mut self) {
        let mut reports = Vec::new();
        for (index, worker) in self.workers.iter_mut().enumerate() {
            // An end of the channel is the end of the process, which is reported by its signal.
            while let Ok(Some(report)) = Report::receive(&mut worker.channel, false) {
                reports.push((index, report));
            }
        }
        for (index, report) in reports {
            let number = match report {
                Report::Ready(number) => {
                    if let Some(worker) = self.workers.get_mut(index) {
                        worker.cycle = number;
                    }
                    number
                }
                Report::Refused(number) => {
                    self.refused(number);
                    continue;
                }
            };
            self.ready(index, number);
        }
    }

    /// A worker serves the cycle with this number.
    fn ready(&mut self, index: usize, number: u64) {
        if self
            .candidate
            .as_ref()
            .is_some_and(|(_, candidate)| candidate.number == number)
        {
            self.commit(index);
        }
        if !self.serving && self.stop == Stop::No {
            self.announce();
        }
    }

    /// Who looks for the pid file finds it now, and the server with it.
    fn announce(&mut self) {
        if let Err(error) = pidfile::write(&self.current.core.pid) {
            let (path, reason) = (self.current.core.pid.display(), errno(&error));
            log::event(
                Level::Emerg,
                format_args!("open() \"{path}\" failed ({reason})"),
            );
        }
        self.serving = true;
        if let Some(action) = self.when_serving.take() {
            action();
        }
        log::detach_stderr(&self.current.logs);
    }

    fn reap(&mut self) -> Result<(), Unusable> {
        let ended = children::reap(|pid| self.workers.iter().any(|worker| worker.pid == pid));
        for Ended { pid, code } in ended {
            if let Some(index) = self.workers.iter().position(|worker| worker.pid == pid) {
                let worker = self.workers.swap_remove(index);
                self.worker_ended(&worker, code)?;
            } else {
                self.other_ended(pid);
            }
        }
        Ok(())
    }

    fn worker_ended(&mut self, worker: &Worker, code: Option<i32>) -> Result<(), Unusable> {
        if self
            .candidate
            .as_ref()
            .is_some_and(|(pid, _)| *pid == worker.pid)
        {
            // Who was to put the new configuration in force is gone: the old one stays.
            self.drop_candidate();
        }
        if worker.leaving || self.stop != Stop::No {
            return Ok(());
        }
        if code == Some(FATAL) {
            let pid = worker.pid.as_raw_nonzero();
            log::event(
                Level::Alert,
                format_args!("worker process {pid} exited with fatal code {FATAL}"),
            );
        }
        if !self.serving {
            return Err(self.give_up());
        }
        if worker.started.elapsed() >= SOUND {
            self.deaths = 0;
        }
        if self.workers.iter().all(|worker| worker.leaving) {
            self.restart_later();
        }
        Ok(())
    }

    /// At once the first time, then after longer and longer pauses.
    fn restart_later(&mut self) {
        let pause = match self.deaths {
            0 => Duration::ZERO,
            n => LONGEST_PAUSE.min(Duration::from_millis(50) * (1 << n.min(10))),
        };
        self.deaths = self.deaths.saturating_add(1);
        self.restart = Some(Instant::now() + pause);
    }

    fn look_at_clock(&mut self) {
        let now = Instant::now();
        if self.restart.is_some_and(|at| at <= now) {
            self.restart = None;
            if self.stop == Stop::No && !self.not_accepting {
                self.start_worker();
            }
        }
        if let Stop::Now(at) = self.stop
            && at <= now
        {
            self.workers
                .iter_mut()
                .for_each(|worker| worker.kill(Signal::KILL));
            self.stop = Stop::Now(now + PATIENCE);
        }
        if self.stop == Stop::No && self.watch.as_mut().is_some_and(|watch| watch.take_due(now)) {
            self.reload_if_changed();
        }
    }

    /// What belongs to a server that does not serve is removed.
    fn give_up(&mut self) -> Unusable {
        self.close_listeners();
        log::event(
            Level::Emerg,
            format_args!("the worker process could not be started"),
        );
        Unusable
    }

    fn close_listeners(&mut self) {
        if !self.upgrade.running() {
            self.current
                .listeners
                .delete_files(self.upgrade.parent_lives());
        }
        self.current.listeners = Default::default();
    }

    fn end(&mut self) {
        self.close_listeners();
        if self.serving {
            let path = &self.current.core.pid;
            match self.upgrade.running() {
                true => pidfile::remove(&pidfile::old(path)),
                false => pidfile::remove(path),
            }
        }
        log::event(Level::Notice, format_args!("exit"));
    }
}

/// Standard error before it is put aside, if somebody is there to read it.
fn terminal() -> Option<File> {
    let stderr = std::io::stderr();
    let copy = stderr
        .is_terminal()
        .then(|| stderr.as_fd().try_clone_to_owned());
    copy?.ok().map(File::from)
}
