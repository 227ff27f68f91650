//! What every destination answers. It does not say how rows get there: see the role's trait.

use std::fmt::{Debug, Display};

use futures::future::BoxFuture;

use crate::capability::Capabilities;
use crate::delete_reconcile::DeleteReconcile;
use crate::digest::Digest;
use crate::error::Result;
use crate::header::{Checkpoint, Claim};
use crate::partition::Partition;
use crate::probe::{ProbeDepth, ProbeReport};
use crate::projection::Projection;
use crate::row::{Row, RowKey};
use crate::scope::Scope;
use crate::snapshot::Snapshot;
use crate::source::Batches;

/// One row as a destination lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The row's key.
    pub key: RowKey,
    /// The partition it belongs to.
    pub partition: Partition,
    /// The name of its object, for people: there with [`Listing::Recomputed`], else where it costs nothing.
    pub name: Option<Box<str>>,
    /// Its digest.
    pub digest: Digest,
}

impl Held {
    /// A row as a destination lists it that holds it as it is.
    pub fn of(row: &Row) -> Self {
        let identity = row.identity();
        Self {
            key: identity.to_key(),
            partition: identity.partition(),
            name: Some(identity.name().into()),
            digest: row.digest(),
        }
    }
}

/// Where the digests of a listing come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// As recorded when the row was written: cheap.
    Recorded,
    /// Computed again from what is stored: finds edited contents.
    Recomputed,
}

/// How a destination takes rows.
pub enum Role<'a> {
    /// Whole documents.
    Snapshot(&'a dyn Snapshot),
    /// Changes only; what vanished unseen stays.
    Projection(&'a dyn Projection),
    /// Changes, and full passes that delete what vanished unseen.
    Reconciled(&'a dyn DeleteReconcile),
}

/// A destination. `Display` is the redacted endpoint.
///
/// Opening one does no I/O: the first call dials. Dropping any future returned here is safe: the next call
/// finds the destination as before the call, or with the call done, or (where [`Capabilities::atomicity`]
/// says so) with part of the rows written and the checkpoint not moved.
pub trait Sink: Debug + Display + Send + Sync + 'static {
    /// How this destination takes rows.
    fn role(&self) -> Role<'_>;

    /// What it can do and wants; does no I/O.
    fn capabilities(&self) -> &Capabilities;

    /// Hash of all of this sink's configuration that decides bytes or places; does no I/O.
    fn shape(&self) -> Digest;

    /// What the destination remembers of `scope`; changes nothing. `None` where it never held the scope, or
    /// where what would hold it does not exist yet. Where the physical destination was replaced, the answer
    /// has writer and epoch, and no digest.
    fn checkpoint<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Option<Checkpoint>>>;

    /// Takes the scope by compare-and-set: epoch + 1, revision 0, the claim's writer; makes what may be made;
    /// writes no row and keeps the rest of the checkpoint.
    ///
    /// # Errors
    /// `Fenced` where the stored epoch is above `seen_epoch` and the writer is the same; `ForeignWriter`
    /// where another writer owns the scope and the mode is `Own`.
    fn claim<'a>(&'a self, scope: &'a Scope, claim: Claim) -> BoxFuture<'a, Result<Checkpoint>>;

    /// The rows of `scope` as the destination holds them, ascending by key; changes nothing.
    fn list<'a>(&'a self, scope: &'a Scope, listing: Listing) -> Batches<'a, Held>;

    /// Tests the connection to the depth that an export needs, in 15 s at most. Never fails: the report says
    /// which step did.
    fn probe(&self, depth: ProbeDepth) -> BoxFuture<'_, ProbeReport>;
}
