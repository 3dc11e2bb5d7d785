//! The files that logs go to: one entry per path in the whole process, shared by threads and cycles. The master
//! opens them with its rights and hands descriptors to the worker; a reopened file takes the place of the old one
//! under those who write.

use arc_swap::ArcSwapOption;
use rustix::fs::{Access, CWD, Mode, OFlags};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

/// A log file. Each write is one write(2) at its end.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    fd: ArcSwapOption<OwnedFd>,
    /// The second in which the disk was found full: until it is over nothing is written.
    full: AtomicU64,
    /// The second in which a failure was last complained about.
    complained: AtomicU64,
}

/// How often failing writes are complained about, in seconds.
const COMPLAIN_EVERY: u64 = 59;

impl LogFile {
    /// A file of its own that is no entry of the process: what a path with variables stands for.
    pub fn of(path: &Path, fd: OwnedFd) -> LogFile {
        let file = LogFile::new(path);
        file.fd.store(Some(Arc::new(fd)));
        file
    }

    fn new(path: &Path) -> LogFile {
        LogFile {
            path: path.to_owned(),
            fd: ArcSwapOption::empty(),
            full: AtomicU64::new(0),
            complained: AtomicU64::new(0),
        }
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.fd.load().is_some()
    }

    /// Appends a text; returns how much of it was written.
    ///
    /// # Errors
    /// As write(2); `NotFound` if the file is not open. After `ENOSPC` nothing is tried until the next second,
    /// which counts as written.
    pub fn write(&self, text: &[u8]) -> io::Result<usize> {
        let full = self.full.load(Ordering::Relaxed);
        if full != 0 && full == crate::clock::unix_time().as_secs() {
            return Ok(text.len());
        }
        let fd = self.fd.load();
        let Some(fd) = &*fd else {
            return Err(io::ErrorKind::NotFound.into());
        };
        loop {
            return match rustix::io::write(fd, text) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::NOSPC) => {
                    let now = crate::clock::unix_time().as_secs();
                    self.full.store(now, Ordering::Relaxed);
                    Err(rustix::io::Errno::NOSPC.into())
                }
                other => Ok(other?),
            };
        }
    }

    /// Whether it is time to complain about a failure again.
    pub(super) fn may_complain(&self) -> bool {
        let now = crate::clock::unix_time().as_secs();
        let last = self.complained.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) > COMPLAIN_EVERY;
        if due {
            self.complained.store(now, Ordering::Relaxed);
        }
        due
    }

    /// The descriptor, to be handed on or put in place of standard error.
    pub fn descriptor(&self) -> Option<Arc<OwnedFd>> {
        self.fd.load_full()
    }
}

static FILES: LazyLock<Mutex<HashMap<PathBuf, Weak<LogFile>>>> = LazyLock::new(Mutex::default);

fn files() -> MutexGuard<'static, HashMap<PathBuf, Weak<LogFile>>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The entry of a path, which may not be open yet. It lasts as long as somebody holds it.
pub fn get(path: &Path) -> Arc<LogFile> {
    let mut files = files();
    if let Some(file) = files.get(path).and_then(Weak::upgrade) {
        return file;
    }
    files.retain(|_, file| file.strong_count() > 0);
    let file = Arc::new(LogFile::new(path));
    files.insert(path.to_owned(), Arc::downgrade(&file));
    file
}

/// Opens a log file for appending and creates it if need be (mode 0644). Nobody writes to it yet.
///
/// # Errors
/// As open(2).
pub fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::from_raw_mode(0o644))?)
}

/// Whether [`open`] would succeed, without creating anything.
///
/// # Errors
/// What [`open`] would fail with.
pub fn check(path: &Path) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(_) => Ok(()),
        // A pipe that nobody reads from: open(2) would wait for a reader.
        Err(rustix::io::Errno::NXIO) => Ok(()),
        Err(rustix::io::Errno::NOENT) => {
            let directory = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let access = Access::WRITE_OK | Access::EXEC_OK;
            let flags = rustix::fs::AtFlags::EACCESS;
            Ok(rustix::fs::accessat(CWD, directory, access, flags)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts a descriptor in force for a path; whoever writes to that path uses it from now on. The entry is returned so
/// that a descriptor can be installed before the configuration that names it is read: hold on to it until then.
pub fn install(path: &Path, fd: OwnedFd) -> Arc<LogFile> {
    let file = get(path);
    file.fd.store(Some(Arc::new(fd)));
    file
}

/// Opens all files anew, as on USR1, with the rights of this process. One that cannot be opened stays as it is.
/// Returns the failures.
pub fn reopen() -> Vec<(PathBuf, io::Error)> {
    let live: Vec<Arc<LogFile>> = files().values().filter_map(Weak::upgrade).collect();
    let mut failed = Vec::new();
    for file in live {
        match open(&file.path) {
            Ok(fd) => file.fd.store(Some(Arc::new(fd))),
            Err(error) => failed.push((file.path.clone(), error)),
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_entry_while_it_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("one.log");
        let file = get(&path);
        assert!(!file.is_open());
        assert_eq!(
            file.write(b"x").unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert!(Arc::ptr_eq(&file, &install(&path, open(&path).unwrap())));
        assert_eq!(get(&path).write(b"line\n").unwrap(), 5);
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        drop(file);
        assert!(!get(&path).is_open());
    }

    #[test]
    fn a_file_that_was_renamed_is_left_on_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
        let file = install(&path, open(&path).unwrap());
        file.write(b"1\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        file.write(b"2\n").unwrap();
        let fd = open(&path).unwrap();
        install(&path, fd);
        file.write(b"3\n").unwrap();
        assert_eq!(std::fs::read(&old).unwrap(), b"1\n2\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"3\n");
    }

    #[test]
    fn checking_creates_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new.log");
        assert!(check(&path).is_ok());
        assert!(!path.exists());
        let nowhere = dir.path().join("no/where.log");
        assert_eq!(check(&nowhere).unwrap_err().raw_os_error(), Some(2));
        assert_eq!(check(dir.path()).unwrap_err().raw_os_error(), Some(21));
    }
}
