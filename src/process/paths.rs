//! Directories for temporary files.

use crate::cli::defaults;
use crate::config::source::errno;
use crate::core::account::Account;
use crate::cycle::Cycle;
use crate::log::{self, Level};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

/// Makes the directories that a cycle needs, for the worker to write to. The error is nginx's sentence.
pub fn create(cycle: &Cycle) -> Result<(), String> {
    for path in &cycle.temp_paths {
        match create_one(path, cycle.core.account.as_ref()) {
            // Where the package of nginx is not installed and nobody has named a directory, most sites need none.
            Err(message) if is_default(path) => {
                log::event(Level::Notice, format_args!("{message}"));
            }
            result => result?,
        }
    }
    Ok(())
}

fn is_default(path: &Path) -> bool {
    let all = [defaults::CLIENT_BODY_TEMP_PATH, defaults::PROXY_TEMP_PATH];
    all.iter().any(|default| path == Path::new(default))
}

fn create_one(path: &Path, account: Option<&Account>) -> Result<(), String> {
    let failed = |call: &str, error: io::Error| format!("{call} failed ({})", errno(&error));
    let shown = path.display();
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed(&format!("mkdir() \"{shown}\""), error));
        }
        _ => {}
    }
    let Some(account) = account else {
        return Ok(());
    };
    let metadata =
        std::fs::metadata(path).map_err(|error| failed(&format!("stat() \"{shown}\""), error))?;
    if metadata.uid() != account.uid {
        std::os::unix::fs::chown(path, Some(account.uid), None)
            .map_err(|error| failed(&format!("chown(\"{shown}\", {})", account.uid), error))?;
    }
    let mode = metadata.permissions().mode();
    if mode & 0o700 != 0o700 {
        let permissions = std::fs::Permissions::from_mode(mode | 0o700);
        std::fs::set_permissions(path, permissions)
            .map_err(|error| failed(&format!("chmod() \"{shown}\""), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        create_one(&path, None).unwrap();
        create_one(&path, None).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        let message = create_one(&dir.path().join("no/where"), None).unwrap_err();
        assert!(
            message.starts_with("mkdir() \"")
                && message.ends_with("failed (2: No such file or directory)")
        );
    }
}
