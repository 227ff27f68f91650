//! Sinks, inventories and profiles go in, and what `status.preview` says is read.

use std::time::Duration;

use kollect_api::condition::Reason;
use kollect_api::reference::Family;
use kube::api::DynamicObject;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::*;
use crate::engine::{CollectionDefaults, Engine};
use crate::export::Reports;
use crate::index::{Index, Resolver};
use crate::reconcile::history::History;
use crate::status::sink;
use crate::watch::WatchStates;

struct World {
    index: Index,
    report: SinkReport,
    annotations: Value,
    status: Value,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        Self {
            index: Index::default(),
            report: SinkReport { generation: 1, ..SinkReport::default() },
            annotations: json!({"kollect.dev/preview": "true"}),
            status: json!({}),
            now: Timestamp::from_second(1_769_853_600).unwrap(),
        }
    }

    fn apply(&mut self, kind: &str, name: &str, spec: &Value) {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "kollect.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": "team", "generation": 1, "annotations": self.annotations},
            "spec": spec, "status": self.status,
        }))
        .unwrap();
        self.index.apply(kind, &object);
    }

    fn profile(&mut self, type_: &str) {
        let attribute = json!({"name": "color", "path": "{.data.color}", "type": type_});
        let gvk = json!({"version": "v1", "kind": "ConfigMap"});
        self.apply("KollectProfile", "colors", &json!({"targetGVK": gvk, "attributes": [attribute]}));
        self.apply("KollectTarget", "colors", &json!({"profileRef": "colors"}));
    }

    /// `status.preview` of the sink `s`.
    fn preview(&self, family: Family) -> Option<Value> {
        let reports = Reports::new(Arc::new(Notify::new()));
        reports.set(&SinkId { family, name: ObjectName::new("team", "s") }, self.report.clone());
        let facts = Facts {
            index: &self.index,
            resolution: &Resolver::new(CollectionDefaults::default()).resolve(&self.index),
            engine: &Engine::new(kollect_snapshot::Store::new()),
            watches: &WatchStates::default(),
            exports: &Reports::new(Arc::new(Notify::new())),
            sinks: &reports,
            history: &History::default(),
            no_targets_after: Duration::ZERO,
            cluster_name: "prod",
            now: self.now,
        };
        let [draft] = sink::drafts(&facts).try_into().unwrap();
        draft.wanted.get("preview").cloned()
    }
}

fn postgres() -> Value {
    json!({"type": "postgres", "postgres": {"databaseRef": {"name": "absent"}, "table": "inventory"}})
}

fn warnings(preview: &Value) -> Vec<&str> {
    preview["warnings"]
        .as_array()
        .map(|all| all.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

#[test]
fn without_the_annotation_there_is_none() {
    let mut world = World::new();
    world.annotations = json!({"kollect.dev/preview": "no"});
    world.status = json!({"preview": {"ddl": "of earlier"}});
    world.apply("KollectDatabaseSink", "s", &postgres());
    assert_eq!(world.preview(Family::Database), None);
}

#[test]
fn a_sink_that_no_inventory_names_shows_what_one_would_do() {
    let mut world = World::new();
    world.apply("KollectDatabaseSink", "s", &postgres());
    let preview = world.preview(Family::Database).unwrap();
    assert!(preview["ddl"].as_str().unwrap().contains(r#"EXISTS "public"."inventory" ("#), "{preview}");
    let key = preview["sampleKeys"][0].as_str().unwrap();
    assert!(key.contains("('prod', 'team', 'example', 'team', 'example', '0000"), "{key}");
    assert_eq!(preview["provisioningMode"], "ensure");
    assert_eq!(preview["renderedAt"], "2026-01-31T10:00:00Z");
    assert_eq!(preview.get("warnings"), None);
}

#[test]
fn it_follows_the_inventories_that_name_the_sink_and_their_profiles() {
    let mut world = World::new();
    world.apply("KollectSnapshotSink", "s", &json!({"type": "local", "cluster": "eu"}));
    world.profile("int");
    for (name, sinks) in [("a", json!(["s"])), ("b", json!(["other"])), ("c", json!(["s"]))] {
        world.apply("KollectInventory", name, &json!({"snapshotSinkRefs": sinks}));
    }
    let before = world.preview(Family::Snapshot).unwrap();
    let path = |name: &str| format!("inventory/source=eu/ns=team/inventory={name}/generation=1.parquet");
    assert_eq!(before["samplePaths"], json!([path("a"), path("c")]));
    let columns = before["columns"].as_array().unwrap();
    assert_eq!(columns.last(), Some(&json!({"name": "attr_color", "type": "int"})));
    assert_eq!(columns.len(), 14, "each once: {columns:?}");
    assert_eq!(before.get("sampleDocument"), None);

    world.profile("bool");
    let after = world.preview(Family::Snapshot).unwrap();
    assert_eq!(after["columns"][13], json!({"name": "attr_color", "type": "bool"}));
}

#[test]
fn the_time_moves_with_the_contents_alone() {
    let mut world = World::new();
    world.apply("KollectDatabaseSink", "s", &postgres());
    let first = world.preview(Family::Database).unwrap();
    world.status = json!({"preview": first});
    world.now = Timestamp::from_second(1_769_857_200).unwrap();
    world.apply("KollectDatabaseSink", "s", &postgres());
    assert_eq!(world.preview(Family::Database).unwrap(), first);

    let mut other = postgres();
    other["postgres"]["table"] = json!("other");
    world.apply("KollectDatabaseSink", "s", &other);
    assert_eq!(world.preview(Family::Database).unwrap()["renderedAt"], "2026-01-31T11:00:00Z");
}

#[test]
fn a_sink_that_cannot_be_used_says_why_beside_what_can_be_said() {
    let mut world = World::new();
    world.report.blocked =
        Some((Reason::SecretResolveFailed, "Secret team/absent does not exist".to_owned()));
    world.apply("KollectDatabaseSink", "s", &postgres());
    let preview = world.preview(Family::Database).unwrap();
    assert!(preview["ddl"].is_string(), "{preview}");
    assert_eq!(warnings(&preview), ["Secret team/absent does not exist"]);

    let mut broken = postgres();
    broken["postgres"]["table"] = json!("kollect_checkpoints");
    broken["provisioning"] = json!({"mode": "existing"});
    world.report.blocked = Some((Reason::InvalidSpec, "spec.postgres.table: holds checkpoints".to_owned()));
    world.apply("KollectDatabaseSink", "s", &broken);
    let preview = world.preview(Family::Database).unwrap();
    assert_eq!((preview.get("ddl"), &preview["provisioningMode"]), (None, &json!("existing")));
    assert_eq!(warnings(&preview), ["spec.postgres.table: holds checkpoints"]);

    // Before the connection has said anything, the preview does.
    world.report.blocked = None;
    let preview = world.preview(Family::Database).unwrap();
    assert!(warnings(&preview)[0].starts_with("spec.postgres.table: "), "{preview}");

    world.apply("KollectDatabaseSink", "s", &json!({"type": "nonsense"}));
    world.report.blocked = Some((Reason::InvalidSpec, "spec.type: unknown".to_owned()));
    let preview = world.preview(Family::Database).unwrap();
    assert_eq!(warnings(&preview), ["spec.type: unknown"]);
}

#[test]
fn a_type_that_this_build_lacks_is_told() {
    let mut world = World::new();
    let spec = json!({"type": "nats", "endpoint": "nats://host", "nats": {"subject": "s"}});
    world.apply("KollectEventSink", "s", &spec);
    let preview = world.preview(Family::Event).unwrap();
    assert!(warnings(&preview)[0].contains("nats"), "{preview}");
}

#[test]
fn fields_without_effect_are_told() {
    let mut world = World::new();
    let mut spec = postgres();
    spec["endpoint"] = json!("postgres://elsewhere");
    spec["layout"] = json!({"mode": "document"});
    spec["provisioning"] = json!({"naming": {"template": "x"}});
    world.apply("KollectDatabaseSink", "s", &spec);
    let preview = world.preview(Family::Database).unwrap();
    let fields: Vec<&str> =
        warnings(&preview).iter().map(|warning| warning.split(" has no effect").next().unwrap()).collect();
    assert_eq!(fields, ["spec.endpoint", "spec.layout", "spec.provisioning.naming.template"]);

    let spec = json!({
        "type": "local", "secretRef": {"name": "s"}, "pathTemplate": "{cluster}/{namespace}/{name}",
        "layout": {"pathTemplate": "{cluster}/{namespace}/{name}/x", "filename": {"lowercaseKind": false}},
        "objectStore": {"region": "r"},
    });
    world.index = Index::default();
    world.apply("KollectSnapshotSink", "s", &spec);
    let preview = world.preview(Family::Snapshot).unwrap();
    let fields: Vec<&str> =
        warnings(&preview).iter().map(|warning| warning.split(" has no effect").next().unwrap()).collect();
    assert_eq!(
        fields,
        ["spec.secretRef", "spec.objectStore.region", "spec.pathTemplate", "spec.layout.filename"]
    );
}
