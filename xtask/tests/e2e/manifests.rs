//! Manifests of the stories, as JSON. Applies none.

use serde_json::{Value, json};

/// Objects to collect carry this label.
pub(crate) const COLLECT: (&str, &str) = ("collect", "yes");

pub(crate) fn namespace(name: &str, story: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"story": story}}})
}

/// An object whose colour is collected.
pub(crate) fn config_map(namespace: &str, name: &str, color: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {(COLLECT.0): COLLECT.1}},
        "data": {"color": color},
    })
}

/// ConfigMaps by colour: one attribute by JSONPath, one by CEL.
pub(crate) fn profile(namespace: &str, name: &str) -> Value {
    kollect(
        "KollectProfile",
        namespace,
        name,
        json!({
            "targetGVK": {"version": "v1", "kind": "ConfigMap"},
            "attributes": [
                {"name": "color", "path": "{.data.color}", "type": "string"},
                {"name": "warm", "path": "cel:object.data.color == 'red' ? true : false", "type": "bool"},
            ],
        }),
    )
}

/// Collects in the namespaces of a story.
pub(crate) fn target(namespace: &str, name: &str, profile: &str, story: &str) -> Value {
    kollect(
        "KollectTarget",
        namespace,
        name,
        json!({
            "profileRef": profile,
            "namespaceSelector": {"matchLabels": {"story": story}},
            "labelSelector": {"matchLabels": {(COLLECT.0): COLLECT.1}},
        }),
    )
}

/// A table of the story's database, which the Secret `database` leads to.
pub(crate) fn sink(namespace: &str, name: &str, table: &str, cluster: Option<&str>) -> Value {
    let mut sink = kollect(
        "KollectDatabaseSink",
        namespace,
        name,
        json!({
            "type": "postgres",
            "tls": {"caSecretRef": {"name": "database"}},
            "postgres": {"databaseRef": {"name": "database"}, "table": table},
        }),
    );
    if let Some(cluster) = cluster {
        sink["spec"]["cluster"] = json!(cluster);
    }
    sink
}

/// Every target of its namespace, into these database sinks.
pub(crate) fn inventory(namespace: &str, name: &str, sinks: &[&str]) -> Value {
    kollect("KollectInventory", namespace, name, json!({"databaseSinkRefs": sinks}))
}

pub(crate) fn kollect(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "kollect.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    })
}

/// An object that belongs to no namespace.
pub(crate) fn beside(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "kollect.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}
