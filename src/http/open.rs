//! How many connections a thread has, and how they are cut when their time is over.

use super::connections::Connections;
use super::room::Place;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The connections of a thread.
#[derive(Default)]
pub struct Open {
    count: Cell<usize>,
    changed: Notify,
    /// Whether connections are kept track of one by one, so that they can be cut.
    tracked: Cell<bool>,
    next: Cell<u64>,
    kept: RefCell<HashMap<u64, Kept, foldhash::fast::FixedState>>,
}

/// What is to be ended where a connection is cut.
enum Kept {
    /// Its task.
    Task(AbortHandle),
    /// What is in its place.
    Parked(usize),
}

impl Open {
    /// Sets whether those to come shall be possible to cut.
    pub fn track(&self, tracked: bool) {
        self.tracked.set(tracked);
    }

    /// Returns when there are none.
    pub async fn none_left(&self) {
        while self.count.get() > 0 {
            self.changed.notified().await;
        }
    }

    /// The connections that there are now, to cut later whichever of them remain.
    pub fn all(&self) -> Vec<u64> {
        self.kept.borrow().keys().copied().collect()
    }

    /// Cuts connections.
    pub fn cut(&self, numbers: &[u64], connections: &Connections) {
        for number in numbers {
            let kept = self.kept.borrow_mut().remove(number);
            match kept {
                Some(Kept::Task(task)) => task.abort(),
                Some(Kept::Parked(place)) => connections.end_parked(place),
                None => {}
            }
        }
    }

    /// Runs a connection to its end.
    pub fn spawn<F>(self: &Rc<Self>, place: Place, serve: impl FnOnce(Ended) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        let number = self.next.replace(self.next.get().wrapping_add(1));
        self.count.set(self.count.get().saturating_add(1));
        let ended = Ended {
            open: Rc::clone(self),
            number,
            _place: place,
        };
        ended.go_on(serve);
    }
}

/// Counts a connection down however it ends.
pub struct Ended {
    open: Rc<Open>,
    number: u64,
    _place: Place,
}

impl Ended {
    /// Runs the connection in a task.
    pub fn go_on<F>(self, serve: impl FnOnce(Ended) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        let (open, number) = (Rc::clone(&self.open), self.number);
        let task = tokio::task::spawn_local(serve(self));
        let mut kept = open.kept.borrow_mut();
        if open.tracked.get() || kept.contains_key(&number) {
            kept.insert(number, Kept::Task(task.abort_handle()));
        }
    }

    /// Says that the connection goes on without a task, in a place among the [`Connections`].
    pub fn park(&self, place: usize) {
        if let Some(kept) = self.open.kept.borrow_mut().get_mut(&self.number) {
            *kept = Kept::Parked(place);
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let open = &self.open;
        open.count.set(open.count.get().saturating_sub(1));
        if open.tracked.get() || !open.kept.borrow().is_empty() {
            open.kept.borrow_mut().remove(&self.number);
        }
        if open.count.get() == 0 {
            open.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::room::Room;

    #[test]
    fn a_panic_ends_one_connection_and_gives_its_place_back() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build_local(Default::default())
            .unwrap();
        runtime.block_on(async {
            let open: Rc<Open> = Rc::default();
            open.track(true);
            let (room, nobody) = (Room::default(), Connections::default());
            let served = Rc::new(Cell::new(0));
            for number in 0..3 {
                let served = Rc::clone(&served);
                open.spawn(room.take(&nobody).unwrap(), |ended| async move {
                    let _ended = ended;
                    tokio::task::yield_now().await;
                    assert!(number != 1, "this one fails");
                    served.set(served.get() + 1);
                });
            }
            assert_eq!(open.count.get(), 3);
            open.none_left().await;
            assert_eq!((served.get(), open.all().len()), (2, 0));
        });
    }
}
