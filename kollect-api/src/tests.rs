//! Every field of every kind, read and written again. What the fields do is tested elsewhere.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    KollectClusterInventory, KollectClusterScope, KollectClusterTarget, KollectConnectionTest,
    KollectDatabaseSink, KollectEventSink, KollectInventory, KollectProfile, KollectScope,
    KollectSnapshotSink, KollectTarget, Validate, crds, decode,
};

const TIME: &str = "2026-01-02T03:04:05Z";

fn conditions() -> Value {
    json!([{"type": "Ready", "status": "True", "reason": "Exported", "message": "", "observedGeneration": 1,
        "lastTransitionTime": TIME}])
}

fn selector() -> Value {
    json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]})
}

/// Decodes what holds every field of the kind, writes it again, and returns the paths that break a rule: fields that
/// exclude each other do.
fn round_trip<K: DeserializeOwned + Serialize + Validate>(
    kind: &str,
    spec: &Value,
    status: &Value,
) -> Vec<String> {
    let all = crds();
    let crd = all.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let schema = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    let schema = serde_json::to_value(schema).unwrap();
    holds_every_field(&format!("{kind}.spec"), &schema["properties"]["spec"], spec);
    holds_every_field(&format!("{kind}.status"), &schema["properties"]["status"], status);

    let stored = json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind, "metadata": {"name": "a"}, "spec": spec,
        "status": status});
    let object: K = decode(&stored).unwrap();
    assert_eq!(serde_json::to_value(&object).unwrap(), stored, "{kind}");
    object.validate().into_iter().map(|violation| violation.path).collect()
}

/// A field of the schema that no value of the sample has is a field that nobody tested.
fn holds_every_field(path: &str, schema: &Value, value: &Value) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let found = value.get(name).unwrap_or_else(|| panic!("{path}.{name} is not in the sample"));
        holds_every_field(&format!("{path}.{name}"), inner, found);
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        let last = values.last().unwrap_or_else(|| panic!("{path} is empty in the sample"));
        holds_every_field(&format!("{path}[]"), items, last);
    }
}

fn target(profile_ref: &Value) -> Value {
    json!({"profileRef": profile_ref, "namespaceSelector": selector(), "includedNamespaces": ["a"],
        "excludedNamespaces": ["b"], "namespaceExcludeSelector": selector(), "watchMode": "OptIn", "suspend": true,
        "labelSelector": selector(), "names": ["n"], "resourceRules": [resource_rule()]})
}

fn resource_rule() -> Value {
    json!({"gvk": {"group": "apps", "version": "v1", "kind": "Deployment"}, "namespaceSelector": selector(),
        "matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}],
        "matchPolicy": "object.spec.replicas > 1"})
}

fn target_status() -> Value {
    json!({"conditions": conditions(), "observedGeneration": 1, "collectedCount": 2, "collectedCountUpdatedAt": TIME,
        "extractionFailures": 3, "lastExtractionError": "e", "matchedNamespaces": ["a"], "matchedNamespacesCount": 1,
        "effectiveNamespaces": ["a"], "effectiveNamespacesCount": 1, "activeResourceRules": 1})
}

fn inventory_status() -> Value {
    json!({"conditions": conditions(), "observedGeneration": 1, "itemCount": 2, "checksum": "00", "lastExportTime": TIME,
        "sinkExports": [{"name": "database/full", "namespace": "a", "sinkUID": "u", "cluster": "c", "destination": "d",
            "lastExportTime": TIME, "lastChecksum": "00", "itemCount": 2, "lag": 1, "nextAttemptTime": TIME,
            "conditions": conditions()}]})
}

fn scope() -> Value {
    json!({"allowedGVKs": [{"group": "apps", "version": "v1", "kind": "*"}], "allowedNamespaces": ["a"],
        "deniedNamespaces": ["b"], "minExportInterval": "1m0s", "snapshotSinkRefs": ["a"], "databaseSinkRefs": ["b"],
        "eventSinkRefs": ["c"]})
}

fn sink(own: &Value) -> Value {
    let mut spec = json!({"endpoint": "a/b", "secretRef": {"name": "s", "namespace": "n"}, "connectionTest": false,
        "cluster": "c", "pathTemplate": "{namespace}/{name}", "exportMinInterval": "1h0m0s",
        "tls": {"insecureSkipVerify": true, "caBundle": "PEM", "caSecretRef": {"name": "s", "namespace": "n"},
            "clientCertSecretRef": {"name": "s", "namespace": "n"}},
        "serialization": {"format": "json", "compression": "zstd"},
        "layout": {"mode": "perResource", "content": "manifest", "pathTemplate": "{kind}/{uid}",
            "index": {"enabled": true, "pathTemplate": "{namespace}/{name}"},
            "filename": {"groupInPath": "never", "lowercaseKind": false, "maxSegmentLength": 40}},
        "provisioning": {"mode": "existing", "naming": {"template": "t"}}, "options": {"a": "b"}});
    spec.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    spec
}

fn sink_status() -> Value {
    json!({"conditions": conditions(), "observedGeneration": 1, "endpoint": "e",
        "preview": {"renderedAt": TIME, "provisioningMode": "ensure", "serializationFormat": "json",
            "ddl": "d", "columns": [{"name": "a", "type": "int"}], "samplePaths": ["a"], "indexPath": "i",
            "sampleKeys": ["k"], "warnings": ["w"]}})
}

#[test]
fn profiles() {
    let spec = json!({"targetGVK": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "attributes": [{"name": "a", "path": "$.a", "type": "int", "optional": true, "redact": true}],
        "export": {"mode": "Resource", "as": "object", "include": "All", "dedupeIdentity": false, "prune":
            {"defaults": false, "jsonPointers": ["/a"], "jsonPaths": ["$.a"], "scrubKeys": ["k"], "cel": ["[]"]}},
        "metrics": [{"name": "m", "path": "a", "labels": ["a"]}]});
    let status = json!({"conditions": conditions(), "observedGeneration": 1, "columns": [{"name": "a", "type": "int"}]});
    assert!(round_trip::<KollectProfile>("KollectProfile", &spec, &status).is_empty());
}

#[test]
fn targets() {
    let broken = round_trip::<KollectTarget>("KollectTarget", &target(&json!("p")), &target_status());
    assert_eq!(broken, ["spec.labelSelector", "spec.names"]);
    let spec = target(&json!({"name": "p", "namespace": "n"}));
    let broken = round_trip::<KollectClusterTarget>("KollectClusterTarget", &spec, &target_status());
    assert_eq!(broken, ["spec.labelSelector", "spec.names"]);
}

#[test]
fn inventories() {
    let namespaced = json!(["plain", {"name": "full", "namespace": "n", "exportMinInterval": "5m0s",
        "maxExportBytes": 1_048_576, "cadence": "Interval"}]);
    let spec = json!({"targetRefs": ["t"], "targetSelector": selector(), "snapshotSinkRefs": namespaced,
        "databaseSinkRefs": namespaced, "eventSinkRefs": namespaced, "exportMinInterval": "0s", "maxExportBytes": 5,
        "suspend": true, "httpEndpoint": {"enabled": true, "port": 8082}});
    let broken = round_trip::<KollectInventory>("KollectInventory", &spec, &inventory_status());
    let expected =
        ["snapshot", "database", "event"].map(|family| format!("spec.{family}SinkRefs[1].namespace"));
    assert_eq!(broken, expected);

    let spec = json!({"profileRef": "p", "targetRefs": ["t"], "targetSelector": selector(), "namespaces": ["a"],
        "namespaceSelector": selector(), "snapshotSinkRefs": namespaced, "databaseSinkRefs": namespaced,
        "eventSinkRefs": namespaced, "sinkNamespace": "s", "exportMinInterval": "24h0m0s", "dedupe": "byResourceUID",
        "suspend": true});
    let mut status = inventory_status();
    status["targetCount"] = json!(1);
    status["namespaceShardCount"] = json!(1);
    status["namespaceShards"] =
        json!([{"namespace": "a", "itemCount": 1, "targetCount": 1, "checksum": "00"}]);
    assert!(round_trip::<KollectClusterInventory>("KollectClusterInventory", &spec, &status).is_empty());
}

#[test]
fn sinks() {
    let snapshot = sink(&json!({"type": "local",
        "git": {"branch": "b", "pushPolicy": "ForcePush", "auth": {"type": "ssh", "secretRef": {"name": "s", "namespace": "n"}},
            "commitMessage": "m", "commitBody": "b", "commitTrailers": ["t"], "author": {"name": "n", "email": "e"},
            "cloneDepth": 2, "prune": false, "forceBasicAuth": true, "engine": "cli"},
        "gitlab": {"mergeRequest": {"mode": "merge_request", "targetBranch": "main", "branchPrefix": "p",
            "titleTemplate": "t", "autoMerge": true}},
        "objectStore": {"format": "json", "hotAttributes": ["a"], "region": "r",
            "retention": {"generations": 3, "age": "720h0m0s"}},
        "http": {"method": "POST", "headers": {"a": "b"}, "idempotencyKey": false}}));
    let broken = round_trip::<KollectSnapshotSink>("KollectSnapshotSink", &snapshot, &sink_status());
    assert_eq!(broken, ["spec.git", "spec.gitlab", "spec.http", "spec.tls.caBundle"]);

    let database = sink(&json!({"type": "postgres",
        "postgres": {"databaseRef": {"name": "s", "namespace": "n"}, "schema": "s", "table": "t"},
        "mongodb": {"databaseRef": {"name": "s", "namespace": "n"}, "database": "d", "collection": "c"},
        "bigquery": {"project": "p", "dataset": "d", "table": "t", "location": "EU",
            "secretRef": {"name": "s", "namespace": "n"}}}));
    let broken = round_trip::<KollectDatabaseSink>("KollectDatabaseSink", &database, &sink_status());
    assert_eq!(broken, ["spec.mongodb", "spec.bigquery", "spec.tls.caBundle"]);

    let event = sink(&json!({"type": "kafka",
        "nats": {"url": "nats://host", "subject": "s", "stream": "t", "secretRef": {"name": "s", "namespace": "n"}},
        "kafka": {"brokers": ["host:9092"], "topic": "t", "secretRef": {"name": "s", "namespace": "n"}, "sasl": "PLAIN"}}));
    let broken = round_trip::<KollectEventSink>("KollectEventSink", &event, &sink_status());
    assert_eq!(broken, ["spec.nats", "spec.tls.caBundle"]);
}

#[test]
fn scopes() {
    let status = json!({"conditions": conditions(), "observedGeneration": 1});
    assert!(round_trip::<KollectScope>("KollectScope", &scope(), &status).is_empty());
    let mut spec = scope();
    spec["allowedStaticRefNamespaces"] = json!(["a"]);
    assert!(round_trip::<KollectClusterScope>("KollectClusterScope", &spec, &status).is_empty());
}

#[test]
fn connection_tests() {
    let spec = json!({"sinkRef": {"snapshotSinkRef": "a", "databaseSinkRef": "b", "eventSinkRef": "c"}, "profileRef": "p",
        "ownerSink": false, "ttlSecondsAfterFinished": 0});
    let status = json!({"conditions": conditions(), "observedGeneration": 1, "latencyMs": 5, "completed": true,
        "completedAt": TIME, "steps": [{"name": "connect", "ok": true, "message": "m", "durationMs": 3}]});
    let broken = round_trip::<KollectConnectionTest>("KollectConnectionTest", &spec, &status);
    assert_eq!(broken, ["spec.sinkRef"]);
}

#[test]
fn absent_blocks_have_the_defaults_of_empty_ones() {
    let least = |spec: Value| json!({"metadata": {}, "spec": spec});
    let gvk = json!({"version": "v1", "kind": "Pod"});
    let profile = |spec| decode::<KollectProfile>(&least(spec)).unwrap().spec;
    let empty = json!({"targetGVK": gvk, "export": {"prune": {}}});
    assert_eq!(profile(json!({"targetGVK": gvk})), profile(empty));

    let sink = |spec| decode::<KollectSnapshotSink>(&least(spec)).unwrap().spec;
    let spec = sink(
        json!({"type": "git", "git": {}, "http": {}, "layout": {}, "serialization": {}, "provisioning": {}}),
    );
    assert_eq!(spec.git, Some(Default::default()));
    assert_eq!(spec.http, Some(Default::default()));
    assert_eq!(spec.layout, Some(Default::default()));
    assert_eq!(spec.provisioning, sink(json!({"type": "git"})).provisioning);
    assert!(spec.connection_test);
    let spec = sink(json!({"type": "git", "git": {"author": {}}, "layout": {"filename": {}, "index": {}}}));
    assert_eq!((spec.git, spec.layout), (Some(Default::default()), Some(Default::default())));

    let inventory = decode::<KollectInventory>(&least(json!({}))).unwrap().spec;
    assert_eq!(inventory, Default::default());
    let inventory = decode::<KollectClusterInventory>(&least(json!({}))).unwrap().spec;
    assert_eq!(inventory, Default::default());
}
