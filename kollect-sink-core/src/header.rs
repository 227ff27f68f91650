//! What an export says about itself, and what a destination remembers of it. It carries no rows.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, ScopeDigest};
use crate::partition::Unknown;
use crate::schema::Schema;
use crate::scope::{Scope, Text};
use std::sync::Arc;

/// Who writes: stable over restarts of one installation, different between installations.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Writer(Text);

impl Writer {
    /// `name` identifies the installation, such as `<cluster id>/<release>`.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name; empty after a scope was retired.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Rows that the destination refused: how many, and the key of one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// How many rows of the scope the destination does not hold because it refused them.
    pub count: u64,
    /// The key of one, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

/// What a destination holds of a scope, kept by the destination itself. Ordered by (epoch, revision).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Who wrote last; empty after the scope was retired.
    pub writer: Writer,
    /// Grows by one with each claim, and never falls.
    pub epoch: u64,
    /// The writer's revision within the epoch; 0 right after a claim.
    pub revision: u64,
    /// Sum over the rows of the scope; absent where nothing complete was written yet, or where the physical
    /// destination was replaced: then nothing can be said to be equal to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ScopeDigest>,
    /// Rows of the scope, those refused by the destination included.
    pub rows: u64,
    /// Rows that the destination refused.
    #[serde(default)]
    pub rejected: Rejected,
    /// What was unknown when this was written.
    #[serde(default)]
    pub unknown: Unknown,
    /// Hash of all that decides bytes or places: format, layout, templates, columns, cluster.
    pub shape: Digest,
    /// Counts material exports of the scope.
    pub generation: u64,
    /// Time of the last material export, to the millisecond.
    pub exported_at: Timestamp,
}

impl Checkpoint {
    /// Whether `other` has the same contents, written by the same writer: then there is nothing to do.
    pub fn holds_the_same_as(&self, other: &Self) -> bool {
        self.digest.is_some()
            && self.digest == other.digest
            && self.writer == other.writer
            && self.rows == other.rows
            && self.unknown == other.unknown
            && self.shape == other.shape
    }
}

/// How a scope is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimMode {
    /// Only if nobody else owns it.
    Own,
    /// Also if another writer owns it.
    TakeOver,
}

/// The wish to write a scope. The destination answers with an epoch one above the last, by compare-and-set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who claims.
    pub writer: Writer,
    /// The epoch that the claimant last saw in the destination, 0 if there was no checkpoint.
    pub seen_epoch: u64,
    /// Whether another writer's scope may be taken.
    pub mode: ClaimMode,
    /// When, for the stored checkpoint of a scope that has none yet.
    pub at: Timestamp,
}

/// The header of a full state. What it does not cover as unknown and does not contain will be deleted.
#[derive(Clone, Debug)]
pub struct Complete {
    scope: Scope,
    target: Checkpoint,
    schema: Arc<Schema>,
}

impl Complete {
    /// Declares that the rows that go with this header are all rows of the scope, except for the partitions
    /// that `target.unknown` names. A wrong declaration deletes data: a source that tracks partitions makes
    /// it from what it has listed, and an embedder makes it where it knows.
    pub fn declare(scope: Scope, target: Checkpoint, schema: Arc<Schema>) -> Self {
        Self { scope, target, schema }
    }

    /// The scope that this is all of.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What the destination shall remember.
    pub fn target(&self) -> &Checkpoint {
        &self.target
    }

    /// Typed columns of the rows.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Nothing that this covers may be deleted.
    pub fn unknown(&self) -> &Unknown {
        &self.target.unknown
    }
}

/// The header of observed changes between two checkpoints of one writer and epoch.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The scope that changes.
    pub scope: Scope,
    /// What the destination must hold before.
    pub base: Checkpoint,
    /// What it shall hold after.
    pub target: Checkpoint,
}
