//! What a finished export reports. It does not say what was planned.

use crate::digest::Digest;
use crate::header::Checkpoint;
use crate::row::{Row, RowKey};

/// A row that the destination refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// Its key.
    pub key: RowKey,
    /// Namespace and name of its object, for people.
    pub object: String,
    /// Its digest: it is tried again when this changes.
    pub digest: Digest,
    /// Why, without any value of it.
    pub reason: String,
}

/// How many refused rows a receipt names at most; those beyond are only counted.
pub const REJECTED_SAMPLE: usize = 1000;

/// Refused rows: all counted, a bounded number named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejections {
    /// How many.
    pub count: u64,
    /// The first ones, at most [`REJECTED_SAMPLE`].
    pub rows: Vec<RejectedRow>,
}

impl Rejections {
    /// Counts `row` as refused for `reason`, which holds no value of it.
    pub fn push(&mut self, row: &Row, reason: impl Into<String>) {
        self.count += 1;
        if self.rows.len() < REJECTED_SAMPLE {
            let identity = row.identity();
            self.rows.push(RejectedRow {
                key: identity.to_key(),
                object: format!("{} {}/{}", identity.kind(), identity.namespace(), identity.name()),
                digest: row.digest(),
                reason: reason.into(),
            });
        }
    }
}

/// What a finished export did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the destination remembers now: the target, with refused rows added.
    pub reached: Checkpoint,
    /// Rows (or objects) inserted or updated.
    pub written: u64,
    /// Rows (or objects) deleted.
    pub removed: u64,
    /// Bytes of row payload sent; 0 where the destination cannot tell.
    pub bytes: u64,
    /// Rows that were refused in this export.
    pub rejected: Rejections,
}

impl Receipt {
    /// A receipt for `target` with nothing done yet.
    pub fn starting_at(target: &Checkpoint) -> Self {
        Self { reached: target.clone(), written: 0, removed: 0, bytes: 0, rejected: Rejections::default() }
    }

    /// Counts a refused row, here and in the checkpoint that will be stored.
    pub fn reject(&mut self, row: &Row, reason: impl Into<String>) {
        self.rejected.push(row, reason);
        self.reached.rejected.count += 1;
        if self.reached.rejected.example.is_none() {
            self.reached.rejected.example = Some(row.key().to_string());
        }
    }
}
