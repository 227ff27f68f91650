//! What went wrong while extracting, per target. It holds no values of attributes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters of one target since it was last compiled.
#[derive(Debug, Default)]
pub struct TargetStats {
    failures: AtomicU64,
    last: Mutex<Option<String>>,
}

impl TargetStats {
    /// Counts `count` failures and remembers the message of the last one.
    pub fn failed(&self, count: u64, message: String) {
        self.failures.fetch_add(count, Ordering::Relaxed);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
    }

    /// How many attributes or expressions failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The last failure: object, attribute and reason.
    pub fn last(&self) -> Option<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
