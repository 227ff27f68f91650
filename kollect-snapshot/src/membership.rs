//! Which targets an inventory shows, and what its readers have read: the part of the state that decides how
//! far back journals reach. It changes no row.

use std::sync::Arc;

use kollect_sink_core::{Schema, Target};
use tokio::sync::watch;

use crate::collection::{Membership, Wakes};
use crate::contents::Contents;
use crate::inventory::{Departed, Inventory, InventoryId};
use crate::state::{Aftermath, State};
use crate::view::{InventoryView, Part, Stand};

impl State {
    pub(crate) fn set_inventory(
        &mut self,
        id: &InventoryId,
        contents: Contents,
        schema: Arc<Schema>,
        after: &mut Aftermath,
    ) {
        let known = self.names.get(id).copied();
        let key = known.unwrap_or(self.handed_out + 1);
        if known.is_none() {
            self.handed_out = key;
            self.names.insert(id.clone(), key);
            self.inventories.insert(key, Inventory::new(Arc::clone(&schema), self.sequence + 1));
        }
        let Some(inventory) = self.inventories.get_mut(&key) else { return };
        if known.is_some() && *inventory.contents == contents && inventory.schema == schema {
            return;
        }
        let (now, before) = (&contents.members, &inventory.contents.members);
        let left: Vec<Target> = before.difference(now).cloned().collect();
        let joined: Vec<Target> = now.difference(before).cloned().collect();
        let moved = known.is_none() || !left.is_empty() || !joined.is_empty();
        inventory.schema = schema;
        let counted_otherwise = inventory.contents.sharding != contents.sharding;
        inventory.contents = Arc::new(contents);
        if moved {
            self.sequence += 1;
            inventory.moved = self.sequence;
            for target in &left {
                self.leave(key, target);
            }
            // Whoever left and came back before all readers heard of the first cannot be told by changes.
            let mut came_back = false;
            for target in &joined {
                came_back |= self.join(key, target);
            }
            if came_back || self.inventories.get(&key).is_some_and(Inventory::is_overflowing) {
                after.overflowed.push(key);
                self.settle_overflow(after);
            }
        }
        if counted_otherwise {
            self.refit_members(key);
        }
        if let Some(inventory) = self.inventories.get(&key) {
            after.wakes.push(Wakes::from([inventory.wake.clone()]));
        }
    }

    pub(crate) fn remove_inventory(&mut self, id: &InventoryId) -> Option<Inventory> {
        let key = self.names.remove(id)?;
        let inventory = self.inventories.remove(&key)?;
        for target in &inventory.contents.members {
            self.detach(key, target);
        }
        Some(inventory)
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
        let inventory = self.inventory(id)?;
        let key = *self.names.get(id)?;
        let mut parts = Vec::with_capacity(inventory.contents.members.len() + inventory.departed.len());
        for target in &inventory.contents.members {
            let Some(held) = self.targets.get(target) else { continue };
            let joined = held.joined(key).unwrap_or(inventory.moved);
            parts.push(Part {
                target: target.clone(),
                rows: held.rows.clone(),
                journal: held.journal.clone(),
                unknown: held.knowledge.unknown(target),
                stand: Stand::Member,
                joined,
            });
        }
        let revision = self.revision(inventory);
        parts.extend(inventory.departed.iter().cloned().map(Part::from));
        parts.sort_by(|left, right| left.target.cmp(&right.target));
        Some(InventoryView::new(parts, revision, inventory))
    }

    /// Registers a reader that has read all there is now.
    pub(crate) fn add_reader(&mut self, id: &InventoryId) -> Option<(u64, u64)> {
        let key = *self.names.get(id)?;
        let revision = self.revision(self.inventories.get(&key)?);
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
        let Some(inventory) = self.inventories.get(&key) else { return };
        let last = now.unwrap_or(u64::MAX);
        let mut read = 0;
        for target in &inventory.contents.members {
            let Some(held) = self.targets.get_mut(target) else { continue };
            let joined = held.joined(key).unwrap_or(0);
            read += held.journal.count(before.max(joined), last.max(joined));
            held.trim(&self.inventories);
        }
        if let Some(inventory) = self.inventories.get_mut(&key) {
            inventory.pending = inventory.pending.saturating_sub(read);
        }
    }

    /// Lets go of the changes that overflowing inventories waited for.
    pub(crate) fn settle_overflow(&mut self, after: &mut Aftermath) {
        let mut keys = std::mem::take(&mut after.overflowed);
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let Some(revision) = self.inventories.get(&key).map(|inventory| self.revision(inventory)) else {
                continue;
            };
            if let Some(inventory) = self.inventories.get_mut(&key) {
                inventory.overflow(revision);
            }
            let Some(inventory) = self.inventories.get(&key) else { continue };
            for target in &inventory.contents.members {
                if let Some(held) = self.targets.get_mut(target) {
                    held.trim(&self.inventories);
                }
            }
        }
    }

    /// The number of the last change that the inventory shows.
    fn revision(&self, inventory: &Inventory) -> u64 {
        let members = inventory.contents.members.iter().filter_map(|target| self.targets.get(target));
        members.map(|held| held.changed).fold(inventory.moved, u64::max)
    }

    /// Says whether a reader has yet to hear that the target had left.
    fn join(&mut self, key: u64, target: &Target) -> bool {
        let held = self.targets.entry(target.clone()).or_default();
        let joined = self.sequence;
        held.memberships.push(Membership { inventory: key, joined });
        held.refit(&self.inventories);
        let Some(inventory) = self.inventories.get_mut(&key) else { return false };
        inventory.rows += held.rows.len() as u64;
        inventory.note_move(joined, held.rows.len());
        inventory.departed.iter().any(|departed| departed.target == *target)
    }

    fn refit_members(&mut self, key: u64) {
        let Some(inventory) = self.inventories.get(&key) else { return };
        for target in &inventory.contents.members {
            if let Some(held) = self.targets.get_mut(target) {
                held.refit(&self.inventories);
            }
        }
    }

    fn leave(&mut self, key: u64, target: &Target) {
        let sequence = self.sequence;
        let Some((rows, journal, joined)) = self
            .targets
            .get(target)
            .and_then(|held| Some((held.rows.clone(), held.journal.clone(), held.joined(key)?)))
        else {
            return;
        };
        if let Some(inventory) = self.inventories.get_mut(&key) {
            inventory.rows = inventory.rows.saturating_sub(rows.len() as u64);
            if let Some(base) = inventory.base() {
                let waiting = journal.count(base.max(joined), u64::MAX);
                inventory.pending = inventory.pending.saturating_sub(waiting);
                inventory.note_move(sequence, rows.len() + waiting);
                let target = target.clone();
                inventory.departed.push(Departed { target, rows, journal, joined, left: sequence });
            }
        }
        self.detach(key, target);
    }

    fn detach(&mut self, key: u64, target: &Target) {
        let Some(held) = self.targets.get_mut(target) else { return };
        held.memberships.retain(|membership| membership.inventory != key);
        held.refit(&self.inventories);
        held.trim(&self.inventories);
        self.prune(target);
    }
}
