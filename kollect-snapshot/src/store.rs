//! The canonical inventory in memory: one row per target and object, shown by any number of inventories. It
//! does not extract rows, and does not export them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kollect_sink_core::{Identity, Origin, Pattern, Row, Schema, Target, Text};
use tokio::sync::watch;

use crate::contents::Contents;
use crate::intern::Interner;
use crate::inventory::InventoryId;
use crate::knowledge::{Gaps, Why};
use crate::listing::{ListId, ListScope, Swept};
use crate::recast::Draft;
use crate::rows::{Entry, Place, Rows};
use crate::state::{Aftermath, State};
use crate::view::InventoryView;

/// Rows that one critical section removes at most.
const SLICE: usize = 256;

/// The rows of all targets. Cloning it makes another handle of the same store.
///
/// Each call takes one lock for the time of a few tree operations. Rows are read, freed, and readers woken
/// without it; so are the functions run that callers pass in, that of [`Store::amend`] apart.
#[derive(Clone, Default)]
pub struct Store(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Held by who changes what an inventory shows, so that one does so at a time.
    turn: Mutex<()>,
    interner: Mutex<Interner>,
}

/// What [`Store::upsert`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// The row is new.
    Inserted,
    /// The row was there and differs.
    Updated,
    /// The row was there and is the same: nobody is woken, nothing is exported.
    Unchanged,
    /// The row was left out: the store has a newer version, a live watch has seen the object leave since the
    /// list read it, the list does not run or does not answer for the target, or the target is not declared.
    Stale,
}

/// What is held of one target, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows.
    pub rows: u64,
    /// Bytes that they take in memory: an estimate.
    pub bytes: u64,
}

impl Store {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shared copy of a string that many rows repeat: a namespace, a kind. Dropped when nothing uses it.
    pub fn intern(&self, text: &str) -> Text {
        self.interner().text(text)
    }

    /// The shared origin of the rows that `target` makes from a kind. Dropped when nothing uses it.
    pub fn origin(&self, target: &Target, group: &str, version: &str, kind: &str) -> Arc<Origin> {
        self.interner().origin(target, group, version, kind)
    }

    /// Takes a row in. `version` is the object's numeric resourceVersion, 0 where it has none; `list` is the
    /// list that the object came with, `None` for an event of a live watch.
    ///
    /// An older version never overwrites a newer one; an equal one does, since the row may have been made by
    /// another profile. A row with an equal digest is no change. Costs O(log rows of the target).
    pub fn upsert(&self, row: Row, version: u64, list: Option<&ListId>) -> Applied {
        self.change(|state, after| state.upsert(row, version, list.copied(), after))
    }

    /// Takes out the row of an object that a live watch saw leave (deleted, or not selected any more), and
    /// says whether there was one. `version` is the object's at that event; a row that is newer stays. Lists
    /// that run skip the object even if it had no row: call this for each object that does not match.
    pub fn remove(&self, target: &Target, uid: &str, version: Option<u64>) -> bool {
        self.change(|state, after| state.remove(target, uid, version, after))
    }

    /// Says what is not known of `target`, replacing what was said before; each pattern is taken as one of
    /// `target`. What no pattern covers counts as known: what sinks hold of it and the store does not will be
    /// deleted. Rows stay, whatever is declared.
    ///
    /// Before the first call for a target all of it is pending, and no row of it is taken in. Declare before
    /// [`Store::begin_list`]: a list answers only for patterns that were declared when it began.
    pub fn declare(&self, target: &Target, parts: impl IntoIterator<Item = (Pattern, Why)>) {
        let parts: Vec<(Pattern, Why)> = parts.into_iter().collect();
        self.change(|state, after| state.declare(target, parts, after));
    }

    /// Changes what is not known of `target`, of which something was declared before; otherwise nothing happens.
    /// `amend` runs under the lock, so that no list ends in between: it must be quick, and must not call the store.
    pub fn amend(&self, target: &Target, amend: impl FnOnce(&mut Gaps<'_>)) {
        self.change(|state, after| state.amend(target, amend, after));
    }

    /// What is not known of `target`, and why, in order.
    pub fn gaps(&self, target: &Target) -> Vec<(Pattern, Why)> {
        self.state().targets.get(target).map(|held| held.knowledge.unknown(target)).unwrap_or_default()
    }

    /// The target does not exist any more: its rows leave all inventories and it is known to be empty, until
    /// it is declared again. Lists that run stop answering for it. The rows leave in slices.
    pub fn forget_target(&self, target: &Target) {
        let held = self.state().close_target(target);
        if let Some(rows) = held {
            self.remove_in_slices(target, all_places(rows, |_| true), |state, slice, after| {
                if state.is_declared(target) {
                    return None;
                }
                Some(state.take(target, slice, after, |_| true))
            });
        }
        self.change(|state, after| state.forget(target, after));
    }

    /// Begins a list. Rows that are not seen until [`Store::end_list`] leave then, those apart that a live
    /// watch touches meanwhile.
    ///
    /// A list answers for the selection and the profile that it began with: where these change, begin another
    /// after [`Store::withdraw`].
    pub fn begin_list(&self, scope: ListScope) -> ListId {
        self.state().begin_list(scope)
    }

    /// Ends a list that contained all objects of its scope: removes the rows that it has not seen, then
    /// closes the gaps that it answers: its targets' patterns with its kind and, unless it listed all
    /// namespaces, its namespace. Rows that a pattern without kind covers stay: no list answers for it.
    ///
    /// Looks through the rows of its targets without the lock, removes in slices, and closes the gaps in the
    /// critical section after the last slice: nothing is known before it is swept. Nothing happens if the
    /// list was aborted.
    pub fn end_list(&self, id: ListId) -> Swept {
        let Some((sweep, targets)) = self.state().sweep(id) else { return Swept::default() };
        let mut swept = Swept::default();
        for (target, rows) in targets {
            let places = all_places(rows, |entry| sweep.removes(entry));
            swept.removed += self.remove_in_slices(&target, places, |state, slice, after| {
                // As it answers now: meanwhile it may have been withdrawn, or a namespace of it.
                let sweep = state.answers(id, &target)?;
                Some(state.take(&target, slice, after, |entry| sweep.removes(entry)))
            });
        }
        self.change(|state, after| state.finish_list(id, after));
        swept
    }

    /// Ends a list that failed: it removes nothing and answers for nothing. Rows that it brought stay.
    pub fn abort_list(&self, id: ListId) {
        self.state().abort_list(id);
    }

    /// Makes all lists that run stop answering for `target`: their items, sweeps and ends do not concern it
    /// any more. For when its profile or selection changes.
    pub fn withdraw(&self, target: &Target) {
        self.state().withdraw(target);
    }

    /// As [`Store::withdraw`], for one namespace: lists of all namespaces that run remove no row of it when they
    /// end. For when the namespace enters or leaves the target's selection: what such a list skipped may have
    /// been selected since. Follow it by a list of the namespace.
    pub fn withdraw_namespace(&self, target: &Target, namespace: &Text) {
        self.state().withdraw_namespace(target, namespace);
    }

    /// Removes the rows of `target` that `keep` refuses, because the selection changed, and returns how many
    /// those were. `keep` runs without the lock, on the rows as they are at the call.
    pub fn retain(&self, target: &Target, mut keep: impl FnMut(&Identity) -> bool) -> usize {
        let Some(rows) = self.state().targets.get(target).map(|held| held.ledger.rows.clone()) else {
            return 0;
        };
        let places = all_places(rows, |entry| !keep(entry.row.identity()));
        self.remove_in_slices(target, places, |state, slice, after| {
            Some(state.take(target, slice, after, |_| true))
        })
    }

    /// Whether there is a row of this object. Costs O(log rows of the target).
    pub fn holds(&self, target: &Target, uid: &str) -> bool {
        self.state().targets.get(target).is_some_and(|held| held.ledger.rows.find(uid).is_some())
    }

    /// Calls `visit` with each row of `target` as they are at the call, without the lock. Costs as much as there are
    /// rows, and writers meanwhile copy what they change of them.
    pub fn each_row(&self, target: &Target, mut visit: impl FnMut(&Row)) {
        let Some(rows) = self.state().targets.get(target).map(|held| held.ledger.rows.clone()) else {
            return;
        };
        rows.iter().for_each(|(_, entry)| visit(&entry.row));
    }

    /// Creates an inventory, or changes what it shows. Rows that come or go by that are told as changes while they are
    /// few; beyond, and where an inventory begins or ceases to leave rows out, readers are sent to a full pass. A member
    /// that was never declared is pending as a whole.
    ///
    /// Costs O(targets) where all rows of the targets are shown; to count them by namespace, and where rows are left
    /// out, O(rows of the members), the latter without the lock. One call at a time is at work.
    pub fn set_inventory(&self, id: &InventoryId, contents: Contents, schema: Arc<Schema>) {
        let _turn = self.turn();
        let contents = Arc::new(contents);
        let draft = self.state().draft(id, &contents);
        let recast = draft.map(Draft::weigh);
        self.change(|state, after| state.set_inventory(id, contents, schema, recast, after));
    }

    /// Removes an inventory; rows stay with their targets. Its subscribers' channels close.
    pub fn remove_inventory(&self, id: &InventoryId) {
        let _turn = self.turn();
        let removed = self.state().remove_inventory(id);
        drop(removed);
    }

    /// The inventory as it is now; `None` where there is none. Costs O(targets).
    pub fn view(&self, id: &InventoryId) -> Option<InventoryView> {
        self.state().view(id)
    }

    /// Whether nothing of the inventory is pending, as [`InventoryView::settled`]; cheaper than a view.
    pub fn settled(&self, id: &InventoryId) -> Option<bool> {
        self.state().is_settled(id)
    }

    /// A channel that is marked changed when rows, knowledge, membership or schema of the inventory change.
    /// Changes that nobody has waited for yet fall together.
    pub fn subscribe(&self, id: &InventoryId) -> Option<watch::Receiver<()>> {
        self.state().subscribe(id)
    }

    /// Registers a reader of the inventory: from now on changes are kept for it, until it acknowledges them
    /// or falls behind by more than 10,000 rows and a quarter of the inventory.
    pub fn reader(&self, id: &InventoryId) -> Option<Reader> {
        let (inventory, reader) = self.state().add_reader(id)?;
        Some(Reader { store: self.clone(), inventory, reader })
    }

    /// What is held of `target`.
    pub fn counts(&self, target: &Target) -> Counts {
        self.state().targets.get(target).map(|held| Counts::of(&held.ledger.rows)).unwrap_or_default()
    }

    /// What is held of all targets, and, in bytes, what inventories hold that leave rows out. Costs O(targets).
    pub fn totals(&self) -> Counts {
        let state = self.state();
        let held = state.targets.values().map(|held| Counts::of(&held.ledger.rows));
        let shown = state.derived.values().map(|derived| Counts { rows: 0, bytes: derived.bytes() });
        held.chain(shown).fold(Counts::default(), Counts::plus)
    }

    fn remove_in_slices(
        &self,
        target: &Target,
        places: Vec<Place>,
        mut take: impl FnMut(&mut State, &[Place], &mut Aftermath) -> Option<usize>,
    ) -> usize {
        debug_assert!(places.iter().all(|place| place.identity().target() == target));
        let mut removed = 0;
        for slice in places.chunks(SLICE) {
            match self.change(|state, after| take(state, slice, after)) {
                Some(count) => removed += count,
                None => break,
            }
        }
        removed
    }

    fn change<R>(&self, act: impl FnOnce(&mut State, &mut Aftermath) -> R) -> R {
        let mut after = Aftermath::default();
        let result = act(&mut self.state(), &mut after);
        after.run();
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a bug, and no reason to stop all other workers as well.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interner(&self) -> MutexGuard<'_, Interner> {
        self.0.interner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("totals", &self.totals()).finish_non_exhaustive()
    }
}

/// Keeps changes of an inventory for one who reads them, as long as it lives.
///
/// A new reader counts as having read the revision at which it was made: take the first view after that.
pub struct Reader {
    store: Store,
    inventory: u64,
    reader: u64,
}

impl Reader {
    /// All changes up to and with `revision` have arrived: they need not be kept for this reader any more. A
    /// lower revision than before changes nothing.
    pub fn acknowledge(&self, revision: u64) {
        self.store.state().advance_reader(self.inventory, self.reader, Some(revision));
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.store.state().advance_reader(self.inventory, self.reader, None);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("reader", &self.reader).finish_non_exhaustive()
    }
}

impl Counts {
    fn of(rows: &Rows) -> Self {
        Self { rows: rows.len() as u64, bytes: rows.bytes() }
    }

    fn plus(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, bytes: self.bytes + other.bytes }
    }
}

/// The places of the rows that `wanted` names. Takes `rows` by value: the clone must be gone before rows are
/// removed, or each removal would copy what it shares.
fn all_places(rows: Rows, mut wanted: impl FnMut(&Entry) -> bool) -> Vec<Place> {
    rows.iter().filter(|(_, entry)| wanted(entry)).map(|(place, _)| place.clone()).collect()
}

#[cfg(test)]
mod tests;
