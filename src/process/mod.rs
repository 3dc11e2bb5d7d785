//! Master and worker process: starting, signals, reloading, ending.
//!
//! A person starts the program; it checks the configuration and binds the sockets while errors can still be shown,
//! and then is the master, or starts one in the background. The master starts the worker, which is the same program
//! once more, and hands it all that it needs over a socket. The worker has a thread with an event loop for each of
//! `worker_processes`.

mod accept;
pub mod channel;
mod children;
mod daemon;
pub mod listeners;
pub mod load;
mod logs;
mod master;
pub mod message;
pub mod paths;
pub mod pidfile;
mod prepared;
mod privileges;
mod reload;
pub mod signals;
mod single;
pub mod snapshot;
mod spawn;
pub mod system;
mod thread;
mod threads;
mod upgrade;
mod watch;
mod wire;
mod worker;

pub use daemon::start;

use crate::cli::options::Options;
use spawn::Started;
use std::process::ExitCode;

/// Does the part of a process that this program has started itself; none if a person has started it.
pub fn continue_as_started() -> Option<ExitCode> {
    match Started::how() {
        Started::Worker(channel) => Some(worker::main(channel)),
        Started::Daemon(channel) => Some(daemon::main(channel)),
        Started::Plainly => None,
    }
}

/// What a master is started with and keeps.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// What configurations are loaded with.
    pub load: crate::cycle::Options,
    /// Whether to reload when a file changes.
    pub watch: bool,
}

impl Invocation {
    /// What the command line says.
    pub fn new(options: &Options) -> Invocation {
        Invocation {
            load: crate::cli::place::place(options),
            watch: options.watch,
        }
    }
}
