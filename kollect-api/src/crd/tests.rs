//! What the definitions promise to users and to API servers.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::CustomResourceExt;
use serde_json::{Value, json};

use super::*;

fn schema(kind: &str) -> Value {
    let crds = crds();
    let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    serde_json::to_value(crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap())
        .unwrap()
}

fn columns(crd: &CustomResourceDefinition) -> Vec<&str> {
    let columns = crd.spec.versions[0].additional_printer_columns.as_ref().unwrap();
    columns.iter().map(|column| column.name.as_str()).collect()
}

#[test]
fn names_are_those_of_the_table() {
    let crds = crds();
    assert_eq!(crds.len(), KINDS.len());
    for (names, crd) in KINDS.iter().zip(&crds) {
        assert_eq!(crd.spec.names.kind, names.kind);
        assert_eq!(crd.spec.names.plural, names.plural);
        assert_eq!(crd.metadata.name.as_deref(), Some(format!("{}.kollect.dev", names.plural).as_str()));
        assert_eq!(crd.spec.names.short_names, Some(vec![names.short.to_owned()]));
        assert_eq!(crd.spec.names.categories, Some(vec!["kollect".to_owned()]));
        assert_eq!(crd.spec.group, crate::GROUP);
        let [version] = crd.spec.versions.as_slice() else { panic!("{}: one version", names.kind) };
        assert_eq!((version.name.as_str(), version.served, version.storage), (crate::VERSION, true, true));
        assert!(version.subresources.as_ref().is_some_and(|subresources| subresources.status.is_some()));
        let scope = if names.place == Place::Cluster { "Cluster" } else { "Namespaced" };
        assert_eq!(crd.spec.scope, scope, "{}", names.kind);
    }
    assert_eq!(KINDS[0].plural, KollectProfile::api_resource().plural);
}

#[test]
fn printer_columns_end_with_reason_and_age() {
    let expected: [&[&str]; 11] = [
        &["GVK", "Ready", "Reason", "Age"],
        &["Profile", "Collected", "Ready", "Synced", "Updated", "Reason", "Age"],
        &["Items", "Ready", "Synced", "Last export", "Reason", "Age"],
        &["Type", "Endpoint", "Verified", "Ready", "Reason", "Age"],
        &["Type", "Endpoint", "Verified", "Ready", "Reason", "Age"],
        &["Type", "Endpoint", "Verified", "Ready", "Reason", "Age"],
        &["Ready", "Reason", "Age"],
        &["Sink", "Verified", "Latency ms", "Reason", "Age"],
        &["Profile", "Collected", "Ready", "Synced", "Updated", "Reason", "Age"],
        &["Items", "Targets", "Ready", "Synced", "Last export", "Reason", "Age"],
        &["Ready", "Reason", "Age"],
    ];
    for (crd, expected) in crds().iter().zip(expected) {
        assert_eq!(columns(crd), expected, "{}", crd.spec.names.kind);
    }
}

#[test]
fn every_status_has_conditions_and_the_generation() {
    for names in KINDS {
        let status = &schema(names.kind)["properties"]["status"]["properties"];
        assert_eq!(status["conditions"]["x-kubernetes-list-map-keys"], json!(["type"]), "{}", names.kind);
        assert_eq!(status["observedGeneration"]["format"], json!("int64"), "{}", names.kind);
    }
}

/// Calls `judge` with each schema inside of `schema`, and its path.
fn each(path: &str, schema: &Value, judge: &mut impl FnMut(&str, &Value)) {
    judge(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        each(&format!("{path}.{name}"), property, judge);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            each(&format!("{path}[]"), &schema[inner], judge);
        }
    }
}

#[test]
fn schemas_are_structural_without_nulls_and_unknown_formats() {
    let formats = BTreeSet::from(["int32", "int64", "double", "date-time"]);
    for names in KINDS {
        each(names.kind, &schema(names.kind), &mut |path, schema| {
            for key in ["nullable", "anyOf", "oneOf", "allOf", "not", "$ref", "title", "uniqueItems"] {
                assert!(schema.get(key).is_none(), "{path}: {key}");
            }
            assert!(schema.get("default") != Some(&Value::Null), "{path}: default");
            if let Some(format) = schema["format"].as_str() {
                assert!(formats.contains(format), "{path}: {format}");
            }
            let any = schema["x-kubernetes-preserve-unknown-fields"] == json!(true);
            assert!(schema["type"].is_string() || any, "{path}: type");
            if let Some(values) = schema["enum"].as_array() {
                assert!(values.iter().all(Value::is_string), "{path}: {values:?}");
            }
        });
    }
}

#[test]
fn every_field_is_described_and_every_list_of_a_spec_is_bounded() {
    for names in KINDS {
        let schema = schema(names.kind);
        each("", &schema, &mut |path, schema| {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                let known = matches!(name.as_str(), "spec" | "status" | "lastTransitionTime");
                assert!(
                    known || property["description"].is_string(),
                    "{}{path}.{name}: description",
                    names.kind
                );
            }
        });
        each("spec", &schema["properties"]["spec"], &mut |path, schema| match schema["type"].as_str() {
            Some("array") => assert!(schema["maxItems"].is_number(), "{}: {path}: maxItems", names.kind),
            Some("string") => {
                let bounded = schema["maxLength"].is_number() || schema["enum"].is_array();
                assert!(bounded, "{}: {path}: maxLength", names.kind);
            }
            Some("object") if schema.get("additionalProperties").is_some() => {
                assert!(schema["maxProperties"].is_number(), "{}: {path}: maxProperties", names.kind);
            }
            _ => {}
        });
    }
}

#[test]
fn defaults_stand_in_the_schema() {
    let at = |kind: &str, path: &str| {
        let schema = schema(kind);
        let found =
            path.split('.').fold(&schema["properties"]["spec"], |schema, key| &schema["properties"][key]);
        found.get("default").cloned().unwrap_or_default()
    };
    let table = [
        ("KollectProfile", "export.mode", json!("Attributes")),
        ("KollectProfile", "export.as", json!("resource")),
        ("KollectProfile", "export.include", json!("SpecAndStatus")),
        ("KollectProfile", "export.dedupeIdentity", json!(true)),
        ("KollectProfile", "export.prune.defaults", json!(true)),
        ("KollectTarget", "watchMode", json!("All")),
        ("KollectClusterTarget", "watchMode", json!("All")),
        ("KollectInventory", "exportMinInterval", json!("30s")),
        ("KollectClusterInventory", "exportMinInterval", json!("30s")),
        ("KollectClusterInventory", "sinkNamespace", json!("kollect-system")),
        ("KollectClusterInventory", "dedupe", json!("keepAll")),
        ("KollectSnapshotSink", "connectionTest", json!(true)),
        ("KollectSnapshotSink", "provisioning.mode", json!("ensure")),
        ("KollectSnapshotSink", "layout.filename.groupInPath", json!("auto")),
        ("KollectSnapshotSink", "layout.filename.lowercaseKind", json!(true)),
        ("KollectSnapshotSink", "layout.filename.maxSegmentLength", json!(63)),
        ("KollectSnapshotSink", "git.pushPolicy", json!("Commit")),
        ("KollectSnapshotSink", "git.cloneDepth", json!(1)),
        ("KollectSnapshotSink", "git.author.name", json!("kollect")),
        ("KollectSnapshotSink", "git.author.email", json!("kollect@kollect.dev")),
        (
            "KollectSnapshotSink",
            "git.commitMessage",
            json!("chore({cluster}/{namespace}/{name}): export {itemCount} items @ {checksumShort}"),
        ),
        ("KollectSnapshotSink", "gitlab.mergeRequest.branchPrefix", json!("kollect")),
        ("KollectSnapshotSink", "http.method", json!("PUT")),
        ("KollectSnapshotSink", "http.idempotencyKey", json!(true)),
        ("KollectDatabaseSink", "connectionTest", json!(true)),
        ("KollectDatabaseSink", "postgres.schema", json!("public")),
        ("KollectEventSink", "nats.stream", json!("kollect_events")),
        ("KollectConnectionTest", "ownerSink", json!(true)),
        ("KollectConnectionTest", "ttlSecondsAfterFinished", json!(300)),
    ];
    for (kind, path, expected) in table {
        assert_eq!(at(kind, path), expected, "{kind} {path}");
    }
}

#[test]
fn a_definition_fits_into_the_annotation_of_kubectl_apply() {
    for crd in crds() {
        let bytes = serde_json::to_string(&crd).unwrap().len();
        assert!(bytes < 200 * 1024, "{}: {bytes} bytes", crd.spec.names.kind);
    }
}

#[test]
fn two_definitions_as_they_are_written() {
    for kind in ["KollectInventory", "KollectDatabaseSink"] {
        let crds = crds();
        let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
        insta::assert_snapshot!(kind, serde_json::to_string_pretty(crd).unwrap());
    }
}
