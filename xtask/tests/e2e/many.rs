//! Ten thousand Deployments of 5 KB in 20 namespaces, from a store that was filled once. No controllers run: what is
//! declared is collected, and no Pods are made of it.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use xtask::servers::Kube;
use xtask::{fixture, wait, workspace};

use crate::manifests;
use crate::stage::{Stage, full, python, shared_database, turn};

/// For steps that work on all rows, on a machine that does much else.
const LONG: Duration = Duration::from_secs(600);

#[test]
fn rows_of_ten_thousand_deployments_equal_what_kubectl_says() {
    let _turn = turn();
    let count: usize = if full() { 100_000 } else { 10_000 };
    let kube = Kube::start_with(fixture::options(fixture::deployments(count).unwrap())).unwrap();
    let mut stage = Stage::on_kube("many", &kube, shared_database("many"));
    stage.apply(&stage.database.secret(&stage.platform, "database"));
    stage.apply(&profile(&stage.platform));
    let spec = json!({"profileRef": "deployments", "namespaceSelector": {"matchLabels": {"load": "yes"}}});
    stage.apply(&manifests::kollect("KollectTarget", &stage.platform, "deployments", spec));
    stage.apply(&manifests::sink(&stage.platform, "db", "inventory", None));
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db"]));
    stage.start();
    rows(&stage, count);
    equal(&stage, &kube, "load=yes", count);
    let before = stage.written("inventory", "true");

    // While nobody looks: one namespace is emptied, objects change, one is made.
    stage.stop();
    let gone = count / fixture::NAMESPACES;
    stage.kubectl.run(&["delete", "deployments", "-n", "load-07", "--all", "--wait=false"]).unwrap();
    let scale = ["-n", "load-03", "scale", "deployment/deployment-000003", "deployment/deployment-000023"];
    stage.kubectl.run(&[&scale[..], &["--replicas=9"]].concat()).unwrap();
    stage.start();
    rows(&stage, count - gone);
    stage.or_fail(stage.psql().wait_rows(
        "SELECT 1 FROM inventory WHERE payload->'attributes'->>'replicas' = '9'",
        LONG,
        |rows| rows.len() == 2,
    ));
    equal(&stage, &kube, "load=yes", count - gone);
    let after = stage.written("inventory", "true");
    let rewritten = after.iter().filter(|(row, by)| before.get(*row) != Some(*by)).count();
    assert_eq!(rewritten, 2, "only what changed is written");

    // A restart with nothing changed.
    stage.stop();
    stage.start();
    stage.kubectl.run(&["-n", "load-01", "scale", "deployment/deployment-000001", "--replicas=8"]).unwrap();
    stage.or_fail(stage.psql().wait_rows(
        "SELECT 1 FROM inventory WHERE payload->'attributes'->>'replicas' = '8'",
        LONG,
        |rows| rows.len() == 1,
    ));
    let last = stage.written("inventory", "true");
    assert_eq!(last.iter().filter(|(row, by)| after.get(*row) != Some(*by)).count(), 1);

    // Half of the namespaces leave the selection at once, and come back.
    let half = |value: &str| {
        let selector = format!(r#"{{"spec":{{"namespaceSelector":{{"matchLabels":{{{value}}}}}}}}}"#);
        stage.patch("kollecttarget", "deployments", &selector);
    };
    half(r#""half":"even""#);
    rows(&stage, count / 2);
    equal(&stage, &kube, "half=even", count / 2);
    half(r#""half":null"#);
    rows(&stage, count - gone);
    equal(&stage, &kube, "load=yes", count - gone);
    let database = stage.database.clone();
    drop(stage);
    database.drop().unwrap();
}

fn profile(platform: &str) -> Value {
    manifests::kollect(
        "KollectProfile",
        platform,
        "deployments",
        json!({
            "targetGVK": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "attributes": [
                {"name": "replicas", "path": "{.spec.replicas}", "type": "int"},
                {"name": "images", "path": "{.spec.template.spec.containers[*].image}"},
                {"name": "tier", "path": "cel:object.spec.replicas > 1 ? 'redundant' : 'single'", "type": "string"},
                {"name": "team", "path": "$.metadata.labels.team", "type": "string"},
                {"name": "checked", "path": "{.metadata.annotations['example.com/checked']}", "type": "string"},
                {"name": "limits", "path": "{.spec.template.spec.containers[*].resources.limits}", "type": "list"},
                {"name": "version", "path": "{.metadata.labels['app.kubernetes.io/version']}", "optional": true},
            ],
        }),
    )
}

fn rows(stage: &Stage, wanted: usize) {
    let mut last = None;
    let counted = wait::until(&format!("the table has {wanted} rows"), LONG, || {
        last = stage.psql().number("SELECT count(*) FROM inventory").ok();
        Ok((last == i64::try_from(wanted).ok()).then_some(()))
    });
    stage.or_fail(counted.map_err(|error| error.context(format!("it had last: {last:?}"))));
    stage.or_fail(stage.kubectl.wait_condition(
        &["-n", &stage.platform, "kollectinventory", "all"],
        "Synced",
        "True",
        LONG,
    ));
}

/// Asks the script that shares nothing with the product.
fn equal(stage: &Stage, kube: &Kube, selector: &str, objects: usize) {
    let output = Command::new(python())
        .arg(workspace::root().join("xtask/tests/e2e/compare.py"))
        .arg("--kubectl")
        .arg(kube.kubectl())
        .arg("--kubeconfig")
        .arg(kube.kubeconfig())
        .args(["--dsn", stage.psql().url(), "--table", "inventory", "--cluster", "e2e", "--inventory", "all"])
        .args(["--selector", selector])
        .output()
        .unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{error}");
    let summary: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(summary["objects"], objects);
    assert_eq!(summary["rows"], objects);
}
