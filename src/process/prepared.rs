//! A configuration that the master has checked and made ready: logs open, sockets bound.

use super::channel::Channel;
use super::listeners::Listeners;
use super::load;
use super::logs;
use super::message::{self, LoadOptions, LogFile, Manifest};
use super::pidfile;
use super::snapshot::Snapshot;
use super::system::rlimit_nofile;
use crate::config::source::errno;
use crate::core::Core;
use crate::cycle::{Cycle, Loaded, Options};
use crate::log::{self, Level};
use socket2::Socket;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

/// Makes the diagnostics of a load known.
pub type Tell<'a> = &'a dyn Fn(&Loaded);

/// What the master keeps of a cycle.
pub struct Prepared {
    /// Its number, from 1.
    pub number: u64,
    /// The settings of the processes.
    pub core: Core,
    /// The sockets.
    pub listeners: Listeners,
    /// The logs, open.
    pub logs: log::Logs,
    /// What was read.
    pub snapshot: Snapshot,
    options: LoadOptions,
}

/// The configuration cannot be used. It has been said why.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used")]
pub struct Unusable;

impl Prepared {
    /// Reads and checks the configuration, opens its logs, binds what is not bound yet. Nothing of the cycle in force
    /// is touched.
    pub fn from_disk(
        options: &Options,
        number: u64,
        old: &Listeners,
        tell: Tell<'_>,
    ) -> Result<(Prepared, Arc<Cycle>), Unusable> {
        let (loaded, snapshot) = load::from_disk(options);
        tell(&loaded);
        let cycle = loaded.cycle.ok_or(Unusable)?;
        if let Err(message) = super::paths::create(&cycle) {
            log::event(Level::Emerg, format_args!("{message}"));
            return Err(Unusable);
        }
        if let Err(message) = cycle.logs.open() {
            log::event(Level::Emerg, format_args!("{message}"));
            return Err(Unusable);
        }
        let listeners = old
            .open(&cycle.listens, cycle.core.worker_processes)
            .map_err(|_| Unusable)?;
        warn_of_few_files(&cycle.core);
        let options = LoadOptions::new(options);
        Ok((
            Prepared::new(&cycle, number, options, listeners, snapshot),
            cycle,
        ))
    }

    /// The same configuration, handed over by the process that has checked it.
    pub fn from_parts(
        manifest: Manifest,
        sockets: Vec<Vec<Socket>>,
        opened: Vec<LogFile>,
    ) -> Result<(Prepared, Arc<Cycle>), Unusable> {
        let held: Vec<_> = opened
            .into_iter()
            .map(|(path, log)| log::files::install(&path, log))
            .collect();
        let (number, options, snapshot) = (manifest.number, manifest.options, manifest.snapshot);
        let cycle = load::from_snapshot(&options.clone().into_options(), snapshot.clone())
            .ok_or(Unusable)?;
        drop(held);
        let listeners = Listeners::handed_over(&cycle.listens, sockets);
        Ok((
            Prepared::new(&cycle, number, options, listeners, snapshot),
            cycle,
        ))
    }

    fn new(
        cycle: &Cycle,
        number: u64,
        options: LoadOptions,
        listeners: Listeners,
        snapshot: Snapshot,
    ) -> Prepared {
        let (core, logs) = (cycle.core.clone(), cycle.logs.clone());
        Prepared {
            number,
            core,
            listeners,
            logs,
            snapshot,
            options,
        }
    }

    /// Sends all of it to another process.
    pub fn send(&self, channel: &Channel) -> io::Result<()> {
        let logs = logs::descriptors(&self.logs);
        let manifest = Manifest {
            number: self.number,
            options: self.options.clone(),
            snapshot: self.snapshot.clone(),
            account: self.core.account.clone(),
            sockets: self
                .listeners
                .iter()
                .map(|bound| bound.sockets.len() as u64)
                .collect(),
            logs: logs.iter().map(|(path, _)| path.clone()).collect(),
        };
        message::send_load(
            channel,
            &manifest,
            self.listeners.descriptors().collect(),
            &logs,
        )
    }

    /// Whether a running worker can take this configuration over from the other one: what a process is given when it
    /// starts must be the same.
    pub fn fits_worker_of(&self, other: &Prepared) -> bool {
        let (a, b) = (&self.core, &other.core);
        a.account == b.account && a.env == b.env && a.working_directory == b.working_directory
    }

    /// Writes the pid file to where this configuration has it, if the other one had it elsewhere.
    pub fn move_pid_file_of(&self, old: &Prepared) {
        let (from, to) = (&old.core.pid, &self.core.pid);
        if from == to {
            return;
        }
        match pidfile::write(to) {
            Ok(()) => pidfile::remove(from),
            Err(error) => {
                let reason = errno(&error);
                log::event(
                    Level::Emerg,
                    format_args!("open() \"{}\" failed ({reason})", to.display()),
                );
            }
        }
    }

    /// Says in the error log what is in force now, and what is different.
    pub fn describe_change_from(&self, old: &Prepared) {
        let (before, after) = (old.addresses(), self.addresses());
        let mut changes = String::new();
        for added in after.difference(&before) {
            changes.push_str(&format!(", now listening on {added}"));
        }
        for removed in before.difference(&after) {
            changes.push_str(&format!(", no longer listening on {removed}"));
        }
        let (number, files, addresses) = (self.number, self.snapshot.paths().count(), after.len());
        log::event(
            Level::Notice,
            format_args!(
                "configuration {number} is in force: {files} files, {addresses} addresses{changes}"
            ),
        );
    }

    fn addresses(&self) -> BTreeSet<String> {
        self.listeners
            .iter()
            .map(|bound| bound.spec.addr.to_string())
            .collect()
    }
}

fn warn_of_few_files(core: &Core) {
    let limit = rlimit_nofile();
    let wanted = core.worker_connections as u64;
    if wanted > limit && core.rlimit_nofile.is_none_or(|own| wanted > own) {
        log::event(
            Level::Warn,
            format_args!("{wanted} worker_connections exceed open file resource limit: {limit}"),
        );
    }
}
