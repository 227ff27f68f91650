//! A source of rows in memory, with a journal: for tests and for small programs. It shares nothing between
//! its views; each costs a pointer per row.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt};

use crate::change::Change;
use crate::digest::ScopeDigest;
use crate::partition::Unknown;
use crate::row::{Identity, KeyRef, Row, RowKey};
use crate::schema::Schema;
use crate::source::{Batches, Head, View};

/// Rows that change, and a journal of what changed.
#[derive(Clone, Debug)]
pub struct Source {
    rows: BTreeMap<RowKey, Row>,
    journal: BTreeMap<RowKey, (u64, Identity)>,
    /// The journal reaches back to here.
    reaches: u64,
    head: Head,
}

impl Default for Source {
    fn default() -> Self {
        Self::new(Unknown::none())
    }
}

impl Source {
    /// A source without rows, at revision 1.
    pub fn new(unknown: Unknown) -> Self {
        let head =
            Head { revision: 1, digest: ScopeDigest::default(), rows: 0, unknown, schema: Arc::default() };
        Self { rows: BTreeMap::new(), journal: BTreeMap::new(), reaches: 1, head }
    }

    /// A source of these rows, of which all is known.
    pub fn of(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut source = Self::default();
        rows.into_iter().for_each(|row| source.upsert(row));
        source
    }

    /// Adds or replaces a row. An equal one is no change.
    pub fn upsert(&mut self, row: Row) {
        let key = row.identity().to_key();
        if let Some(old) = self.rows.get(&key) {
            if old.digest() == row.digest() {
                return;
            }
            self.head.digest.remove(old.digest());
        }
        self.head.digest.add(row.digest());
        self.note(key.clone(), row.identity().clone());
        self.rows.insert(key, row);
        self.head.rows = self.rows.len() as u64;
    }

    /// Removes a row, if there.
    pub fn remove(&mut self, key: KeyRef<'_>) {
        let key = key.to_owned();
        if let Some(old) = self.rows.remove(&key) {
            self.head.digest.remove(old.digest());
            self.head.rows = self.rows.len() as u64;
            self.note(key, old.identity().clone());
        }
    }

    fn note(&mut self, key: RowKey, identity: Identity) {
        self.head.revision += 1;
        self.journal.insert(key, (self.head.revision, identity));
    }

    /// Says what is not known from now on.
    pub fn set_unknown(&mut self, unknown: Unknown) {
        self.head.revision += 1;
        self.head.unknown = unknown;
    }

    /// Says which columns have types from now on.
    pub fn set_schema(&mut self, schema: Schema) {
        self.head.revision += 1;
        self.head.schema = Arc::new(schema);
    }

    /// Forgets what changed so far.
    pub fn truncate_journal(&mut self) {
        self.journal.clear();
        self.reaches = self.head.revision;
    }

    /// The rows, by key.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Where the source stands.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The state of now.
    pub fn view(&self) -> VecView {
        let change = |(key, (revision, identity)): (&RowKey, &(u64, Identity))| {
            let change = match self.rows.get(key) {
                Some(row) => Change::Upsert(row.clone()),
                None => Change::Remove(identity.clone()),
            };
            (*revision, change)
        };
        VecView {
            head: self.head.clone(),
            rows: self.rows.values().cloned().collect(),
            changes: self.journal.iter().map(change).collect(),
            reaches: self.reaches,
        }
    }
}

/// One state of a [`Source`].
#[derive(Clone, Debug)]
pub struct VecView {
    head: Head,
    rows: Vec<Row>,
    changes: Vec<(u64, Change)>,
    reaches: u64,
}

/// Batches come in a size that fits no destination's, so that cutting them is always exercised.
const BATCH: usize = 7;

impl View for VecView {
    fn head(&self) -> &Head {
        &self.head
    }

    fn rows(&self) -> Batches<'_, Row> {
        stream::iter(self.rows.chunks(BATCH).map(|rows| Ok(rows.to_vec()))).boxed()
    }

    fn changes_since(&self, revision: u64) -> Option<Batches<'_, Change>> {
        if revision < self.reaches {
            return None;
        }
        let later = self.changes.iter().filter(move |(at, _)| *at > revision);
        let changes = stream::iter(later.map(|(_, change)| change.clone()));
        Some(changes.chunks(BATCH).map(Ok).boxed())
    }

    fn row(&self, key: KeyRef<'_>) -> Option<Row> {
        let index = self.rows.binary_search_by(|row| row.key().cmp(&key)).ok()?;
        self.rows.get(index).cloned()
    }
}
