//! One consistent state of an inventory, and its changes since an earlier one. It takes no lock.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use futures::StreamExt;
use futures::stream;
use kollect_sink_core::{Batches, Change, Head, KeyRef, Pattern, Row, ScopeDigest, Target, View};

use crate::contents::Sharding;
use crate::inventory::{Departed, Inventory};
use crate::journal::Journal;
use crate::knowledge::Why;
use crate::rows::{Entry, Place, Rows};
use crate::shards::{Shards, Tally};

/// Rows or changes in one batch; who sends them on cuts them to a destination's limits.
const BATCH: usize = 256;

/// One consistent state of an inventory: what writers do later does not show. It shares the rows with the
/// store; while it lives, rows that are replaced or removed stay in memory. Cloning it copies a pointer.
#[derive(Clone)]
pub struct InventoryView(Arc<Frozen>);

struct Frozen {
    head: Head,
    settled: bool,
    sharding: Sharding,
    floor: u64,
    /// Ordered by target, those that left included.
    parts: Vec<Part>,
}

/// One target as it was.
pub(crate) struct Part {
    pub(crate) target: Target,
    pub(crate) rows: Rows,
    pub(crate) journal: Journal,
    pub(crate) unknown: Vec<(Pattern, Why)>,
    pub(crate) stand: Stand,
    /// When the inventory began to show the target.
    pub(crate) joined: u64,
}

/// What a target is to the inventory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    Member,
    /// It was one until then.
    Departed(u64),
}

impl From<Departed> for Part {
    fn from(departed: Departed) -> Self {
        let Departed { target, rows, journal, joined, left } = departed;
        Self { target, rows, journal, unknown: Vec::new(), stand: Stand::Departed(left), joined }
    }
}

impl InventoryView {
    pub(crate) fn new(parts: Vec<Part>, revision: u64, inventory: &Inventory) -> Self {
        let mut digest = ScopeDigest::default();
        let mut rows = 0;
        for part in parts.iter().filter(|part| part.stand == Stand::Member) {
            // The sum of sums is the sum over all rows.
            digest.add(part.rows.digest().as_digest());
            rows += part.rows.len() as u64;
        }
        let unknown = || parts.iter().flat_map(|part| &part.unknown);
        let settled = unknown().all(|(_, why)| *why != Why::Pending);
        let unknown = unknown().map(|(pattern, _)| pattern.clone()).collect();
        let head = Head { revision, digest, rows, unknown, schema: Arc::clone(&inventory.schema) };
        let sharding = inventory.contents.sharding;
        Self(Arc::new(Frozen { head, settled, sharding, floor: inventory.floor, parts }))
    }

    /// Whether nothing is pending: each part of each target is known or has failed. Before that nothing may
    /// be exported.
    pub fn settled(&self) -> bool {
        self.0.settled
    }

    /// The targets shown, in order, each with its number of rows.
    pub fn counts(&self) -> impl Iterator<Item = (&Target, u64)> {
        self.members().map(|part| (&part.target, part.rows.len() as u64))
    }

    /// The rows by namespace, of the `most` largest ones; `None` where they are not counted. Costs O(namespaces of each
    /// target).
    pub fn shards(&self, most: usize) -> Option<Shards> {
        let tallies: Option<Vec<&Tally>> = self.members().map(|part| part.rows.tally()).collect();
        let asked = self.0.sharding == Sharding::ByNamespace;
        tallies.filter(|_| asked).map(|tallies| Shards::merge(tallies.into_iter(), most))
    }

    /// What is not known, in the order of the targets, with the reason.
    pub fn gaps(&self) -> impl Iterator<Item = (&Pattern, Why)> {
        self.members().flat_map(|part| part.unknown.iter().map(|(pattern, why)| (pattern, *why)))
    }

    fn members(&self) -> impl Iterator<Item = &Part> + Send {
        self.0.parts.iter().filter(|part| part.stand == Stand::Member)
    }
}

impl View for InventoryView {
    fn head(&self) -> &Head {
        &self.0.head
    }

    fn rows(&self) -> Batches<'_, Row> {
        batches(self.members().flat_map(|part| part.rows.iter().map(|(_, entry)| entry.row.clone())))
    }

    /// Takes memory for a reference to each row that changed, one target at a time.
    fn changes_since(&self, revision: u64) -> Option<Batches<'_, Change>> {
        let Frozen { head, floor, parts, .. } = &*self.0;
        let reaches =
            (*floor..=head.revision).contains(&revision) && parts.iter().all(|part| part.reaches(revision));
        reaches.then(|| batches(parts.iter().flat_map(move |part| part.changes(revision))))
    }

    fn row(&self, key: KeyRef<'_>) -> Option<Row> {
        let parts = &self.0.parts;
        let at = parts.binary_search_by(|part| {
            let target = &part.target;
            (&*target.namespace, &*target.name).cmp(&(key.target_namespace, key.target_name))
        });
        let part = parts.get(at.ok()?).filter(|part| part.stand == Stand::Member)?;
        part.rows.find(key.uid).map(|entry| entry.row.clone())
    }
}

impl fmt::Debug for InventoryView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frozen { head, settled, parts, .. } = &*self.0;
        f.debug_struct("InventoryView")
            .field("head", head)
            .field("settled", settled)
            .field("targets", &parts.len())
            .finish_non_exhaustive()
    }
}

impl Part {
    /// Whether there is nothing to tell to one who has read up to `revision`.
    fn is_past(&self, revision: u64) -> bool {
        matches!(self.stand, Stand::Departed(left) if left <= revision)
    }

    fn reaches(&self, revision: u64) -> bool {
        self.is_past(revision) || self.journal.reaches(revision.max(self.joined))
    }

    /// What changed after `revision`, ascending by uid.
    ///
    /// What came and went between is removed too: a destination that writes in batches may hold it although
    /// its checkpoint has not moved.
    fn changes(&self, revision: u64) -> Box<dyn Iterator<Item = Change> + Send + '_> {
        if self.is_past(revision) {
            return Box::new(std::iter::empty());
        }
        let journaled = self.journal.since(revision.max(self.joined));
        match self.stand {
            Stand::Departed(_) => {
                Box::new(Union::new(self.rows.iter(), journaled).map(|found| match found {
                    Ok(row) => Change::Remove(row.identity().clone()),
                    Err(place) => Change::Remove(place.identity().clone()),
                }))
            }
            Stand::Member if self.joined > revision => {
                Box::new(Union::new(self.rows.iter(), journaled).map(|found| match found {
                    Ok(row) => Change::Upsert(row.clone()),
                    Err(place) => Change::Remove(place.identity().clone()),
                }))
            }
            Stand::Member => Box::new(journaled.into_iter().map(|place| match self.rows.get(&place) {
                Some(entry) => Change::Upsert(entry.row.clone()),
                None => Change::Remove(place.identity().clone()),
            })),
        }
    }
}

/// All rows, and the places that changed and hold none, in order.
struct Union<'a, I: Iterator<Item = (&'a Place, &'a Entry)>> {
    rows: Peekable<I>,
    places: Peekable<IntoIter<Place>>,
}

impl<'a, I: Iterator<Item = (&'a Place, &'a Entry)>> Union<'a, I> {
    fn new(rows: I, places: Vec<Place>) -> Self {
        Self { rows: rows.peekable(), places: places.into_iter().peekable() }
    }
}

impl<'a, I: Iterator<Item = (&'a Place, &'a Entry)>> Iterator for Union<'a, I> {
    type Item = Result<&'a Row, Place>;

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.rows.peek(), self.places.peek()) {
            (Some((row, _)), Some(place)) => (*row).cmp(place),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        if order.is_gt() {
            return self.places.next().map(Err);
        }
        if order.is_eq() {
            self.places.next();
        }
        self.rows.next().map(|(_, entry)| Ok(&entry.row))
    }
}

fn batches<'a, T: Send + 'a>(mut items: impl Iterator<Item = T> + Send + 'a) -> Batches<'a, T> {
    let batches = std::iter::from_fn(move || {
        let batch: Vec<T> = items.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then_some(Ok(batch))
    });
    stream::iter(batches).boxed()
}
