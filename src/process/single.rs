//! `master_process off`: one process does all. It serves as whoever has started it.

use super::load;
use super::pidfile;
use super::prepared::{Prepared, Unusable};
use super::readable::Readable;
use super::signals::{Action, Role, Signals};
use super::thread::{self, Sockets};
use super::threads::Threads;
use super::{Invocation, logs};
use crate::config::source::errno;
use crate::cycle::{Cycle, Loaded};
use crate::diagnostic::Severity;
use crate::log::{self, Level};
use std::io;
use std::sync::Arc;

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
        };
        single.threads.apply(cycle, &single.sockets()?);
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
