//! Whom the worker process runs as.

use crate::cli::defaults;
use crate::diagnostic::Diagnostic;
use nix::unistd::{Gid, Group, Uid, User};

/// A user and a group, looked up in the system's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user's name: the worker takes on the user's supplementary groups too.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl Account {
    /// Looks both up; the error is nginx's sentence.
    pub fn look_up(user: &str, group: &str) -> Result<Account, String> {
        let uid = user_id(user)?;
        let gid = group_id(group)?;
        Ok(Account {
            name: user.to_owned(),
            uid: uid.as_raw(),
            gid: gid.as_raw(),
        })
    }

    /// The account of the build, for configurations that name none.
    pub fn standard() -> Result<Account, Diagnostic> {
        let mut failure = String::new();
        for group in defaults::GROUPS.split(',') {
            match Account::look_up(defaults::USER, group) {
                Ok(account) => return Ok(account),
                Err(message) if failure.is_empty() => failure = message,
                Err(_) => {}
            }
        }
        Err(Diagnostic::new(failure).help("name an existing user with the directive `user`"))
    }
}

/// Whether this process may change to another user at all.
pub fn can_change() -> bool {
    Uid::effective().is_root()
}

fn user_id(name: &str) -> Result<Uid, String> {
    match User::from_name(name) {
        Ok(Some(user)) => Ok(user.uid),
        Ok(None) => Err(format!("getpwnam(\"{name}\") failed")),
        Err(errno) => Err(format!(
            "getpwnam(\"{name}\") failed ({}: {})",
            errno as i32,
            errno.desc()
        )),
    }
}

fn group_id(name: &str) -> Result<Gid, String> {
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid),
        Ok(None) => Err(format!("getgrnam(\"{name}\") failed")),
        Err(errno) => Err(format!(
            "getgrnam(\"{name}\") failed ({}: {})",
            errno as i32,
            errno.desc()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_user_is_named() {
        let message = Account::look_up("no-such-user-here", "root").unwrap_err();
        assert!(message.starts_with("getpwnam(\"no-such-user-here\") failed"));
        let message = Account::look_up("root", "no-such-group-here").unwrap_err();
        assert!(message.starts_with("getgrnam(\"no-such-group-here\") failed"));
    }
}
