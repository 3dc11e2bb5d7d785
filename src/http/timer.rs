//! A timer that is armed often and fires seldom. Moving it later costs nothing: it looks at the new time when the old
//! one has come. It lives as long as its connection, so that a request on a kept connection registers no timer at all.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timer.
#[derive(Default)]
pub struct Timer {
    at: Cell<Option<Instant>>,
    sleep: RefCell<Option<Pin<Box<Sleep>>>>,
}

impl Timer {
    /// Lets it fire after this time from now on.
    pub fn set(&self, time: Duration) {
        self.at.set(Instant::now().checked_add(time));
    }

    /// Whether a time was ever set.
    pub fn is_set(&self) -> bool {
        self.at.get().is_some()
    }

    /// Ready when the time has come. Never, if none was set.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at.get() else {
            return Poll::Pending;
        };
        let mut slot = self.sleep.borrow_mut();
        let sleep = slot.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if at < sleep.deadline() {
            sleep.as_mut().reset(at);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}
