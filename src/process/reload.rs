//! Reloading: a configuration that was checked takes the place of another one, inside the worker that runs.

use super::children::Worker;
use super::load;
use super::master::Master;
use super::prepared::Prepared;
use super::privileges;
use super::watch::Watch;
use crate::config::source::errno;
use crate::cycle::Loaded;
use crate::diagnostic::Severity;
use crate::diagnostic::output;
use crate::log::{self, Level};

impl Master {
    /// Reads the configuration anew. If something is wrong with it, it is said in the error log, and nothing changes.
    pub(super) fn reload(&mut self) {
        if self.candidate.is_some() {
            self.reload_again = true;
            return;
        }
        if self.not_accepting && self.upgrade.running() {
            // The new binary is not wanted after all: this one serves again.
            self.not_accepting = false;
            self.start_worker();
            return;
        }
        log::event(Level::Notice, format_args!("reconfiguring"));
        let number = self.current.number.saturating_add(1);
        // An edit that follows at once must differ from what is known here, or it would be overlooked.
        let before = self
            .invocation
            .watch
            .then(|| load::from_disk(&self.invocation.load).1);
        let tell = |loaded: &Loaded| {
            load::to_log(loaded, Severity::Notice);
            if let Some(terminal) = &self.terminal {
                let color = output::color(true);
                load::show(loaded, &loaded.diagnostics, &mut &*terminal, color);
            }
        };
        let Ok((next, _)) = Prepared::from_disk(
            &self.invocation.load,
            number,
            &self.current.listeners,
            &tell,
        ) else {
            self.watch = before.as_ref().and_then(Watch::start);
            return;
        };
        self.put_in_force(next);
    }

    fn put_in_force(&mut self, next: Prepared) {
        let fits = next.fits_worker_of(&self.current);
        let worker = self
            .workers
            .iter_mut()
            .find(|worker| !worker.leaving && worker.cycle > 0);
        let sent = match worker {
            Some(worker) if fits => {
                privileges::limit(worker.pid, &next.core, Some(&self.current.core));
                let pid = worker.pid;
                next.send(&worker.channel).map(|()| pid)
            }
            _ => Worker::start(&next).map(|worker| {
                let pid = worker.pid;
                self.workers.push(worker);
                pid
            }),
        };
        match sent {
            Ok(pid) => self.candidate = Some((pid, next)),
            Err(error) => {
                let reason = errno(&error);
                log::event(
                    Level::Alert,
                    format_args!(
                        "the configuration could not be handed to a worker process ({reason})"
                    ),
                );
            }
        }
    }

    /// A worker has put the candidate in force: it is the configuration of the server now.
    pub(super) fn commit(&mut self, worker: usize) {
        let Some((_, next)) = self.candidate.take() else {
            return;
        };
        let old = std::mem::replace(&mut self.current, next);
        for (index, other) in self.workers.iter_mut().enumerate() {
            if index != worker {
                other.quit();
            }
        }
        self.not_accepting = false;
        log::put_in_force(&self.current.logs);
        log::detach_stderr(&self.current.logs);
        old.listeners.delete_files_except(&self.current.listeners);
        self.current.move_pid_file_of(&old);
        self.current.describe_change_from(&old);
        if self.invocation.watch {
            self.watch = Watch::start(&self.current.snapshot);
        }
        if std::mem::take(&mut self.reload_again) {
            self.reload();
        }
    }

    /// The worker could not do with it, although the master could.
    pub(super) fn refused(&mut self, number: u64) {
        if self
            .candidate
            .as_ref()
            .is_some_and(|(_, candidate)| candidate.number == number)
        {
            log::event(
                Level::Emerg,
                format_args!("the worker process refused configuration {number}"),
            );
            self.drop_candidate();
        }
    }

    /// Gives up on putting the candidate in force.
    pub(super) fn drop_candidate(&mut self) {
        if let Some((_, candidate)) = self.candidate.take() {
            candidate
                .listeners
                .delete_files_except(&self.current.listeners);
        }
        if std::mem::take(&mut self.reload_again) {
            self.reload();
        }
    }

    /// Reloads if one of the files is not what it was.
    pub(super) fn reload_if_changed(&mut self) {
        let (_, snapshot) = load::from_disk(&self.invocation.load);
        let changed = self
            .watch
            .as_mut()
            .is_some_and(|watch| watch.differs(&snapshot));
        if changed {
            log::event(Level::Notice, format_args!("the configuration has changed"));
            self.reload();
        }
    }
}
