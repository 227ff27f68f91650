//! The rules that one object decides alone, one function each. Rules that need another object, a compiler or a backend
//! are the operator's.

mod inventory;
mod profile;
mod sink;
mod target;

use crate::{
    KollectClusterInventory, KollectClusterScope, KollectClusterTarget, KollectConnectionTest,
    KollectDatabaseSink, KollectEventSink, KollectInventory, KollectProfile, KollectScope,
    KollectSnapshotSink, KollectTarget,
};

/// A field that is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Violation {
    /// Path of the field, such as `spec.attributes[2].type`.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl Violation {
    /// A violation of the field at `path`.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Violations as one line, for the message of a condition.
#[must_use]
pub fn summary(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A kind whose objects can be judged alone.
pub trait Validate {
    /// Every rule that the object breaks, in the order of the rules. Empty means that the object, taken alone, is right.
    fn validate(&self) -> Vec<Violation>;
}

impl Validate for KollectProfile {
    fn validate(&self) -> Vec<Violation> {
        profile::rules(&self.spec)
    }
}

impl Validate for KollectTarget {
    fn validate(&self) -> Vec<Violation> {
        target::rules(&self.spec.selection())
    }
}

impl Validate for KollectClusterTarget {
    fn validate(&self) -> Vec<Violation> {
        let mut found = target::namespace_selector_selects(&self.spec.namespace_selector);
        found.extend(target::rules(&self.spec.selection()));
        found
    }
}

impl Validate for KollectInventory {
    fn validate(&self) -> Vec<Violation> {
        inventory::rules(&self.spec)
    }
}

impl Validate for KollectClusterInventory {
    fn validate(&self) -> Vec<Violation> {
        inventory::cluster_rules(&self.spec)
    }
}

impl Validate for KollectSnapshotSink {
    fn validate(&self) -> Vec<Violation> {
        sink::snapshot_rules(&self.spec)
    }
}

impl Validate for KollectDatabaseSink {
    fn validate(&self) -> Vec<Violation> {
        sink::database_rules(&self.spec)
    }
}

impl Validate for KollectEventSink {
    fn validate(&self) -> Vec<Violation> {
        sink::event_rules(&self.spec)
    }
}

impl Validate for KollectScope {
    /// What the schema says is all that one scope can break.
    fn validate(&self) -> Vec<Violation> {
        Vec::new()
    }
}

impl Validate for KollectClusterScope {
    /// What the schema says is all that one scope can break.
    fn validate(&self) -> Vec<Violation> {
        Vec::new()
    }
}

impl Validate for KollectConnectionTest {
    fn validate(&self) -> Vec<Violation> {
        if self.spec.sink_ref.one().is_some() {
            return Vec::new();
        }
        vec![Violation::new(
            "spec.sinkRef",
            "name exactly one of snapshotSinkRef, databaseSinkRef and eventSinkRef",
        )]
    }
}
