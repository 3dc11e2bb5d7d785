//! Starting this program once more, as something else.

use super::channel::Channel;
use crate::core::Core;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What a worker is called in the list of processes, and how it knows what it is.
const WORKER: &str = "goodgate: worker process";

/// The same for a master that left the terminal; the command that started it follows.
const MASTER: &str = "goodgate: master process ";

/// The running program itself, even if its file has been replaced.
const SELF: &str = "/proc/self/exe";

/// What this process was started as.
pub enum Started {
    /// As a worker, with the channel to its master.
    Worker(OwnedFd),
    /// As the master in the background, with the channel to the process that a person started.
    Daemon(OwnedFd),
    /// By a person or a supervisor.
    Plainly,
}

impl Started {
    /// To be asked first of all: it takes standard input, which the others know as the channel, out of the way.
    pub fn how() -> Started {
        let Some(name) = std::env::args_os().next() else {
            return Started::Plainly;
        };
        let make: fn(OwnedFd) -> Started = match name.as_bytes() {
            name if name == WORKER.as_bytes() => Started::Worker,
            name if name.starts_with(MASTER.as_bytes()) => Started::Daemon,
            _ => return Started::Plainly,
        };
        // Someone may have chosen such a name without our doing; then there is no socket.
        match take_channel() {
            Ok(channel) => make(channel),
            Err(_) => Started::Plainly,
        }
    }
}

fn take_channel() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    rustix::net::sockopt::socket_type(&stdin)?;
    let channel = stdin.as_fd().try_clone_to_owned()?;
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    // The kernel takes the name from `/proc/self/exe` otherwise.
    nix::sys::prctl::set_name(c"goodgate")?;
    Ok(channel)
}

/// Starts a worker; returns its process id and the channel to it.
pub fn worker(core: &Core) -> io::Result<(u32, Channel)> {
    let (ours, theirs) = Channel::pair()?;
    let mut command = Command::new(SELF);
    command
        .arg0(WORKER)
        .env_clear()
        .envs(environment(core))
        .stdin(Stdio::from(theirs));
    Ok((command.spawn()?.id(), ours))
}

/// Starts the master in the background, with the arguments of this process.
pub fn daemon() -> io::Result<Channel> {
    let (ours, theirs) = Channel::pair()?;
    let mut arguments = std::env::args_os();
    let mut name = OsString::from(MASTER);
    name.push(arguments.next().unwrap_or_default());
    let mut command = Command::new(SELF);
    command
        .arg0(name)
        .args(arguments)
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null());
    command.spawn()?;
    Ok(ours)
}

/// The command that a person started this program with.
pub fn original_command() -> (OsString, Vec<OsString>) {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let name = match name.as_bytes().strip_prefix(MASTER.as_bytes()) {
        Some(name) => OsString::from_vec(name.to_vec()),
        None => name,
    };
    (name, arguments.collect())
}

/// The variables that `env` lets through or sets; nginx keeps the time zone in any case.
pub fn environment(core: &Core) -> Vec<(OsString, OsString)> {
    let named = core.env.iter().map(|entry| &entry[..]);
    let about_time = |entry: &[u8]| entry == b"TZ" || entry.starts_with(b"TZ=");
    let zone = if named.clone().any(about_time) {
        None
    } else {
        Some(&b"TZ"[..])
    };
    named.chain(zone).filter_map(variable).collect()
}

fn variable(entry: &[u8]) -> Option<(OsString, OsString)> {
    let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    match memchr::memchr(b'=', entry) {
        Some(at) => {
            let (name, value) = entry.split_at(at);
            Some((owned(name), owned(value.get(1..)?)))
        }
        None => Some((owned(entry), std::env::var_os(OsStr::from_bytes(entry))?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_set_or_let_through() {
        assert_eq!(variable(b"A=b=c"), Some(("A".into(), "b=c".into())));
        assert_eq!(
            variable(b"PATH"),
            Some(("PATH".into(), std::env::var_os("PATH").unwrap()))
        );
        assert_eq!(variable(b"NO_SUCH_VARIABLE_HERE"), None);
    }
}
