//! What went wrong while extracting, per target and in all. It holds no values of attributes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

/// Objects with failures that are known by name.
const FAILING: usize = 100;

/// Counters of one target since it was last compiled.
#[derive(Debug, Default)]
pub struct TargetStats {
    failures: AtomicU64,
    last: Mutex<Option<String>>,
    failing: Mutex<BTreeMap<String, String>>,
    /// Whether `failing` holds any: asked at each object.
    any_failing: AtomicBool,
    /// Whether there were more at a time than are known by name.
    beyond: AtomicBool,
}

/// Objects of which not every value could be extracted, as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// How many are known by name.
    pub known: usize,
    /// Whether there may be more.
    pub more: bool,
    /// What went wrong with one of them.
    pub example: String,
}

impl TargetStats {
    /// Remembers what went wrong with an object, or that nothing does any more.
    pub fn extracted(&self, uid: &str, failure: Option<&str>) {
        if failure.is_none() && !self.any_failing.load(Ordering::Acquire) {
            return;
        }
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            None => drop(failing.remove(uid)),
            Some(message) if failing.len() < FAILING || failing.contains_key(uid) => {
                failing.insert(uid.to_owned(), cut(message.to_owned()));
            }
            Some(_) => self.beyond.store(true, Ordering::Release),
        }
        self.any_failing.store(!failing.is_empty(), Ordering::Release);
    }

    /// The objects that fail now: of those that were seen to fail, the ones that `exist`. Beyond 100 at a time it is not
    /// known which they are, and there `may` be more until the target is compiled again.
    pub fn failing(&self, exist: impl Fn(&str) -> bool) -> Option<Failing> {
        let more = self.beyond.load(Ordering::Acquire);
        if !more && !self.any_failing.load(Ordering::Acquire) {
            return None;
        }
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        failing.retain(|uid, _| exist(uid));
        self.any_failing.store(!failing.is_empty(), Ordering::Release);
        let example = failing.values().next().cloned().or_else(|| self.last())?;
        (more || !failing.is_empty()).then(|| Failing { known: failing.len(), more, example })
    }

    /// Counts `count` failures and remembers the message of the last one.
    pub fn failed(&self, count: u64, message: String) {
        let message = cut(message);
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

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE));
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_fails_until_it_does_not_or_is_gone() {
        let stats = TargetStats::default();
        assert_eq!(stats.failing(|_| true), None);
        stats.extracted("a", Some("no number"));
        stats.extracted("b", Some("no list"));
        stats.extracted("b", Some("no map"));
        let both = Failing { known: 2, more: false, example: "no number".to_owned() };
        assert_eq!(stats.failing(|_| true), Some(both));
        stats.extracted("a", None);
        let one = Failing { known: 1, more: false, example: "no map".to_owned() };
        assert_eq!(stats.failing(|_| true), Some(one));
        assert_eq!(stats.failing(|uid| uid != "b"), None);
        assert_eq!(stats.failing(|_| true), None, "what is gone does not come back");
    }

    #[test]
    fn of_very_many_some_are_known() {
        let stats = TargetStats::default();
        for n in 0..250 {
            stats.failed(1, format!("{n}"));
            stats.extracted(&format!("{n:03}"), Some(&format!("{n}")));
        }
        let many = Failing { known: FAILING, more: true, example: "0".to_owned() };
        assert_eq!(stats.failing(|_| true), Some(many));
        let gone = Failing { known: 0, more: true, example: "249".to_owned() };
        assert_eq!(stats.failing(|_| false), Some(gone));
    }
}
