//! Kinds that come later. Those that vanish keep their rows for ten minutes, which no story waits for.

use serde_json::{Value, json};

use crate::manifests;
use crate::stage::Stage;

#[test]
fn a_target_of_a_kind_that_is_not_there_yet_waits_alone_and_starts_by_itself() {
    let mut stage = Stage::set("kinds");
    stage.usual();
    let group = format!("{}.example.com", stage.story);
    let spec = json!({
        "targetGVK": {"group": group, "version": "v1", "kind": "Widget"},
        "attributes": [{"name": "color", "path": "{.spec.color}"}],
    });
    stage.apply(&manifests::kollect("KollectProfile", &stage.platform, "widgets", spec));
    stage.apply(&manifests::target(&stage.platform, "widgets", "widgets", &stage.story));
    stage.paint("a", "red");
    stage.start();
    let message = stage.wait_reason("kollecttarget", "widgets", "Degraded", "KindNotFound");
    assert!(message.contains("Widget"), "{message}");
    // Nobody else waits for it.
    stage.wait_colors(&[("a", "red")]);

    stage.apply(&definition(&group));
    let resource = format!("crd/widgets.{group}");
    stage.kubectl.run(&["wait", "--for=condition=Established", &resource, "--timeout=60s"]).unwrap();
    stage.apply(&json!({
        "apiVersion": format!("{group}/v1"), "kind": "Widget",
        "metadata": {"name": "w", "namespace": stage.apps, "labels": {"collect": "yes"}},
        "spec": {"color": "blue"},
    }));
    stage.wait_colors(&[("a", "red"), ("w", "blue")]);
    stage.wait_condition("kollecttarget", "widgets", "Ready", "True");
    stage.wait_condition("kollectinventory", "all", "Ready", "True");
    stage.kubectl.run(&["delete", &resource, "--wait=false"]).unwrap();
}

fn definition(group: &str) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}
