//! What the operator may not see: said with the rule that is missing, found by itself once granted, and nothing deleted
//! that was not seen to go.

use serde_json::{Value, json};
use xtask::e2e::Kubectl;
use xtask::e2e::operator::own_rules;
use xtask::servers::Kube;

use crate::stage::{Stage, shared_database, turn};

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
