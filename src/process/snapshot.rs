//! What the master read when it loaded the configuration, for the worker to read the same. The worker needs no rights
//! to the files that way, and sees no file that has changed since it was checked.

use super::wire::{Reader, Writer};
use crate::config::source::{Disk, Files};
use crate::net::resolve;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The answers of the system. A failure is kept by its error number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, Result<Vec<u8>, i32>>,
    globs: BTreeMap<PathBuf, Result<Vec<PathBuf>, i32>>,
    hosts: resolve::Answers,
}

impl Snapshot {
    /// The files that could be read.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files
            .iter()
            .filter(|(_, content)| content.is_ok())
            .map(|(path, _)| path.as_path())
    }

    /// The patterns that `include` gave.
    pub fn patterns(&self) -> impl Iterator<Item = &Path> {
        self.globs.keys().map(PathBuf::as_path)
    }

    /// Whether what was read is the same; what the names of hosts resolve to is not looked at.
    pub fn same_text(&self, other: &Snapshot) -> bool {
        self.files == other.files && self.globs == other.globs
    }

    /// Takes the host names that were looked up along.
    pub fn with_hosts(mut self, hosts: resolve::Answers) -> Snapshot {
        self.hosts = hosts;
        self
    }

    /// The host names that were looked up.
    pub fn hosts(&self) -> &resolve::Answers {
        &self.hosts
    }

    /// Appends all of it to a message.
    pub fn write(&self, writer: &mut Writer) {
        writer.list(self.files.iter(), |w, (path, content)| {
            w.bytes(path.as_os_str().as_bytes());
            match content {
                Ok(content) => w.number(0).bytes(content),
                Err(errno) => w.number(u64::from(errno.unsigned_abs())),
            };
        });
        writer.list(self.globs.iter(), |w, (pattern, paths)| {
            w.bytes(pattern.as_os_str().as_bytes());
            match paths {
                Ok(paths) => w.number(0).list(paths.iter(), |w, path| {
                    w.bytes(path.as_os_str().as_bytes());
                }),
                Err(errno) => w.number(u64::from(errno.unsigned_abs())),
            };
        });
        writer.list(self.hosts.iter(), |w, (host, addresses)| {
            w.bytes(host);
            let addresses: Vec<IpAddr> = addresses.clone().unwrap_or_default();
            w.list(addresses.iter(), |w, address| {
                w.bytes(address.to_string().as_bytes());
            });
        });
    }

    /// Reads it from a message.
    pub fn read(reader: &mut Reader<'_>) -> Option<Snapshot> {
        let files = reader.list(|r| {
            let path = read_path(r)?;
            let content = match r.number()? {
                0 => Ok(r.bytes()?.to_vec()),
                errno => Err(i32::try_from(errno).ok()?),
            };
            Some((path, content))
        })?;
        let globs = reader.list(|r| {
            let pattern = read_path(r)?;
            let paths = match r.number()? {
                0 => Ok(r.list(read_path)?),
                errno => Err(i32::try_from(errno).ok()?),
            };
            Some((pattern, paths))
        })?;
        let hosts = reader.list(|r| {
            let host = r.bytes()?.to_vec();
            let addresses = r.list(|r| std::str::from_utf8(r.bytes()?).ok()?.parse().ok())?;
            Some((host, Some(addresses).filter(|a| !a.is_empty())))
        })?;
        Some(Snapshot {
            files: files.into_iter().collect(),
            globs: globs.into_iter().collect(),
            hosts: hosts.into_iter().collect(),
        })
    }
}

/// Reads a path from a message.
pub fn read_path(reader: &mut Reader<'_>) -> Option<PathBuf> {
    reader
        .bytes()
        .map(|bytes| PathBuf::from(OsStr::from_bytes(bytes)))
}

impl Files for Snapshot {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        answer(self.files.get(path))
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        answer(self.globs.get(pattern))
    }
}

fn answer<T: Clone>(kept: Option<&Result<T, i32>>) -> io::Result<T> {
    match kept {
        Some(Ok(value)) => Ok(value.clone()),
        Some(Err(errno)) => Err(io::Error::from_raw_os_error(*errno)),
        None => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

/// The disk, with a note of every answer.
#[derive(Debug, Default)]
pub struct Recording(RefCell<Snapshot>);

impl Recording {
    /// What was read so far.
    pub fn snapshot(&self) -> Snapshot {
        self.0.borrow().clone()
    }
}

impl Files for Recording {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // What is named twice is read once: the worker gets one answer, which must be the one that was checked.
        if let Some(Ok(known)) = self.0.borrow().files.get(path) {
            return Ok(known.clone());
        }
        let result = Disk.read(path);
        self.0
            .borrow_mut()
            .files
            .insert(path.to_owned(), to_keep(&result));
        result
    }

    fn glob(&self, pattern: &Path) -> io::Result<Vec<PathBuf>> {
        let result = Disk.glob(pattern);
        self.0
            .borrow_mut()
            .globs
            .insert(pattern.to_owned(), to_keep(&result));
        result
    }
}

fn to_keep<T: Clone>(result: &io::Result<T>) -> Result<T, i32> {
    match result {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(error.raw_os_error().unwrap_or(nix::libc::EIO)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_reads_what_the_master_read() {
        let dir = tempfile::tempdir().unwrap();
        let (file, missing) = (dir.path().join("a.conf"), dir.path().join("none.conf"));
        std::fs::write(&file, "daemon off;").unwrap();
        let recording = Recording::default();
        recording.read(&file).unwrap();
        recording.read(&missing).unwrap_err();
        let pattern = dir.path().join("*.conf");
        recording.glob(&pattern).unwrap();
        std::fs::remove_file(&file).unwrap();

        let mut hosts = resolve::Answers::new();
        hosts.insert(b"app".to_vec(), Some(vec!["10.0.0.1".parse().unwrap()]));
        hosts.insert(b"none".to_vec(), None);
        let mut writer = Writer::default();
        recording
            .snapshot()
            .with_hosts(hosts.clone())
            .write(&mut writer);
        let message = writer.finish();
        let snapshot = Snapshot::read(&mut Reader::new(&message)).unwrap();
        assert_eq!(snapshot.read(&file).unwrap(), b"daemon off;");
        assert_eq!(
            snapshot.read(&missing).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(
            *snapshot.glob(&pattern).unwrap(),
            *std::slice::from_ref(&file)
        );
        assert_eq!(snapshot.paths().collect::<Vec<_>>(), [file.as_path()]);
        assert_eq!(*snapshot.hosts(), hosts);
        assert!(snapshot.same_text(&recording.snapshot()));
    }
}
