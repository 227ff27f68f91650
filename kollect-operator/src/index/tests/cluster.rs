//! Stories of cluster targets and cluster inventories.

use std::collections::BTreeMap;

use kollect_api::condition::Reason;
use kollect_sink_core::Text;
use kollect_snapshot::{Dedupe, Sharding};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::super::{Index, InventoryPhase, ObjectName, Resolution, ResolvedTarget, Resolver};
use super::{named, profile, target};
use crate::engine::{ClusterKinds, CollectionDefaults, NamespaceFacts, Namespaces};
use crate::reconcile::exports::registered;

fn object(kind: &str, name: &str, labels: Value, spec: Value) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "kollect.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "uid": format!("{kind}-{name}"), "generation": 1, "labels": labels}, "spec": spec,
    }))
    .unwrap()
}

fn cluster_target(name: &str, labels: Value) -> DynamicObject {
    let spec = json!({
        "profileRef": {"name": "apps", "namespace": "team"},
        "namespaceSelector": {"matchLabels": {"tier": "app"}},
    });
    object("KollectClusterTarget", name, labels, spec)
}

fn rollup(spec: Value) -> DynamicObject {
    object("KollectClusterInventory", "rollup", json!({}), spec)
}

fn cluster(name: &str) -> ObjectName {
    ObjectName::new("", name)
}

fn resolve(index: &Index) -> Resolution {
    Resolver::new(CollectionDefaults::default()).resolve(index)
}

/// Two cluster targets, and a target of the same name in a namespace.
fn world() -> Index {
    let mut index = Index::default();
    index.profiles.apply(&profile(1, "{.spec.replicas}"));
    index.targets.apply(&target("web"));
    index.cluster_targets.apply(&cluster_target("web", json!({"tier": "front"})));
    index.cluster_targets.apply(&cluster_target("db", json!({})));
    index
}

#[test]
fn both_kinds_of_targets_are_collected_side_by_side_under_one_name() {
    let index = world();
    let collected = resolve(&index).collected();
    let names: Vec<String> = collected.keys().map(|target| ObjectName::from(target).to_string()).collect();
    assert_eq!(names, ["db", "web", "team/web"]);
    assert!(index.target(&cluster("web")).unwrap().meta.namespace.is_none());
    assert!(index.target(&named("web")).unwrap().meta.namespace.is_some());
}

#[test]
fn a_profile_is_found_where_the_reference_says_and_only_where_the_scope_allows() {
    let mut index = world();
    let mut elsewhere = cluster_target("web", json!({}));
    elsewhere.data["spec"]["profileRef"]["namespace"] = json!("other");
    index.cluster_targets.apply(&elsewhere);
    let reason = |index: &Index| match &resolve(index).targets[&cluster("web")] {
        ResolvedTarget::Blocked { reason, message } => (*reason, message.clone()),
        other => panic!("{other:?}"),
    };
    let (found, message) = reason(&index);
    assert_eq!(found, Reason::ProfileNotFound);
    assert!(message.contains("other/apps"), "{message}");
    let scope = json!({"allowedStaticRefNamespaces": ["team"]});
    index.cluster_scopes.apply(&object("KollectClusterScope", "limits", json!({}), scope));
    let (found, message) = reason(&index);
    assert_eq!(found, Reason::ProfileForbidden);
    assert!(message.contains("KollectClusterScope limits"), "{message}");
    assert!(matches!(resolve(&index).targets[&cluster("db")], ResolvedTarget::Collecting(_)));
}

#[test]
fn a_rollup_holds_cluster_targets_that_it_names_else_selects_else_all() {
    let mut index = world();
    let mut members = |spec: Value| {
        index.cluster_inventories.apply(&rollup(spec));
        let inventory = resolve(&index).inventories.remove(&cluster("rollup")).unwrap();
        let names: Vec<String> =
            inventory.members.iter().map(|target| ObjectName::from(target).to_string()).collect();
        (names.join(" "), inventory.missing.join(" "))
    };
    let front = json!({"matchLabels": {"tier": "front"}});
    let both = |names: &str, missing: &str| (names.to_owned(), missing.to_owned());
    assert_eq!(members(json!({})), both("db web", ""), "no target of a namespace");
    assert_eq!(members(json!({"targetSelector": front})), both("web", ""));
    assert_eq!(members(json!({"targetRefs": ["db"], "targetSelector": front})), both("db", ""));
    assert_eq!(members(json!({"targetRefs": ["db", "gone"]})), both("db", "gone"));
    assert_eq!(members(json!({"targetRefs": ["gone"]})), both("", "gone"));
}

#[test]
fn one_broken_target_does_not_stop_the_others_of_a_rollup() {
    let mut index = world();
    index.cluster_targets.apply(&object("KollectClusterTarget", "bad", json!({}), json!({"profileRef": 7})));
    index.cluster_inventories.apply(&rollup(json!({"databaseSinkRefs": ["pg"]})));
    let resolution = resolve(&index);
    let inventory = &resolution.inventories[&cluster("rollup")];
    assert_eq!(inventory.phase, InventoryPhase::Active);
    assert_eq!((inventory.members.len(), inventory.exports.len()), (3, 1));
    assert_eq!(resolution.collected().len(), 3);
}

#[test]
fn sinks_are_in_the_namespace_of_their_reference_else_in_that_of_the_inventory() {
    let mut index = world();
    let refs = json!([
        "pg", {"name": "pg", "namespace": "team"}, {"name": "other", "namespace": "sinks"}
    ]);
    index.cluster_inventories.apply(&rollup(json!({"sinkNamespace": "sinks", "databaseSinkRefs": refs})));
    let exports = |index: &Index| -> Vec<(String, String)> {
        let exports = &resolve(index).inventories[&cluster("rollup")].exports;
        exports.iter().map(|export| (export.entry.clone(), export.sink.name.to_string())).collect()
    };
    let both = |entry: &str, sink: &str| (entry.to_owned(), sink.to_owned());
    assert_eq!(
        exports(&index),
        [
            both("database/pg", "sinks/pg"),
            both("database/team/pg", "team/pg"),
            both("database/other", "sinks/other")
        ]
    );
    index.cluster_inventories.apply(&rollup(json!({"databaseSinkRefs": ["pg"]})));
    assert_eq!(exports(&index), [both("database/pg", "kollect-system/pg")]);
    // Another sinkNamespace is another sink: the entry of the old one still means where it was.
    let mut stored = rollup(json!({"sinkNamespace": "new", "databaseSinkRefs": ["pg"]}));
    let entries = json!([{"name": "database/pg", "namespace": "sinks"}, {"name": "event/team/bus", "namespace": "team"}]);
    stored.data["status"] = json!({"sinkExports": entries});
    index.cluster_inventories.apply(&stored);
    let registered = registered(&index.inventory(&cluster("rollup")).unwrap());
    let names: Vec<String> = registered.iter().map(|(sink, _)| sink.name.to_string()).collect();
    assert_eq!(names, ["sinks/pg", "team/bus"]);
    assert_eq!(registered[0].0.entry("new"), "database/sinks/pg");
}

#[test]
fn a_sink_in_a_namespace_that_the_scope_denies_is_not_exported_to_and_the_others_are() {
    let mut index = world();
    let scope = json!({"allowedStaticRefNamespaces": ["kollect-system", "team"]});
    index.cluster_scopes.apply(&object("KollectClusterScope", "limits", json!({}), scope));
    let refs = json!(["pg", {"name": "pg", "namespace": "elsewhere"}]);
    index.cluster_inventories.apply(&rollup(json!({"databaseSinkRefs": refs})));
    let resolution = resolve(&index);
    let inventory = &resolution.inventories[&cluster("rollup")];
    assert_eq!(
        inventory.exports.iter().map(|export| export.entry.as_str()).collect::<Vec<_>>(),
        ["database/pg"]
    );
    let denied = &inventory.denied[0];
    assert_eq!(
        (denied.entry.as_str(), denied.reason),
        ("database/elsewhere/pg", Reason::SinkNamespaceDenied)
    );
    assert!(denied.message.contains("elsewhere") && denied.message.contains("stays"), "{}", denied.message);
}

#[test]
fn a_rollup_shows_the_namespaces_that_it_names_and_selects_as_they_are_now() {
    let mut index = world();
    let namespaces = Namespaces::default();
    let label = |name: &str, tier: &str| {
        let labels = BTreeMap::from([("tier".to_owned(), tier.to_owned())]);
        namespaces.set(name, NamespaceFacts::new(labels, &BTreeMap::new()));
    };
    for name in ["a", "b", "c"] {
        label(name, "app");
    }
    label("d", "other");
    let mut shown = |spec: Value| {
        index.cluster_inventories.apply(&rollup(spec));
        let contents = resolve(&index).inventories[&cluster("rollup")].contents(&namespaces);
        let names =
            |all: std::collections::BTreeSet<Text>| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        (contents.namespaces.map(names), contents.dedupe, contents.sharding)
    };
    let app = json!({"matchLabels": {"tier": "app"}});
    assert_eq!(shown(json!({})), (None, Dedupe::KeepAll, Sharding::ByNamespace));
    let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(shown(json!({"namespaces": ["a", "new"], "dedupe": "byResourceUID"})).0, some(&["a", "new"]));
    assert_eq!(shown(json!({"namespaceSelector": app})).0, some(&["a", "b", "c"]));
    let both = json!({"namespaces": ["a", "b", "d"], "namespaceSelector": app, "dedupe": "byResourceUID"});
    assert_eq!(shown(both.clone()), (some(&["a", "b"]), Dedupe::ByUid, Sharding::ByNamespace));
    label("b", "other");
    label("d", "app");
    assert_eq!(shown(both).0, some(&["a", "d"]));
    let none = json!({"namespaces": ["x"], "namespaceSelector": app});
    assert_eq!(shown(none).0, some(&[]), "nothing in common is no rows, and not all");
}

#[test]
fn tenant_mode_refuses_cluster_kinds_and_leaves_them_as_they_are() {
    let mut index = world();
    let mut deleted = rollup(json!({"databaseSinkRefs": ["pg"]}));
    deleted.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    index.cluster_inventories.apply(&deleted);
    let defaults =
        CollectionDefaults { cluster_kinds: ClusterKinds::Refused, ..CollectionDefaults::default() };
    let resolution = Resolver::new(defaults).resolve(&index);
    assert_eq!(resolution.collected().len(), 1, "that of the namespace");
    let ResolvedTarget::Blocked { reason, message } = &resolution.targets[&cluster("web")] else { panic!() };
    assert_eq!(*reason, Reason::InvalidSpec);
    assert!(message.contains("tenant mode"), "{message}");
    let inventory = &resolution.inventories[&cluster("rollup")];
    let InventoryPhase::Invalid(message) = &inventory.phase else { panic!("{:?}", inventory.phase) };
    assert!(message.contains("tenant mode"), "{message}");
    assert!(crate::reconcile::exports::workers(&index, &resolution).is_empty());
}

#[test]
fn a_forged_status_leads_an_inventory_into_no_other_namespace() {
    let mut index = Index::default();
    let mut stored = object("KollectInventory", "all", json!({}), json!({"databaseSinkRefs": ["own"]}));
    stored.metadata.namespace = Some("team".to_owned());
    stored.data["status"] = json!({"sinkExports": [
        {"name": "database/own", "namespace": "team"},
        {"name": "database/platform/theirs", "namespace": "platform"},
        {"name": "database/theirs", "namespace": "platform"},
    ]});
    index.inventories.apply(&stored);
    let registered = registered(&index.inventory(&ObjectName::new("team", "all")).unwrap());
    let names: Vec<String> = registered.iter().map(|(sink, _)| sink.name.to_string()).collect();
    assert_eq!(names, ["team/own"]);
}
