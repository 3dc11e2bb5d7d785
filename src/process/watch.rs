//! `--watch`: noticing that a file of the configuration has changed.

use super::snapshot::Snapshot;
use crate::log::{self, Level};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Editors write a file in several steps: after the last one it is quiet for so long.
const QUIET: Duration = Duration::from_millis(200);

/// The directories of all files of a configuration, watched.
pub struct Watch {
    /// Ends the watching when it is dropped.
    _watcher: RecommendedWatcher,
    changes: UnixStream,
    due: Option<Instant>,
    known: Snapshot,
}

impl Watch {
    /// Watches the files that were read, and the places where more could appear.
    pub fn start(snapshot: &Snapshot) -> Option<Watch> {
        match try_start(snapshot) {
            Ok(watch) => Some(watch),
            Err(error) => {
                log::event(
                    Level::Warn,
                    format_args!("the files of the configuration cannot be watched: {error}"),
                );
                None
            }
        }
    }

    /// When to look whether something has really changed.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes notice of changes; whether it is time to look.
    pub fn take_due(&mut self, now: Instant) -> bool {
        let mut buffer = [0; 256];
        while matches!(self.changes.read(&mut buffer), Ok(n) if n > 0) {
            self.due = Some(now + QUIET);
        }
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.due = None;
        }
        due
    }

    /// Whether the files are not what they were when this was last asked.
    pub fn differs(&mut self, snapshot: &Snapshot) -> bool {
        let differs = !self.known.same_text(snapshot);
        if differs {
            self.known = snapshot.clone();
        }
        differs
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}

fn try_start(snapshot: &Snapshot) -> Result<Watch, Box<dyn std::error::Error>> {
    let (changes, sender) = UnixStream::pair()?;
    changes.set_nonblocking(true)?;
    sender.set_nonblocking(true)?;
    let ours = Ours::new(snapshot);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let concerns_us = |event: notify::Event| {
            !event.kind.is_access() && event.paths.iter().any(|p| ours.has(p))
        };
        if event.is_ok_and(concerns_us) {
            // A full socket says all there is to say.
            let _ = (&sender).write(&[1]);
        }
    })?;
    for directory in directories(snapshot) {
        watcher.watch(&directory, RecursiveMode::NonRecursive)?;
    }
    Ok(Watch {
        _watcher: watcher,
        changes,
        // What changed while nobody watched is found by looking once.
        due: Some(Instant::now()),
        known: snapshot.clone(),
    })
}

/// Directories rather than files: most editors replace a file by another one.
fn directories(snapshot: &Snapshot) -> BTreeSet<PathBuf> {
    let files = names(snapshot)
        .into_iter()
        .chain(snapshot.patterns().map(Path::to_owned));
    let directories = files.filter_map(|path| path.parent().map(Path::to_owned));
    directories.filter(|directory| directory.is_dir()).collect()
}

/// The files by the names under which they were read, and by their real ones: `sites-enabled` is full of links.
fn names(snapshot: &Snapshot) -> BTreeSet<PathBuf> {
    let real = snapshot.paths().filter_map(|path| path.canonicalize().ok());
    snapshot.paths().map(Path::to_owned).chain(real).collect()
}

/// What belongs to the configuration; logs are often in the same directory.
struct Ours {
    files: BTreeSet<PathBuf>,
    patterns: Vec<glob::Pattern>,
}

impl Ours {
    fn new(snapshot: &Snapshot) -> Ours {
        let pattern = |path: &Path| glob::Pattern::new(&path.to_string_lossy()).ok();
        Ours {
            files: names(snapshot),
            patterns: snapshot.patterns().filter_map(pattern).collect(),
        }
    }

    fn has(&self, path: &Path) -> bool {
        self.files.contains(path)
            || self
                .patterns
                .iter()
                .any(|pattern| pattern.matches_path(path))
    }
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::Recording;
    use super::*;
    use crate::config::source::Files;

    #[test]
    fn a_change_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("nginx.conf");
        std::fs::write(&file, "a").unwrap();
        let read = || {
            let recording = Recording::default();
            recording.read(&file).unwrap();
            recording.snapshot()
        };
        let mut watch = Watch::start(&read()).unwrap();
        assert!(!watch.differs(&read()));
        std::fs::write(dir.path().join("new"), "b").unwrap();
        std::fs::rename(dir.path().join("new"), &file).unwrap();
        let begun = Instant::now();
        while !watch.take_due(Instant::now()) {
            assert!(begun.elapsed() < Duration::from_secs(10), "not noticed");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(watch.differs(&read()));
        assert!(!watch.differs(&read()));
    }
}
