//! Logs whose names have variables in them: opened for each request, or kept open by `open_log_file_cache`.

use crate::config::source::errno;
use crate::http::file_name::Failure;
use crate::http::request::Request;
use crate::http::symlinks::Access;
use crate::http::value::Value;
use crate::log::Level;
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// `open_log_file_cache`. Each directive has a cache of its own, and each thread one for it.
#[derive(Clone, Debug)]
pub struct CacheConf {
    max: usize,
    inactive_ms: u64,
    valid_ms: u64,
    min_uses: usize,
    /// Tells caches apart, and whether a cycle that needs them is left.
    identity: Arc<()>,
}

impl CacheConf {
    pub(super) fn new(max: usize, inactive: Duration, valid: Duration, min_uses: usize) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        CacheConf {
            max,
            inactive_ms: ms(inactive),
            valid_ms: ms(valid),
            min_uses,
            identity: Arc::new(()),
        }
    }
}

/// Appends text to the file that the name stands for in this request.
pub(super) fn write(req: &Request, path: &Value, cache: Option<&CacheConf>, text: &[u8]) {
    if !has_root(req) {
        return;
    }
    let mut name = req.worker.take_buffer();
    path.write(req, &mut name);
    let path = Path::new(OsStr::from_bytes(&name));
    let access = Access::of(req, &req.http, &name);
    let opened = match cache {
        None => access.open_log(&name).map(Rc::new),
        Some(conf) => cached(conf, access, &name),
    };
    match opened {
        Err(Failure { call, errno: error }) => {
            let (path, error) = (path.display(), errno(&error.into()));
            let message = format_args!("{call} \"{path}\" failed ({error})");
            crate::log::request(req, Level::Crit, message);
        }
        Ok(fd) => match rustix::io::write(&*fd, text) {
            Ok(n) if n == text.len() => {}
            Ok(n) => {
                let (path, all) = (path.display(), text.len());
                let message = format_args!("write() to \"{path}\" was incomplete: {n} of {all}");
                crate::log::request(req, Level::Alert, message);
            }
            Err(error) => {
                let (path, error) = (path.display(), errno(&error.into()));
                let message = format_args!("write() to \"{path}\" failed ({error})");
                crate::log::request(req, Level::Alert, message);
            }
        },
    }
    req.worker.give_buffer(name);
}

/// Whether the directory is there that the request's files are in: as nginx does, so that clients cannot make up
/// names of logs (`access_log /logs/$host`) where there is no site.
fn has_root(req: &Request) -> bool {
    let mut root = req.worker.take_buffer();
    req.location(&req.http).core.root.write(req, &mut root);
    let found = Access::of(req, &req.http, &root).stat(&root);
    let missing = match found {
        Ok(data) if FileType::from_raw_mode(data.st_mode) == FileType::Directory => None,
        Ok(_) => Some(Errno::NOTDIR),
        Err(failure) => Some(failure.errno),
    };
    if let Some(error) = missing {
        let path = Path::new(OsStr::from_bytes(&root));
        let (path, error) = (path.display(), errno(&error.into()));
        let message = format_args!("testing \"{path}\" existence failed ({error})");
        crate::log::request(req, Level::Error, message);
    }
    req.worker.give_buffer(root);
    missing.is_none()
}

thread_local! {
    static CACHES: RefCell<HashMap<usize, Cache>> = RefCell::default();
}

fn cached(conf: &CacheConf, access: Access, path: &[u8]) -> Result<Rc<OwnedFd>, Failure> {
    let now = crate::clock::monotonic_ms();
    CACHES.with_borrow_mut(|caches| {
        let key = Arc::as_ptr(&conf.identity).addr();
        if !caches.contains_key(&key) {
            caches.retain(|_, cache| cache.owner.strong_count() > 0);
            let owner = Arc::downgrade(&conf.identity);
            let entries = HashMap::new();
            let turn = 0;
            caches.insert(
                key,
                Cache {
                    owner,
                    entries,
                    turn,
                },
            );
        }
        match caches.get_mut(&key) {
            Some(cache) => cache.open(conf, access, path, now),
            None => access.open_log(path).map(Rc::new),
        }
    })
}

struct Cache {
    owner: Weak<()>,
    entries: HashMap<Box<[u8]>, Entry>,
    /// Counts uses: several may be in one millisecond.
    turn: u64,
}

struct Entry {
    /// None while it is not used often enough to be kept.
    fd: Option<Rc<OwnedFd>>,
    /// How it was reached.
    access: Access,
    uses: usize,
    /// When it was last seen to be the file of its name: milliseconds.
    checked: u64,
    used: u64,
    turn: u64,
}

impl Cache {
    fn open(
        &mut self,
        conf: &CacheConf,
        access: Access,
        name: &[u8],
        now: u64,
    ) -> Result<Rc<OwnedFd>, Failure> {
        self.entries
            .retain(|_, entry| now.saturating_sub(entry.used) < conf.inactive_ms);
        self.turn += 1;
        let turn = self.turn;
        if let Some(entry) = self.entries.get_mut(name) {
            entry.uses += 1;
            (entry.used, entry.turn) = (now, turn);
            let fresh = now.saturating_sub(entry.checked) < conf.valid_ms;
            if let Some(fd) = &entry.fd
                && entry.access == access
                && (fresh || same_file(fd, access, name))
            {
                if !fresh {
                    entry.checked = now;
                }
                return Ok(Rc::clone(fd));
            }
        }
        let opened = access.open_log(name).map(Rc::new);
        let Ok(fd) = &opened else {
            self.entries.remove(name);
            return opened;
        };
        if !self.entries.contains_key(name) {
            self.make_room(conf.max);
        }
        let entry = self.entries.entry(name.into()).or_insert(Entry {
            fd: None,
            access,
            uses: 1,
            checked: now,
            used: now,
            turn,
        });
        entry.checked = now;
        entry.access = access;
        entry.fd = (entry.uses >= conf.min_uses).then(|| Rc::clone(fd));
        opened
    }

    fn make_room(&mut self, max: usize) {
        if self.entries.len() < max {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.turn);
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.entries.remove(&name);
        }
    }
}

fn same_file(fd: &OwnedFd, access: Access, path: &[u8]) -> bool {
    let id = |stat: Stat| (stat.st_dev, stat.st_ino);
    match (fstat(fd), access.stat(path)) {
        (Ok(open), Ok(named)) => id(open) == id(named),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_often_enough_stays_open() {
        let dir = tempfile::tempdir().unwrap();
        let conf = CacheConf::new(2, Duration::from_secs(20), Duration::from_secs(60), 2);
        let mut cache = Cache {
            owner: Weak::new(),
            entries: HashMap::new(),
            turn: 0,
        };
        let mut open = |name: &str, now| {
            let path = dir.path().join(name);
            let path = path.as_os_str().as_bytes();
            cache.open(&conf, Access::PLAIN, path, now).unwrap();
            let kept = cache.entries.values().filter(|e| e.fd.is_some()).count();
            (cache.entries.len(), kept)
        };
        assert_eq!(open("a", 1), (1, 0));
        assert_eq!(open("a", 2), (1, 1));
        assert_eq!(open("b", 2), (2, 1));
        assert_eq!(open("b", 2), (2, 2));
        // The one that was used least recently makes room.
        assert_eq!(open("c", 2), (2, 1));
        assert_eq!(open("c", 30_000), (1, 0));
    }

    #[test]
    fn a_file_that_was_replaced_is_noticed_when_it_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let conf = CacheConf::new(2, Duration::from_secs(200), Duration::from_secs(60), 1);
        let mut cache = Cache {
            owner: Weak::new(),
            entries: HashMap::new(),
            turn: 0,
        };
        let mut open = |now| {
            let name = path.as_os_str().as_bytes();
            cache.open(&conf, Access::PLAIN, name, now).unwrap()
        };
        let first = open(0);
        std::fs::rename(&path, dir.path().join("y")).unwrap();
        let fresh = open(59_000);
        assert!(Rc::ptr_eq(&first, &fresh) && !path.exists());
        let checked = open(61_000);
        assert!(!Rc::ptr_eq(&first, &checked) && path.exists());
    }
}
