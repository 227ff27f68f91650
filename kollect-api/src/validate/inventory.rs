//! Rules of inventories and cluster inventories. Whether their sinks exist is the operator's question.

use std::collections::BTreeSet;

use super::Violation;
use super::target::operators_fit_values;
use crate::cluster::ClusterInventorySpec;
use crate::inventory::InventorySpec;
use crate::reference::{Family, SinkRef};

const MAX_REFS: usize = 20;

pub(super) fn rules(spec: &InventorySpec) -> Vec<Violation> {
    let refs = Located::new(spec.sink_refs());
    let mut found = refs.rules("");
    found.extend(refs.namespace_absent());
    found.extend(spec.target_selector.iter().flat_map(|it| operators_fit_values("spec.targetSelector", it)));
    found
}

pub(super) fn cluster_rules(spec: &ClusterInventorySpec) -> Vec<Violation> {
    let mut found = Located::new(spec.sink_refs()).rules(&spec.sink_namespace);
    found.extend(spec.target_selector.iter().flat_map(|it| operators_fit_values("spec.targetSelector", it)));
    found.extend(
        spec.namespace_selector.iter().flat_map(|it| operators_fit_values("spec.namespaceSelector", it)),
    );
    found
}

/// The sink references of an inventory, each with its path.
struct Located<'a>(Vec<(String, Family, &'a SinkRef)>);

impl<'a> Located<'a> {
    fn new(refs: impl Iterator<Item = (Family, &'a SinkRef)>) -> Self {
        let mut of_family = [0_usize; 3];
        let located = refs.map(|(family, sink)| {
            let [snapshot, database, event] = &mut of_family;
            let next = match family {
                Family::Snapshot => snapshot,
                Family::Database => database,
                Family::Event => event,
            };
            let path = format!("spec.{}[{next}]", family.field());
            *next += 1;
            (path, family, sink)
        });
        Self(located.collect())
    }

    fn rules(&self, home: &str) -> Vec<Violation> {
        [self.at_most_twenty(), self.unique(home), self.keys_known()].concat()
    }

    fn at_most_twenty(&self) -> Vec<Violation> {
        if self.0.len() <= MAX_REFS {
            return Vec::new();
        }
        let message =
            format!("{} sink references in the three lists; name at most {MAX_REFS} together", self.0.len());
        vec![Violation::new("spec", message)]
    }

    fn unique(&self, home: &str) -> Vec<Violation> {
        let mut seen = BTreeSet::new();
        let twice = self.0.iter().filter(|(_, family, sink)| !seen.insert(sink.export_name(*family, home)));
        twice
            .map(|(path, _, sink)| Violation::new(path, format!("{:?} stands twice; remove one", sink.name)))
            .collect()
    }

    fn keys_known(&self) -> Vec<Violation> {
        let each =
            self.0.iter().flat_map(|(path, _, sink)| sink.unknown_keys.iter().map(move |key| (path, key)));
        let message =
            "unknown field; known are name, namespace, exportMinInterval, maxExportBytes and cadence";
        each.map(|(path, key)| Violation::new(format!("{path}.{key}"), message)).collect()
    }

    fn namespace_absent(&self) -> Vec<Violation> {
        let stated = self.0.iter().filter(|(_, _, sink)| sink.namespace.is_some());
        let message = "an inventory uses the sinks of its own namespace; remove the field, or use a KollectClusterInventory";
        stated.map(|(path, _, _)| Violation::new(format!("{path}.namespace"), message)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::validate::{Validate, summary};
    use crate::{KollectClusterInventory, KollectInventory, decode};

    fn inventory(spec: &Value) -> Vec<String> {
        let inventory: KollectInventory = decode(&json!({"metadata": {}, "spec": spec})).unwrap();
        inventory.validate().into_iter().map(|violation| violation.path).collect()
    }

    fn cluster_inventory(spec: &Value) -> Vec<String> {
        let inventory: KollectClusterInventory = decode(&json!({"metadata": {}, "spec": spec})).unwrap();
        inventory.validate().into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn a_sink_stands_once_in_its_family() {
        let spec = json!({"snapshotSinkRefs": ["a"], "databaseSinkRefs": ["a", "b", {"name": "a", "cadence": "Interval"}]});
        assert_eq!(inventory(&spec), ["spec.databaseSinkRefs[2]"]);
    }

    #[test]
    fn at_most_twenty_references_together() {
        let names = |count: usize| (0..count).map(|index| format!("s{index}")).collect::<Vec<_>>();
        assert!(inventory(&json!({"databaseSinkRefs": names(10), "eventSinkRefs": names(10)})).is_empty());
        assert_eq!(inventory(&json!({"databaseSinkRefs": names(10), "eventSinkRefs": names(11)})), ["spec"]);
    }

    #[test]
    fn unknown_keys_are_named() {
        assert_eq!(
            inventory(&json!({"eventSinkRefs": ["a", {"name": "b", "candence": 1}]})),
            ["spec.eventSinkRefs[1].candence"]
        );
    }

    #[test]
    fn only_cluster_kinds_name_namespaces() {
        let spec = json!({"databaseSinkRefs": ["a", {"name": "a", "namespace": "n"}]});
        assert_eq!(inventory(&spec), ["spec.databaseSinkRefs[1].namespace"]);
        assert!(cluster_inventory(&spec).is_empty());
        let same = json!({"sinkNamespace": "n", "databaseSinkRefs": ["a", {"name": "a", "namespace": "n"}]});
        assert_eq!(cluster_inventory(&same), ["spec.databaseSinkRefs[1]"]);
    }

    #[test]
    fn a_summary_is_one_line() {
        let inventory: KollectInventory =
            decode(&json!({"metadata": {}, "spec": {"eventSinkRefs": ["a", "a", {"name": "b", "x": 1}]}}))
                .unwrap();
        assert_eq!(
            summary(&inventory.validate()),
            "spec.eventSinkRefs[1]: \"a\" stands twice; remove one; \
             spec.eventSinkRefs[2].x: unknown field; known are name, namespace, exportMinInterval, maxExportBytes and cadence"
        );
    }
}
