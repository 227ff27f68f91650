//! Stories of the index: objects go in, and what follows from them is read.

use kollect_api::condition::Reason;
use kollect_api::reference::Cadence;
use kube::api::DynamicObject;
use serde_json::{Value, json};

mod cluster;

use super::{Index, InventoryPhase, ObjectName, Resolution, ResolvedTarget, Resolver};
use crate::engine::{CollectionDefaults, ScopeRule};

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

/// An object of the cluster, or of another namespace than the usual one.
fn placed(mut object: DynamicObject, namespace: Option<&str>) -> DynamicObject {
    object.metadata.namespace = namespace.map(str::to_owned);
    object
}

fn reason(resolution: &Resolution, name: &str) -> String {
    match &resolution.targets[&named(name)] {
        ResolvedTarget::Collecting(_) => "Collecting".to_owned(),
        ResolvedTarget::Suspended => "Suspended".to_owned(),
        ResolvedTarget::Blocked { reason, .. } => reason.as_str().to_owned(),
    }
}

#[test]
fn a_scope_denies_by_kind_and_by_namespace_and_a_changed_one_counts_at_once() {
    let mut world = World::new();
    world.index.profiles.apply(&profile(1, "{.spec.replicas}"));
    world.index.targets.apply(&target("web"));
    let named =
        object("KollectTarget", "named", 1, &json!({"profileRef": "apps", "includedNamespaces": ["x"]}));
    world.index.targets.apply(&named);
    let mut verdicts = |index: &dyn Fn(&mut Index)| {
        index(&mut world.index);
        let resolution = world.resolve();
        (reason(&resolution, "web"), reason(&resolution, "named"))
    };
    let said = |web: &str, named: &str| (web.to_owned(), named.to_owned());
    let scope =
        |spec: Value| move |index: &mut Index| index.scopes.apply(&object("KollectScope", "s", 1, &spec));
    let both = said("Collecting", "Collecting");
    assert_eq!(verdicts(&|_| {}), both);
    assert_eq!(
        verdicts(&scope(json!({"deniedNamespaces": ["x"]}))),
        said("Collecting", "ScopeNamespaceDenied")
    );
    assert_eq!(verdicts(&scope(json!({"allowedNamespaces": ["x"]}))), both);
    let others = json!({"allowedGVKs": [{"version": "v1", "kind": "*"}]});
    assert_eq!(verdicts(&scope(others)), said("ScopeGVKDenied", "ScopeGVKDenied"));
    // What cannot be read may have denied anything.
    let unread = json!({"allowedNamespaces": 7});
    assert_eq!(verdicts(&scope(unread)), said("ScopeNamespaceDenied", "ScopeNamespaceDenied"));
    assert_eq!(verdicts(&scope(json!({}))), both);
    // Two that have nothing in common leave nothing.
    let cluster = placed(object("KollectClusterScope", "c", 1, &json!({"allowedNamespaces": ["y"]})), None);
    assert_eq!(
        verdicts(&|index| index.cluster_scopes.apply(&cluster)),
        said("Collecting", "ScopeNamespaceDenied")
    );
    let denied = said("ScopeNamespaceDenied", "ScopeNamespaceDenied");
    assert_eq!(verdicts(&scope(json!({"allowedNamespaces": ["x"]}))), denied);
}

#[test]
fn the_first_scope_by_name_rules_and_a_changed_one_compiles_targets_anew() {
    let mut world = World::new();
    world.index.profiles.apply(&profile(1, "{.spec.replicas}"));
    world.index.targets.apply(&target("web"));
    let first = world.resolve().collected();
    for (name, denied) in [("b", "x"), ("a", "y")] {
        world.index.scopes.apply(&object("KollectScope", name, 1, &json!({"deniedNamespaces": [denied]})));
    }
    let resolution = world.resolve();
    let second = resolution.collected();
    let (before, after) = (first.values().next().unwrap(), second.values().next().unwrap());
    assert!(!std::sync::Arc::ptr_eq(before, after));
    assert!(after.selection.denies("y") && !after.selection.denies("x"));
    assert_eq!(resolution.ceilings.shadowing(&named("b")), Some("KollectScope team/a"));
    assert_eq!(resolution.ceilings.shadowing(&named("a")), None);
    let again = world.resolve().collected();
    assert!(std::sync::Arc::ptr_eq(after, again.values().next().unwrap()), "nothing changed");
}

#[test]
fn a_denied_sink_is_not_exported_to_and_the_least_interval_is_the_scopes() {
    let mut world = World::new();
    let refs = json!({"databaseSinkRefs": ["db", "other"], "snapshotSinkRefs": ["files"], "exportMinInterval": "5s"});
    world.index.inventories.apply(&inventory(&refs));
    let spec = json!({"databaseSinkRefs": ["db"], "minExportInterval": "1m"});
    world.index.scopes.apply(&object("KollectScope", "s", 1, &spec));
    let resolution = world.resolve();
    let inventory = &resolution.inventories[&named("all")];
    let entries: Vec<&str> = inventory.exports.iter().map(|export| export.entry.as_str()).collect();
    assert_eq!(entries, ["snapshot/files", "database/db"]);
    assert_eq!(inventory.denied.len(), 1);
    assert_eq!(inventory.denied[0].reason, Reason::ScopeSinkDenied);
    assert!(inventory.denied[0].message.starts_with("spec.databaseSinkRefs[1]: "), "{:?}", inventory.denied);
    let interval = inventory.exports[0].interval;
    let seconds = |sink: Option<u64>, cadence| {
        interval.effective(sink.map(std::time::Duration::from_secs), cadence).as_secs()
    };
    assert_eq!(seconds(None, Cadence::OnChange), 60);
    assert_eq!(seconds(Some(90), Cadence::OnChange), 90);
    assert_eq!(seconds(Some(0), Cadence::OnChange), 0, "never confirmed is not too often");
    assert_eq!(seconds(Some(0), Cadence::Interval), 60);
}

#[test]
fn without_a_required_scope_a_target_sees_its_own_namespace() {
    let defaults = CollectionDefaults { scopes: ScopeRule::Required, ..CollectionDefaults::default() };
    let mut world = World { index: Index::default(), resolver: Resolver::new(defaults) };
    world.index.profiles.apply(&profile(1, "{.spec.replicas}"));
    world.index.targets.apply(&target("web"));
    let foreign = json!({"profileRef": "apps", "includedNamespaces": ["x"]});
    world.index.targets.apply(&object("KollectTarget", "foreign", 1, &foreign));
    let resolution = world.resolve();
    let web = &resolution.collected()[&named("web").to_target()];
    assert_eq!(web.selection.named_namespaces(), Some(["team".to_owned()].into()));
    assert_eq!(reason(&resolution, "foreign"), "ScopeNamespaceDenied");
    world.index.scopes.apply(&object("KollectScope", "s", 1, &json!({})));
    let resolution = world.resolve();
    assert_eq!(reason(&resolution, "foreign"), "Collecting");
    assert_eq!(resolution.collected()[&named("web").to_target()].selection.named_namespaces(), None);
}
