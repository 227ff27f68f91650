//! What is applied before a run: the custom kind, the operator's rights, and what it shall collect and where to. Objects
//! that are collected are the model's.

use anyhow::Result;
use serde_json::{Value, json};

use super::model::{GROUP, NAMESPACE_LABEL, OBJECT_LABEL};
use crate::e2e::operator::own_rules;
use crate::e2e::{Database, Kubectl};
use crate::workspace;

/// Where the Kollect objects are.
pub const NAMESPACE: &str = "kollect";

/// The operator's user.
pub const USER: &str = "kollect";

/// The definition of the custom kind.
pub const CRD: &str = "widgets.chaos.example.com";

/// The role by which the operator reads what it collects.
pub const COLLECTED: &str = "chaos-collected";

/// The role by which the operator reads its own kinds.
pub const OWN: &str = "chaos-own";

/// The scope that comes and goes.
const SCOPE: &str = "limits";

/// Applies all of it. The sink reaches Postgres by `dsn`.
///
/// # Errors
/// If the API server refuses something.
pub fn apply(kubectl: &Kubectl, database: &Database, dsn: &str) -> Result<()> {
    kubectl.apply_file(&workspace::root().join("dist/install-crds.yaml"))?;
    define(kubectl)?;
    kubectl.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"])?;
    kubectl.apply(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}).to_string(),
    )?;
    for (name, rules) in [(OWN, own_rules()), (COLLECTED, collected_rules())] {
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name}, "rules": rules});
        kubectl.apply(&role.to_string())?;
        grant(kubectl, name)?;
    }
    let attributes = |field: &str| {
        json!([
            {"name": "team", "path": "{.metadata.labels.team}", "type": "string"},
            {"name": "value", "path": format!("{{.{field}.value}}"), "type": "string"},
        ])
    };
    let config_map = json!({"version": "v1", "kind": "ConfigMap"});
    let widget = json!({"group": GROUP, "version": "v1", "kind": "Widget"});
    let objects = [
        database.secret_of(NAMESPACE, "database", dsn),
        kollect("Profile", "maps", json!({"targetGVK": config_map, "attributes": attributes("data")})),
        kollect("Profile", "widgets", json!({"targetGVK": widget, "attributes": attributes("spec")})),
        target("maps"),
        target("widgets"),
        kollect(
            "DatabaseSink",
            "db",
            json!({
                "type": "postgres", "tls": {"caSecretRef": {"name": "database"}},
                "postgres": {"databaseRef": {"name": "database"}, "table": "inventory"},
            }),
        ),
        kollect("SnapshotSink", "folder", json!({"type": "local", "serialization": {"format": "json"}})),
        kollect("Inventory", "all", json!({"databaseSinkRefs": ["db"], "snapshotSinkRefs": ["folder"]})),
    ];
    let text: Vec<String> = objects.iter().chain(&rollup()).map(Value::to_string).collect();
    kubectl.apply(&text.join("\n---\n"))
}

/// A cluster inventory with a table of its own: of some objects two targets have a row and one is kept, and the namespaces
/// themselves are rows too. Only `kollect verify` looks at it.
fn rollup() -> Vec<Value> {
    let beside = |kind: &str, name: &str, spec: Value| {
        json!({"apiVersion": "kollect.dev/v1alpha1", "kind": format!("KollectCluster{kind}"),
            "metadata": {"name": name}, "spec": spec})
    };
    // Objects change their team, and with it whether both targets see them.
    let some = json!([{"key": "team", "operator": "In", "values": ["team-0", "team-1", "team-2", "team-3"]}]);
    let target = |name: &str, profile: &str, labels: Value| {
        let spec = json!({
            "profileRef": {"name": profile, "namespace": NAMESPACE},
            "namespaceSelector": {"matchLabels": {(NAMESPACE_LABEL): "yes"}},
            "labelSelector": labels,
        });
        beside("Target", name, spec)
    };
    let phase = json!([{"name": "phase", "path": "{.status.phase}", "type": "string"}]);
    let gvk = json!({"version": "v1", "kind": "Namespace"});
    let (database, table) = (json!({"name": "database"}), "rollup");
    vec![
        kollect("Profile", "namespaces", json!({"targetGVK": gvk, "attributes": phase})),
        target("first", "maps", json!({"matchLabels": {(OBJECT_LABEL): "yes"}, "matchExpressions": some})),
        target("maps", "maps", json!({"matchLabels": {(OBJECT_LABEL): "yes"}})),
        target("namespaces", "namespaces", json!({"matchLabels": {(NAMESPACE_LABEL): "yes"}})),
        kollect(
            "DatabaseSink",
            "rollup",
            json!({
                "type": "postgres", "tls": {"caSecretRef": database},
                "postgres": {"databaseRef": database, "table": table},
            }),
        ),
        beside(
            "Inventory",
            "rollup",
            json!({
                "sinkNamespace": NAMESPACE, "databaseSinkRefs": ["rollup"], "dedupe": "byResourceUID",
            }),
        ),
    ]
}

/// Adds the custom kind, and waits until it is served.
///
/// # Errors
/// If the API server refuses it.
pub fn define(kubectl: &Kubectl) -> Result<()> {
    let free = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": CRD},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": free}}],
        },
    });
    kubectl.apply(&definition.to_string())?;
    kubectl.run(&["wait", "--for=condition=Established", "crd", CRD, "--timeout=60s"]).map(drop)
}

/// Gives the operator a role.
///
/// # Errors
/// If the API server refuses it.
pub fn grant(kubectl: &Kubectl, role: &str) -> Result<()> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    });
    kubectl.apply(&binding.to_string())
}

/// Takes a role from the operator.
///
/// # Errors
/// If it has it not.
pub fn revoke(kubectl: &Kubectl, role: &str) -> Result<()> {
    kubectl.delete(&["clusterrolebinding", role])
}

/// Gives the operator a role in one namespace.
///
/// # Errors
/// If the API server refuses.
pub fn grant_in(kubectl: &Kubectl, role: &str, namespace: &str) -> Result<()> {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    });
    kubectl.apply(&binding.to_string())
}

/// Takes it away again, unless the namespace went meanwhile.
///
/// # Errors
/// If the API server refuses.
pub fn revoke_in(kubectl: &Kubectl, role: &str, namespace: &str) -> Result<()> {
    kubectl.delete(&["-n", namespace, "rolebinding", role, "--ignore-not-found"])
}

/// Puts the targets and inventories under a scope.
///
/// # Errors
/// If the API server refuses it.
pub fn limit(kubectl: &Kubectl, spec: Value) -> Result<()> {
    kubectl.apply(&kollect("Scope", SCOPE, spec).to_string())
}

/// Takes the scope away.
///
/// # Errors
/// If there is none.
pub fn unlimit(kubectl: &Kubectl) -> Result<()> {
    kubectl.delete(&["-n", NAMESPACE, "kollectscope", SCOPE])
}

fn collected_rules() -> Value {
    json!([
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]},
        {"apiGroups": [GROUP], "resources": ["widgets"], "verbs": ["list", "watch"]},
    ])
}

fn target(name: &str) -> Value {
    kollect(
        "Target",
        name,
        json!({
            "profileRef": name,
            "namespaceSelector": {"matchLabels": {(NAMESPACE_LABEL): "yes"}},
            "labelSelector": {"matchLabels": {(OBJECT_LABEL): "yes"}},
        }),
    )
}

fn kollect(kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "kollect.dev/v1alpha1", "kind": format!("Kollect{kind}"),
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
    })
}
