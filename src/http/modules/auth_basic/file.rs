//! The password file: lines of `name:password`, which may go on with `:comment`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// What the file says of a user.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The password as it is stored.
    Password(Vec<u8>),
    /// There is no such user.
    Nobody,
}

/// Why the file could not be used.
#[derive(Debug)]
pub(super) enum Failure {
    /// It could not be opened.
    Open(io::Error),
    /// It could not be read.
    Read(io::Error),
}

/// Looks a user up; the file is read anew each time, so that a change of it counts at once.
pub(super) fn find(path: &Path, user: &[u8]) -> Result<Found, Failure> {
    let file = File::open(path).map_err(Failure::Open)?;
    search(BufReader::new(file), user).map_err(Failure::Read)
}

fn search(mut file: impl BufRead, user: &[u8]) -> io::Result<Found> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(Found::Nobody);
        }
        if matches!(line.first(), Some(b'#' | b'\r')) {
            continue;
        }
        let password = line
            .strip_prefix(user)
            .and_then(|rest| rest.strip_prefix(b":"));
        if let Some(password) = password {
            let ends = |c: &u8| matches!(c, b'\n' | b'\r' | b':' | 0);
            let end = password.iter().position(ends).unwrap_or(password.len());
            let password = password.get(..end).unwrap_or_default();
            return Ok(Found::Password(password.to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let file = b"#ab:no\n\nabc:1\r\nb\nab:2:comment\nab:3\nlast:4";
        let find = |user: &str| search(&file[..], user.as_bytes()).unwrap();
        let password = |text: &str| Found::Password(text.into());
        assert_eq!(find("ab"), password("2"));
        assert_eq!(find("abc"), password("1"));
        assert_eq!(find("last"), password("4"));
        assert_eq!(find("a"), Found::Nobody);
        assert_eq!(find("#ab"), Found::Nobody);
    }

    #[test]
    fn a_file_that_is_not_there_or_is_none_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(
            find(&dir.path().join("none"), b"u"),
            Err(Failure::Open(e)) if e.kind() == io::ErrorKind::NotFound
        ));
        assert!(matches!(find(dir.path(), b"u"), Err(Failure::Read(_))));
    }
}
