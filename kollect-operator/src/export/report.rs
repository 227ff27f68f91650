//! What connections and workers tell about themselves, for statuses. It writes no status.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kollect_api::condition::Reason;
use kollect_sink_core::{ErrorClass, ErrorKind, ProbeReport, Rejected, ScopeDigest};
use tokio::sync::Notify;

/// Where an export stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the first complete pass: the inventory is still being listed, or the sink not yet written.
    Progressing(String),
    /// The sink holds exactly the inventory's rows.
    Synced,
    /// As [`Phase::Synced`], and an identical payload was not written again.
    Debounced,
    /// A change waits for the cadence or the next step.
    Behind(String),
    /// The sink object is missing or unusable.
    Unavailable {
        /// The condition's reason.
        reason: Reason,
        /// What and what to do.
        message: String,
    },
    /// The last step failed.
    Failed {
        /// What went wrong.
        kind: ErrorKind,
        /// Who has to act.
        class: ErrorClass,
        /// What and what to do.
        message: String,
    },
    /// Retired: the scope is no longer in the sink.
    Retired,
    /// Retirement was given up; the message names what remains.
    Abandoned(String),
}

/// What a worker tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// Where the export stands.
    pub phase: Phase,
    /// Uid of the sink object that was used.
    pub sink_uid: Option<String>,
    /// Name of the source cluster.
    pub cluster: Option<String>,
    /// Where it goes, redacted.
    pub destination: Option<String>,
    /// When the sink was last known to hold what it should.
    pub last_export: Option<Timestamp>,
    /// Digest of what the sink holds.
    pub checksum: Option<ScopeDigest>,
    /// Rows that the sink holds, refused ones included.
    pub rows: Option<u64>,
    /// Rows that the sink refused.
    pub rejected: Rejected,
    /// Revisions behind.
    pub lag: u64,
    /// The inventory's revision that the sink was last in sync with.
    pub revision: Option<u64>,
    /// When a failed step is tried again.
    pub next_attempt: Option<Timestamp>,
    /// Whether the sink was in sync at least once for this specification.
    pub was_synced: bool,
}

impl ExportReport {
    /// Whether a retirement has ended, one way or the other.
    pub fn over(&self) -> bool {
        matches!(self.phase, Phase::Retired | Phase::Abandoned(_))
    }
}

impl Default for ExportReport {
    fn default() -> Self {
        Self {
            phase: Phase::Progressing("waiting for the sink".to_owned()),
            sink_uid: None,
            cluster: None,
            destination: None,
            last_export: None,
            checksum: None,
            rows: None,
            rejected: Rejected::default(),
            lag: 0,
            revision: None,
            next_attempt: None,
            was_synced: false,
        }
    }
}

/// What a connection tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkReport {
    /// Generation of the sink object that this is about.
    pub generation: i64,
    /// The endpoint, redacted; known once the configuration was read.
    pub endpoint: Option<String>,
    /// Why the sink cannot be used.
    pub blocked: Option<(Reason, String)>,
    /// The last connection test.
    pub probe: Option<ProbeReport>,
    /// The value of the test annotation that the last test answered.
    pub answered_annotation: bool,
}

/// The latest report of each reporter.
#[derive(Debug)]
pub struct Reports<K, R> {
    all: Mutex<BTreeMap<K, Arc<R>>>,
    changed: Arc<Notify>,
}

impl<K: Ord + Clone, R: PartialEq> Reports<K, R> {
    /// No reports yet; `changed` is notified when one changes.
    pub fn new(changed: Arc<Notify>) -> Self {
        Self { all: Mutex::default(), changed }
    }

    /// The latest report of `key`.
    pub fn get(&self, key: &K) -> Option<Arc<R>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Stores a report.
    pub fn set(&self, key: &K, report: R) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(key).is_some_and(|known| **known == report) {
            return;
        }
        all.insert(key.clone(), Arc::new(report));
        self.changed.notify_one();
    }

    /// Forgets a reporter.
    pub fn remove(&self, key: &K) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
