//! Collections that users describe by their own manifests.

use std::fs;

use serde_json::json;

use crate::{code, deployment, err, fed, out, rows, run, write};

#[test]
fn a_config_is_collected_as_the_operator_would() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kollect");
    write(
        &config.join("apps.yaml"),
        "apiVersion: kollect.dev/v1alpha1\nkind: KollectProfile\nmetadata: {name: apps, namespace: team-a}\nspec:\n  \
         targetGVK: {group: apps, version: v1, kind: Deployment}\n  attributes:\n  \
         - {name: replicas, path: '{.spec.replicas}', type: int}\n---\n\
         apiVersion: kollect.dev/v1alpha1\nkind: KollectTarget\nmetadata: {name: shop, namespace: team-a}\nspec:\n  \
         profileRef: apps\n  namespaceSelector: {matchLabels: {team: storefront}}\n---\n\
         apiVersion: kollect.dev/v1alpha1\nkind: KollectTarget\nmetadata: {name: broken, namespace: team-a}\nspec:\n  \
         profileRef: absent\n---\n\
         apiVersion: kollect.dev/v1alpha1\nkind: KollectInventory\nmetadata: {name: apps, namespace: team-a}\nspec:\n  \
         databaseSinkRefs: [warehouse]\n",
    );
    let out_dir = folder.path().join("out");
    let output = run(&[
        "collect",
        "--sample",
        "--config",
        config.to_str().unwrap(),
        "--output",
        out_dir.to_str().unwrap(),
        "--format",
        "ndjson",
    ]);
    let told = err(&output);
    assert_eq!(code(&output), 1, "{told}");
    let found = rows(&fs::read_to_string(out_dir.join("sample/team-a/apps.ndjson")).unwrap());
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|row| row["namespace"] == "shop" && row["targetName"] == "shop"));
    assert!(told.contains("target team-a/broken: ProfileNotFound: "), "{told}");
    assert!(told.contains("sinks team-a/warehouse: "), "{told}");
}

#[test]
fn values_under_secret_keys_do_not_leave_a_dump() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("profile.yaml"),
        "apiVersion: kollect.dev/v1alpha1\nkind: KollectProfile\nmetadata: {name: p}\nspec:\n  \
         targetGVK: {group: apps, version: v1, kind: Deployment}\n  attributes:\n  \
         - {name: env, path: '{.spec.template.spec.containers[0].env}', type: list}\n---\n\
         apiVersion: kollect.dev/v1alpha1\nkind: KollectTarget\nmetadata: {name: p}\nspec: {profileRef: p}\n",
    );
    let mut object = deployment("a", "web", "nginx");
    object["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "DB_PASSWORD", "value": "canary-1"}, {"name": "PIN", "value": "canary-2"}, {"name": "LEVEL", "value": "info"}]);
    let config = folder.path().to_str().unwrap();
    let output = fed(
        &["collect", "--config", config, "--from", "-", "--scrub-keys", "pin", "--output", "-", "--wide"],
        &object.to_string(),
    );
    let text = out(&output) + &err(&output);
    assert!(text.contains("info") && !text.contains("canary"), "{text}");
}
