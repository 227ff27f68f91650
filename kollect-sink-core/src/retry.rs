//! How long to wait after a failure, and the randomness that spreads waits. It does not sleep.

use std::time::Duration;

/// Uniformly distributed numbers, so that many workers do not act in step. Any closure that gives them will
/// do; a test gives constants.
pub trait Jitter: Send {
    /// The next number.
    fn next(&mut self) -> u64;
}

impl<F: FnMut() -> u64 + Send> Jitter for F {
    fn next(&mut self) -> u64 {
        self()
    }
}

/// A uniformly random part of `whole`, to the millisecond.
pub fn part_of(whole: Duration, jitter: &mut dyn Jitter) -> Duration {
    let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX - 1);
    Duration::from_millis(jitter.next() % (millis + 1))
}

/// Waits after transient errors: up to 1 s, doubled with each failure to 5 min, with full jitter, and never
/// below 100 ms, so that no jitter makes a hot loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The bound of the first wait.
    pub const FIRST: Duration = Duration::from_secs(1);
    /// The bound of every wait.
    pub const LONGEST: Duration = Duration::from_secs(300);
    /// The shortest wait.
    pub const SHORTEST: Duration = Duration::from_millis(100);

    /// Notes a failure and tells how long to wait.
    pub fn fail(&mut self, jitter: &mut dyn Jitter) -> Duration {
        let bound = Self::FIRST.saturating_mul(1 << self.failures.min(16)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        Self::SHORTEST + part_of(bound.saturating_sub(Self::SHORTEST), jitter)
    }

    /// Notes a success.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_to_five_minutes_and_start_anew_after_a_success() {
        let mut backoff = Backoff::default();
        // The largest remainder of each bound is drawn, whatever the bound is.
        let mut bounds = Vec::new();
        for _ in 0..12 {
            let bound = Backoff::FIRST.saturating_mul(1 << backoff.failures().min(16)).min(Backoff::LONGEST);
            let largest = (bound - Backoff::SHORTEST).as_millis() as u64;
            bounds.push(backoff.fail(&mut || largest).as_secs());
        }
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        backoff.succeed();
        assert!(backoff.fail(&mut || u64::MAX) <= Backoff::FIRST);
    }

    #[test]
    fn no_wait_is_shorter_than_the_shortest() {
        let mut backoff = Backoff::default();
        assert!((0..40).all(|_| backoff.fail(&mut || 0) == Backoff::SHORTEST));
    }

    #[test]
    fn parts_cover_the_whole_and_no_more() {
        let whole = Duration::from_millis(3);
        let parts: Vec<u128> = (0..8).map(|draw| part_of(whole, &mut || draw).as_millis()).collect();
        assert_eq!(parts, [0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(part_of(Duration::ZERO, &mut || 7), Duration::ZERO);
        assert!(part_of(Duration::MAX, &mut || u64::MAX) <= Duration::MAX);
    }
}
