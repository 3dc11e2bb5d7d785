//! What is in a directory.

use crate::http::file_name::{Failure, explain};
use crate::http::request::Request;
use crate::log::Level;
use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

/// A line of the list.
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Seconds since 1970.
    pub(super) modified: i64,
    pub(super) size: u64,
}

/// What an entry is, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Other,
}

/// The entries of a directory but hidden ones: directories first, then by name.
pub(super) fn list(req: &Request, path: &[u8]) -> Result<Vec<Entry>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty())?;
    let mut entries = Vec::new();
    let mut file_name = [path, b"/"].concat();
    for item in Dir::read_from(&directory)? {
        let item = item?;
        let name = item.file_name().to_bytes();
        if name.starts_with(b".") {
            continue;
        }
        file_name.truncate(path.len() + 1);
        file_name.extend_from_slice(name);
        let stat = match rustix::fs::stat(&file_name[..]) {
            Ok(stat) => stat,
            // A link to nothing is listed as what it is.
            Err(Errno::NOENT | Errno::LOOP) => match rustix::fs::lstat(&file_name[..]) {
                Ok(stat) => stat,
                // Gone since the directory was read.
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno),
            },
            Err(errno) => {
                let call = "stat()";
                explain(req, Level::Crit, &Failure { call, errno }, &file_name);
                if errno == Errno::ACCESS {
                    continue;
                }
                return Err(errno);
            }
        };
        entries.push(Entry {
            name: name.to_vec(),
            kind: match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => Kind::Directory,
                FileType::RegularFile => Kind::File,
                _ => Kind::Other,
            },
            modified: stat.st_mtime,
            size: u64::try_from(stat.st_size).unwrap_or(0),
        });
    }
    sort(&mut entries);
    Ok(entries)
}

fn sort(entries: &mut [Entry]) {
    let key = |e: &Entry| e.kind != Kind::Directory;
    entries.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_first() {
        let mut all: Vec<_> = [
            ("b", Kind::File),
            ("z", Kind::Directory),
            ("a", Kind::Other),
        ]
        .map(|(name, kind)| super::super::entry(name, kind, 0, 0))
        .into();
        sort(&mut all);
        let names: Vec<_> = all.iter().map(|e| &e.name[..]).collect();
        assert_eq!(names, [b"z", b"a", b"b"]);
    }
}
