//! What the store holds of one target: rows, knowledge, and the inventories that show it. It does not hold what those
//! inventories need of it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::inventory::Inventory;
use crate::knowledge::Knowledge;
use crate::ledger::Ledger;

/// Those who wait for changes, one channel per inventory.
pub(crate) type Wakes = Arc<[watch::Sender<()>]>;

/// One target.
pub(crate) struct Collection {
    pub(crate) ledger: Ledger,
    pub(crate) knowledge: Knowledge,
    /// The inventories that have rows of their own, made from these.
    pub(crate) followers: Arc<[u64]>,
    /// Whom each change of a row wakes: the inventories that show the rows as they are.
    pub(crate) row_wakes: Wakes,
    /// Whom a change of knowledge wakes: followers too.
    pub(crate) knowledge_wakes: Wakes,
}

impl Default for Collection {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            knowledge: Knowledge::default(),
            followers: Arc::from([]),
            row_wakes: Arc::from([]),
            knowledge_wakes: Arc::from([]),
        }
    }
}

impl Collection {
    /// Whether an inventory shows the target.
    pub(crate) fn is_shown(&self) -> bool {
        !self.ledger.memberships.is_empty() || !self.followers.is_empty()
    }

    /// Makes what depends on the inventories that show the target fit them.
    pub(crate) fn refit(&mut self, inventories: &HashMap<u64, Inventory>) {
        let wake = |key: &u64| inventories.get(key).map(|inventory| inventory.wake.clone());
        let shown_by = || self.ledger.memberships.iter().map(|membership| membership.inventory);
        self.row_wakes = shown_by().filter_map(|key| wake(&key)).collect();
        let followers = self.followers.iter().filter_map(wake);
        self.knowledge_wakes = self.row_wakes.iter().cloned().chain(followers).collect();
        let sharding = shown_by().filter_map(|key| Some(inventories.get(&key)?.contents.sharding));
        let sharding = sharding.max().unwrap_or_default();
        self.ledger.rows.shard(sharding);
    }
}
