//! How long to wait after a failure, and the randomness that spreads waits. It does not sleep.

use std::time::Duration;

use jiff::Timestamp;

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
/// below 100 ms, so that no jitter makes a hot loop. No wait is longer than the failures have lasted: what was
/// away for half a minute is met again within another half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    since: Option<Timestamp>,
}

impl Backoff {
    /// The bound of the first wait.
    pub const FIRST: Duration = Duration::from_secs(1);
    /// The bound of every wait.
    pub const LONGEST: Duration = Duration::from_secs(300);
    /// The shortest wait.
    pub const SHORTEST: Duration = Duration::from_millis(100);

    /// Notes a failure at `now` and tells how long to wait.
    pub fn fail(&mut self, now: Timestamp, jitter: &mut dyn Jitter) -> Duration {
        let bound = self.bound(now);
        self.failures = self.failures.saturating_add(1);
        Self::SHORTEST + part_of(bound.saturating_sub(Self::SHORTEST), jitter)
    }

    fn bound(&mut self, now: Timestamp) -> Duration {
        let since = *self.since.get_or_insert(now);
        // A clock that was set back tells nothing.
        let lasted = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
        let doubled = Self::FIRST.saturating_mul(1 << self.failures.min(16));
        doubled.min(Self::LONGEST).min(lasted.max(Self::FIRST))
    }

    /// Notes a success.
    pub fn succeed(&mut self) {
        *self = Self::default();
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    /// The bounds in seconds, where a failure comes `every` so many seconds.
    fn bounds(backoff: &mut Backoff, every: i64) -> Vec<u64> {
        let bound = |number| {
            let now = START + SignedDuration::from_secs(number * every);
            let bound = backoff.bound(now);
            assert!(backoff.fail(now, &mut rand_like(number)) <= bound);
            bound.as_secs()
        };
        (0..12).map(bound).collect()
    }

    fn rand_like(number: i64) -> impl FnMut() -> u64 {
        move || number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn bounds_double_to_five_minutes_and_start_anew_after_a_success() {
        let mut backoff = Backoff::default();
        assert_eq!(bounds(&mut backoff, 300), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        backoff.succeed();
        assert!(backoff.fail(START, &mut || u64::MAX) <= Backoff::FIRST);
    }

    #[test]
    fn no_wait_is_longer_than_the_failures_have_lasted() {
        assert_eq!(bounds(&mut Backoff::default(), 3), [1, 2, 4, 8, 12, 15, 18, 21, 24, 27, 30, 33]);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_long_wait() {
        let mut backoff = Backoff::default();
        backoff.fail(START, &mut || 0);
        let earlier = START - SignedDuration::from_hours(1);
        assert!(backoff.fail(earlier, &mut || u64::MAX) <= Backoff::FIRST);
    }

    #[test]
    fn no_wait_is_shorter_than_the_shortest() {
        let mut backoff = Backoff::default();
        assert!((0..40).all(|_| backoff.fail(START, &mut || 0) == Backoff::SHORTEST));
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
