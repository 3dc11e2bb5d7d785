//! What the worker process may do and how much it gets.

use crate::config::source::errno;
use crate::core::Core;
use crate::core::account::{self, Account};
use crate::log::{self, Level};
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, initgroups, setgid, setuid};
use rustix::process::{Pid, Resource, Rlimit, prlimit, setpriority_process};
use std::ffi::CString;
use std::io;

/// Makes this process one of the account, for good. To be called before there is a second thread. The error is
/// nginx's sentence.
pub fn drop_to(account: &Account) -> Result<(), String> {
    if !account::can_change() {
        return Ok(());
    }
    let (uid, gid) = (account.uid, account.gid);
    let failed =
        |call: String| move |error: nix::Error| format!("{call} failed ({})", errno(&error.into()));
    setgid(Gid::from_raw(gid)).map_err(failed(format!("setgid({gid})")))?;
    let name = CString::new(account.name.as_str()).unwrap_or_default();
    if let Err(error) = initgroups(&name, Gid::from_raw(gid)) {
        let message = failed(format!("initgroups({}, {gid})", account.name))(error);
        log::event(Level::Emerg, format_args!("{message}"));
    }
    setuid(Uid::from_raw(uid)).map_err(failed(format!("setuid({uid})")))?;
    // Without this a process that changed its user leaves no core file.
    if let Err(error) = prctl::set_dumpable(true) {
        log::event(
            Level::Alert,
            format_args!("prctl(PR_SET_DUMPABLE) failed ({})", errno(&error.into())),
        );
    }
    Ok(())
}

/// Sets the limits of a worker from outside, with the master's rights, unless it has them from the cycle before. What
/// fails is reported and left out.
pub fn limit(pid: Pid, core: &Core, before: Option<&Core>) {
    let both = |limit: u64| Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    if let Some(limit) = core.rlimit_nofile
        && before.is_none_or(|before| before.rlimit_nofile != core.rlimit_nofile)
    {
        let result = prlimit(Some(pid), Resource::Nofile, both(limit));
        complain(result, &format!("setrlimit(RLIMIT_NOFILE, {limit})"));
    }
    if let Some(limit) = core.rlimit_core
        && before.is_none_or(|before| before.rlimit_core != core.rlimit_core)
    {
        let result = prlimit(Some(pid), Resource::Core, both(limit));
        complain(result, &format!("setrlimit(RLIMIT_CORE, {limit})"));
    }
    let priority = core.worker_priority;
    if priority != before.map_or(0, |before| before.worker_priority) {
        complain(
            setpriority_process(Some(pid), priority),
            &format!("setpriority({priority})"),
        );
    }
}

fn complain<T>(result: rustix::io::Result<T>, call: &str) {
    if let Err(error) = result {
        let reason = errno(&io::Error::from(error));
        log::event(Level::Alert, format_args!("{call} failed ({reason})"));
    }
}
