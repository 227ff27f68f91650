//! Stories of the index: objects go in, and what follows from them is read.

use kollect_api::condition::Reason;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::{Index, InventoryPhase, ObjectName, Resolution, ResolvedTarget, Resolver};
use crate::engine::CollectionDefaults;

fn object(kind: &str, name: &str, generation: i64, spec: &Value) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "kollect.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "team", "uid": format!("{kind}-{name}"), "generation": generation},
        "spec": spec,
    }))
    .unwrap()
}

fn profile(generation: i64, path: &str) -> DynamicObject {
    object(
        "KollectProfile",
        "apps",
        generation,
        &json!({
            "targetGVK": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "attributes": [{"name": "replicas", "path": path, "type": "int"}],
        }),
    )
}

fn target(name: &str) -> DynamicObject {
    object("KollectTarget", name, 1, &json!({"profileRef": "apps"}))
}

fn inventory(spec: &Value) -> DynamicObject {
    object("KollectInventory", "all", 1, spec)
}

struct World {
    index: Index,
    resolver: Resolver,
}

impl World {
    fn new() -> Self {
        Self { index: Index::default(), resolver: Resolver::new(CollectionDefaults::default()) }
    }

    fn resolve(&mut self) -> Resolution {
        self.resolver.resolve(&self.index)
    }
}

fn named(name: &str) -> ObjectName {
    ObjectName::new("team", name)
}

#[test]
fn a_target_is_collected_once_its_profile_is_there() {
    let mut world = World::new();
    world.index.targets.apply(&target("web"));
    let before = world.resolve();
    assert!(matches!(
        before.targets[&named("web")],
        ResolvedTarget::Blocked { reason: Reason::ProfileNotFound, .. }
    ));
    world.index.profiles.apply(&profile(1, "{.spec.replicas}"));
    let after = world.resolve();
    assert!(matches!(after.targets[&named("web")], ResolvedTarget::Collecting(_)));
    assert_eq!(after.collected().len(), 1);
}

#[test]
fn what_did_not_change_is_not_compiled_again() {
    let mut world = World::new();
    world.index.profiles.apply(&profile(1, "{.spec.replicas}"));
    world.index.targets.apply(&target("web"));
    let first = world.resolve().collected();
    world.index.targets.apply(&target("other"));
    let second = world.resolve().collected();
    let key = named("web").to_target();
    assert!(std::sync::Arc::ptr_eq(&first[&key], &second[&key]));
    world.index.profiles.apply(&profile(2, "{.status.replicas}"));
    let third = world.resolve().collected();
    assert!(!std::sync::Arc::ptr_eq(&first[&key], &third[&key]));
}

#[test]
fn a_wrong_path_blocks_the_targets_of_its_profile_and_names_the_field() {
    let mut world = World::new();
    world.index.profiles.apply(&profile(1, "{.spec.replicas"));
    world.index.targets.apply(&target("web"));
    let resolution = world.resolve();
    let violations = resolution.profiles[&named("apps")].as_ref().unwrap_err();
    assert_eq!(violations[0].path, "spec.attributes[0].path");
    assert!(matches!(
        resolution.targets[&named("web")],
        ResolvedTarget::Blocked { reason: Reason::InvalidSpec, .. }
    ));
}

#[test]
fn a_wrong_stored_value_hurts_its_own_object_only() {
    let mut world = World::new();
    world.index.profiles.apply(&profile(1, "{.spec.replicas}"));
    world.index.targets.apply(&target("web"));
    world.index.targets.apply(&object("KollectTarget", "bad", 1, &json!({"profileRef": 7})));
    let resolution = world.resolve();
    assert!(matches!(resolution.targets[&named("web")], ResolvedTarget::Collecting(_)));
    let ResolvedTarget::Blocked { reason, message } = &resolution.targets[&named("bad")] else { panic!() };
    assert_eq!(*reason, Reason::InvalidSpec);
    assert!(message.contains("spec.profileRef"), "{message}");
}

#[test]
fn an_inventory_holds_all_targets_of_its_namespace_unless_it_names_some() {
    let mut world = World::new();
    world.index.profiles.apply(&profile(1, "{.spec.replicas}"));
    world.index.targets.apply(&target("web"));
    world.index.targets.apply(&target("db"));
    world.index.inventories.apply(&inventory(&json!({})));
    assert_eq!(world.resolve().inventories[&named("all")].members.len(), 2);
    world.index.inventories.apply(&inventory(&json!({"targetRefs": ["db", "gone"]})));
    let members = &world.resolve().inventories[&named("all")].members;
    assert_eq!(members.iter().map(|target| &*target.name).collect::<Vec<_>>(), ["db"]);
}

#[test]
fn an_inventory_with_a_wrong_reference_exports_nothing() {
    let mut world = World::new();
    world.index.inventories.apply(&inventory(&json!({"databaseSinkRefs": ["pg", "pg"]})));
    let resolution = world.resolve();
    let resolved = &resolution.inventories[&named("all")];
    assert!(matches!(resolved.phase, InventoryPhase::Invalid(_)), "{:?}", resolved.phase);
    assert!(resolved.exports.is_empty());
}

#[test]
fn a_deleted_inventory_retires_unless_it_retains() {
    let mut world = World::new();
    let mut deleted = inventory(&json!({"databaseSinkRefs": ["pg"]}));
    deleted.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    world.index.inventories.apply(&deleted);
    assert_eq!(world.resolve().inventories[&named("all")].phase, InventoryPhase::Deleting { retain: false });
    let annotations = deleted.metadata.annotations.get_or_insert_default();
    annotations.insert("kollect.dev/on-delete".into(), "Retain".into());
    world.index.inventories.apply(&deleted);
    assert_eq!(world.resolve().inventories[&named("all")].phase, InventoryPhase::Deleting { retain: true });
}

#[test]
fn consent_to_secrets_takes_effect_with_its_annotation() {
    let mut world = World::new();
    let spec = json!({"targetGVK": {"version": "v1", "kind": "Secret"}, "export": {"mode": "Resource"}});
    let mut secrets = object("KollectProfile", "apps", 1, &spec);
    world.index.targets.apply(&target("web"));
    world.index.profiles.apply(&secrets);
    assert!(world.resolve().profiles[&named("apps")].is_err());
    secrets.metadata.annotations =
        Some([("kollect.dev/allow-full-resource-export".to_owned(), "true".to_owned())].into());
    world.index.profiles.apply(&secrets);
    assert!(world.resolve().profiles[&named("apps")].is_ok());
    secrets.metadata.annotations = None;
    world.index.profiles.apply(&secrets);
    assert!(world.resolve().profiles[&named("apps")].is_err());
}
