//! How long a watch waits after an error. It does not sleep.

use std::time::Duration;

use kube::runtime::utils::Backoff;
use tokio::time::Instant;

/// The bound of the first wait.
const FIRST: Duration = Duration::from_millis(500);

/// The bound of every wait: an API server that is back is noticed soon, and one process with a few watches is no burden
/// to it.
const LONGEST: Duration = Duration::from_secs(5);

/// After this time without an error the next one counts as the first. An answer alone does not: each attempt to list
/// begins well.
const CALM: Duration = Duration::from_secs(30);

/// Waits of up to half a second, doubled with each error to 5 s; each lasts from half of its bound to the whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    failures: u32,
    last: Option<Instant>,
}

impl Patience {
    fn fail(&mut self, now: Instant, draw: u64) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last) > CALM) {
            self.failures = 0;
        }
        let bound = FIRST.saturating_mul(1 << self.failures.min(8)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        let half = bound / 2;
        let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX - 1);
        half + Duration::from_millis(draw % (millis + 1))
    }
}

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.fail(Instant::now(), rand::random()))
    }
}

impl Backoff for Patience {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_their_longest_and_start_anew_after_a_calm_time() {
        let (mut patience, mut now) = (Patience::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..6 {
            let wait = patience.fail(now, 0);
            waits.push(wait.as_millis() * 2);
            // What begins well in between does not count.
            patience.reset();
            now += wait;
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 5000, 5000]);
        assert!(patience.fail(now + CALM * 2, 0) < FIRST);
    }

    #[test]
    fn no_draw_leaves_the_bounds() {
        for draw in [0, 1, u64::MAX / 2, u64::MAX] {
            let wait = Patience::default().fail(Instant::now(), draw);
            assert!((FIRST / 2..=FIRST).contains(&wait), "{wait:?}");
        }
    }
}
