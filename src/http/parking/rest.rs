//! What is known of a connection that waits for a request: whether it may park, and that it is to.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// The wait of a connection with a task.
#[derive(Default)]
pub struct Rest {
    state: Cell<State>,
    patience: Cell<Patience>,
    /// How many times it has been looked at since it began to wait.
    looks: Cell<u8>,
    /// A task has the same one as long as it lives.
    waker: RefCell<Option<Waker>>,
}

/// How many times a connection is looked at before it parks. A client that asks again and again at intervals would
/// have its connection park and come back each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience(u8);

impl Patience {
    const MOST: u8 = 64;

    /// The one of a connection that has come back.
    pub fn more(self) -> Patience {
        Patience(self.0.saturating_mul(2).min(Self::MOST))
    }
}

impl Default for Patience {
    fn default() -> Self {
        Patience(1)
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It does not wait.
    #[default]
    Busy,
    /// It waits, and a server that stops waits with it.
    Least,
    /// It waits, and its task has a timer for that.
    Timed,
    /// It waits until it is told to park.
    Untimed,
    /// It has been told to park.
    Told,
    /// It could not park: it is to wait with a timer.
    Refused,
}

impl Rest {
    /// How far it is.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// Says how far it is.
    pub fn set(&self, state: State) {
        self.state.set(state);
        self.looks.set(0);
    }

    /// The same for one that has come back.
    pub fn again(patience: Patience) -> Rest {
        Rest {
            patience: Cell::new(patience),
            ..Rest::default()
        }
    }

    /// How many looks it waits for.
    pub fn patience(&self) -> Patience {
        self.patience.get()
    }

    /// Looks at one that has waited since the last look; whether it is to park now, which it is told.
    pub fn look(&self) -> bool {
        let looks = self.looks.get().saturating_add(1);
        self.looks.set(looks);
        let parks = looks >= self.patience.get().0;
        if parks {
            self.park();
        }
        parks
    }

    /// Ready when it is to park.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state.get() == State::Told {
            return Poll::Ready(());
        }
        let mut waker = self.waker.borrow_mut();
        match &*waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Whether it may be told to park.
    pub fn may_park(&self) -> bool {
        self.state.get() == State::Untimed
    }

    fn park(&self) {
        self.state.set(State::Told);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// A copy is for another task.
impl Clone for Rest {
    fn clone(&self) -> Self {
        Rest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_is_waited_for() {
        let mut patience = Patience::default();
        for looks in [1, 2, 4, 8, 16, 32, 64, 64] {
            let rest = Rest::again(patience);
            for _ in 0..2 {
                // Each wait counts for itself.
                rest.set(State::Untimed);
                assert!((1..looks).all(|_| !rest.look()));
                assert_eq!(rest.state(), State::Untimed);
            }
            assert!(rest.look());
            assert_eq!(rest.state(), State::Told);
            patience = rest.patience().more();
        }
    }
}
