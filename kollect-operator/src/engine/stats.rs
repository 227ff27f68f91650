//! What went wrong while extracting, per target and in all. It holds no values of attributes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use kollect_snapshot::extract::FailureKind;

/// Bytes of a message at most: a path may be long, and a status has no room for it.
const MESSAGE: usize = 1024;

/// Failures of all targets since the process began, by kind.
#[derive(Debug, Default)]
pub struct FailureCounts(Mutex<BTreeMap<FailureKind, u64>>);

impl FailureCounts {
    /// Counts more failures of a kind.
    pub fn add(&self, kind: FailureKind, count: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += count;
    }

    /// How many failures of a kind there were.
    pub fn of(&self, kind: FailureKind) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&kind).copied().unwrap_or(0)
    }
}

/// Counters of one target since it was last compiled.
#[derive(Debug, Default)]
pub struct TargetStats {
    failures: AtomicU64,
    last: Mutex<Option<String>>,
}

impl TargetStats {
    /// Counts `count` failures and remembers the message of the last one.
    pub fn failed(&self, count: u64, mut message: String) {
        message.truncate(message.floor_char_boundary(MESSAGE));
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
