//! Stories of collection: targets and objects go in, rows are read from the store.

use std::sync::Arc;

use kollect_api::{KollectTarget, Violation};
use kollect_sink_core::{Target, View};
use kollect_snapshot::{Contents, InventoryId, ListScope, Store, Why};
use serde_json::{Value, json};

use super::{CollectionDefaults, CompiledProfile, CompiledTarget, Engine, Kind, RawObject, Via, Wanted};

fn deployment() -> Kind {
    Kind::new("apps", "v1", "Deployment")
}

fn compile(spec: Value, defaults: &CollectionDefaults) -> Arc<CompiledTarget> {
    Arc::new(try_compile(spec, defaults).unwrap())
}

fn try_compile(mut spec: Value, defaults: &CollectionDefaults) -> Result<CompiledTarget, Vec<Violation>> {
    let export = spec.as_object_mut().and_then(|spec| spec.remove("export")).unwrap_or(json!({}));
    let profile = json!({"apiVersion": "kollect.dev/v1alpha1", "kind": "KollectProfile",
        "metadata": {"name": "apps", "namespace": "team"},
        "spec": {"targetGVK": {"group": "apps", "version": "v1", "kind": "Deployment"}, "export": export,
            "attributes": [{"name": "replicas", "path": "{.spec.replicas}"}]}});
    spec["profileRef"] = json!("apps");
    let target = json!({"apiVersion": "kollect.dev/v1alpha1", "kind": "KollectTarget",
        "metadata": {"name": "web", "namespace": "team"}, "spec": spec});
    let profile = kollect_api::decode(&profile).unwrap();
    let target: KollectTarget = kollect_api::decode(&target).unwrap();
    let compiled = Arc::new(CompiledProfile::compile(&profile, defaults).unwrap());
    CompiledTarget::compile(
        Wanted::unlimited(Target::new("team", "web"), target.spec.selection()),
        &profile,
        &compiled,
        defaults,
    )
}

struct World {
    engine: Engine,
    id: InventoryId,
    target: Target,
}

impl World {
    /// A target's spec; `export` in it is its profile's.
    fn new(spec: Value) -> Self {
        Self::with(spec, &CollectionDefaults::default())
    }

    fn with(spec: Value, defaults: &CollectionDefaults) -> Self {
        let compiled = compile(spec, defaults);
        let engine = Engine::new(Store::new());
        let target = compiled.target.clone();
        engine.store().declare(&target, []);
        engine.set_interests(deployment(), vec![compiled]);
        let id = InventoryId::new("team", "all");
        engine.store().set_inventory(&id, Contents::of([target.clone()]), Arc::default());
        Self { engine, id, target }
    }

    fn see(&self, object: &Value) {
        self.engine.observe(&deployment(), &raw(object), Via::Watch);
    }

    fn rows(&self) -> u64 {
        self.engine.store().view(&self.id).unwrap().head().rows
    }
}

fn raw(object: &Value) -> RawObject {
    RawObject::from_raw(serde_json::value::to_raw_value(object).unwrap())
}

fn object(namespace: &str, name: &str, version: u64, labels: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("{namespace}-{name}"),
        "resourceVersion": version.to_string(), "labels": labels}, "spec": {"replicas": 3}})
}

#[test]
fn one_kind_at_two_versions_is_refused() {
    let rule = |version: &str| json!({"gvk": {"group": "apps", "version": version, "kind": "Deployment"}});
    let compile = |second: &str| {
        try_compile(json!({"resourceRules": [rule("v1"), rule(second)]}), &CollectionDefaults::default())
    };
    assert!(compile("v1").is_ok());
    let violations = compile("v2").unwrap_err();
    assert_eq!(violations[0].path, "spec.resourceRules[1].gvk.version");
}

#[test]
fn an_object_that_leaves_the_selection_loses_its_row() {
    let world = World::new(json!({"labelSelector": {"matchLabels": {"app": "x"}}}));
    world.see(&object("shop", "web", 1, json!({"app": "x"})));
    world.see(&object("shop", "web", 2, json!({"app": "y"})));
    assert_eq!(world.rows(), 0);
}

#[test]
fn a_deleted_object_loses_its_row() {
    let world = World::new(json!({}));
    let web = object("shop", "web", 1, json!({}));
    world.see(&web);
    assert_eq!(world.rows(), 1);
    world.engine.delete(&deployment(), &raw(&object("shop", "web", 2, json!({}))));
    assert_eq!(world.rows(), 0);
}

#[test]
fn a_list_sweeps_what_it_did_not_see() {
    let world = World::new(json!({}));
    world.see(&object("shop", "gone", 1, json!({})));
    let kind = deployment().group_kind();
    let pattern = kollect_sink_core::Pattern::new(world.target.clone(), Some(kind.clone()), None);
    world.engine.store().declare(&world.target, [(pattern, Why::Pending)]);
    let targets = vec![world.target.clone()];
    let list = world.engine.store().begin_list(ListScope { kind, targets: targets.clone(), namespace: None });
    world.engine.observe(
        &deployment(),
        &raw(&object("shop", "web", 5, json!({}))),
        Via::List(&list, &targets),
    );
    assert_eq!(world.rows(), 2);
    world.engine.store().end_list(list);
    assert_eq!(world.rows(), 1);
}

#[test]
fn an_object_without_uid_gets_one_that_does_not_change() {
    let world = World::new(json!({}));
    let nameless = json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {"replicas": 1}});
    world.see(&nameless);
    world.see(&nameless);
    assert_eq!(world.rows(), 1);
}

#[test]
fn an_object_whose_metadata_cannot_be_read_ends_nothing() {
    let world = World::new(json!({}));
    world.see(&json!({"metadata": 7}));
    world.see(&json!({"metadata": {"name": 7, "labels": [1]}}));
    world.see(&object("shop", "web", 1, json!({})));
    assert!(world.rows() >= 1);
}

#[test]
fn churn_that_changes_no_row_wakes_nobody() {
    let exports = [
        json!({"mode": "Attributes"}),
        json!({"mode": "Resource", "include": "SpecOnly"}),
        json!({"mode": "Resource", "include": "All", "prune": {"jsonPointers": ["/status/seen"]}}),
    ];
    for export in exports {
        let world = World::new(json!({"export": export}));
        let seen = |version: u64, beat: u64| {
            let mut web = object("shop", "web", version, json!({}));
            web["metadata"]["managedFields"] = json!([{"time": beat}]);
            web["metadata"]["generation"] = json!(beat);
            web["status"] = json!({"seen": beat});
            world.see(&web);
        };
        seen(1, 1);
        let store = world.engine.store();
        let mut woken = store.subscribe(&world.id).unwrap();
        woken.mark_unchanged();
        let revision = || store.view(&world.id).unwrap().head().revision;
        let before = revision();
        for version in 2..50 {
            seen(version, version);
        }
        assert_eq!((revision(), woken.has_changed().unwrap()), (before, false), "{export}");
        let mut web = object("shop", "web", 60, json!({}));
        web["spec"]["replicas"] = json!(4);
        world.see(&web);
        assert!(revision() > before && woken.has_changed().unwrap(), "{export}");
    }
}

#[test]
fn what_belongs_to_no_namespace_is_seen_by_cluster_targets_alone() {
    let defaults = CollectionDefaults::default();
    let own = compile(json!({}), &defaults);
    let cluster = Arc::new(CompiledTarget {
        target: Target::new("", "web"),
        ..try_compile(json!({}), &defaults).unwrap()
    });
    let engine = Engine::new(Store::new());
    for target in [&own, &cluster] {
        engine.store().declare(&target.target, []);
    }
    engine.set_interests(deployment(), vec![own.clone(), cluster.clone()]);
    let rows = |target: &CompiledTarget| engine.store().counts(&target.target).rows;
    let watch = |namespace: &str, name: &str| {
        let object = raw(&object(namespace, name, 1, json!({})));
        engine.observe(&deployment(), &object, Via::Watch);
    };
    watch("", "node");
    assert_eq!((rows(&own), rows(&cluster)), (0, 1));
    watch("a", "x");
    assert_eq!((rows(&own), rows(&cluster)), (1, 2));
}
