//! Inventories that leave rows out: of some namespaces, or of objects that an earlier target shows. Such a one has
//! rows, journals and a digest of its own, which share each row with its target and change in the critical section in
//! which that row does. It does not decide what a change of contents amounts to.
//!
//! A row that is shown costs such an inventory a place in a tree, 60 to 90 bytes (tests/memory.rs), and no copy; a change
//! of a member's row costs O(members * log rows) where it dedupes, O(log rows) where it does not.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kollect_sink_core::{Row, Target};

use crate::collection::{Collection, Wakes};
use crate::contents::{Contents, Dedupe};
use crate::inventory::Inventory;
use crate::ledger::{Ledger, Told};
use crate::rows::{Entry, Place};
use crate::state::{Aftermath, State};
use crate::view::{Part, Stand};

/// What an inventory that leaves rows out shows.
pub(crate) struct Derived {
    pub(crate) contents: Arc<Contents>,
    /// One for each member; without rows, of each target that left while a reader still has to hear of it.
    pub(crate) ledgers: BTreeMap<Target, Ledger>,
    /// Sequence number of the last change of a row.
    pub(crate) changed: u64,
    wakes: Wakes,
}

impl Derived {
    pub(crate) fn new(contents: Arc<Contents>, inventory: &Inventory) -> Self {
        let wakes = Wakes::from([inventory.wake.clone()]);
        Self { contents, ledgers: BTreeMap::new(), changed: 0, wakes }
    }

    /// An estimate of the memory that the rows take beside their targets.
    pub(crate) fn bytes(&self) -> u64 {
        self.ledgers.values().map(|ledger| ledger.rows.shown_bytes()).sum()
    }

    /// What a view shows of each target.
    pub(crate) fn parts(&self, targets: &HashMap<Target, Collection>) -> Vec<Part> {
        let parts = self.ledgers.iter().map(|(target, ledger)| {
            let (stand, unknown) =
                match targets.get(target).filter(|_| self.contents.members.contains(target)) {
                    Some(held) => (Stand::Member, held.knowledge.unknown(target)),
                    None => (Stand::Departed(ledger.changed), Vec::new()),
                };
            let (rows, journal) = (ledger.rows.clone(), ledger.journal.clone());
            Part { target: target.clone(), rows, journal, unknown, stand, joined: 0 }
        });
        parts.collect()
    }

    /// Lets go of the targets that left and of which all readers have heard, and says from where on changes can be told.
    pub(crate) fn drop_silent(&mut self) -> u64 {
        let mut floor = 0;
        self.ledgers.retain(|target, ledger| {
            let stays = self.contents.members.contains(target) || !ledger.journal.is_empty();
            if !stays {
                floor = floor.max(ledger.journal.floor());
            }
            stays
        });
        floor
    }
}

impl State {
    /// Makes the inventories that leave rows out show what they should of objects of which a target's row changed.
    pub(crate) fn follow(&mut self, followers: &[u64], places: &[Place], after: &mut Aftermath) {
        for key in followers {
            if self.refresh(*key, places, after)
                && let Some(derived) = self.derived.get(key)
            {
                after.wakes.push(Wakes::clone(&derived.wakes));
            }
        }
    }

    /// Makes an inventory that leaves rows out show what it should of some objects. What leaves for one object and what
    /// comes instead is seen at once: no view is taken between. Says whether anything changed.
    pub(crate) fn refresh(&mut self, key: u64, places: &[Place], after: &mut Aftermath) -> bool {
        let Self { targets, derived, inventories, sequence, .. } = self;
        let Some(derived) = derived.get_mut(&key) else { return false };
        let before = *sequence;
        let Derived { contents, ledgers, changed, .. } = derived;
        let mut told = Told { inventories, overflowed: &mut after.overflowed };
        for place in places {
            let row_of = |target: &Target| {
                let row = &targets.get(target)?.ledger.rows.get(place)?.row;
                contents.admits(row.identity()).then_some(row)
            };
            let mut show = |ledger: &mut Ledger, wanted: Option<&Row>| {
                let replaced = set(ledger, place, wanted, *sequence + 1, &mut told);
                if let Some(replaced) = replaced {
                    *sequence += 1;
                    *changed = *sequence;
                    after.rows.extend(replaced);
                }
            };
            match contents.dedupe {
                Dedupe::KeepAll => {
                    let target = place.identity().target();
                    let wanted = contents.members.get(target).and_then(row_of);
                    if let Some(ledger) = ledgers.get_mut(target) {
                        show(ledger, wanted);
                    }
                }
                Dedupe::ByUid => {
                    let first = contents.members.iter().find_map(row_of);
                    for (target, ledger) in ledgers.iter_mut() {
                        show(ledger, first.filter(|row| row.identity().target() == target));
                    }
                }
            }
        }
        *sequence != before
    }
}

/// Makes a ledger hold `wanted` at a place, from `sequence` on. `None` if it did; else the row that it held.
fn set(
    ledger: &mut Ledger,
    place: &Place,
    wanted: Option<&Row>,
    sequence: u64,
    told: &mut Told<'_>,
) -> Option<Option<Row>> {
    let held = ledger.rows.get(place).map(|entry| entry.row.digest());
    if held == wanted.map(Row::digest) {
        return None;
    }
    let replaced = match wanted {
        Some(row) => ledger.put(Place::of(row.identity()), Entry::shown(row, sequence), told),
        None => ledger.take(place, sequence, told),
    };
    Some(replaced.map(|entry| entry.row))
}
