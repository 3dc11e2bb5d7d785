//! The worker process: does what the master says until it is told to end, or until the master is gone.

use super::channel::Channel;
use super::load;
use super::message::{LogFile, Manifest, Order, Report, receive_order};
use super::privileges;
use super::signals::{Action, Role, Signals};
use super::thread::{self, Sockets};
use super::threads::Threads;
use crate::config::source::errno;
use crate::cycle::Cycle;
use crate::log::{self, Level};
use crate::net::readable::Readable;
use socket2::Socket;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// nginx's code for an end that starting again would not help.
const FATAL: u8 = 2;

/// How often it is looked whether an old cycle is still in use.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The whole life of the process. `channel` leads to the master.
pub fn main(channel: OwnedFd) -> ExitCode {
    match run(Channel::new(channel)) {
        Ok(()) => {
            log::event(Level::Notice, format_args!("exit"));
            ExitCode::SUCCESS
        }
        Err(message) => {
            log::event(Level::Emerg, format_args!("{message}"));
            ExitCode::from(FATAL)
        }
    }
}

fn run(mut channel: Channel) -> Result<(), String> {
    log::init_worker();
    let signals = Signals::listen().map_err(failed("sigaction()"))?;
    let Some(order) = receive_order(&mut channel, true).map_err(failed("recvmsg()"))? else {
        return Ok(());
    };
    let Order::Load {
        manifest,
        sockets,
        logs,
    } = order
    else {
        return Ok(());
    };
    let number = manifest.number;
    let held = install(logs);
    if let Some(account) = &manifest.account {
        privileges::drop_to(account)?;
    }
    let cycle = build(*manifest).ok_or("the worker process could not load the configuration")?;
    log::put_in_force(&cycle.logs);
    log::detach_stderr(&cycle.logs);
    drop(held);
    if let Some(directory) = &cycle.core.working_directory {
        let call = format!("chdir(\"{}\")", directory.display());
        std::env::set_current_dir(directory).map_err(failed(&call))?;
    }
    let runtime = thread::runtime().map_err(failed("epoll_create()"))?;
    runtime.block_on(async {
        let mut control = Control {
            channel,
            threads: Threads::new(),
            current: (number, Arc::downgrade(&cycle)),
            old: Vec::new(),
            stopping: false,
        };
        control.threads.apply(&cycle, &shared(sockets));
        drop(cycle);
        control.report(Report::Ready(number));
        control.run(signals).await
    })?;
    runtime.shutdown_background();
    log::finish_thread();
    Ok(())
}

fn failed(call: &str) -> impl Fn(io::Error) -> String {
    move |error| format!("{call} failed ({})", errno(&error))
}

/// Puts log files in force. What is returned keeps them so until the configuration that names them is loaded.
fn install(logs: Vec<LogFile>) -> Vec<Arc<log::files::LogFile>> {
    logs.into_iter()
        .map(|(path, descriptor)| log::files::install(&path, descriptor))
        .collect()
}

fn build(manifest: Manifest) -> Option<Arc<Cycle>> {
    load::from_snapshot(&manifest.options.into_options(), manifest.snapshot)
}

fn shared(sockets: Vec<Vec<Socket>>) -> Sockets {
    Arc::new(sockets)
}

struct Control {
    channel: Channel,
    threads: Threads,
    current: (u64, Weak<Cycle>),
    /// Cycles that may still be in use, by their numbers.
    old: Vec<(u64, Weak<Cycle>)>,
    stopping: bool,
}

impl Control {
    async fn run(&mut self, mut signals: Signals) -> Result<(), String> {
        let signalled = Readable::of(&signals).map_err(failed("epoll_ctl()"))?;
        let ordered = Readable::of(&self.channel).map_err(failed("epoll_ctl()"))?;
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                ready = ordered.wait(), if !self.stopping => {
                    ready.map_err(failed("epoll_wait()"))?;
                    self.take_orders().await;
                }
                ready = signalled.wait() => {
                    ready.map_err(failed("epoll_wait()"))?;
                    for action in signals.take(Role::Worker) {
                        self.obey(action);
                    }
                }
                _ = look.tick(), if !self.old.is_empty() => self.look_at_old_cycles(),
                () = self.threads.ended() => {
                    log::event(Level::Notice, format_args!("exiting"));
                    return Ok(());
                }
            }
        }
    }

    /// All orders that have come.
    async fn take_orders(&mut self) {
        while !self.stopping {
            match receive_order(&mut self.channel, false) {
                Ok(Some(Order::Load {
                    manifest,
                    sockets,
                    logs,
                })) => self.load(*manifest, sockets, logs).await,
                Ok(Some(Order::Reopen(logs))) => {
                    log::event(Level::Notice, format_args!("reopening logs"));
                    drop(install(logs));
                }
                // Nobody is left to tell this process anything: no more clients are to come.
                Ok(Some(Order::Quit) | None) => self.quit(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    log::event(
                        Level::Alert,
                        format_args!("recvmsg() failed ({})", errno(&error)),
                    );
                    self.quit();
                }
            }
        }
    }

    async fn load(&mut self, manifest: Manifest, sockets: Vec<Vec<Socket>>, logs: Vec<LogFile>) {
        let number = manifest.number;
        let held = install(logs);
        // Large configurations take their time, which the connections of this thread need not wait for.
        let loaded = tokio::task::spawn_blocking(move || build(manifest)).await;
        let Ok(Some(cycle)) = loaded else {
            self.report(Report::Refused(number));
            return;
        };
        log::put_in_force(&cycle.logs);
        drop(held);
        self.threads.apply(&cycle, &shared(sockets));
        let old = std::mem::replace(&mut self.current, (number, Arc::downgrade(&cycle)));
        self.old.push(old);
        self.report(Report::Ready(number));
    }

    fn report(&self, report: Report) {
        if let Err(error) = report.send(&self.channel) {
            log::event(
                Level::Alert,
                format_args!("sendmsg() failed ({})", errno(&error)),
            );
        }
    }

    fn obey(&mut self, action: Action) {
        match action {
            Action::Quit => self.quit(),
            Action::Terminate => {
                self.stopping = true;
                self.threads.terminate();
            }
            Action::Reopen => {
                log::event(Level::Notice, format_args!("reopening logs"));
                super::logs::reopen(None);
            }
            Action::Reload | Action::StopAccepting | Action::ChangeBinary | Action::Reap => {}
        }
    }

    fn quit(&mut self) {
        if !self.stopping {
            log::event(Level::Notice, format_args!("gracefully shutting down"));
            self.stopping = true;
            self.threads.quit();
        }
    }

    fn look_at_old_cycles(&mut self) {
        self.old.retain(|(number, cycle)| {
            let used = cycle.strong_count() > 0;
            if !used {
                log::event(
                    Level::Notice,
                    format_args!("configuration {number} is no longer in use"),
                );
            }
            used
        });
    }
}
