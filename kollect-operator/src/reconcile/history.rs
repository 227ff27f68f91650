//! What statuses must know of the past and no object says: since when an inventory has no target, and from which revision on
//! its rows are those of its specification. It judges nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kollect_sink_core::View;
use kollect_snapshot::Store;

use super::controller::inventory_id;
use crate::index::{Index, ObjectName, Resolution};

/// The past of the inventories that exist.
#[derive(Debug, Default)]
pub struct History(BTreeMap<ObjectName, Past>);

/// The past of an inventory.
#[derive(Clone, Copy, Debug)]
struct Past {
    generation: i64,
    /// The revision when this generation took effect.
    since: u64,
    without_targets: Option<Timestamp>,
}

impl History {
    /// Takes note of what was resolved, once the store shows it.
    pub fn note(&mut self, index: &Index, resolution: &Resolution, store: &Store, now: Timestamp) {
        let mut before = std::mem::take(&mut self.0);
        for (name, inventory) in &resolution.inventories {
            let generation = index.inventory(name).map(|stored| stored.generation()).unwrap_or_default();
            let known = before.remove(name);
            let since = match known {
                Some(known) if known.generation == generation => known.since,
                _ => store.view(&inventory_id(name)).map(|view| view.head().revision).unwrap_or_default(),
            };
            let lonely = known.and_then(|known| known.without_targets);
            let without_targets = inventory.members.is_empty().then(|| lonely.unwrap_or(now));
            self.0.insert(name.clone(), Past { generation, since, without_targets });
        }
    }

    /// Since when an inventory has had no target, as far as this process has seen.
    pub fn without_targets_since(&self, inventory: &ObjectName) -> Option<Timestamp> {
        self.0.get(inventory)?.without_targets
    }

    /// From which revision on an inventory holds what its specification says.
    pub fn effective_since(&self, inventory: &ObjectName) -> Option<u64> {
        Some(self.0.get(inventory)?.since)
    }
}

#[cfg(test)]
mod tests {
    use kollect_api::KollectClusterInventory;
    use kube::api::DynamicObject;
    use serde_json::json;

    use super::*;
    use crate::engine::CollectionDefaults;
    use crate::index::Resolver;

    #[test]
    fn time_without_targets_counts_from_the_first_sight_and_ends_with_a_target() {
        let object = |kind: &str, generation: i64, spec: serde_json::Value| -> DynamicObject {
            serde_json::from_value(json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind,
                "metadata": {"name": "all", "uid": kind, "generation": generation}, "spec": spec}))
            .unwrap()
        };
        let (mut index, store, mut history) = (Index::default(), Store::new(), History::default());
        let mut resolver = Resolver::new(CollectionDefaults::default());
        let name = ObjectName::new("", "all");
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut look = |index: &Index, second| {
            history.note(index, &resolver.resolve(index), &store, at(second));
            history.without_targets_since(&name)
        };
        assert!(look(&index, 1).is_none());
        let inventory = |generation| object("KollectClusterInventory", generation, json!({}));
        index.cluster_inventories.apply(&inventory(1));
        assert!(
            index.cluster_inventories.iter().all(
                |(_, stored): (_, &crate::index::Stored<KollectClusterInventory>)| stored.object.is_ok()
            )
        );
        assert_eq!(look(&index, 10), Some(at(10)));
        index.cluster_inventories.apply(&inventory(2));
        assert_eq!(look(&index, 20), Some(at(10)), "another specification is no target");
        let spec = json!({"profileRef": {"name": "p", "namespace": "n"}, "namespaceSelector": {"matchLabels": {"a": "b"}}});
        let target = object("KollectClusterTarget", 1, spec);
        index.cluster_targets.apply(&target);
        assert_eq!(look(&index, 30), None);
        index.cluster_targets.remove(&target);
        assert_eq!(look(&index, 40), Some(at(40)));
    }
}
