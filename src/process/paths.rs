//! Directories for temporary files.

use crate::cli::defaults;
use crate::config::source::errno;
use crate::core::account::Account;
use crate::cycle::{Builder, Cycle};
use crate::diagnostic::Diagnostic;
use crate::log::{self, Level};
use rustix::fs::{Access, AtFlags, CWD};
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

/// Complains of the first directory that could not be made, as nginx does behind a syntax that is ok. Nothing is created.
pub fn check(b: &mut Builder, account: Option<&Account>) {
    let mut made: Vec<&Path> = Vec::new();
    let mut failed = None;
    for (path, place) in b.temp_paths.iter() {
        // Those that may be missing may be made or not.
        let Some(place) = place.filter(|_| !is_default(path)) else {
            continue;
        };
        if let Err(message) = check_one(path, account, &made) {
            failed = Some(Diagnostic::new(message).label(place, "").help(
                "the directory around it must exist, and the user who starts the server must be allowed to write there",
            ));
            break;
        }
        made.push(path);
    }
    b.diagnostics.extend(failed);
}

/// Whether [`create_one`] would succeed behind these, as far as that can be told. The error is nginx's sentence.
fn check_one(path: &Path, account: Option<&Account>, made: &[&Path]) -> Result<(), String> {
    let failed = |call: &str, error: io::Error| {
        format!("{call}() \"{}\" failed ({})", path.display(), errno(&error))
    };
    match path.symlink_metadata() {
        Ok(_) => {
            let there = path.metadata();
            match account {
                Some(_) => there.map(drop).map_err(|error| failed("stat", error)),
                None => Ok(()),
            }
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("mkdir", error)),
        Err(_) => {
            let around = path.parent().unwrap_or(Path::new("/"));
            if made.contains(&around) {
                return Ok(());
            }
            let access = Access::WRITE_OK | Access::EXEC_OK;
            let allowed = rustix::fs::accessat(CWD, around, access, AtFlags::EACCESS);
            allowed.map_err(|error| failed("mkdir", error.into()))
        }
    }
}

fn is_default(path: &Path) -> bool {
    let all = [
        defaults::CLIENT_BODY_TEMP_PATH,
        defaults::PROXY_TEMP_PATH,
        defaults::FASTCGI_TEMP_PATH,
        defaults::UWSGI_TEMP_PATH,
        defaults::SCGI_TEMP_PATH,
    ];
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
        let nowhere = dir.path().join("no/where");
        let message = create_one(&nowhere, None).unwrap_err();
        assert!(
            message.starts_with("mkdir() \"")
                && message.ends_with("failed (2: No such file or directory)")
        );
        assert_eq!(check_one(&nowhere, None, &[]), Err(message));
    }

    #[test]
    fn all_that_nobody_has_named_may_be_missing() {
        use crate::cycle::testing::cycle;
        let cycle = cycle("events {} http { server { } }");
        assert!(cycle.temp_paths.len() >= 4, "{:?}", cycle.temp_paths);
        assert!(cycle.temp_paths.iter().all(|path| is_default(path)));
    }

    #[test]
    fn what_could_be_made_is_told_without_making_it() {
        let dir = tempfile::tempdir().unwrap();
        let (body, file) = (dir.path().join("body"), dir.path().join("file"));
        let inner = body.join("more");
        std::fs::write(&file, "").unwrap();
        assert_eq!(check_one(&body, None, &[]), Ok(()));
        assert_eq!(check_one(&inner, None, &[&body]), Ok(()));
        assert_eq!(check_one(&file, None, &[]), Ok(()));
        assert!(check_one(&inner, None, &[]).is_err());
        let below = file.join("x");
        assert_eq!(check_one(&below, None, &[]), create_one(&below, None));
        assert!(!body.exists());
    }
}
