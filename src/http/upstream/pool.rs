//! Idle connections to upstreams, kept per thread: nothing crosses threads. A task of the thread closes what the other
//! side has closed, and what was idle for too long.

use super::connect::Conn;
use super::head::ResponseHead;
use super::tls::Key;
use crate::http::conf::LocationId;
use crate::http::timer::Spare;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The pools of a thread.
#[derive(Default)]
pub struct Pools {
    inner: Rc<Inner>,
    /// Heads of answers, for their memory.
    #[allow(
        clippy::vec_box,
        reason = "they are handed out as boxes: a head is too large to be moved for nothing"
    )]
    heads: RefCell<Vec<Box<ResponseHead>>>,
    /// For the timers of connections.
    pub timers: Spare,
}

/// So many heads are kept for reuse.
const HEADS: usize = 64;
/// A head that grew larger than this is not kept.
const LARGEST_HEAD: usize = 16 * 1024;

#[derive(Default)]
struct Inner {
    /// By group; within one, the connection used last is at the front.
    idle: RefCell<HashMap<u64, VecDeque<Idle>, foldhash::fast::FixedState>>,
    /// Wakes the watching task, once it runs.
    watcher: RefCell<Option<Waker>>,
    watching: Cell<bool>,
    /// When the watching task looks next by itself.
    next_look: Cell<Option<Instant>>,
}

struct Idle {
    conn: Box<Conn>,
    place: Place,
    since: Instant,
    until: Instant,
}

/// Where a connection goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the group's peers.
    pub group: u64,
    /// The peer's address.
    pub peer: bytes::Bytes,
    /// The location, if the connection may serve no other.
    pub location: Option<LocationId>,
    /// What its TLS was made for, if it has any: a connection serves no request that would have made another one.
    pub tls: Option<Rc<Key>>,
}

impl Pools {
    /// An empty head with room.
    pub fn take_head(&self) -> Box<ResponseHead> {
        self.heads.borrow_mut().pop().unwrap_or_default()
    }

    /// Gives a head back.
    pub fn give_head(&self, mut head: Box<ResponseHead>) {
        let mut heads = self.heads.borrow_mut();
        if heads.len() < HEADS && head.buf.capacity() <= LARGEST_HEAD {
            head.clear();
            heads.push(head);
        }
    }

    /// An idle connection for this place that is still alive.
    pub fn take(&self, place: &Place) -> Option<Box<Conn>> {
        loop {
            let idle = {
                let mut pools = self.inner.idle.borrow_mut();
                let pool = pools.get_mut(&place.group)?;
                let at = pool.iter().position(|idle| idle.place == *place)?;
                pool.remove(at)?
            };
            let mut conn = idle.conn;
            if conn.is_quiet(&mut Context::from_waker(Waker::noop())) {
                conn.reused = true;
                conn.idle_since = Some(idle.since);
                return Some(conn);
            }
        }
    }

    /// Keeps a connection for `timeout`. If there are more than `most` of the group, the one idle longest is closed.
    pub fn put(&self, place: Place, conn: Box<Conn>, most: usize, timeout: Duration) {
        let since = Instant::now();
        let until = since + timeout;
        self.watch(&conn, until);
        let mut pools = self.inner.idle.borrow_mut();
        let pool = pools.entry(place.group).or_default();
        if pool.len() >= most {
            pool.pop_back();
        }
        pool.push_front(Idle {
            conn,
            place,
            since,
            until,
        });
    }

    /// How many connections are idle.
    pub fn len(&self) -> usize {
        self.inner.idle.borrow().values().map(VecDeque::len).sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has the watching task look at a connection when something happens on it, or when its time is over.
    fn watch(&self, conn: &Conn, until: Instant) {
        if !self.inner.watching.replace(true) {
            tokio::task::spawn_local(watch(Rc::clone(&self.inner)));
        }
        if let Some(waker) = &*self.inner.watcher.borrow() {
            // A registration only: what has come already is found when the connection is taken.
            let _ = conn.stream.poll_readable(&mut Context::from_waker(waker));
            if self.inner.next_look.get().is_none_or(|at| until < at) {
                waker.wake_by_ref();
            }
        }
    }
}

/// Closes what is dead or too old, whenever something happens on an idle connection or the next time is over.
async fn watch(inner: Rc<Inner>) {
    loop {
        let next = std::future::poll_fn(|cx| {
            *inner.watcher.borrow_mut() = Some(cx.waker().clone());
            Poll::Ready(inner.sweep(cx))
        })
        .await;
        inner.next_look.set(next);
        let mut first = true;
        let mut sleep = next.map(|at| Box::pin(sleep_until(at)));
        let mut woken = pin!(std::future::poll_fn(|cx| {
            if std::mem::take(&mut first) {
                if let Some(sleep) = &mut sleep {
                    return sleep.as_mut().poll(cx);
                }
                return Poll::Pending;
            }
            Poll::Ready(())
        }));
        woken.as_mut().await;
    }
}

impl Inner {
    /// Returns when the next connection is too old.
    fn sweep(&self, cx: &mut Context<'_>) -> Option<Instant> {
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        let mut pools = self.idle.borrow_mut();
        for pool in pools.values_mut() {
            pool.retain(|idle| idle.until > now && idle.conn.is_quiet(cx));
            let soonest = pool.iter().map(|idle| idle.until).min();
            next = match (next, soonest) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        pools.retain(|_, pool| !pool.is_empty());
        next
    }
}
