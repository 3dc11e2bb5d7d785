//! `worker_connections`: how many connections a thread may have, to clients and to upstreams.

use super::connections::Connections;
use crate::log::{self, Level};
use std::cell::Cell;
use std::rc::Rc;

/// The places for connections of a thread.
#[derive(Clone)]
pub struct Room(Rc<Counts>);

struct Counts {
    most: Cell<usize>,
    taken: Cell<usize>,
    /// The second, counted from 1, in which it was last said that there are too few.
    warned: Cell<u64>,
}

/// The place of a connection, which is free again when this is dropped.
pub struct Place(Rc<Counts>);

impl Default for Room {
    /// Without a limit.
    fn default() -> Self {
        Room(Rc::new(Counts {
            most: Cell::new(usize::MAX),
            taken: Cell::new(0),
            warned: Cell::new(0),
        }))
    }
}

impl Room {
    /// Sets how many places there are. Whoever has one keeps it.
    pub fn set(&self, most: usize) {
        self.0.most.set(most);
    }

    /// How many there are.
    pub fn most(&self) -> usize {
        self.0.most.get()
    }

    /// A place, if one is free. When few are left, connections that wait for a request give up theirs: they count as
    /// gone from the moment that they are asked to.
    pub fn take(&self, connections: &Connections) -> Option<Place> {
        let Counts {
            most,
            taken,
            warned,
        } = &*self.0;
        let most = most.get();
        let count = || taken.get().saturating_sub(connections.leaving());
        if most.saturating_sub(count()) <= most / 16 && connections.waiting() > 0 {
            let now = crate::clock::monotonic_ms() / 1000 + 1;
            if warned.replace(now) != now {
                log::event(
                    Level::Warn,
                    format_args!("{most} worker_connections are not enough, reusing connections"),
                );
            }
            connections.drain();
        }
        (count() < most).then(|| {
            taken.set(taken.get().saturating_add(1));
            Place(Rc::clone(&self.0))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_and_given_back() {
        let (room, nobody) = (Room::default(), Connections::default());
        room.set(2);
        let first = room.take(&nobody);
        let second = room.take(&nobody);
        assert!(first.is_some() && second.is_some() && room.take(&nobody).is_none());
        drop(first);
        let third = room.take(&nobody);
        assert!(third.is_some());
        // After a reload with fewer places, those that are taken stay so.
        room.set(1);
        drop(second);
        assert!(room.take(&nobody).is_none());
        drop(third);
        assert!(room.take(&nobody).is_some());
    }
}
