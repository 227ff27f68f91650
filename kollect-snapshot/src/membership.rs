//! Which targets an inventory shows, and what its readers have read: the part of the state that decides how
//! far back journals reach. It changes no row.

use std::collections::HashMap;
use std::sync::Arc;

use kollect_sink_core::{Schema, Target};
use tokio::sync::watch;

use crate::collection::Wakes;
use crate::contents::Contents;
use crate::derived::Derived;
use crate::inventory::{Departed, Inventory, InventoryId};
use crate::ledger::{Ledger, Membership};
use crate::recast::Recast;
use crate::state::{Aftermath, State};
use crate::view::{InventoryView, Part, Stand};

impl State {
    /// `recast` is what [`State::draft`] led to.
    pub(crate) fn set_inventory(
        &mut self,
        id: &InventoryId,
        contents: Arc<Contents>,
        schema: Arc<Schema>,
        recast: Option<Recast>,
        after: &mut Aftermath,
    ) {
        let known = self.names.get(id).copied();
        let key = known.unwrap_or(self.handed_out + 1);
        if known.is_none() {
            self.handed_out = key;
            self.sequence += 1;
            self.names.insert(id.clone(), key);
            self.inventories.insert(key, Inventory::new(Arc::clone(&schema), self.sequence));
        }
        let Some(inventory) = self.inventories.get_mut(&key) else { return };
        if known.is_some() && inventory.contents == contents && inventory.schema == schema {
            return;
        }
        inventory.schema = schema;
        match recast {
            Some(recast) => self.recast(key, recast, after),
            None if contents.is_derived() => {}
            None => {
                self.unmake(key, after);
                self.set_members(key, contents, after);
            }
        }
        if let Some(inventory) = self.inventories.get(&key) {
            after.wakes.push(Wakes::from([inventory.wake.clone()]));
        }
    }

    /// Changes what an inventory shows that shows rows as their targets hold them.
    fn set_members(&mut self, key: u64, contents: Arc<Contents>, after: &mut Aftermath) {
        let Some(inventory) = self.inventories.get_mut(&key) else { return };
        let before = std::mem::replace(&mut inventory.contents, Arc::clone(&contents));
        let left: Vec<&Target> = before.members.difference(&contents.members).collect();
        let joined: Vec<&Target> = contents.members.difference(&before.members).collect();
        if !left.is_empty() || !joined.is_empty() {
            self.sequence += 1;
            inventory.moved = self.sequence;
            for target in left {
                self.leave(key, target);
            }
            // Whoever left and came back before all readers heard of the first cannot be told by changes.
            let mut came_back = false;
            for target in joined {
                came_back |= self.join(key, target);
            }
            if came_back || self.inventories.get(&key).is_some_and(Inventory::is_overflowing) {
                after.overflowed.push(key);
                self.settle_overflow(after);
            }
        }
        if before.sharding != contents.sharding {
            for target in &contents.members {
                if let Some(held) = self.targets.get_mut(target) {
                    held.refit(&self.inventories);
                }
            }
        }
    }

    /// What is returned is for the caller to drop, without the lock.
    pub(crate) fn remove_inventory(&mut self, id: &InventoryId) -> Option<(Inventory, Option<Derived>)> {
        let key = self.names.remove(id)?;
        let inventory = self.inventories.remove(&key)?;
        for target in &inventory.contents.members {
            self.detach(key, target);
        }
        Some((inventory, self.derived.remove(&key)))
    }

    pub(crate) fn inventory(&self, id: &InventoryId) -> Option<&Inventory> {
        self.inventories.get(self.names.get(id)?)
    }

    pub(crate) fn is_settled(&self, id: &InventoryId) -> Option<bool> {
        let mut members =
            self.inventory(id)?.contents.members.iter().filter_map(|target| self.targets.get(target));
        Some(!members.any(|held| held.knowledge.is_pending()))
    }

    pub(crate) fn subscribe(&self, id: &InventoryId) -> Option<watch::Receiver<()>> {
        Some(self.inventory(id)?.wake.subscribe())
    }

    pub(crate) fn view(&self, id: &InventoryId) -> Option<InventoryView> {
        let key = *self.names.get(id)?;
        let inventory = self.inventories.get(&key)?;
        let parts = match self.derived.get(&key) {
            Some(derived) => derived.parts(&self.targets),
            None => self.parts(key, inventory),
        };
        Some(InventoryView::new(parts, self.revision(key, inventory), inventory))
    }

    /// What a view shows of each target where it shows the rows as they are.
    fn parts(&self, key: u64, inventory: &Inventory) -> Vec<Part> {
        let members = &inventory.contents.members;
        let mut parts = Vec::with_capacity(members.len() + inventory.departed.len());
        for target in members {
            let Some(held) = self.targets.get(target) else { continue };
            let joined = held.ledger.joined(key).unwrap_or(inventory.moved);
            parts.push(Part {
                target: target.clone(),
                rows: held.ledger.rows.clone(),
                journal: held.ledger.journal.clone(),
                unknown: held.knowledge.unknown(target),
                stand: Stand::Member,
                joined,
            });
        }
        parts.extend(inventory.departed.iter().cloned().map(Part::from));
        parts.sort_by(|left, right| left.target.cmp(&right.target));
        parts
    }

    /// Registers a reader that has read all there is now.
    pub(crate) fn add_reader(&mut self, id: &InventoryId) -> Option<(u64, u64)> {
        let key = *self.names.get(id)?;
        let revision = self.revision(key, self.inventories.get(&key)?);
        self.handed_out += 1;
        let reader = self.handed_out;
        self.inventories.get_mut(&key)?.advance(reader, Some(revision));
        Some((key, reader))
    }

    /// Notes how far a reader has come; `None` = it is gone.
    pub(crate) fn advance_reader(&mut self, key: u64, reader: u64, read: Option<u64>) {
        let latest = self.sequence;
        let Some(inventory) = self.inventories.get_mut(&key) else { return };
        if !inventory.knows(reader) {
            return;
        }
        let Some((before, now)) = inventory.advance(reader, read.map(|read| read.min(latest))) else {
            return;
        };
        if inventory.pending == 0 {
            // No member has an entry after the old base: what is left in their journals, others wait for.
            return;
        }
        let last = now.unwrap_or(u64::MAX);
        let mut read = 0;
        self.each_ledger(key, |ledger, inventories| {
            let joined = ledger.joined(key).unwrap_or(0);
            read += ledger.journal.count(before.max(joined), last.max(joined));
            ledger.trim(inventories);
        });
        if let Some(inventory) = self.inventories.get_mut(&key) {
            inventory.pending = inventory.pending.saturating_sub(read);
        }
        self.drop_silent(key);
    }

    /// Lets go of the changes that overflowing inventories waited for.
    pub(crate) fn settle_overflow(&mut self, after: &mut Aftermath) {
        let mut keys = std::mem::take(&mut after.overflowed);
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let Some(inventory) = self.inventories.get(&key) else { continue };
            let revision = self.revision(key, inventory);
            if let Some(inventory) = self.inventories.get_mut(&key) {
                inventory.overflow(revision);
            }
            self.each_ledger(key, Ledger::trim);
            self.drop_silent(key);
        }
    }

    /// Runs over what is held of each member of an inventory, and where it has rows of its own, of each target that left.
    fn each_ledger(&mut self, key: u64, mut visit: impl FnMut(&mut Ledger, &HashMap<u64, Inventory>)) {
        let Self { targets, derived, inventories, .. } = self;
        if let Some(derived) = derived.get_mut(&key) {
            return derived.ledgers.values_mut().for_each(|ledger| visit(ledger, inventories));
        }
        let Some(inventory) = inventories.get(&key) else { return };
        for target in &inventory.contents.members {
            if let Some(held) = targets.get_mut(target) {
                visit(&mut held.ledger, inventories);
            }
        }
    }

    /// The number of the last change that the inventory shows.
    fn revision(&self, key: u64, inventory: &Inventory) -> u64 {
        if let Some(derived) = self.derived.get(&key) {
            return derived.changed.max(inventory.moved);
        }
        let members = inventory.contents.members.iter().filter_map(|target| self.targets.get(target));
        members.map(|held| held.ledger.changed).fold(inventory.moved, u64::max)
    }

    /// Says whether a reader has yet to hear that the target had left.
    fn join(&mut self, key: u64, target: &Target) -> bool {
        let held = self.targets.entry(target.clone()).or_default();
        let joined = self.sequence;
        held.ledger.memberships.push(Membership { inventory: key, joined });
        held.refit(&self.inventories);
        let Some(inventory) = self.inventories.get_mut(&key) else { return false };
        let rows = held.ledger.rows.len();
        inventory.rows += rows as u64;
        inventory.note_move(joined, rows);
        inventory.departed.iter().any(|departed| departed.target == *target)
    }

    fn leave(&mut self, key: u64, target: &Target) {
        let left = self.sequence;
        let Some(held) = self.targets.get(target) else { return };
        let Some(joined) = held.ledger.joined(key) else { return };
        let (rows, journal) = (held.ledger.rows.clone(), held.ledger.journal.clone());
        if let Some(inventory) = self.inventories.get_mut(&key) {
            inventory.rows = inventory.rows.saturating_sub(rows.len() as u64);
            if let Some(base) = inventory.base() {
                let waiting = journal.count(base.max(joined), u64::MAX);
                inventory.pending = inventory.pending.saturating_sub(waiting);
                inventory.note_move(left, rows.len() + waiting);
                inventory.departed.push(Departed { target: target.clone(), rows, journal, joined, left });
            } else {
                inventory.floor = inventory.floor.max(left);
            }
        }
        self.detach(key, target);
    }

    pub(crate) fn detach(&mut self, key: u64, target: &Target) {
        let Some(held) = self.targets.get_mut(target) else { return };
        held.ledger.memberships.retain(|membership| membership.inventory != key);
        held.followers = held.followers.iter().copied().filter(|follower| *follower != key).collect();
        held.refit(&self.inventories);
        held.ledger.trim(&self.inventories);
        self.prune(target);
    }
}
