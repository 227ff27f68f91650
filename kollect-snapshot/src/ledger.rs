//! Rows with the journal of their changes, and the inventories that are told of these: what a target holds, and what
//! an inventory with rows of its own holds of a target. It does not decide which rows those are.

use std::collections::HashMap;

use kollect_sink_core::Identity;

use crate::contents::Sharding;
use crate::inventory::{Growth, Inventory};
use crate::journal::Journal;
use crate::rows::{Entry, Place, Rows};

/// Rows and their changes.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) rows: Rows,
    /// Sequence number of the last change of a row.
    pub(crate) changed: u64,
    pub(crate) journal: Journal,
    pub(crate) memberships: Vec<Membership>,
}

/// An inventory that shows the rows.
#[derive(Clone, Copy)]
pub(crate) struct Membership {
    pub(crate) inventory: u64,
    /// Sequence number at which it began to.
    pub(crate) joined: u64,
}

/// One change of one row.
struct Recorded {
    sequence: u64,
    identity: Identity,
    /// Sequence number of the row's last change, 0 if it is new.
    previous: u64,
    growth: Growth,
}

/// Those who are told of a change.
pub(crate) struct Told<'a> {
    pub(crate) inventories: &'a mut HashMap<u64, Inventory>,
    /// Takes in the inventories that have fallen too far behind.
    pub(crate) overflowed: &'a mut Vec<u64>,
}

impl Ledger {
    /// What one inventory holds of a target, which it has shown since it has rows of its own.
    pub(crate) fn of(inventory: u64, mut rows: Rows, sharding: Sharding) -> Self {
        rows.shard(sharding);
        Self { rows, memberships: vec![Membership { inventory, joined: 0 }], ..Self::default() }
    }

    /// Puts a row in that changed at `entry.changed`, and gives back what it replaces.
    pub(crate) fn put(&mut self, place: Place, entry: Entry, told: &mut Told<'_>) -> Option<Entry> {
        let (sequence, identity) = (entry.changed, place.identity().clone());
        let old = self.rows.put(place, entry);
        let (previous, growth) = match &old {
            Some(old) => (old.changed, Growth::None),
            None => (0, Growth::One),
        };
        self.record(Recorded { sequence, identity, previous, growth }, told);
        old
    }

    /// Takes a row out that left at `sequence`.
    pub(crate) fn take(&mut self, place: &Place, sequence: u64, told: &mut Told<'_>) -> Option<Entry> {
        let entry = self.rows.take(place)?;
        let identity = entry.row.identity().clone();
        let change = Recorded { sequence, identity, previous: entry.changed, growth: Growth::MinusOne };
        self.record(change, told);
        Some(entry)
    }

    fn record(&mut self, change: Recorded, told: &mut Told<'_>) {
        self.changed = change.sequence;
        let mut asked_for = false;
        for membership in &self.memberships {
            let Some(inventory) = told.inventories.get_mut(&membership.inventory) else { continue };
            inventory.grow(change.growth);
            let Some(base) = inventory.base() else { continue };
            asked_for = true;
            // Where the row's last change is pending too, this one takes its place.
            if change.previous <= base.max(membership.joined) {
                inventory.pending += 1;
            }
            if inventory.is_overflowing() {
                told.overflowed.push(membership.inventory);
            }
        }
        if asked_for {
            self.journal.append(change.sequence, change.identity, change.previous);
        } else {
            self.journal.skip(change.sequence);
        }
    }

    /// Drops the changes that no inventory will ask for.
    pub(crate) fn trim(&mut self, inventories: &HashMap<u64, Inventory>) {
        let needed = self.memberships.iter().filter_map(|membership| {
            inventories.get(&membership.inventory)?.base().map(|base| base.max(membership.joined))
        });
        match needed.min() {
            Some(sequence) => self.journal.trim(sequence),
            None => self.journal.clear(),
        }
    }

    pub(crate) fn joined(&self, inventory: u64) -> Option<u64> {
        let mut memberships = self.memberships.iter();
        memberships.find(|membership| membership.inventory == inventory).map(|found| found.joined)
    }
}
