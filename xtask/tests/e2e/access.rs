//! What the operator may not see: said with the rule that is missing, found by itself once granted, and nothing deleted
//! that was not seen to go.

use serde_json::{Value, json};
use xtask::e2e::Kubectl;
use xtask::e2e::kubectl::condition;
use xtask::e2e::operator::own_rules;
use xtask::servers::Kube;

use crate::manifests::{beside, kollect};
use crate::stage::{LIMIT, Stage, shared_database, turn};

#[test]
fn a_permission_that_is_missing_is_named_and_one_that_is_lost_deletes_nothing() {
    let _turn = turn();
    let kube = Kube::start().unwrap();
    let database = shared_database("access");
    let mut stage = Stage::on_kube("access", &kube, database.clone());
    stage.usual();
    stage.operator_of(&kube.kubeconfig_of("kollect", None).unwrap());
    for (name, rules) in [("kollect", own_rules()), ("configmaps", config_maps())] {
        stage.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name}, "rules": rules,
        }));
    }
    stage.apply(&binding("kollect"));
    stage.paint("a", "red");
    stage.paint("b", "red");
    stage.start();
    let message = stage.wait_reason("kollecttarget", "colors", "Degraded", "AccessDenied");
    assert!(message.contains(r#"resources: ["configmaps"]"#) && message.contains("watch"), "{message}");

    stage.apply(&binding("configmaps"));
    stage.wait_colors(&[("a", "red"), ("b", "red")]);
    stage.wait_condition("kollecttarget", "colors", "Ready", "True");

    // Taken away again, before a start: what cannot be seen is not gone.
    stage.stop();
    unbind(&stage.kubectl);
    stage.erase("a");
    stage.start();
    stage.wait_reason("kollecttarget", "colors", "Degraded", "AccessDenied");
    stage.wait_colors(&[("a", "red"), ("b", "red")]);
    stage.apply(&binding("configmaps"));
    stage.wait_colors(&[("b", "red")]);

    // And while it runs, where the watch is refused when it is renewed.
    unbind(&stage.kubectl);
    stage.stop();
    stage.arg("--watch-timeout=5");
    stage.apply(&binding("configmaps"));
    stage.start();
    stage.paint("b", "blue");
    stage.wait_colors(&[("b", "blue")]);
    unbind(&stage.kubectl);
    stage.wait_reason("kollecttarget", "colors", "Degraded", "AccessDenied");
    stage.erase("b");
    stage.paint("c", "green");
    assert_eq!(stage.colors("inventory", "true").len(), 1);
    stage.apply(&binding("configmaps"));
    stage.wait_colors(&[("c", "green")]);
    drop(stage);
    database.drop().unwrap();
}

#[test]
fn a_kind_without_namespaces_that_may_not_be_listed_is_named_and_stops_nothing() {
    let _turn = turn();
    let kube = Kube::start().unwrap();
    let database = shared_database("unlisted");
    let mut stage = Stage::on_kube("unlisted", &kube, database.clone());
    stage.usual();
    stage.operator_of(&kube.kubeconfig_of("kollect", None).unwrap());
    stage.arg("--watch-timeout=5");
    let roles = json!([{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["list", "watch"]}]);
    for (name, rules) in [("kollect", own_rules()), ("configmaps", config_maps()), ("roles", roles)] {
        stage.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name}, "rules": rules,
        }));
    }
    for role in ["kollect", "configmaps"] {
        stage.apply(&binding(role));
    }
    let spec = json!({
        "targetGVK": {"group": "rbac.authorization.k8s.io", "version": "v1", "kind": "ClusterRole"},
        "attributes": [{"name": "color", "path": "{.metadata.name}"}],
    });
    stage.apply(&kollect("KollectProfile", &stage.platform, "roles", spec));
    let any = json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "Exists"}]});
    for (name, profile, only) in [
        ("roles", "roles", json!({"names": ["roles", "extra"]})),
        ("maps", "colors", json!({"includedNamespaces": [stage.apps]})),
    ] {
        let mut spec = json!({
            "profileRef": {"name": profile, "namespace": stage.platform}, "namespaceSelector": any,
        });
        spec.as_object_mut().unwrap().extend(only.as_object().unwrap().clone());
        stage.apply(&beside("KollectClusterTarget", name, spec));
    }
    let spec = json!({"sinkNamespace": stage.platform, "databaseSinkRefs": ["db"]});
    stage.apply(&beside("KollectClusterInventory", "all", spec));
    stage.paint("a", "red");
    stage.start();
    let wait = |stage: &Stage, kind: &str, name: &str, reason: &str| -> String {
        let object = stage.kubectl.wait_for(&[kind, name], LIMIT, |object| {
            condition(object, "Ready").is_some_and(|ready| ready["reason"] == reason)
        });
        condition(&stage.or_fail(object), "Ready").unwrap()["message"].as_str().unwrap().to_string()
    };
    let message = wait(&stage, "kollectclustertarget", "roles", "AccessDenied");
    assert!(message.contains(r#"resources: ["clusterroles"]"#), "{message}");
    wait(&stage, "kollectclusterinventory", "all", "TargetDegraded");
    // Nobody waits for it.
    let rollup = "inventory_namespace = ''";
    stage.wait_colors_of("inventory", rollup, &[("a", "red")]);

    stage.apply(&binding("roles"));
    stage.wait_colors_of("inventory", rollup, &[("a", "red"), ("roles", "roles")]);
    wait(&stage, "kollectclusterinventory", "all", "Exported");
    // Lost again: what was seen stays, and what comes is found when it may be seen.
    stage.kubectl.delete(&["clusterrolebinding", "roles"]).unwrap();
    wait(&stage, "kollectclustertarget", "roles", "AccessDenied");
    stage.apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "extra"}, "rules": [],
    }));
    stage.paint("b", "blue");
    stage.wait_colors_of("inventory", rollup, &[("a", "red"), ("b", "blue"), ("roles", "roles")]);
    // Also for an operator that has never seen them, and that may look into some namespaces only.
    stage.stop();
    stage.arg(format!("--watch-namespaces={},{}", stage.platform, stage.apps));
    stage.start();
    wait(&stage, "kollectclustertarget", "roles", "AccessDenied");
    stage.erase("b");
    stage.wait_colors_of("inventory", rollup, &[("a", "red"), ("roles", "roles")]);
    stage.apply(&binding("roles"));
    stage.wait_colors_of("inventory", rollup, &[("a", "red"), ("extra", "extra"), ("roles", "roles")]);
    drop(stage);
    database.drop().unwrap();
}

fn config_maps() -> Value {
    json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}])
}

fn binding(role: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "kollect"}],
    })
}

fn unbind(kubectl: &Kubectl) {
    kubectl.delete(&["clusterrolebinding", "configmaps"]).unwrap();
}
