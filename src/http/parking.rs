//! Connections that have waited for a while. What a task needs to serve a connection is a kilobyte and more; one that has
//! waited for some tenths of a second becomes a small record in its place among the thread's [`Connections`], and the thread
//! watches all of them by one descriptor of epoll. When something arrives, a task goes on with the connection where the
//! last one left it.
//!
//! One task per thread, the keeper, does it all. Connections that are in use know nothing of it: who began to wait before
//! its last look and still does is told to park.
//!
//! [`Connections`]: super::connections::Connections

mod record;
mod rest;

pub use record::Parked;
pub use rest::{Rest, State};

use super::accept;
use super::worker::Worker;
use crate::clock;
use crate::net::readable::Readable;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::time::Timespec;
use std::cell::{Cell, OnceCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long the keeper waits between two looks. A connection parks when it has waited for once to twice this time, and for
/// longer when it has come back from parking.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// Waits that are shorter are timed by their tasks.
pub const SHORT: Duration = Duration::from_secs(1);

/// So many connections are taken up again before others have their turn.
const AT_ONCE: usize = 64;

/// A time on the clock of [`clock::monotonic_ms`], in tenths of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due(u32);

impl Due {
    const NEVER: Due = Due(u32::MAX);
    const MILLIS: u64 = 100;

    fn now() -> Due {
        Due(u32::try_from(clock::monotonic_ms() / Self::MILLIS).unwrap_or(u32::MAX))
    }

    /// The first one that is not before a time; never, if there is no time.
    pub fn not_before(time: Option<Instant>) -> Due {
        let Some(time) = time else {
            return Due::NEVER;
        };
        let left = time.saturating_duration_since(clock::instant().into());
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let at = clock::monotonic_ms().saturating_add(left);
        Due(u32::try_from(at.div_ceil(Self::MILLIS)).unwrap_or(u32::MAX))
    }

    /// How long it is until then.
    pub fn left(self) -> Duration {
        match self {
            Due::NEVER => Duration::MAX,
            Due(at) => Duration::from_millis(
                (u64::from(at) * Self::MILLIS).saturating_sub(clock::monotonic_ms()),
            ),
        }
    }
}

/// What a thread has for it.
#[derive(Default)]
pub struct Parking {
    /// Watches the connections; none where the system has no descriptor for it.
    watch: OnceCell<Option<Rc<OwnedFd>>>,
    /// Whether the keeper looks at nothing before it is roused, or somebody's time is over.
    asleep: Cell<bool>,
    roused: Notify,
    /// How often a connection had begun to wait at the last look.
    begun: Cell<u32>,
    /// When the first of those that have parked is due.
    next: Cell<Option<Due>>,
}

impl Parking {
    /// Says that a connection has begun to wait. Whether it will be told to park if it waits for long.
    pub fn expect(&self, worker: &Rc<Worker>) -> bool {
        let watch = self.watch.get_or_init(|| start(worker).ok());
        if self.asleep.replace(false) {
            self.roused.notify_one();
        }
        watch.is_some()
    }

    /// Begins to watch a connection, which is in this place.
    ///
    /// # Errors
    /// As epoll_ctl(2).
    pub fn watch(&self, socket: impl AsFd, place: usize) -> io::Result<()> {
        let watch = self.watch.get().and_then(Option::as_ref);
        let watch = watch.ok_or(io::ErrorKind::Unsupported)?;
        let flags = EventFlags::IN | EventFlags::RDHUP | EventFlags::ONESHOT;
        epoll::add(watch, socket, EventData::new_u64(place as u64), flags)?;
        Ok(())
    }

    /// Watches it no longer.
    pub fn forget(&self, socket: impl AsFd) {
        if let Some(Some(watch)) = self.watch.get() {
            let _ = epoll::delete(watch, socket);
        }
    }

    /// Says when a connection that has parked is to end.
    pub fn remember(&self, due: Due) {
        let sooner = self.next.get().is_none_or(|next| due < next);
        if sooner && due != Due::NEVER {
            self.next.set(Some(due));
            self.roused.notify_one();
        }
    }
}

fn start(worker: &Rc<Worker>) -> io::Result<Rc<OwnedFd>> {
    let watch = Rc::new(epoll::create(CreateFlags::CLOEXEC)?);
    let happens = Readable::of(&watch)?;
    tokio::task::spawn_local(keep(Rc::clone(worker), Rc::clone(&watch), happens));
    Ok(watch)
}

/// The keeper.
async fn keep(worker: Rc<Worker>, watch: Rc<OwnedFd>, happens: Readable) {
    let parking = &worker.parking;
    let mut look = Instant::now() + BETWEEN_LOOKS;
    loop {
        let was_asleep = parking.asleep.get();
        let wake = match (was_asleep, parking.next.get()) {
            (false, Some(due)) => Some(look.min(time_of(due))),
            (false, None) => Some(look),
            (true, next) => next.map(time_of),
        };
        tokio::select! {
            biased;
            () = until(wake) => {
                look_around(&worker);
                look = Instant::now() + BETWEEN_LOOKS;
            }
            () = parking.roused.notified() => {
                if was_asleep {
                    look = Instant::now() + BETWEEN_LOOKS;
                }
            }
            ready = happens.wait() => {
                // The event loop is at its end.
                if ready.is_err() {
                    return;
                }
                while take_up(&worker, &watch) {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

fn time_of(due: Due) -> Instant {
    let now = Instant::from_std(clock::instant());
    now.checked_add(due.left()).unwrap_or(now + SHORT)
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Tells those to park that have waited long enough, and ends those whose time is over.
fn look_around(worker: &Rc<Worker>) {
    let parking = &worker.parking;
    let connections = &worker.connections;
    let begun = parking.begun.replace(connections.begun());
    let found = connections.look_around(begun, Due::now());
    parking
        .next
        .set(found.next.filter(|due| *due != Due::NEVER));
    parking.asleep.set(!found.others);
    for place in found.over {
        match connections.with_parked(place, Parked::ends_silently) {
            Some(true) => connections.end_parked(place),
            _ => accept::take_up(worker, place),
        }
    }
}

/// Goes on with connections on which something has happened. Whether there may be more of them.
fn take_up(worker: &Rc<Worker>, watch: &OwnedFd) -> bool {
    let mut events = Vec::with_capacity(AT_ONCE);
    let at_once = Timespec::default();
    if epoll::wait(watch, spare_capacity(&mut events), Some(&at_once)).is_err() {
        return false;
    }
    let more = events.len() == AT_ONCE;
    let ended = EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR;
    for event in events {
        let Ok(place) = usize::try_from(event.data.u64()) else {
            continue;
        };
        // By far most of them end without another request.
        let flags = event.flags;
        let gone = flags.intersects(ended)
            && worker.connections.with_parked(place, Parked::has_gone) == Some(true);
        match gone {
            true => worker.connections.end_parked(place),
            false => accept::take_up(worker, place),
        }
    }
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_up() {
        let now = Instant::now();
        let due = Due::not_before(Some(now + Duration::from_secs(65)));
        let left = due.left();
        assert!(left > Duration::from_millis(64_900) && left < Duration::from_millis(65_200));
        assert_eq!(Due::not_before(None), Due::NEVER);
        assert_eq!(Due::NEVER.left(), Duration::MAX);
        assert!(Due::not_before(Some(now)) >= Due::now());
    }

    #[test]
    fn a_record_is_small() {
        let size = std::mem::size_of::<Parked>();
        assert!(size <= 128, "{size}");
    }
}
