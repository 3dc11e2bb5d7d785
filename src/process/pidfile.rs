//! The file with the master's process id.

use crate::config::source::errno;
use crate::log::{self, Level};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Writes the id of this process. Who looks finds no file or a complete one.
pub fn write(path: &Path) -> io::Result<()> {
    let id = std::process::id();
    let text = format!("{id}\n");
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        // A device such as /dev/null must not be replaced by a file.
        return fs::write(path, text);
    }
    let draft = with_suffix(path, &format!(".{id}"));
    fs::write(&draft, text)?;
    fs::rename(&draft, path).inspect_err(|_| drop(fs::remove_file(&draft)))
}

/// Whether [`write`] would be allowed, without creating anything. The error is nginx's sentence.
pub fn check(path: &Path) -> Result<(), String> {
    let checked = log::files::check(path);
    checked.map_err(|error| format!("open() \"{}\" failed ({})", path.display(), errno(&error)))
}

/// Removes the file.
pub fn remove(path: &Path) {
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return;
    }
    if let Err(error) = fs::remove_file(path) {
        let reason = errno(&error);
        log::event(
            Level::Alert,
            format_args!("unlink() \"{}\" failed ({reason})", path.display()),
        );
    }
}

/// The process id in a file; the error is nginx's sentence.
pub fn read(path: &Path) -> Result<i32, String> {
    let text = fs::read(path)
        .map_err(|error| format!("open() \"{}\" failed ({})", path.display(), errno(&error)))?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_end_matches(['\r', '\n']);
    let id = text
        .parse()
        .ok()
        .filter(|id| *id > 0 && text.bytes().all(|b| b.is_ascii_digit()));
    id.ok_or_else(|| format!("invalid PID number \"{text}\" in \"{}\"", path.display()))
}

/// Where the id of the old master goes while a new binary takes over.
pub fn old(path: &Path) -> PathBuf {
    with_suffix(path, ".oldbin")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_complete_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nginx.pid");
        assert!(
            read(&path)
                .unwrap_err()
                .ends_with("failed (2: No such file or directory)")
        );
        write(&path).unwrap();
        assert_eq!(read(&path), Ok(std::process::id() as i32));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        remove(&path);
        assert!(!path.exists());
        fs::write(&path, "12x\n").unwrap();
        assert_eq!(
            read(&path),
            Err(format!(
                "invalid PID number \"12x\" in \"{}\"",
                path.display()
            ))
        );
        assert_eq!(old(&path), dir.path().join("nginx.pid.oldbin"));
    }
}
