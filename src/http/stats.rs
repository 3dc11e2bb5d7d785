//! How many connections and requests there are and were, for `stub_status` and `$connections_*`. Each thread counts in
//! a place of its own, which only it writes to; whoever wants to know adds them up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Waiting for a request to begin.
    Waiting,
    /// Reading the head of a request.
    Reading,
    /// Answering one.
    Writing,
}

/// The sums over all threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Connections that were accepted.
    pub accepted: u64,
    /// Requests.
    pub requests: u64,
    /// Connections that are open.
    pub active: u64,
    /// Connections that wait for a request.
    pub waiting: u64,
    /// Requests whose head is being read.
    pub reading: u64,
    /// Requests that are being answered.
    pub writing: u64,
}

#[derive(Default)]
#[repr(align(128))]
struct Counters {
    accepted: AtomicU64,
    closed: AtomicU64,
    requests: AtomicU64,
    waiting: AtomicU64,
    reading: AtomicU64,
    writing: AtomicU64,
}

static ALL: Mutex<Vec<Arc<Counters>>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: Arc<Counters> = {
        let own = Arc::new(Counters::default());
        // Counts of a thread that ends stay in the sums.
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&own));
        own
    };
}

/// Adds to a counter of this thread. Nobody else writes to it, so that no locked instruction is needed.
fn add(counter: fn(&Counters) -> &AtomicU64, n: u64) {
    // At the very end of a thread there is nothing left to count in.
    let _ = OWN.try_with(|own| {
        let counter = counter(own);
        let sum = counter.load(Ordering::Relaxed).wrapping_add(n);
        counter.store(sum, Ordering::Relaxed);
    });
}

/// Takes one away.
const LESS: u64 = u64::MAX;

/// Counts a connection, which is open until the result is dropped.
pub fn connection() -> Connection {
    add(|c| &c.accepted, 1);
    Connection(())
}

/// An open connection.
pub struct Connection(());

impl Drop for Connection {
    fn drop(&mut self) {
        add(|c| &c.closed, 1);
    }
}

/// Counts a request.
pub fn request() {
    add(|c| &c.requests, 1);
}

/// Says what a connection is doing until the result is dropped, on this thread.
pub fn enter(doing: Doing) -> In {
    add(doing.counter(), 1);
    In(doing)
}

/// A connection that is doing something.
pub struct In(Doing);

impl In {
    /// Now it is doing something else.
    pub fn turn_to(&mut self, doing: Doing) {
        if self.0 != doing {
            add(self.0.counter(), LESS);
            add(doing.counter(), 1);
            self.0 = doing;
        }
    }
}

impl Drop for In {
    fn drop(&mut self) {
        add(self.0.counter(), LESS);
    }
}

impl Doing {
    fn counter(self) -> fn(&Counters) -> &AtomicU64 {
        match self {
            Doing::Waiting => |c| &c.waiting,
            Doing::Reading => |c| &c.reading,
            Doing::Writing => |c| &c.writing,
        }
    }
}

/// Adds up what all threads have counted.
pub fn totals() -> Totals {
    let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    let sum = |counter: fn(&Counters) -> &AtomicU64| {
        all.iter().fold(0_u64, |sum, counters| {
            sum.wrapping_add(counter(counters).load(Ordering::Relaxed))
        })
    };
    let accepted = sum(|c| &c.accepted);
    Totals {
        accepted,
        requests: sum(|c| &c.requests),
        active: accepted.wrapping_sub(sum(|c| &c.closed)),
        waiting: sum(|c| &c.waiting),
        reading: sum(|c| &c.reading),
        writing: sum(|c| &c.writing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up() {
        let before = totals();
        let connection = connection();
        let thread = std::thread::spawn(|| {
            let _connection = super::connection();
            request();
            let _writing = enter(Doing::Writing);
            totals().writing
        });
        assert!(thread.join().unwrap() >= 1);
        let now = totals();
        assert!(now.accepted >= before.accepted + 2 && now.requests > before.requests);
        assert!(now.active >= 1);
        drop(connection);
    }
}
