//! How fast a response may be sent.

use super::core::rate;
use super::request::Request;
use crate::clock;
use std::time::Duration;

/// `limit_rate` and `limit_rate_after`.
pub struct Pace {
    /// Bytes of the head.
    pub head: u64,
    /// Bytes per second; 0 for no limit.
    rate: u64,
    after: u64,
    start_ms: u64,
}

impl Pace {
    /// The pace of a response whose head has so many bytes.
    pub fn of(req: &mut Request, head: u64) -> Self {
        let core = &req.http.location(req.location).core;
        let rate = req
            .limit_rate
            .unwrap_or_else(|| rate::limit(req, core.limit_rate.as_ref()));
        let after = if rate > 0 {
            rate::limit(req, core.limit_rate_after.as_ref())
        } else {
            0
        };
        // From now on `$limit_rate` tells of it.
        req.limit_rate = Some(rate);
        Pace {
            head,
            rate,
            after,
            start_ms: clock::monotonic_ms(),
        }
    }

    /// How much may be sent now.
    ///
    /// # Errors
    /// Nothing: so long is to be waited.
    pub fn budget(&self, sent: u64) -> Result<u64, Duration> {
        if self.rate == 0 {
            return Ok(u64::MAX);
        }
        let seconds = clock::monotonic_ms().saturating_sub(self.start_ms) / 1000 + 1;
        let allowed = self.rate.saturating_mul(seconds).saturating_add(self.after);
        match allowed.checked_sub(sent) {
            Some(budget) if budget > 0 => Ok(budget),
            _ => {
                let over = sent.saturating_sub(allowed);
                Err(Duration::from_millis(
                    over.saturating_mul(1000) / self.rate + 1,
                ))
            }
        }
    }
}
