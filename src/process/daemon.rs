//! From the command line to a master, in this process or in the background.

use super::channel::Channel;
use super::listeners::Listeners;
use super::master::Master;
use super::message::{Order, Report, receive_order};
use super::prepared::{Prepared, Unusable};
use super::{Invocation, load, pidfile, single, spawn, upgrade};
use crate::cli::options::{self, Options};
use crate::config::source::errno;
use crate::cycle::Loaded;
use crate::log::{self, Level};
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

/// Starts the server as a person asked for it.
pub fn start(options: &Options) -> ExitCode {
    let invocation = Invocation::new(options);
    match try_start(&invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Unusable) => ExitCode::FAILURE,
    }
}

fn try_start(invocation: &Invocation) -> Result<(), Unusable> {
    let inherited = upgrade::inherited();
    let is_upgrade = inherited.is_some();
    let inherited = inherited.map(Listeners::inherited).unwrap_or_default();
    let tell = |loaded: &Loaded| load::to_terminal(loaded, .., Default::default());
    let (first, cycle) = Prepared::from_disk(&invocation.load, 1, &inherited, &tell)?;
    pidfile::check(&first.core.pid).map_err(emerg)?;
    log::put_in_force(&first.logs);
    greet();
    match (first.core.daemon && !is_upgrade, first.core.master_process) {
        (true, _) => hand_over(&first),
        (false, true) => Master::new(invocation.clone(), first, is_upgrade)?.run(),
        (false, false) => single::run(invocation, first, &cycle, &|| ()),
    }
}

/// What nginx says when it starts.
fn greet() {
    log::event(
        Level::Notice,
        format_args!("using the \"epoll\" event method"),
    );
    log::event(
        Level::Notice,
        format_args!("{}", crate::cli::version::PRODUCT),
    );
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    log::event(
        Level::Notice,
        format_args!("OS: {} {release}", system.sysname().to_string_lossy()),
    );
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let shown = |limit: Option<u64>| limit.map_or_else(|| String::from("-1"), |n| n.to_string());
    let (current, maximum) = (shown(limit.current), shown(limit.maximum));
    log::event(
        Level::Notice,
        format_args!("getrlimit(RLIMIT_NOFILE): {current}:{maximum}"),
    );
}

/// Has a master in the background take over, and waits until it serves.
fn hand_over(first: &Prepared) -> Result<(), Unusable> {
    let failed = |call: &'static str| {
        move |error: io::Error| emerg(format!("{call} failed ({})", errno(&error)))
    };
    let mut channel = spawn::daemon().map_err(failed("execve()"))?;
    first.send(&channel).map_err(failed("sendmsg()"))?;
    match Report::receive(&mut channel, true) {
        Ok(Some(Report::Ready(_))) => Ok(()),
        // It has said itself what went wrong.
        _ => Err(Unusable),
    }
}

/// The whole life of the master in the background. `channel` leads to the process that a person started.
pub fn main(channel: OwnedFd) -> ExitCode {
    match run(Channel::new(channel)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Unusable) => ExitCode::FAILURE,
    }
}

fn run(mut channel: Channel) -> Result<(), Unusable> {
    log::init_worker();
    let options = options::parse(std::env::args_os().skip(1)).map_err(emerg)?;
    let Ok(Some(Order::Load {
        manifest,
        sockets,
        logs,
    })) = receive_order(&mut channel, true)
    else {
        return Err(Unusable);
    };
    let (first, cycle) = Prepared::from_parts(*manifest, sockets, logs)?;
    log::put_in_force(&first.logs);
    if let Err(error) = nix::unistd::setsid() {
        return Err(emerg(format!("setsid() failed ({})", errno(&error.into()))));
    }
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    // The starter may have been ended before.
    let serving = move || drop(Report::Ready(1).send(&channel));
    let invocation = Invocation::new(&options);
    if !first.core.master_process {
        return single::run(&invocation, first, &cycle, &serving);
    }
    drop(cycle);
    let mut master = Master::new(invocation, first, true)?;
    master.when_serving(Box::new(serving));
    master.run()
}

fn emerg(message: String) -> Unusable {
    log::event(Level::Emerg, format_args!("{message}"));
    Unusable
}
