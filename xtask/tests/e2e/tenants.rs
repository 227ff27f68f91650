//! An operator of tenants: it looks into their namespaces, and leaves alone what belongs to none.

use serde_json::json;
use xtask::e2e::kubectl::condition;

use crate::manifests::{self, beside, kollect};
use crate::stage::{LIMIT, Stage};

#[test]
fn tenant_mode_serves_namespaces_and_refuses_cluster_kinds() {
    let mut stage = Stage::set("tenants");
    stage.usual();
    let scope = json!({"allowedNamespaces": [stage.apps]});
    stage.arg("--tenant-mode");
    stage.arg(format!("--watch-namespaces={},{}", stage.platform, stage.apps));
    let name = stage.story.clone();
    let spec = json!({
        "profileRef": {"name": "colors", "namespace": stage.platform},
        "namespaceSelector": {"matchLabels": {"story": stage.story}},
    });
    stage.apply(&beside("KollectClusterTarget", &name, spec));
    let spec = json!({"sinkNamespace": stage.platform, "databaseSinkRefs": ["db"]});
    stage.apply(&beside("KollectClusterInventory", &name, spec));
    // Below the tenants' own namespace nothing is theirs to collect from before a scope says so.
    stage.paint("a", "red");
    stage.apply(&manifests::config_map(&stage.platform, "own", "blue"));
    stage.apply(&kollect(
        "KollectTarget",
        &stage.platform,
        "any",
        json!({
            "profileRef": "colors", "labelSelector": {"matchLabels": {"collect": "yes"}},
        }),
    ));
    stage.start();
    stage.wait_colors(&[("own", "blue")]);
    stage.apply(&kollect("KollectScope", &stage.platform, "limits", scope));
    stage.wait_colors_of("inventory", "target_name = 'colors'", &[("a", "red")]);

    for kind in ["kollectclustertarget", "kollectclusterinventory"] {
        let object = stage.or_fail(stage.kubectl.wait_for(&[kind, &name], LIMIT, |object| {
            condition(object, "Degraded").is_some_and(|degraded| degraded["reason"] == "InvalidSpec")
        }));
        let message = condition(&object, "Degraded").unwrap()["message"].as_str().unwrap();
        assert!(message.contains("tenant mode"), "{message}");
        assert_eq!(object["metadata"].get("finalizers"), None);
    }
    assert_eq!(stage.colors("inventory", "inventory_namespace = ''").len(), 0);
    for kind in ["kollectclustertarget", "kollectclusterinventory"] {
        stage.kubectl.delete(&[kind, &name]).unwrap();
    }
}
