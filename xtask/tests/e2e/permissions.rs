//! Rights in some namespaces only: those are collected, the others are named, and nothing is deleted that was not seen to
//! go. How a right to a whole kind comes and goes is told in `access`.

use serde_json::{Value, json};
use xtask::e2e::operator::own_rules;
use xtask::servers::{Kcm, Kube};

use crate::manifests;
use crate::stage::{Stage, shared_database, turn};

#[test]
fn a_tenant_with_rights_in_some_namespaces_gets_those_and_is_told_of_the_others() {
    let _turn = turn();
    let kube = Kube::start().unwrap();
    // Ends namespaces.
    let _kcm = Kcm::start(&kube).unwrap();
    let database = shared_database("permissions");
    let mut stage = Stage::on_kube("permissions", &kube, database.clone());
    stage.usual();
    stage.operator_of(&kube.kubeconfig_of("kollect", None).unwrap());
    stage.arg("--watch-timeout=5");
    stage.apply(&role("kollect", own_rules()));
    stage.apply(&role("configmaps", config_maps()));
    stage.apply(&binding("ClusterRoleBinding", "", "kollect"));
    let (apps, other) = (stage.apps.clone(), format!("{}-other", stage.story));
    stage.apply(&manifests::namespace(&other, &stage.story));
    stage.paint("a", "red");
    stage.apply(&manifests::config_map(&other, "b", "blue"));
    stage.apply(&binding("RoleBinding", &apps, "configmaps"));
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    let message = stage.wait_reason("kollecttarget", "colors", "Synced", "ScopeForbidden");
    assert!(message.contains(&other) && !message.contains(&apps), "{message}");
    assert!(message.contains("resources: [\"configmaps\"]"), "{message}");
    stage.wait_condition("kollecttarget", "colors", "Ready", "True");
    stage.wait_condition("kollectinventory", "all", "Synced", "True");

    // Granted: found by itself.
    stage.apply(&binding("RoleBinding", &other, "configmaps"));
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    stage.wait_reason("kollecttarget", "colors", "Ready", "Collecting");

    // Taken away: what was there stays, while the other namespace is followed.
    unbind(&stage, &["-n", &other, "rolebinding", "configmaps"]);
    stage.wait_reason("kollecttarget", "colors", "Ready", "ScopeForbidden");
    stage.kubectl.delete(&["-n", &other, "configmap", "b"]).unwrap();
    stage.paint("a", "green");
    stage.wait_colors(&[("a", "green"), ("b", "blue")]);
    // Also after a restart, which has never seen it.
    stage.stop();
    stage.paint("c", "red");
    stage.start();
    stage.wait_colors(&[("a", "green"), ("b", "blue"), ("c", "red")]);

    // A right to everything at once instead: what is gone is gone.
    stage.apply(&binding("ClusterRoleBinding", "", "configmaps"));
    stage.wait_colors(&[("a", "green"), ("c", "red")]);
    stage.wait_reason("kollecttarget", "colors", "Ready", "Collecting");
    stage.apply(&manifests::config_map(&other, "d", "blue"));
    stage.wait_colors(&[("a", "green"), ("c", "red"), ("d", "blue")]);

    // Taken away again, except in one. A namespace that ends then takes along what was in it, seen or not.
    unbind(&stage, &["clusterrolebinding", "configmaps"]);
    stage.wait_reason("kollecttarget", "colors", "Ready", "ScopeForbidden");
    stage.erase("c");
    stage.wait_colors(&[("a", "green"), ("d", "blue")]);
    stage.kubectl.run(&["delete", "namespace", &other, "--wait=false"]).unwrap();
    stage.wait_colors(&[("a", "green")]);
    stage.wait_reason("kollecttarget", "colors", "Ready", "Collecting");
    // One that comes, and that it may not see, is named at once.
    let late = format!("{}-late", stage.story);
    stage.apply(&manifests::namespace(&late, &stage.story));
    let message = stage.wait_reason("kollecttarget", "colors", "Ready", "ScopeForbidden");
    assert!(message.contains(&late), "{message}");
    drop(stage);
    database.drop().unwrap();
}

#[test]
fn an_operator_that_is_limited_to_namespaces_needs_rights_in_those_alone() {
    let _turn = turn();
    let kube = Kube::start().unwrap();
    let database = shared_database("limited");
    let mut stage = Stage::on_kube("limited", &kube, database.clone());
    stage.usual();
    let (platform, apps) = (stage.platform.clone(), stage.apps.clone());
    let outside = format!("{}-outside", stage.story);
    stage.apply(&manifests::namespace(&outside, &stage.story));
    stage.apply(&manifests::config_map(&outside, "out", "red"));
    // Somebody else's: another operator's to look after.
    stage.apply(&manifests::target(&outside, "theirs", "colors", &stage.story));
    stage.paint("a", "red");
    stage.operator_of(&kube.kubeconfig_of("kollect", None).unwrap());
    stage.arg(format!("--watch-namespaces={platform},{apps}"));
    stage.arg("--cluster-id=limited");
    let named = json!([
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": [platform, apps], "verbs": ["get", "list", "watch"]},
    ]);
    stage.apply(&role("names", named));
    stage.apply(&binding("ClusterRoleBinding", "", "names"));
    stage.apply(&role("kollect", own_rules()));
    stage.apply(&role("configmaps", config_maps()));
    for (namespace, name) in
        [(&platform, "kollect"), (&apps, "kollect"), (&platform, "configmaps"), (&apps, "configmaps")]
    {
        stage.apply(&binding("RoleBinding", namespace, name));
    }
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.wait_reason("kollecttarget", "colors", "Ready", "Collecting");
    stage.paint("b", "blue");
    stage.erase("a");
    stage.wait_colors(&[("b", "blue")]);
    let theirs = stage.kubectl.get(&["-n", &outside, "kollecttarget", "theirs"]).unwrap();
    assert_eq!(theirs["status"], Value::Null, "nobody looked at it");
    drop(stage);
    database.drop().unwrap();
}

fn config_maps() -> Value {
    json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}])
}

pub(crate) fn role(name: &str, rules: Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name}, "rules": rules,
    })
}

/// Gives the operator a role, everywhere or in a namespace.
pub(crate) fn binding(kind: &str, namespace: &str, role: &str) -> Value {
    let mut metadata = json!({"name": role});
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "kollect"}],
    })
}

fn unbind(stage: &Stage, binding: &[&str]) {
    stage.kubectl.delete(binding).unwrap();
}
