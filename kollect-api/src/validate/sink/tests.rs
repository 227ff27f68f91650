//! What the rules of sinks accept and refuse.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::validate::Validate;
use crate::{KollectDatabaseSink, KollectEventSink, KollectSnapshotSink, decode};

fn paths<K: Validate + DeserializeOwned>(spec: &Value) -> Vec<String> {
    let sink: K = decode(&json!({"metadata": {}, "spec": spec})).unwrap();
    sink.validate().into_iter().map(|violation| violation.path).collect()
}

fn local(more: &[(&str, Value)]) -> Vec<String> {
    let mut spec = json!({"type": "local", "endpoint": "a/b"});
    for (key, value) in more {
        spec[*key] = value.clone();
    }
    paths::<KollectSnapshotSink>(&spec)
}

#[test]
fn a_block_belongs_to_its_type() {
    let repository = "https://host/repository.git";
    let fits = json!({"type": "gitlab", "endpoint": repository, "git": {}, "gitlab": {}});
    assert!(paths::<KollectSnapshotSink>(&fits).is_empty());
    let foreign = json!({"type": "git", "endpoint": repository, "gitlab": {}, "objectStore": {}, "http": {}});
    assert_eq!(paths::<KollectSnapshotSink>(&foreign), ["spec.gitlab", "spec.objectStore", "spec.http"]);
    let database = json!({"type": "postgres", "mongodb": {"databaseRef": {"name": "a"}, "database": "b", "collection": "c"}});
    assert_eq!(paths::<KollectDatabaseSink>(&database), ["spec.postgres", "spec.mongodb"]);
    assert_eq!(paths::<KollectEventSink>(&json!({"type": "kafka"})), ["spec.kafka"]);
}

#[test]
fn an_endpoint_is_stated_somewhere() {
    assert_eq!(paths::<KollectSnapshotSink>(&json!({"type": "s3"})), ["spec.endpoint"]);
    assert_eq!(
        paths::<KollectEventSink>(&json!({"type": "nats", "nats": {"subject": "a"}})),
        ["spec.endpoint"]
    );
    let url = json!({"type": "nats", "nats": {"subject": "a", "url": "nats://host"}});
    assert!(paths::<KollectEventSink>(&url).is_empty());
}

#[test]
fn a_folder_stays_below_its_root() {
    for right in ["a", "a/b", "./a", "a..b/..c", "a/"] {
        assert!(local(&[("endpoint", json!(right))]).is_empty(), "{right}");
    }
    for wrong in ["/a", "..", "../a", "a/../b", "a/..", "file://a", "file:///a", "a\\..\\b", "a\u{0}b", ""] {
        assert_eq!(local(&[("endpoint", json!(wrong))]), ["spec.endpoint"], "{wrong:?}");
    }
}

#[test]
fn a_cluster_is_a_name() {
    assert!(local(&[("cluster", json!("eu-1.prod_A"))]).is_empty());
    for wrong in [".", "..", "_", "a/b", "a b", "é", &"x".repeat(64)] {
        assert_eq!(local(&[("cluster", json!(wrong))]), ["spec.cluster"], "{wrong}");
    }
}

#[test]
fn path_templates_hold_what_keeps_inventories_apart() {
    assert!(
        local(&[("pathTemplate", json!("x/{cluster}/{namespace}/{name}-{generation}{extension}"))])
            .is_empty()
    );
    for wrong in [
        "/{namespace}/{name}",
        "{namespace}/../{name}",
        "{name}",
        "{namespace}",
        "{namespace}{name}{uid}",
        "{namespace}{name",
    ] {
        assert_eq!(local(&[("pathTemplate", json!(wrong))]), ["spec.pathTemplate"], "{wrong}");
    }
    assert!(local(&[("layout", json!({"pathTemplate": "{kind}/{uid}"}))]).is_empty());
    let layout = json!({"pathTemplate": "{kinds}", "index": {"pathTemplate": "index"}});
    assert_eq!(local(&[("layout", layout)]), ["spec.layout.pathTemplate", "spec.layout.index.pathTemplate"]);
}

#[test]
fn a_stated_format_is_one_of_the_type() {
    for format in ["json", "yaml", "ndjson", "csv", "parquet"] {
        assert!(local(&[("serialization", json!({"format": format}))]).is_empty(), "{format}");
    }
    let git =
        json!({"type": "git", "endpoint": "https://host/a.git", "serialization": {"format": "parquet"}});
    assert_eq!(paths::<KollectSnapshotSink>(&git), ["spec.serialization.format"]);
    let both = [("serialization", json!({"format": "csv"})), ("objectStore", json!({"format": "json"}))];
    assert_eq!(local(&both), ["spec.objectStore.format"]);
    let postgres = json!({"type": "postgres", "postgres": {"databaseRef": {"name": "a"}, "table": "t"},
        "serialization": {"format": "csv"}});
    assert_eq!(paths::<KollectDatabaseSink>(&postgres), ["spec.serialization.format"]);
}

#[test]
fn authorities_come_from_one_place() {
    let tls = json!({"caBundle": "PEM", "caSecretRef": {"name": "a"}});
    assert_eq!(local(&[("tls", tls)]), ["spec.tls.caBundle"]);
}
