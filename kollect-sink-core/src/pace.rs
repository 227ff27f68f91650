//! When a step that is needed may start: cadence, and the quiet time between steps. It does not decide
//! whether one is needed.

use std::time::Duration;

use jiff::Timestamp;

use crate::capability::Capabilities;

/// How often a scope may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cadence {
    /// As soon as something changed.
    #[default]
    OnChange,
    /// With at least this long between two writes.
    Interval(Duration),
}

/// A point in time to wait for. A clock that was set back to before the start of the wait ends it, so that
/// no wait outlives its length by more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    since: Timestamp,
    pub(crate) until: Timestamp,
}

impl Timer {
    pub(crate) fn after(since: Timestamp, wait: Duration) -> Self {
        Self { since, until: since.checked_add(wait).unwrap_or(Timestamp::MAX) }
    }

    pub(crate) fn due(&self, now: Timestamp) -> bool {
        now >= self.until || now < self.since
    }
}

#[derive(Debug)]
struct Pending {
    since: Timestamp,
    last: Timestamp,
    revision: u64,
    busy: bool,
}

/// Paces the writes of one scope.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last_write: Option<Timestamp>,
    pending: Option<Pending>,
}

impl Pace {
    /// Until when the change to `revision` has to wait; `None` where it may be written now. `exported_at` is
    /// the last write of a former process.
    pub(crate) fn wait(
        &mut self,
        now: Timestamp,
        revision: u64,
        exported_at: Option<Timestamp>,
        cadence: Cadence,
        capabilities: &Capabilities,
    ) -> Option<Timestamp> {
        let last_write = self.last_write;
        let recent = |length: Duration| last_write.is_some_and(|at| !Timer::after(at, length).due(now));
        let pending = self.pending.get_or_insert_with(|| Pending {
            since: now,
            last: now,
            revision,
            busy: recent(capabilities.gap),
        });
        if pending.revision != revision {
            pending.last = now;
            pending.revision = revision;
        }
        let mut timers = Vec::new();
        if pending.busy {
            let quiet = Timer::after(pending.last, capabilities.gap);
            let longest = Timer::after(pending.since, capabilities.gap_limit);
            timers.push(if quiet.until <= longest.until { quiet } else { longest });
        }
        if let (Cadence::Interval(interval), Some(at)) = (cadence, last_write.max(exported_at)) {
            timers.push(Timer::after(at, interval));
        }
        timers.into_iter().filter(|timer| !timer.due(now)).map(|timer| timer.until).max()
    }

    /// Notes a write that started at `now`.
    pub(crate) fn wrote(&mut self, now: Timestamp) {
        self.last_write = Some(now);
        self.pending = None;
    }

    /// Notes that nothing waits to be written.
    pub(crate) fn rest(&mut self) {
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::{Atomicity, Fencing};

    const CAPABILITIES: Capabilities = Capabilities {
        batch_rows: 1,
        batch_bytes: 1,
        gap: Duration::from_millis(1000),
        gap_limit: Duration::from_millis(5000),
        atomicity: Atomicity::Export,
        fencing: Fencing::Enforced,
        confirm_every: Duration::ZERO,
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000 + millis).expect("in range")
    }

    fn wait(pace: &mut Pace, millis: i64, revision: u64) -> Option<i64> {
        pace.wait(at(millis), revision, None, Cadence::OnChange, &CAPABILITIES)
            .map(|until| until.as_millisecond() - 1_000_000)
    }

    #[test]
    fn an_idle_worker_starts_at_once_and_a_busy_one_waits_for_quiet() {
        let mut pace = Pace::default();
        assert_eq!(wait(&mut pace, 0, 1), None);
        pace.wrote(at(0));
        assert_eq!(wait(&mut pace, 500, 2), Some(1500));
        assert_eq!(wait(&mut pace, 1400, 3), Some(2400));
        assert_eq!(wait(&mut pace, 2400, 3), None);
        pace.wrote(at(2400));
        assert_eq!(wait(&mut pace, 3500, 4), None);
    }

    #[test]
    fn changes_that_keep_coming_wait_no_longer_than_the_limit() {
        let mut pace = Pace::default();
        pace.wrote(at(0));
        let mut started = None;
        for tick in 1..100 {
            if wait(&mut pace, tick * 100, tick as u64).is_none() {
                started = Some(tick * 100);
                break;
            }
        }
        assert_eq!(started, Some(5100));
    }

    #[test]
    fn an_interval_counts_from_the_last_write_also_of_a_former_process() {
        let hourly = Cadence::Interval(Duration::from_secs(3600));
        let mut pace = Pace::default();
        let mut wait = |now, former| {
            pace.wait(now, 1, former, hourly, &CAPABILITIES).map(|until| until.as_millisecond())
        };
        assert_eq!(wait(at(0), None), None);
        assert_eq!(wait(at(10), Some(at(0))), Some(at(3_600_000).as_millisecond()));
        assert_eq!(wait(at(3_600_000), Some(at(0))), None);
        // A former process whose clock was ahead holds nothing up.
        assert_eq!(wait(at(0), Some(at(10_000_000))), None);
    }

    #[test]
    fn a_clock_set_back_ends_a_wait() {
        let timer = Timer::after(at(0), Duration::from_secs(300));
        assert!(!timer.due(at(0)) && !timer.due(at(299_999)));
        assert!(timer.due(at(300_000)) && timer.due(at(-1)));
    }
}
