//! What a destination can do and wants. It does not schedule.

use std::time::Duration;

/// What readers may see of a step that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// The old state or the new one.
    Export,
    /// Batches, one after the other; the checkpoint last.
    Batch,
    /// Single rows; the checkpoint last.
    Row,
}

/// Whether a destination can keep an outdated writer out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fencing {
    /// Each write is checked against the epoch by the destination.
    Enforced,
    /// It is not: a takeover after an unclean end does a full pass.
    None,
}

/// What a destination can do and wants; constant for the life of the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Rows per batch at most.
    pub batch_rows: usize,
    /// Bytes of payload per batch at most; a single larger row stands alone in its batch.
    pub batch_bytes: usize,
    /// Quiet time to wait for after a change before a step starts, while the worker was not idle.
    pub gap: Duration,
    /// Longest wait when changes keep coming.
    pub gap_limit: Duration,
    /// What readers may see.
    pub atomicity: Atomicity,
    /// Whether an outdated writer is kept out.
    pub fencing: Fencing,
    /// How often an unchanged destination may be asked for its checkpoint at most.
    pub confirm_every: Duration,
}
