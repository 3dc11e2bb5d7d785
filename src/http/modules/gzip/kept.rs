//! Compressed bodies that a thread keeps: of files that it keeps as they are, too. A body is known again by being the same
//! object, the bytes in memory or the open file, which the static module gives out only as long as the file has not
//! changed.

use super::deflate::Settings;
use crate::http::body::{Body, Part};
use bytes::Bytes;
use std::cell::RefCell;
use std::fs::File;
use std::rc::{Rc, Weak};

/// A body larger than this is compressed as it is sent, each time.
const LARGEST: u64 = 256 * 1024;
/// So many bodies are kept, and so many bytes of them, those that they were made of counted in where they are in memory.
const MOST: usize = 128;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What a body was made of. As long as this is there nothing else has its address.
#[derive(Clone)]
enum Made {
    Bytes(Bytes),
    File(Weak<File>, u64),
}

/// A body that is worth keeping once it is compressed.
pub(super) struct Candidate {
    made: Made,
    level: u32,
    window_bits: u8,
}

struct Entry {
    of: Candidate,
    packed: Bytes,
    /// Its length before compression.
    length: u64,
    /// When it was last asked for.
    used: u64,
}

#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
    bytes: usize,
    now: u64,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

impl Candidate {
    /// The body, if it is all of a file and not too large. Whoever calls this knows that the file is kept.
    pub(super) fn of(body: &Body, settings: &Settings) -> Option<Candidate> {
        let Body::Parts(parts) = body else {
            return None;
        };
        let [part] = &parts[..] else { return None };
        let made = match part {
            Part::Bytes(bytes) => Made::Bytes(bytes.clone()),
            Part::File(range) if range.offset == 0 => {
                Made::File(Rc::downgrade(&range.file), range.length)
            }
            Part::File(_) => return None,
        };
        (part.len() <= LARGEST).then_some(Candidate {
            made,
            level: settings.level,
            window_bits: settings.window_bits,
        })
    }

    /// What it was compressed to before, and its length before that.
    pub(super) fn find(&self) -> Option<(Bytes, u64)> {
        KEPT.with_borrow_mut(|kept| {
            kept.now = kept.now.wrapping_add(1);
            let now = kept.now;
            let entry = kept.entries.iter_mut().find(|entry| entry.of.is(self))?;
            entry.used = now;
            Some((entry.packed.clone(), entry.length))
        })
    }

    /// Keeps what it was compressed to.
    pub(super) fn keep(self, packed: Vec<u8>, length: u64) {
        KEPT.with_borrow_mut(|kept| {
            let used = kept.now;
            let entry = Entry {
                of: self,
                packed: Bytes::from(packed),
                length,
                used,
            };
            kept.bytes += entry.cost();
            kept.entries.push(entry);
            while kept.entries.len() > MOST || kept.bytes > MOST_BYTES {
                kept.drop_one();
            }
        });
    }

    fn is(&self, other: &Candidate) -> bool {
        let same = match (&self.made, &other.made) {
            (Made::Bytes(a), Made::Bytes(b)) => a.as_ptr() == b.as_ptr() && a.len() == b.len(),
            (Made::File(a, n), Made::File(b, m)) => a.ptr_eq(b) && n == m,
            _ => false,
        };
        same && (self.level, self.window_bits) == (other.level, other.window_bits)
    }
}

impl Entry {
    fn cost(&self) -> usize {
        self.packed.len()
            + match &self.of.made {
                Made::Bytes(bytes) => bytes.len(),
                Made::File(..) => 0,
            }
    }

    /// Whether nobody can ask for it any more.
    fn is_over(&self) -> bool {
        matches!(&self.of.made, Made::File(file, _) if file.strong_count() == 0)
    }
}

impl Kept {
    /// Drops one of which the file is gone, or else the one that was not asked for for longest.
    fn drop_one(&mut self) {
        let order = |entry: &Entry| (!entry.is_over(), entry.used);
        let oldest = self.entries.iter().enumerate();
        let oldest = oldest
            .min_by_key(|(_, entry)| order(entry))
            .map(|(at, _)| at);
        if let Some(at) = oldest {
            self.bytes -= self.entries.swap_remove(at).cost();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(bytes: &Bytes) -> Candidate {
        Candidate::of(&Body::bytes(bytes.clone()), &Settings::OF_TESTS).unwrap()
    }

    #[test]
    fn the_same_object_is_the_same_body() {
        let (one, equal) = (Bytes::from(vec![1; 100]), Bytes::from(vec![1; 100]));
        assert!(candidate(&one).find().is_none());
        candidate(&one).keep(vec![7], 100);
        assert_eq!(candidate(&one).find().unwrap(), (Bytes::from(vec![7]), 100));
        assert!(candidate(&equal).find().is_none());
        let other = Settings {
            level: 9,
            ..Settings::OF_TESTS
        };
        let other = Candidate::of(&Body::bytes(one), &other).unwrap();
        assert!(other.find().is_none());
    }

    #[test]
    fn room_is_bounded() {
        let asked = Bytes::from(vec![0; 1000]);
        candidate(&asked).keep(vec![0; 100_000], 1000);
        for _ in 0..1000 {
            let bytes = Bytes::from(vec![0; 1000]);
            candidate(&bytes).keep(vec![0; 100_000], 1000);
            assert!(candidate(&asked).find().is_some());
            KEPT.with_borrow(|kept| {
                assert!(kept.bytes <= MOST_BYTES && kept.entries.len() <= MOST);
                assert_eq!(kept.bytes, kept.entries.iter().map(Entry::cost).sum());
            });
        }
        let large = Bytes::from(vec![0; 1 << 20]);
        assert!(Candidate::of(&Body::bytes(large), &Settings::OF_TESTS).is_none());
    }
}
