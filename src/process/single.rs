//! `master_process off`: one process does all. It serves as whoever has started it.

use super::load;
use super::pidfile;
use super::prepared::{Prepared, Unusable};
use super::signals::{Action, Role, Signals};
use super::snapshot::Snapshot;
use super::thread::{self, Sockets};
use super::threads::Threads;
use super::watch::Watch;
use super::{Invocation, logs};
use crate::config::source::errno;
use crate::cycle::{Cycle, Loaded};
use crate::diagnostic::Severity;
use crate::log::{self, Level};
use crate::net::readable::Readable;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// Serves until the end. `serving` is called when connections are accepted.
pub fn run(
    invocation: &Invocation,
    first: Prepared,
    cycle: &Arc<Cycle>,
    serving: &dyn Fn(),
) -> Result<(), Unusable> {
    let result = serve(invocation, first, cycle, serving);
    log::finish_thread();
    result.map_err(|error| {
        log::event(Level::Emerg, format_args!("{}", errno(&error)));
        Unusable
    })
}

fn serve(
    invocation: &Invocation,
    first: Prepared,
    cycle: &Arc<Cycle>,
    serving: &dyn Fn(),
) -> io::Result<()> {
    let signals = Signals::listen()?;
    let runtime = thread::runtime()?;
    runtime.block_on(async {
        let mut single = Single {
            invocation,
            current: first,
            threads: Threads::new(),
            watch: None,
        };
        single.threads.apply(cycle, &single.sockets()?);
        single.watch_files_again(None);
        pidfile::write(&single.current.core.pid)?;
        serving();
        log::detach_stderr(&single.current.logs);
        let result = single.run(signals).await;
        single.current.listeners.delete_files(false);
        pidfile::remove(&single.current.core.pid);
        log::event(Level::Notice, format_args!("exit"));
        result
    })?;
    runtime.shutdown_background();
    Ok(())
}

struct Single<'a> {
    invocation: &'a Invocation,
    current: Prepared,
    threads: Threads,
    /// With `--watch`.
    watch: Option<Watched>,
}

struct Watched {
    watch: Watch,
    changes: Readable,
}

impl Watched {
    /// Returns when it is time to look whether the configuration has changed.
    async fn changed(&mut self) {
        while !self.watch.take_due(Instant::now()) {
            tokio::select! {
                ready = self.changes.wait() => {
                    if ready.is_err() {
                        return std::future::pending().await;
                    }
                }
                () = until(self.watch.due()) => {}
            }
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

async fn changed(watched: &mut Option<Watched>) {
    match watched {
        Some(watched) => watched.changed().await,
        None => std::future::pending().await,
    }
}

impl Single<'_> {
    async fn run(&mut self, mut signals: Signals) -> io::Result<()> {
        let signalled = Readable::of(&signals)?;
        loop {
            tokio::select! {
                ready = signalled.wait() => {
                    ready?;
                    for action in signals.take(Role::Master { daemon: false }) {
                        self.obey(action)?;
                    }
                }
                () = changed(&mut self.watch) => self.reload_if_changed()?,
                () = self.threads.ended() => return Ok(()),
            }
        }
    }

    fn obey(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::Quit => self.threads.quit(),
            Action::Terminate => self.threads.terminate(),
            Action::Reload => self.reload()?,
            Action::Reopen => {
                log::event(Level::Notice, format_args!("reopening logs"));
                logs::reopen(None);
                log::detach_stderr(&self.current.logs);
            }
            Action::StopAccepting | Action::ChangeBinary | Action::Reap => {}
        }
        Ok(())
    }

    fn reload(&mut self) -> io::Result<()> {
        log::event(Level::Notice, format_args!("reconfiguring"));
        let number = self.current.number.saturating_add(1);
        let tell = |loaded: &Loaded| load::to_log(loaded, Severity::Notice);
        let listeners = &self.current.listeners;
        let Ok((next, cycle)) =
            Prepared::from_disk(&self.invocation.load, number, listeners, &tell)
        else {
            return Ok(());
        };
        next.move_pid_file_of(&self.current);
        let old = std::mem::replace(&mut self.current, next);
        log::put_in_force(&self.current.logs);
        self.threads.apply(&cycle, &self.sockets()?);
        old.listeners.delete_files_except(&self.current.listeners);
        self.current.describe_change_from(&old);
        Ok(())
    }

    fn reload_if_changed(&mut self) -> io::Result<()> {
        let (_, snapshot) = load::from_disk(&self.invocation.load);
        let watch = self.watch.as_mut().map(|watched| &mut watched.watch);
        if watch.is_some_and(|watch| watch.differs(&snapshot)) {
            log::event(Level::Notice, format_args!("the configuration has changed"));
            let before = snapshot;
            self.reload()?;
            // What is in force, or what was refused just now: an edit that follows differs from it.
            let refused = !self.current.snapshot.same_text(&before);
            self.watch_files_again(if refused { Some(&before) } else { None });
        }
        Ok(())
    }

    /// Watches the files of the configuration in force, or those of one that was refused.
    fn watch_files_again(&mut self, refused: Option<&Snapshot>) {
        if self.invocation.watch {
            self.watch =
                Watch::start(refused.unwrap_or(&self.current.snapshot)).and_then(|watch| {
                    let changes = Readable::of(&watch).ok()?;
                    Some(Watched { watch, changes })
                });
        }
    }

    fn sockets(&self) -> io::Result<Sockets> {
        let each = self.current.listeners.iter();
        let sockets: io::Result<_> = each
            .map(|bound| {
                bound
                    .sockets
                    .iter()
                    .map(|socket| socket.try_clone())
                    .collect()
            })
            .collect();
        sockets.map(Arc::new)
    }
}
