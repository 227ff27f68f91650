//! What the store holds of one target: rows, journal, knowledge, and the inventories that show it. It does
//! not hold what those inventories need of it.

use std::collections::HashMap;
use std::sync::Arc;

use kollect_sink_core::Identity;
use tokio::sync::watch;

use crate::inventory::{Growth, Inventory};
use crate::journal::Journal;
use crate::knowledge::Knowledge;
use crate::rows::Rows;

/// Those who wait for changes of a target, one channel per inventory.
pub(crate) type Wakes = Arc<[watch::Sender<()>]>;

/// One target.
pub(crate) struct Collection {
    pub(crate) rows: Rows,
    /// Sequence number of the last change of a row.
    pub(crate) changed: u64,
    pub(crate) journal: Journal,
    pub(crate) knowledge: Knowledge,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) wakes: Wakes,
}

/// An inventory that shows the target.
#[derive(Clone, Copy)]
pub(crate) struct Membership {
    pub(crate) inventory: u64,
    /// Sequence number at which it began to.
    pub(crate) joined: u64,
}

/// One change of one row.
pub(crate) struct Recorded {
    pub(crate) sequence: u64,
    pub(crate) identity: Identity,
    /// Sequence number of the row's last change, 0 if it is new.
    pub(crate) previous: u64,
    pub(crate) growth: Growth,
}

impl Default for Collection {
    fn default() -> Self {
        Self {
            rows: Rows::default(),
            changed: 0,
            journal: Journal::default(),
            knowledge: Knowledge::default(),
            memberships: Vec::new(),
            wakes: Arc::from([]),
        }
    }
}

impl Collection {
    /// Writes a change down for those who will ask, and adds the inventories that have fallen too far behind
    /// to `overflowed`.
    pub(crate) fn record(
        &mut self,
        change: Recorded,
        inventories: &mut HashMap<u64, Inventory>,
        overflowed: &mut Vec<u64>,
    ) {
        self.changed = change.sequence;
        let mut asked_for = false;
        for membership in &self.memberships {
            let Some(inventory) = inventories.get_mut(&membership.inventory) else { continue };
            inventory.grow(change.growth);
            let Some(base) = inventory.base() else { continue };
            asked_for = true;
            // Where the row's last change is pending too, this one takes its place.
            if change.previous <= base.max(membership.joined) {
                inventory.pending += 1;
            }
            if inventory.is_overflowing() {
                overflowed.push(membership.inventory);
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

    /// Makes what follows from the inventories that show the target fit them.
    pub(crate) fn refit(&mut self, inventories: &HashMap<u64, Inventory>) {
        let shown_by = || self.memberships.iter().filter_map(|each| inventories.get(&each.inventory));
        self.wakes = shown_by().map(|inventory| inventory.wake.clone()).collect();
        let sharding = shown_by().map(|inventory| inventory.contents.sharding).max().unwrap_or_default();
        self.rows.shard(sharding);
    }
}
