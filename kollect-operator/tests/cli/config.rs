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

const CLUSTER: &str = "\
apiVersion: kollect.dev/v1alpha1
kind: KollectProfile
metadata: {name: apps, namespace: team-a}
spec: {targetGVK: {group: apps, version: v1, kind: Deployment}, attributes: [{name: replicas, path: '{.spec.replicas}'}]}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectProfile
metadata: {name: namespaces, namespace: team-a}
spec: {targetGVK: {version: v1, kind: Namespace}, attributes: [{name: team, path: '{.metadata.labels.team}'}]}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectClusterTarget
metadata: {name: shop}
spec: {profileRef: {name: apps, namespace: team-a}, namespaceSelector: {matchLabels: {team: storefront}}}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectClusterTarget
metadata: {name: teams}
spec: {profileRef: {name: apps, namespace: team-a}, namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectClusterTarget
metadata: {name: namespaces}
spec: {profileRef: {name: namespaces, namespace: team-a}, namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}}
";

#[test]
fn cluster_targets_and_cluster_inventories_are_collected_into_a_place_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let collect = |name: &str, more: &str| {
        let (config, out_dir) = (folder.path().join(name), folder.path().join(format!("{name}-out")));
        write(&config.join("cluster.yaml"), format!("{CLUSTER}{more}"));
        let (config, into) = (config.to_str().unwrap(), out_dir.to_str().unwrap());
        let output =
            run(&["collect", "--sample", "--config", config, "--output", into, "--format", "ndjson"]);
        (output, out_dir.join("sample/_cluster"))
    };
    // Without an inventory there is one of all.
    let (output, written) = collect("all", "");
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(out(&output).contains("_cluster/namespaces ("), "{}", out(&output));
    let all = rows(&fs::read_to_string(written.join("collect.ndjson")).unwrap());
    let of = |target: &str| all.iter().filter(|row| row["targetName"] == target).count();
    assert_eq!((of("shop"), all.iter().filter(|row| row["targetNamespace"] != "").count()), (5, 0));
    assert!(of("teams") > 5, "{all:?}");
    assert!(of("namespaces") > 1, "{all:?}");

    // Of several rows of one object that of the first target stays, and of the namespaces those that both name.
    let (output, written) = collect(
        "some",
        "---\napiVersion: kollect.dev/v1alpha1\nkind: KollectClusterInventory\nmetadata: {name: rollup, namespace: ignored}\n\
         spec: {dedupe: byResourceUID, namespaces: [shop, payments], namespaceSelector: {matchLabels: {team: storefront}}, \
         databaseSinkRefs: [warehouse]}\n",
    );
    assert!(err(&output).contains("sinks kollect-system/warehouse: "), "{}", err(&output));
    let some = rows(&fs::read_to_string(written.join("rollup.ndjson")).unwrap());
    assert_eq!(some.len(), 5, "{some:?}");
    assert!(some.iter().all(|row| row["targetName"] == "shop" && row["namespace"] == "shop"), "{some:?}");
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
