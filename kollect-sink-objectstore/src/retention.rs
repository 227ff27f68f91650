//! Which earlier exports are kept. It deletes nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::manifest::Export;

/// How much history stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Exports that are kept, the newest one included.
    pub generations: NonZeroU32,
    /// Earlier exports are dropped when the newest one is this much younger; the newest always stays.
    pub age: Option<Duration>,
}

/// Exports kept where nothing else is asked for.
const DEFAULT_GENERATIONS: NonZeroU32 = NonZeroU32::new(10).unwrap();

impl Default for Retention {
    fn default() -> Self {
        Self { generations: DEFAULT_GENERATIONS, age: None }
    }
}

impl Retention {
    /// Splits `earlier` exports, newest first, into those that stay beside one of `newest`, and the rest.
    pub fn split(&self, newest: Timestamp, earlier: Vec<Export>) -> (Vec<Export>, Vec<Export>) {
        let beside = usize::try_from(self.generations.get() - 1).unwrap_or(usize::MAX);
        let oldest = self.age.and_then(|age| {
            let age = SignedDuration::try_from(age).ok()?;
            newest.checked_sub(age).ok()
        });
        let mut kept = Vec::new();
        let mut dropped = Vec::new();
        for export in earlier {
            let young = oldest.is_none_or(|oldest| export.exported_at >= oldest);
            if young && kept.len() < beside { kept.push(export) } else { dropped.push(export) }
        }
        (kept, dropped)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::Retention;
    use crate::manifest::tests::export;

    fn split(generations: u32, age: Option<u64>, earlier: &[i64]) -> (Vec<u64>, Vec<u64>) {
        let retention = Retention {
            generations: NonZeroU32::new(generations).unwrap(),
            age: age.map(Duration::from_secs),
        };
        let earlier = earlier.iter().map(|second| {
            let mut export = export(u64::try_from(*second).unwrap());
            export.exported_at = Timestamp::from_second(*second).unwrap();
            export
        });
        let (kept, dropped) = retention.split(Timestamp::from_second(100).unwrap(), earlier.collect());
        let numbers = |exports: Vec<crate::manifest::Export>| exports.iter().map(|e| e.generation).collect();
        (numbers(kept), numbers(dropped))
    }

    #[test]
    fn the_newest_counts_and_always_stays() {
        assert_eq!(Retention::default().generations.get(), 10);
        assert_eq!(split(1, None, &[99, 98]), (vec![], vec![99, 98]));
        assert_eq!(split(3, None, &[99, 98, 97, 96]), (vec![99, 98], vec![97, 96]));
        assert_eq!(split(3, None, &[99]), (vec![99], vec![]));
    }

    #[test]
    fn old_exports_go_by_age() {
        assert_eq!(split(10, Some(10), &[99, 90, 89, 50]), (vec![99, 90], vec![89, 50]));
        assert_eq!(split(2, Some(10), &[99, 98, 50]), (vec![99], vec![98, 50]));
        assert_eq!(split(10, Some(u64::MAX), &[1]), (vec![1], vec![]));
    }
}
