//! One observed change of one row. It does not carry the row's former contents.

use crate::row::{Identity, KeyRef, Row};

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The row is new or differs.
    Upsert(Row),
    /// The row is gone; the identity is the last one it had.
    Remove(Identity),
}

impl Change {
    /// The key of the row that changed.
    pub fn key(&self) -> KeyRef<'_> {
        self.identity().key()
    }

    /// The identity of the row that changed.
    pub fn identity(&self) -> &Identity {
        match self {
            Self::Upsert(row) => row.identity(),
            Self::Remove(identity) => identity,
        }
    }
}
