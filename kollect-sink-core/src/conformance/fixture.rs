//! What a backend supplies to be tested. It tests nothing.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::row::{Row, RowKey};
use crate::scope::Scope;
use crate::sink::Sink;

/// Rows of a scope as an independent reader finds them: the item of each as JSON.
pub type Contents = BTreeMap<RowKey, Value>;

/// The fixture itself failed: its server is gone, or its reader found what cannot be.
pub type FixtureError = Box<dyn StdError + Send + Sync>;

/// A backend lacks what a case needs, for this reason, which the report shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotApplicable(pub &'static str);

/// A damage that somebody else does to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The checkpoint of the scope is gone; the rows stay.
    LoseCheckpoint,
    /// The checkpoint of the scope is not readable any more.
    GarbleCheckpoint,
    /// Data of others stands beside the scope's: rows, files or messages that we did not write.
    PlantForeignData,
}

/// What is particular about a backend.
#[derive(Clone, Debug)]
pub struct Traits {
    /// A row that the backend refuses. Where it says that there is none, the suite proves that awkward rows
    /// are all taken.
    pub refused: Result<Row, NotApplicable>,
    /// The largest attributes in bytes that the backend takes; the suite writes rows of that size, up to
    /// 8 MiB. A larger row is refused alone.
    pub largest_row: usize,
    /// Whether the rows end up in the memory of the test's own process, so that its memory proves nothing.
    pub memory: Memory,
}

/// Where a destination's rows end up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// In the test's own process.
    Ours,
    /// Elsewhere. An export takes `bound` bytes of the test's process at most, however many rows it has: what
    /// the destination documents to buffer, and some room for pools and caches of its client.
    Theirs {
        /// In bytes.
        bound: u64,
    },
}

/// A kind of backend under test.
pub trait Fixture: Send + Sync {
    /// What is particular about it.
    fn traits(&self) -> Traits;

    /// Makes a destination that holds nothing, apart from all others.
    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Destination>, FixtureError>>;

    /// A sink that reaches its server with wrong credentials, and the secret that no message may show.
    fn wrong_credentials(&self) -> Result<(Arc<dyn Sink>, String), NotApplicable>;

    /// A sink whose address nobody answers at.
    fn unreachable(&self) -> Result<Arc<dyn Sink>, NotApplicable>;
}

/// One destination under test.
pub trait Destination: Send + Sync {
    /// A new sink of the same configuration, as a restarted process would open it.
    ///
    /// # Errors
    /// Those of opening, as the backend gives them.
    fn open(&self) -> Result<Arc<dyn Sink>, FixtureError>;

    /// The rows of `scope`, read without the sink.
    fn read_back<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Contents, FixtureError>>;

    /// Does damage, or says why there is no such thing here.
    fn inflict<'a>(
        &'a self,
        scope: &'a Scope,
        damage: Damage,
    ) -> BoxFuture<'a, Result<Result<(), NotApplicable>, FixtureError>>;

    /// Whether what [`Damage::PlantForeignData`] planted is there as it was.
    fn foreign_data_intact(&self) -> BoxFuture<'_, Result<bool, FixtureError>>;
}
