//! Destinations that can be made equal to a full state. The comparison itself is in `merge`.

use futures::future::BoxFuture;

use crate::error::Result;
use crate::header::{Checkpoint, Complete};
use crate::projection::Projection;
use crate::receipt::Receipt;
use crate::row::Row;
use crate::scope::Scope;
use crate::source::Batches;

/// Takes full states: differences are upserted, the rest deleted.
pub trait DeleteReconcile: Projection {
    /// After it returns, the scope holds exactly `rows`, and what stood in unknown partitions. The checkpoint
    /// is stored last, in the same transaction where there is one. Only differences are written.
    ///
    /// # Errors
    /// `Fenced` and `ForeignWriter` as [`Sink::claim`](crate::sink::Sink::claim). Refused rows are no error.
    fn reconcile<'a>(
        &'a self,
        export: &'a Complete,
        rows: Batches<'a, Row>,
    ) -> BoxFuture<'a, Result<Receipt>>;

    /// Deletes the rows of `scope`. The checkpoint stays, with 0 rows and no writer: an epoch never falls.
    /// `held` is the checkpoint of the caller's own claim. A repetition is a no-op.
    fn retire<'a>(&'a self, scope: &'a Scope, held: &'a Checkpoint) -> BoxFuture<'a, Result<()>>;
}
