//! What the issuer says about a certificate, as long as it holds.

use rustls::sign::CertifiedKey;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The last answer, and when to ask for the next one. All threads share it.
pub struct Staple {
    answer: RwLock<Option<Held>>,
    refresh: AtomicI64,
    asking: AtomicBool,
}

struct Held {
    certified: Arc<CertifiedKey>,
    until: i64,
}

/// An answer is asked for anew so many seconds before it is over, and not more often than that.
const LEAST: i64 = 300;
/// And at least as often as this.
const MOST: i64 = 3600;

fn now() -> i64 {
    i64::try_from(crate::clock::unix_time().as_secs()).unwrap_or(i64::MAX)
}

impl Default for Staple {
    fn default() -> Self {
        Staple {
            answer: RwLock::default(),
            refresh: AtomicI64::new(i64::MIN),
            asking: AtomicBool::new(false),
        }
    }
}

impl Staple {
    /// The certificate with the answer; none if there is no answer that holds.
    pub fn current(&self) -> Option<Arc<CertifiedKey>> {
        let held = self.answer.read().unwrap_or_else(PoisonError::into_inner);
        let held = held.as_ref().filter(|held| held.until >= now())?;
        Some(Arc::clone(&held.certified))
    }

    /// Whether it is time to ask, which the caller then does.
    pub fn begin(&self) -> bool {
        self.refresh.load(Ordering::Relaxed) < now() && !self.asking.swap(true, Ordering::AcqRel)
    }

    /// Takes an answer in; none if there was none to take.
    pub fn end(&self, answer: Option<(Arc<CertifiedKey>, Option<i64>)>) {
        let now = now();
        let mut refresh = now.saturating_add(LEAST);
        if let Some((certified, until)) = answer {
            let until = until.unwrap_or(i64::MAX);
            refresh = until
                .saturating_sub(LEAST)
                .min(now.saturating_add(MOST))
                .max(refresh);
            let held = Held { certified, until };
            *self.answer.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        }
        self.refresh.store(refresh, Ordering::Relaxed);
        self.asking.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Staple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staple").finish_non_exhaustive()
    }
}
