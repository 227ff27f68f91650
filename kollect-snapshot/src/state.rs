//! The store's contents behind its lock: rows and lists. Membership and readers are in `membership`, locking in `store`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kollect_sink_core::{Pattern, Row, Target, Text};

use crate::collection::{Collection, Wakes};
use crate::derived::Derived;
use crate::inventory::{Inventory, InventoryId};
use crate::knowledge::{Gaps, Knowledge, Why};
use crate::ledger::{Ledger, Told};
use crate::listing::{Clock, ListId, ListScope, RunningList, Sweep};
use crate::rows::{Entry, Place, Rows};
use crate::store::Applied;

/// All that the lock guards.
#[derive(Default)]
pub(crate) struct State {
    /// Number of the last change, over all targets.
    pub(crate) sequence: u64,
    pub(crate) targets: HashMap<Target, Collection>,
    pub(crate) inventories: HashMap<u64, Inventory>,
    /// What those inventories hold that leave rows out.
    pub(crate) derived: HashMap<u64, Derived>,
    pub(crate) names: HashMap<InventoryId, u64>,
    /// The last number given to an inventory or a reader.
    pub(crate) handed_out: u64,
    lists_begun: u32,
    running: BTreeMap<u32, RunningList>,
}

/// What is done once the lock is released: readers are woken and rows are freed.
#[derive(Default)]
pub(crate) struct Aftermath {
    pub(crate) wakes: Vec<Wakes>,
    pub(crate) rows: Vec<Row>,
    pub(crate) ledgers: Vec<Ledger>,
    pub(crate) overflowed: Vec<u64>,
}

impl Aftermath {
    pub(crate) fn run(self) {
        for sender in self.wakes.iter().flat_map(|wakes| wakes.iter()) {
            sender.send_replace(());
        }
    }
}

impl State {
    pub(crate) fn upsert(
        &mut self,
        row: Row,
        version: u64,
        list: Option<ListId>,
        after: &mut Aftermath,
    ) -> Applied {
        let clock = self.clock();
        let identity = row.identity();
        if let Some(id) = list {
            let Some(list) = self.running.get_mut(&id.0) else { return Applied::Stale };
            list.sweep.newest = list.sweep.newest.max(version);
            if !list.admits(identity, version) {
                return Applied::Stale;
            }
        }
        let Some(collection) = self.targets.get_mut(identity.target()) else { return Applied::Stale };
        if !collection.knowledge.is_declared() {
            return Applied::Stale;
        }
        let place = Place::of(identity);
        let before = collection.ledger.rows.get(&place);
        let touch = clock.touch(before.map(|entry| entry.touch), list);
        if let Some(entry) = before {
            let stale = version < entry.version;
            if stale || entry.row.digest() == row.digest() {
                let newest = version.max(entry.version);
                if newest != entry.version || touch != entry.touch {
                    collection.ledger.rows.mark(&place, newest, touch);
                }
                after.rows.push(row);
                return if stale { Applied::Stale } else { Applied::Unchanged };
            }
        }
        self.sequence += 1;
        let entry = Entry { row, version, changed: self.sequence, touch };
        let followed =
            (!collection.followers.is_empty()).then(|| (collection.followers.clone(), place.clone()));
        let mut told = Told { inventories: &mut self.inventories, overflowed: &mut after.overflowed };
        let old = collection.ledger.put(place, entry, &mut told);
        let applied = if old.is_some() { Applied::Updated } else { Applied::Inserted };
        after.rows.extend(old.map(|entry| entry.row));
        after.wakes.push(Wakes::clone(&collection.row_wakes));
        if let Some((followers, place)) = followed {
            self.follow(&followers, &[place], after);
        }
        self.settle_overflow(after);
        applied
    }

    pub(crate) fn remove(
        &mut self,
        target: &Target,
        uid: &str,
        version: Option<u64>,
        after: &mut Aftermath,
    ) -> bool {
        let held = self.targets.get(target).and_then(|collection| collection.ledger.rows.find(uid));
        if held.is_some_and(|entry| version.is_some_and(|version| version < entry.version)) {
            return false;
        }
        let place = held.map(|entry| Place::of(entry.row.identity()));
        for list in self.running.values_mut() {
            list.note_removal(target, uid, version);
        }
        place.is_some_and(|place| self.take(target, &[place], after, |_| true) == 1)
    }

    /// Removes those of `places` whose entries `doomed` names.
    pub(crate) fn take(
        &mut self,
        target: &Target,
        places: &[Place],
        after: &mut Aftermath,
        doomed: impl Fn(&Entry) -> bool,
    ) -> usize {
        let Some(collection) = self.targets.get_mut(target) else { return 0 };
        let followers = Arc::clone(&collection.followers);
        let mut followed = Vec::new();
        let mut told = Told { inventories: &mut self.inventories, overflowed: &mut after.overflowed };
        let mut removed = 0;
        for place in places {
            if !collection.ledger.rows.get(place).is_some_and(&doomed) {
                continue;
            }
            let Some(entry) = collection.ledger.take(place, self.sequence + 1, &mut told) else { continue };
            self.sequence += 1;
            after.rows.push(entry.row);
            removed += 1;
            if !followers.is_empty() {
                followed.push(place.clone());
            }
        }
        if removed > 0 {
            after.wakes.push(Wakes::clone(&collection.row_wakes));
            self.follow(&followers, &followed, after);
            self.settle_overflow(after);
        }
        removed
    }

    pub(crate) fn declare(
        &mut self,
        target: &Target,
        parts: impl IntoIterator<Item = (Pattern, Why)>,
        after: &mut Aftermath,
    ) {
        let now = self.lists_begun;
        let collection = self.targets.entry(target.clone()).or_default();
        if collection.knowledge.declare(target, parts, now) {
            after.wakes.push(Wakes::clone(&collection.knowledge_wakes));
        }
    }

    pub(crate) fn amend(
        &mut self,
        target: &Target,
        amend: impl FnOnce(&mut Gaps<'_>),
        after: &mut Aftermath,
    ) {
        let now = self.lists_begun;
        let Some(collection) = self.targets.get_mut(target) else { return };
        if collection.knowledge.amend(target, now, amend) {
            after.wakes.push(Wakes::clone(&collection.knowledge_wakes));
        }
    }

    /// Begins to forget: no rows of the target are taken in any more, and no list answers for it.
    pub(crate) fn close_target(&mut self, target: &Target) -> Option<Rows> {
        self.withdraw(target);
        let collection = self.targets.get_mut(target)?;
        collection.knowledge = Knowledge::Undeclared;
        Some(collection.ledger.rows.clone())
    }

    /// Ends to forget: the target is known to be empty, unless it was declared again meanwhile.
    pub(crate) fn forget(&mut self, target: &Target, after: &mut Aftermath) {
        let Some(collection) = self.targets.get_mut(target) else { return };
        if collection.knowledge.is_declared() {
            return;
        }
        collection.knowledge = Knowledge::Forgotten;
        after.wakes.push(Wakes::clone(&collection.knowledge_wakes));
        self.prune(target);
    }

    /// Drops what is held of a target that neither exists nor is shown by an inventory.
    pub(crate) fn prune(&mut self, target: &Target) {
        let unused = |held: &Collection| {
            !held.is_shown()
                && held.ledger.rows.is_empty()
                && (held.knowledge.is_forgotten() || held.knowledge == Knowledge::Undeclared)
        };
        if self.targets.get(target).is_some_and(unused) {
            self.targets.remove(target);
        }
    }

    pub(crate) fn begin_list(&mut self, scope: ListScope) -> ListId {
        self.lists_begun += 1;
        let id = ListId(self.lists_begun);
        let unlisted = |target: &Target| {
            let patterns = self.targets.get(target)?.knowledge.unlisted();
            (!patterns.is_empty()).then(|| (target.clone(), patterns))
        };
        let unlisted = scope.targets.iter().filter_map(unlisted).collect();
        self.running.insert(id.0, RunningList::new(id, scope, unlisted));
        id
    }

    /// What the sweep of a list has to look through.
    pub(crate) fn sweep(&self, id: ListId) -> Option<(Sweep, Vec<(Target, Rows)>)> {
        let list = self.running.get(&id.0)?;
        let rows = list
            .targets
            .keys()
            .filter_map(|target| Some((target.clone(), self.targets.get(target)?.ledger.rows.clone())));
        Some((list.sweep.clone(), rows.collect()))
    }

    /// What the end of a list removes of `target`, if it still runs and answers for it.
    pub(crate) fn answers(&self, id: ListId, target: &Target) -> Option<Sweep> {
        let list = self.running.get(&id.0).filter(|list| list.targets.contains_key(target))?;
        Some(list.sweep.clone())
    }

    pub(crate) fn finish_list(&mut self, id: ListId, after: &mut Aftermath) {
        let Some(list) = self.running.remove(&id.0) else { return };
        for target in list.targets.keys() {
            let Some(collection) = self.targets.get_mut(target) else { continue };
            if collection.knowledge.close(&list.sweep.kind, list.sweep.namespace.as_ref(), id.0) {
                after.wakes.push(Wakes::clone(&collection.knowledge_wakes));
            }
        }
    }

    pub(crate) fn is_declared(&self, target: &Target) -> bool {
        self.targets.get(target).is_some_and(|held| held.knowledge.is_declared())
    }

    pub(crate) fn abort_list(&mut self, id: ListId) {
        self.running.remove(&id.0);
    }

    pub(crate) fn withdraw(&mut self, target: &Target) {
        for list in self.running.values_mut() {
            list.targets.remove(target);
        }
    }

    pub(crate) fn withdraw_namespace(&mut self, target: &Target, namespace: &Text) {
        for list in self.running.values_mut() {
            list.spare(target, namespace);
        }
    }

    fn clock(&self) -> Clock {
        Clock { now: self.lists_begun, oldest: self.running.keys().next().copied() }
    }
}
