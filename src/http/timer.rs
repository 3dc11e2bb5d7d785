//! A timer that is armed often and fires seldom. Moving it later costs nothing: it looks at the new time when the old
//! one has come. It lives as long as its connection, so that a request on a kept connection registers no timer at all;
//! a connection that ends leaves its registration to the next one.

use crate::clock;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timer.
#[derive(Default)]
pub struct Timer {
    at: Cell<Option<Instant>>,
    sleep: RefCell<Option<Pin<Box<Sleep>>>>,
    spare: Option<Spare>,
}

/// Registrations of timers that are no more, for other timers of the thread. They stay in the event loop's books: one
/// that is due earlier than a new timer saves the loop from being told of that.
#[derive(Clone, Default)]
pub struct Spare(Rc<RefCell<Vec<Pin<Box<Sleep>>>>>);

/// So many are kept.
const MOST: usize = 16;

impl Timer {
    /// One that shares registrations with others.
    pub fn sharing(spare: &Spare) -> Self {
        Timer {
            at: Cell::default(),
            sleep: RefCell::default(),
            spare: Some(spare.clone()),
        }
    }

    /// Lets it fire after this time from now on.
    pub fn set(&self, time: Duration) {
        let now = Instant::from_std(clock::instant());
        self.at.set(now.checked_add(time));
    }

    /// When it fires.
    pub fn due(&self) -> Option<Instant> {
        self.at.get()
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
        let sleep = slot.get_or_insert_with(|| {
            let spare = self.spare.as_ref();
            let found = spare.and_then(|spare| spare.0.borrow_mut().pop());
            found.unwrap_or_else(|| Box::pin(sleep_until(at)))
        });
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

impl Drop for Timer {
    fn drop(&mut self) {
        if let (Some(spare), Some(sleep)) = (&self.spare, self.sleep.take()) {
            let mut spare = spare.0.borrow_mut();
            if spare.len() < MOST {
                spare.push(sleep);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[tokio::test]
    async fn a_registration_that_was_left_serves_any_other_time() {
        let spare = Spare::default();
        for millis in [50, 20, 90, 90, 10] {
            let timer = Timer::sharing(&spare);
            let begun = Instant::now();
            timer.set(Duration::from_millis(millis));
            poll_fn(|cx| timer.poll(cx)).await;
            let passed = begun.elapsed().as_millis() as u64;
            assert!(passed >= millis, "{passed} of {millis}");
        }
        // One that is dropped before it fires is not due to anybody.
        let timer = Timer::sharing(&spare);
        timer.set(Duration::from_millis(30));
        assert!(poll_fn(|cx| Poll::Ready(timer.poll(cx).is_pending())).await);
        drop(timer);
        let timer = Timer::sharing(&spare);
        timer.set(Duration::from_millis(70));
        let begun = Instant::now();
        poll_fn(|cx| timer.poll(cx)).await;
        assert!(begun.elapsed() >= Duration::from_millis(70));
        drop(timer);
        assert_eq!(spare.0.borrow().len(), 1);
    }
}
