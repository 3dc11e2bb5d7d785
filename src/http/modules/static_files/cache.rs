//! What a thread keeps of the files that it served: the bytes of small ones, descriptors of larger ones.
//!
//! Every request asks the system about the file by one call on its name. What is kept is only used if the answer is
//! what it was when it was kept, and nothing is kept of a file that was changed so recently that another change could
//! leave no mark. Requests that have been read one after the other share the answer to one call that is made behind the
//! last of them: whoever changed a file and then asked for it gets it as it is now.

use crate::clock;
use crate::http::file_name::Failure;
use crate::http::symlinks::Access;
use bytes::Bytes;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::Duration;

/// Files up to this size are kept as bytes.
const SMALL: u64 = 64 * 1024;
/// So many bytes of small files are kept by a thread.
const MOST_BYTES: u64 = 8 * 1024 * 1024;
/// So many files are known at a time, the large ones with a descriptor each.
const MOST_FILES: usize = 1024;
const MOST_DESCRIPTORS: usize = 128;
/// A file that was changed since may change again without another mark: file systems stamp by a clock of some
/// milliseconds.
const SETTLED: Duration = Duration::from_millis(100);

/// A file that can be sent.
#[derive(Clone)]
pub struct Cached {
    /// Its bytes or its descriptor.
    pub content: Content,
    /// Its size in bytes.
    pub size: u64,
    /// When it was changed last, in seconds since 1970.
    pub modified: i64,
    /// Its entity tag.
    pub etag: Bytes,
    /// Whether it is kept: as long as it does not change, the same content is given out.
    pub kept: bool,
}

/// What is sent.
#[derive(Clone)]
pub enum Content {
    /// All of it.
    Bytes(Bytes),
    /// The open file.
    File(Rc<File>),
}

/// What a name stands for.
pub enum Found {
    /// A regular file.
    File(Cached),
    /// A directory.
    Directory,
    /// A device, a pipe, a socket.
    Other,
}

/// A point in the order of what a thread reads from clients and asks the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// Behind any other: for requests that have waited for something since they were read, in which time a file may
    /// have been changed for their sake.
    pub const NEVER: Moment = Moment(u64::MAX);
}

/// Contents and descriptors that a thread keeps.
#[derive(Default)]
pub struct Cache {
    kept: RefCell<Inner>,
    last: Cell<u64>,
    /// How many files were opened since the event loop last waited, and in the turn before.
    opened: Cell<usize>,
    opened_before: Cell<usize>,
}

/// So many files must have been opened in a turn of the event loop for requests of the next one to wait for each other.
const CROWD: usize = 4;

#[derive(Default)]
struct Inner {
    by_name: HashMap<Rc<[u8]>, usize, foldhash::fast::FixedState>,
    slots: Vec<Slot>,
    /// The next slot to be looked at when room is needed.
    hand: usize,
    bytes: u64,
    descriptors: usize,
    /// Names of which the system has just said that there is no such file, and when.
    missing: HashMap<Box<[u8]>, Moment, foldhash::fast::FixedState>,
}

struct Slot {
    name: Rc<[u8]>,
    stamp: Stamp,
    file: Cached,
    used: bool,
    /// When the system was last asked about it.
    checked: Moment,
}

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stamp {
    fn of(stat: &Stat) -> Stamp {
        Stamp {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    fn is_settled(&self) -> bool {
        let before = |(seconds, nanos): (i64, u64)| {
            let at = Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
                .saturating_add(Duration::from_nanos(nanos));
            at.saturating_add(SETTLED) < clock::unix_time()
        };
        before(self.modified) && before(self.changed)
    }
}

impl Cache {
    /// Now.
    pub fn moment(&self) -> Moment {
        let now = self.last.get().wrapping_add(1);
        self.last.set(now);
        Moment(now)
    }

    /// Called when the event loop is about to wait.
    pub fn end_turn(&self) {
        self.opened_before.set(self.opened.replace(0));
        self.kept.borrow_mut().missing.clear();
    }

    /// Whether it pays to read the other requests that have arrived before a file is sought for this one.
    pub fn expects_crowd(&self) -> bool {
        self.opened_before.get().max(self.opened.get()) >= CROWD
    }

    /// Opens a file by its name, for which nothing needs to be opened or read if it is known and has not changed.
    /// `asked` is when the request had been read that it is for.
    ///
    /// # Errors
    /// As open(2); a name with a NUL in it is none.
    pub fn open(
        &self,
        name: &mut Vec<u8>,
        access: Access,
        asked: Moment,
    ) -> Result<Found, Failure> {
        self.opened.set(self.opened.get().saturating_add(1));
        if access.is_plain() && asked != Moment::NEVER {
            let mut kept = self.kept.borrow_mut();
            if let Some(file) = kept.checked_since(name, asked) {
                return Ok(Found::File(file));
            }
            if kept.missing.get(&**name).is_some_and(|when| *when > asked) {
                return Err(failure(Errno::NOENT));
            }
        }
        name.push(0);
        let found = match CStr::from_bytes_with_nul(name) {
            Ok(text) if access.is_plain() => self.find(text),
            Ok(text) => self.reach(text, access),
            Err(_) => Err(failure(Errno::NOENT)),
        };
        name.pop();
        found
    }

    fn find(&self, name: &CStr) -> Result<Found, Failure> {
        let now = self.moment();
        let stat = match rustix::fs::stat(name) {
            Err(Errno::NOENT) => {
                if self.expects_crowd() {
                    self.kept.borrow_mut().is_missing(name.to_bytes(), now);
                }
                return Err(failure(Errno::NOENT));
            }
            other => other.map_err(failure)?,
        };
        let stamp = Stamp::of(&stat);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => {
                open(name)?;
                return Ok(Found::Directory);
            }
            _ => return Ok(Found::Other),
        }
        if let Some(file) = self.kept.borrow_mut().get(name.to_bytes(), &stamp, now) {
            return Ok(Found::File(file));
        }
        self.load(name)
    }

    /// Where links matter, it takes the opening to know what a name stands for.
    fn reach(&self, name: &CStr, access: Access) -> Result<Found, Failure> {
        let now = self.moment();
        let open = File::from(access.open(name.to_bytes())?);
        let stat = stat(&open)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            let known = self
                .kept
                .borrow_mut()
                .get(name.to_bytes(), &Stamp::of(&stat), now);
            if let Some(file) = known {
                return Ok(Found::File(file));
            }
        }
        self.take(name, open, &stat, now)
    }

    fn load(&self, name: &CStr) -> Result<Found, Failure> {
        let now = self.moment();
        let open = open(name)?;
        let stat = stat(&open)?;
        self.take(name, open, &stat, now)
    }

    fn take(&self, name: &CStr, open: File, stat: &Stat, now: Moment) -> Result<Found, Failure> {
        // The name may stand for something else by now.
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Directory => return Ok(Found::Directory),
            _ => return Ok(Found::Other),
        }
        let stamp = Stamp::of(stat);
        let small = stamp.size <= SMALL;
        let content = match small.then(|| read(&open, stamp.size)).flatten() {
            Some(bytes) => Content::Bytes(bytes),
            None => Content::File(Rc::new(open)),
        };
        let modified = stamp.modified.0;
        let kept = stamp.is_settled();
        let file = Cached {
            kept,
            content,
            size: stamp.size,
            modified,
            etag: Bytes::from(format!("\"{modified:x}-{:x}\"", stamp.size)),
        };
        if kept {
            self.kept
                .borrow_mut()
                .keep(name.to_bytes(), stamp, file.clone(), now);
        }
        Ok(Found::File(file))
    }
}

fn open(name: &CStr) -> Result<File, Failure> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::open(name, flags, Mode::empty())
        .map(File::from)
        .map_err(failure)
}

fn stat(file: &File) -> Result<Stat, Failure> {
    rustix::fs::fstat(file).map_err(|errno| Failure {
        call: "fstat()",
        errno,
    })
}

fn failure(errno: Errno) -> Failure {
    Failure {
        call: "open()",
        errno,
    }
}

/// All bytes of a file; nothing if there are not that many: it is being changed, and sent from the open file.
fn read(file: &File, size: u64) -> Option<Bytes> {
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(Bytes::from(bytes))
}

impl Inner {
    fn get(&mut self, name: &[u8], stamp: &Stamp, now: Moment) -> Option<Cached> {
        let slot = self.slots.get_mut(*self.by_name.get(name)?)?;
        if slot.stamp != *stamp {
            // What was right a moment ago is not any more.
            slot.checked = Moment(0);
            return None;
        }
        slot.used = true;
        slot.checked = now;
        Some(slot.file.clone())
    }

    /// A file about which the system was asked since then.
    fn checked_since(&mut self, name: &[u8], asked: Moment) -> Option<Cached> {
        let slot = self.slots.get_mut(*self.by_name.get(name)?)?;
        if slot.checked <= asked {
            return None;
        }
        slot.used = true;
        Some(slot.file.clone())
    }

    fn is_missing(&mut self, name: &[u8], now: Moment) {
        if let Some(when) = self.missing.get_mut(name) {
            *when = now;
        } else if self.missing.len() < MOST_FILES {
            self.missing.insert(name.into(), now);
        }
    }

    fn keep(&mut self, name: &[u8], stamp: Stamp, file: Cached, checked: Moment) {
        if let Some(&number) = self.by_name.get(name) {
            self.remove(number);
        }
        let (bytes, descriptors) = cost(&file);
        if bytes > MOST_BYTES {
            return;
        }
        // What is short decides what goes: descriptors do not make room for bytes.
        while self.slots.len() >= MOST_FILES {
            self.evict(|_| true);
        }
        while self.bytes + bytes > MOST_BYTES {
            self.evict(|slot| cost(&slot.file).0 > 0);
        }
        while self.descriptors + descriptors > MOST_DESCRIPTORS {
            self.evict(|slot| cost(&slot.file).1 > 0);
        }
        self.bytes += bytes;
        self.descriptors += descriptors;
        let name: Rc<[u8]> = Rc::from(name);
        self.by_name.insert(Rc::clone(&name), self.slots.len());
        self.slots.push(Slot {
            name,
            stamp,
            file,
            used: false,
            checked,
        });
    }

    /// Drops the next of its kind that was not used since the hand passed it. There must be one of the kind.
    fn evict(&mut self, kind: fn(&Slot) -> bool) {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            match self.slots.get_mut(self.hand) {
                Some(slot) if kind(slot) && !slot.used => {
                    self.remove(self.hand);
                    // The newest one stands there now: its turn comes last.
                    self.hand += 1;
                    return;
                }
                Some(slot) => {
                    slot.used &= !kind(slot);
                    self.hand += 1;
                }
                None => return,
            }
        }
    }

    fn remove(&mut self, number: usize) {
        if number >= self.slots.len() {
            return;
        }
        let gone = self.slots.swap_remove(number);
        self.by_name.remove(&gone.name);
        let (bytes, descriptors) = cost(&gone.file);
        self.bytes -= bytes;
        self.descriptors -= descriptors;
        if let Some(moved) = self.slots.get(number) {
            self.by_name.insert(Rc::clone(&moved.name), number);
        }
    }
}

/// Bytes and descriptors that a file holds.
fn cost(file: &Cached) -> (u64, usize) {
    match &file.content {
        Content::Bytes(bytes) => (bytes.len() as u64, 0),
        Content::File(_) => (0, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn name(path: &Path) -> Vec<u8> {
        path.as_os_str().as_bytes().to_vec()
    }

    fn open(cache: &Cache, path: &Path) -> Cached {
        match cache.open(&mut name(path), Access::PLAIN, Moment::NEVER) {
            Ok(Found::File(file)) => file,
            _ => panic!("no file"),
        }
    }

    fn text(file: &Cached) -> Vec<u8> {
        match &file.content {
            Content::Bytes(b) => b.to_vec(),
            Content::File(_) => panic!("not in memory"),
        }
    }

    /// Makes it look as if it was changed long ago; the change time is now all the same.
    fn settle() {
        std::thread::sleep(SETTLED + Duration::from_millis(20));
    }

    #[test]
    fn what_is_kept_is_never_stale() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let cache = Cache::default();
        std::fs::write(&path, "one").unwrap();
        assert_eq!(text(&open(&cache, &path)), b"one");
        assert_eq!(cache.kept.borrow().slots.len(), 0, "it is too young");
        settle();
        let first = open(&cache, &path);
        assert_eq!(cache.kept.borrow().slots.len(), 1);
        let (Content::Bytes(a), Content::Bytes(b)) = (first.content, open(&cache, &path).content)
        else {
            panic!()
        };
        assert_eq!(a.as_ptr(), b.as_ptr(), "read once");
        std::fs::write(&path, "two").unwrap();
        assert_eq!(text(&open(&cache, &path)), b"two");
        std::fs::write(dir.path().join("b"), "six").unwrap();
        std::fs::rename(dir.path().join("b"), &path).unwrap();
        assert_eq!(text(&open(&cache, &path)), b"six");
        std::fs::remove_file(&path).unwrap();
        let Err(failure) = cache.open(&mut name(&path), Access::PLAIN, Moment::NEVER) else {
            panic!()
        };
        assert_eq!((failure.call, failure.errno), ("open()", Errno::NOENT));
    }

    #[test]
    fn one_question_serves_those_who_asked_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let cache = Cache::default();
        std::fs::write(&path, "one").unwrap();
        settle();
        open(&cache, &path);
        let get = |asked| match cache.open(&mut name(&path), Access::PLAIN, asked) {
            Ok(Found::File(file)) => text(&file),
            _ => panic!("no file"),
        };
        let (first, second) = (cache.moment(), cache.moment());
        assert_eq!(get(first), b"one");
        std::fs::write(&path, "two").unwrap();
        assert_eq!(get(second), b"one", "the question came behind both");
        assert_eq!(get(Moment::NEVER), b"two", "who has waited asks anew");
        assert_eq!(
            get(second),
            b"two",
            "nobody is told what is known to be over"
        );
        assert_eq!(get(cache.moment()), b"two");
        std::fs::remove_file(&path).unwrap();
        let is_missing = |asked| cache.open(&mut name(&path), Access::PLAIN, asked).is_err();
        let (first, second) = (cache.moment(), cache.moment());
        assert!(is_missing(first));
        std::fs::write(&path, "new").unwrap();
        assert!(is_missing(second) && !is_missing(cache.moment()));
    }

    #[test]
    fn validators_are_nginx_s() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "0123456789abcdef").unwrap();
        let when = std::time::UNIX_EPOCH + Duration::from_secs(784_111_777);
        File::open(&path).unwrap().set_modified(when).unwrap();
        let file = open(&Cache::default(), &path);
        assert_eq!(file.etag, "\"2ebc98a1-10\"");
        assert_eq!((file.modified, file.size), (784_111_777, 16));
    }

    #[test]
    fn only_regular_files_are_opened() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::default();
        let found = cache.open(&mut name(dir.path()), Access::PLAIN, Moment::NEVER);
        assert!(matches!(found, Ok(Found::Directory)));
        let found = cache.open(&mut b"/dev/null".to_vec(), Access::PLAIN, Moment::NEVER);
        assert!(matches!(found, Ok(Found::Other)));
        assert!(
            cache
                .open(&mut b"/dev/null\0x".to_vec(), Access::PLAIN, Moment::NEVER)
                .is_err()
        );
    }

    #[test]
    fn room_is_bounded() {
        let (mut inner, now) = (Inner::default(), Moment(1));
        let stamp = Stamp {
            device: 0,
            inode: 0,
            size: 0,
            modified: (0, 0),
            changed: (0, 0),
        };
        let file = |size| Cached {
            content: Content::Bytes(Bytes::from(vec![0; size])),
            size: size as u64,
            modified: 0,
            etag: Bytes::new(),
            kept: true,
        };
        for i in 0..300u32 {
            inner.keep(&i.to_be_bytes(), stamp, file(SMALL as usize), now);
            // One that is asked for all the time stays.
            assert!(inner.get(&0u32.to_be_bytes(), &stamp, now).is_some(), "{i}");
            assert!(inner.bytes <= MOST_BYTES);
        }
        assert_eq!(inner.slots.len() as u64, MOST_BYTES / SMALL);
        for i in 0..3000u32 {
            inner.keep(&i.to_be_bytes(), stamp, file(1), now);
            inner.keep(&i.to_be_bytes(), stamp, file(2), now);
        }
        assert_eq!(inner.slots.len(), MOST_FILES);
        assert_eq!(inner.by_name.len(), MOST_FILES);
        for (number, slot) in inner.slots.iter().enumerate() {
            assert_eq!(inner.by_name.get(&slot.name), Some(&number));
        }
        let null = Rc::new(File::open("/dev/null").unwrap());
        for i in 0..300u32 {
            let open = Cached {
                content: Content::File(Rc::clone(&null)),
                ..file(0)
            };
            inner.keep(&(i + 10_000).to_be_bytes(), stamp, open, now);
        }
        assert_eq!(inner.descriptors, MOST_DESCRIPTORS);
    }
}
