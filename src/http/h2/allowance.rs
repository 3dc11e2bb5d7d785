//! How often a client may do what costs it little and us something.

/// So many at once, and so many more as time goes by or as useful work is done.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    left: u32,
    most: u32,
    /// How many come back in a second.
    per_second: u32,
    /// When they last did: monotonic milliseconds.
    at_ms: u64,
}

impl Allowance {
    /// `most` at once, `per_second` more as time goes by.
    pub fn new(most: u32, per_second: u32, now_ms: u64) -> Self {
        Allowance {
            left: most,
            most,
            per_second,
            at_ms: now_ms,
        }
    }

    /// Takes one; `false` if there is none left.
    pub fn take(&mut self, now_ms: u64) -> bool {
        if self.left == 0 {
            let passed = now_ms.saturating_sub(self.at_ms);
            let back = passed.saturating_mul(u64::from(self.per_second)) / 1000;
            if back > 0 {
                self.at_ms = now_ms;
                self.give(u32::try_from(back).unwrap_or(u32::MAX));
            }
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Gives some back.
    pub fn give(&mut self, more: u32) {
        self.left = self.left.saturating_add(more).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_with_time_and_work() {
        let mut all = Allowance::new(3, 10, 0);
        assert!((0..3).all(|_| all.take(50)) && !all.take(50));
        all.give(1);
        assert!(all.take(50) && !all.take(99));
        assert!(all.take(250) && all.take(250) && !all.take(250));
        all.give(100);
        assert!((0..3).all(|_| all.take(250)) && !all.take(250));
    }
}
