//! Destinations that take single changes. They need not know what they hold.

use futures::future::BoxFuture;

use crate::change::Change;
use crate::error::Result;
use crate::header::Delta;
use crate::receipt::Receipt;
use crate::sink::Sink;
use crate::source::Batches;

/// Takes changes, at a cost that follows their number.
pub trait Projection: Sink {
    /// Moves the scope from `export.base` to `export.target`. A replay is a no-op: where the destination is
    /// at the target already, nothing is written.
    ///
    /// # Errors
    /// `StaleBase`: same writer and epoch, other revision. `Fenced`: a higher epoch of this writer.
    /// `ForeignWriter`: another writer owns the scope. Refused rows are no error: the receipt counts them.
    fn apply<'a>(&'a self, export: &'a Delta, changes: Batches<'a, Change>)
    -> BoxFuture<'a, Result<Receipt>>;
}
