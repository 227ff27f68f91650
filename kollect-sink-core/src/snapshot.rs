//! Destinations that take whole documents. They know no single rows.

use futures::future::BoxFuture;

use crate::error::Result;
use crate::header::{Checkpoint, Complete};
use crate::receipt::Receipt;
use crate::row::Row;
use crate::scope::Scope;
use crate::sink::Sink;
use crate::source::Batches;

/// Whole documents; absence is deletion. Readers see the old state or the new one, never a mix.
pub trait Snapshot: Sink {
    /// Replaces what the scope holds by `rows`, and stores the checkpoint last. Writes nothing where contents
    /// and shape are what the destination holds already.
    ///
    /// # Errors
    /// `Fenced` and `ForeignWriter` as [`Sink::claim`]; a failed call leaves the old state readable.
    fn replace<'a>(&'a self, export: &'a Complete, rows: Batches<'a, Row>) -> BoxFuture<'a, Result<Receipt>>;

    /// Removes what the destination holds of `scope` and names as ours. The checkpoint stays, with 0 rows and
    /// no writer: an epoch never falls. `held` is the checkpoint of the caller's own claim.
    fn remove<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>>;
}
