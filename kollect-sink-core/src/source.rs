//! What a destination and the driver read from: rows, changes and the head of one inventory. It does not
//! say how the rows are kept.

use std::error::Error as StdError;
use std::sync::Arc;

use futures::stream::BoxStream;

use crate::change::Change;
use crate::digest::ScopeDigest;
use crate::partition::Unknown;
use crate::row::{KeyRef, Row};
use crate::schema::Schema;

/// Rows or changes, pulled in batches, each key at most once, ascending. Nobody collects one.
pub type Batches<'a, T> = BoxStream<'a, Result<Vec<T>, SourceError>>;

/// The rows could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read rows from the source")]
pub struct SourceError(#[source] pub Box<dyn StdError + Send + Sync>);

/// Where an inventory stands.
#[derive(Clone, Debug)]
pub struct Head {
    /// Grows with each change; starts at 1 in each process.
    pub revision: u64,
    /// Sum over the rows.
    pub digest: ScopeDigest,
    /// How many rows there are.
    pub rows: u64,
    /// What is not known.
    pub unknown: Unknown,
    /// Typed columns.
    pub schema: Arc<Schema>,
}

/// One consistent state of an inventory. Reading it never waits for a writer, and a writer never waits for
/// it; it costs no copy of the rows.
pub trait View: Send + Sync {
    /// Where the inventory stands in this view.
    fn head(&self) -> &Head;

    /// All rows, ascending by key.
    fn rows(&self) -> Batches<'_, Row>;

    /// What changed after `revision`, each key once, ascending by key, with its state in this view; `None` where
    /// the journal no longer reaches that far back. A row that came and went since is a removal, and one that
    /// changed and changed back is an upsert: an interrupted export may have written what stood in between.
    fn changes_since(&self, revision: u64) -> Option<Batches<'_, Change>>;

    /// One row.
    fn row(&self, key: KeyRef<'_>) -> Option<Row>;
}
