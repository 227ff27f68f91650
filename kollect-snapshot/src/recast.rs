//! Changes of what an inventory shows that leaves rows out. Rows are looked through without the lock, and what writers
//! did meanwhile is made up for under it; readers are told of few rows as of changes, and for many sent to a full pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kollect_sink_core::Target;

use crate::contents::{Contents, Dedupe};
use crate::derived::Derived;
use crate::inventory::{InventoryId, PENDING_FLOOR};
use crate::ledger::Ledger;
use crate::rows::{Entry, Place, Rows};
use crate::state::{Aftermath, State};

/// What an inventory shall show, and the rows from which that is made.
pub(crate) struct Draft {
    /// What it shows, if it has rows of its own.
    before: Option<Arc<Contents>>,
    contents: Arc<Contents>,
    rows: BTreeMap<Target, Rows>,
}

/// A draft with what it amounts to.
pub(crate) struct Recast {
    contents: Arc<Contents>,
    rows: BTreeMap<Target, Rows>,
    work: Work,
}

enum Work {
    /// Some objects may be shown otherwise.
    Few(Vec<Place>),
    /// All is made anew.
    All(BTreeMap<Target, Rows>),
}

impl Draft {
    /// Looks through the rows. Needs no lock.
    pub(crate) fn weigh(self) -> Recast {
        let Self { before, contents, rows } = self;
        let few = before.and_then(|before| affected(&before, &contents, &rows));
        let work = match few {
            Some(places) => Work::Few(places),
            None => Work::All(pick(&contents, &rows)),
        };
        Recast { contents, rows, work }
    }
}

/// The rows that `before` and `after` may show differently; `None` if that are too many to be told one by one.
fn affected(before: &Contents, after: &Contents, rows: &BTreeMap<Target, Rows>) -> Option<Vec<Place>> {
    let deduped_otherwise = before.dedupe != after.dedupe;
    let judged_alike = !deduped_otherwise && before.namespaces == after.namespaces;
    let mut affected = Vec::new();
    for (target, rows) in rows {
        let (was, is) = (before.members.contains(target), after.members.contains(target));
        if judged_alike && was == is {
            continue;
        }
        for (place, entry) in rows.iter() {
            let identity = entry.row.identity();
            let (was, is) = (was && before.admits(identity), is && after.admits(identity));
            if was != is || (deduped_otherwise && is) {
                affected.push(place.clone());
            }
            if affected.len() > PENDING_FLOOR {
                return None;
            }
        }
    }
    Some(affected)
}

/// The rows of each member that `contents` show.
fn pick(contents: &Contents, rows: &BTreeMap<Target, Rows>) -> BTreeMap<Target, Rows> {
    let mut picked: BTreeMap<Target, Rows> = BTreeMap::new();
    for target in &contents.members {
        let hidden = |place: &Place| {
            contents.dedupe == Dedupe::ByUid && picked.values().any(|earlier| earlier.get(place).is_some())
        };
        let held = rows.get(target).into_iter().flat_map(Rows::iter);
        let shown = held.filter(|(place, entry)| contents.admits(entry.row.identity()) && !hidden(place));
        let shown: Vec<(&Place, &Entry)> = shown.collect();
        let mut own = Rows::default();
        own.shard(contents.sharding);
        // Every other row first: a tree that is filled in order keeps its nodes half empty.
        for (place, entry) in shown.iter().step_by(2).chain(shown.iter().skip(1).step_by(2)) {
            own.put((*place).clone(), Entry::shown(&entry.row, 0));
        }
        picked.insert(target.clone(), own);
    }
    picked
}

impl State {
    /// Begins to change what an inventory shows; `None` where that is what it shows already, or rows as their targets
    /// hold them.
    pub(crate) fn draft(&self, id: &InventoryId, contents: &Arc<Contents>) -> Option<Draft> {
        if !contents.is_derived() {
            return None;
        }
        let derived = self.names.get(id).and_then(|key| self.derived.get(key));
        let before = derived.map(|derived| Arc::clone(&derived.contents));
        if before.as_ref() == Some(contents) {
            return None;
        }
        let members = before.iter().flat_map(|before| &before.members).chain(&contents.members);
        let rows = members.map(|target| {
            let held = self.targets.get(target).map(|held| held.ledger.rows.clone());
            (target.clone(), held.unwrap_or_default())
        });
        Some(Draft { rows: rows.collect(), before, contents: Arc::clone(contents) })
    }

    /// Makes an inventory show what was drafted for it, with the rows as they are by now.
    pub(crate) fn recast(&mut self, key: u64, recast: Recast, after: &mut Aftermath) {
        let Recast { contents, rows, work } = recast;
        let Some(inventory) = self.inventories.get_mut(&key) else { return };
        let before = std::mem::replace(&mut inventory.contents, Arc::clone(&contents));
        self.sequence += 1;
        inventory.moved = self.sequence;
        let mut places: Vec<Place> = Vec::new();
        for (target, then) in &rows {
            let now = self.targets.get(target).map(|held| &held.ledger.rows);
            places.extend(then.differences(now.unwrap_or(&Rows::default())).cloned());
        }
        let derived =
            self.derived.entry(key).or_insert_with(|| Derived::new(Arc::clone(&contents), inventory));
        derived.contents = Arc::clone(&contents);
        match work {
            Work::Few(few) => {
                places.extend(few);
                derived.ledgers.values_mut().for_each(|ledger| ledger.rows.shard(contents.sharding));
                for target in &contents.members {
                    let new = || Ledger::of(key, Rows::default(), contents.sharding);
                    derived.ledgers.entry(target.clone()).or_insert_with(new);
                }
            }
            Work::All(picked) => {
                inventory.rows = picked.values().map(|rows| rows.len() as u64).sum();
                let own = |(target, rows)| (target, Ledger::of(key, rows, contents.sharding));
                let old = std::mem::replace(&mut derived.ledgers, picked.into_iter().map(own).collect());
                after.ledgers.extend(old.into_values());
                after.overflowed.push(key);
            }
        }
        self.follow_members(key, &before.members, &contents.members);
        self.refresh(key, &places, after);
        self.settle_overflow(after);
        self.drop_silent(key);
    }

    /// Lets an inventory show rows as their targets hold them, none at first.
    pub(crate) fn unmake(&mut self, key: u64, after: &mut Aftermath) {
        let Some(derived) = self.derived.remove(&key) else { return };
        self.sequence += 1;
        if let Some(inventory) = self.inventories.get_mut(&key) {
            inventory.contents = Arc::default();
            inventory.moved = self.sequence;
            inventory.rows = 0;
            inventory.overflow(self.sequence);
        }
        self.follow_members(key, &derived.contents.members, &BTreeSet::new());
        after.ledgers.extend(derived.ledgers.into_values());
    }

    /// Makes an inventory with rows of its own hear of the rows of these targets, and of no others any more.
    pub(crate) fn follow_members(&mut self, key: u64, before: &BTreeSet<Target>, now: &BTreeSet<Target>) {
        for target in now {
            let held = self.targets.entry(target.clone()).or_default();
            if !held.followers.contains(&key) {
                held.followers = held.followers.iter().copied().chain([key]).collect();
                // It may have shown the rows as they were.
                held.ledger.memberships.retain(|membership| membership.inventory != key);
                held.refit(&self.inventories);
                held.ledger.trim(&self.inventories);
            }
        }
        for target in before.difference(now) {
            self.detach(key, target);
        }
    }

    /// Lets go of the targets that left and of which all readers have heard.
    pub(crate) fn drop_silent(&mut self, key: u64) {
        let floor = self.derived.get_mut(&key).map(Derived::drop_silent);
        if let (Some(floor), Some(inventory)) = (floor, self.inventories.get_mut(&key)) {
            inventory.floor = inventory.floor.max(floor);
        }
    }
}
