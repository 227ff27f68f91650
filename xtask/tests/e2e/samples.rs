//! The manifests that we hand out: they apply, and lead to the status that their comments promise.

use std::fs;
use std::time::Duration;

use serde_json::json;
use xtask::e2e::kubectl::condition;
use xtask::{wait, workspace};

use crate::manifests;
use crate::stage::{LIMIT, Stage};

#[test]
fn the_demo_samples_apply_and_become_true() {
    let mut stage = Stage::set("samples");
    stage.kubectl.apply_file(&workspace::root().join("config/samples/demo")).unwrap();
    stage.apply(&stage.database.secret("platform", "inventory-database"));
    // What they make is theirs, so it goes with the story, whatever becomes of it.
    let _samples = Samples(&stage.kubectl.clone());
    stage.start();
    let wait = |kind: &str, name: &str, condition: &str| {
        let args = ["-n", "platform", kind, name];
        stage.or_fail(stage.kubectl.wait_condition(&args, condition, "True", LIMIT));
    };
    wait("kollectprofile", "deployments", "Ready");
    wait("kollectprofile", "configmaps", "Ready");
    wait("kollecttarget", "deployments", "Ready");
    wait("kollecttarget", "configmaps", "Synced");
    wait("kollectdatabasesink", "portal", "ConnectionVerified");
    wait("kollectinventory", "workloads", "Synced");
    wait("kollectinventory", "workloads", "Ready");

    let rows = stage
        .psql()
        .rows(
            "SELECT kind, resource_namespace, resource_name, payload->'attributes' AS attributes
             FROM inventory ORDER BY kind, resource_namespace, resource_name",
        )
        .unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["resource_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["limits", "features", "ledger", "cart", "search", "web"]);
    let web = &rows[5]["attributes"];
    assert_eq!(web["replicas"], 3);
    assert_eq!(web["tier"], "redundant");
    assert_eq!(web["version"], "4.2.0");
    assert_eq!(web["images"].as_array().unwrap().len(), 2);
    assert_eq!(rows[4]["attributes"]["tier"], "single");
    assert!(rows[4]["attributes"].get("version").is_none(), "an optional attribute that is not there");
    let features = &rows[1]["attributes"]["data"];
    assert_eq!(features["checkout"], "new");
    assert_eq!(features["api-key"]["redacted"], true, "scrubbed");
    let columns = stage.kubectl.run(&["get", "kollect", "-n", "platform"]).unwrap();
    for shown in ["workloads", "portal", "postgres", "Deployment"] {
        assert!(columns.contains(shown), "{columns}");
    }
}

/// Sinks of types that are not there yet, by kind.
const UNAVAILABLE: [(&str, &[&str]); 3] = [
    ("kollectsnapshotsink", &["git", "gitlab", "s3", "gcs", "azureblob", "http"]),
    ("kollectdatabasesink", &["mongodb", "bigquery"]),
    ("kollecteventsink", &["nats", "kafka"]),
];

#[test]
fn every_other_sample_applies_and_says_what_its_comment_promises() {
    let mut stage = Stage::set("accepted");
    let folder = workspace::root().join("config/samples");
    let listed = fs::read_to_string(folder.join("kustomization.yaml")).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with("kollect_") || listed.contains(&format!("- {name}\n")), "{name}");
    }
    let platform = stage.platform.clone();
    let _cluster = ClusterSamples(&stage.kubectl.clone());
    stage.apply(&stage.database.secret(&platform, "inventory-database"));
    let apply = |flag: &str, path: &str| {
        let path = folder.join(path);
        stage.kubectl.run(&["apply", "-n", &platform, flag, path.to_str().unwrap()]).unwrap();
    };
    // Names no namespace, so that sinks go where the user says, also into kollect-system.
    apply("-k", "");
    // Where the cluster kinds look for their profile and their sink.
    stage.apply(&manifests::namespace("kollect-system", "none"));
    stage.apply(&stage.database.secret("kollect-system", "inventory-database"));
    for file in ["kollectprofile_platform-argo-summary", "kollectdatabasesink"] {
        let path = folder.join(format!("kollect_v1alpha1_{file}.yaml"));
        stage.kubectl.run(&["apply", "-n", "kollect-system", "-f", path.to_str().unwrap()]).unwrap();
    }
    apply("-f", "examples/kollecttarget_trivy-high.yaml");
    let dev = folder.join("dev/postgres.yaml");
    stage.kubectl.run(&["apply", "--dry-run=server", "-f", dev.to_str().unwrap()]).unwrap();

    let root = stage.dir.path().join("root");
    fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    stage.arg(format!("--ambient-identity-namespaces={}", stage.platform));
    stage.start();
    for (kind, types) in UNAVAILABLE {
        for type_ in types {
            stage.wait_reason(kind, &format!("{type_}-inventory-demo"), "Ready", "ExportUnavailable");
        }
    }
    for profile in
        ["deployment-summary", "cronjob-manifests", "statefulset-replicas", "platform-argo-summary"]
    {
        stage.wait_condition("kollectprofile", profile, "Ready", "True");
    }
    for target in ["deployments", "deployments-that-matter", "deployments-opted-in"] {
        stage.wait_condition("kollecttarget", target, "Ready", "True");
    }
    stage.wait_reason("kollectscope", "limits", "Ready", "Compiled");
    let args = ["kollectclusterscope", "platform-limits"];
    stage.or_fail(stage.kubectl.wait_condition(&args, "Ready", "True", LIMIT));
    stage.wait_reason("kollecttarget", "trivy-high", "Degraded", "KindNotFound");
    argo(&stage);
    stage.wait_condition("kollectdatabasesink", "postgres-inventory-demo", "ConnectionVerified", "True");
    stage.wait_condition("kollectconnectiontest", "postgres-sink-probe", "ConnectionVerified", "True");
    for sink in ["local-inventory-demo", "local-files-demo"] {
        stage.wait_condition("kollectsnapshotsink", sink, "Ready", "True");
    }
    let args = ["-n", &stage.platform, "kollectsnapshotsink", "local-inventory-demo"];
    let path = format!("inventory/source=e2e/ns={}/inventory=workloads/generation=1.parquet", stage.platform);
    let shown = |sink: &serde_json::Value| sink["status"]["preview"]["samplePaths"][0] == *path;
    stage.or_fail(stage.kubectl.wait_for(&args, LIMIT, shown));
    stage.wait_condition("kollectinventory", "workloads", "Synced", "True");
    stage.wait_condition("kollectinventory", "workloads", "Ready", "True");
}

/// Waits for what the cluster kinds promise, without Argo CD and with its Applications.
fn argo(stage: &Stage) {
    let (target, rollup) = ("platform-argo-applications", "platform-rollup");
    let wait = |kind: &str, name: &str, of: &str, reason: &str| {
        let object = stage.kubectl.wait_for(&[kind, name], LIMIT, |object| {
            condition(object, of).is_some_and(|condition| condition["reason"] == reason)
        });
        stage.or_fail(object)
    };
    wait("kollectclustertarget", target, "Degraded", "KindNotFound");
    let inventory = wait("kollectclusterinventory", rollup, "Degraded", "TargetDegraded");
    let message = condition(&inventory, "Degraded").unwrap()["message"].as_str().unwrap().to_string();
    assert!(message.contains(target) && message.contains("KindNotFound"), "{message}");

    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    stage.apply(&json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "applications.argoproj.io"},
        "spec": {"group": "argoproj.io", "scope": "Namespaced",
            "names": {"plural": "applications", "singular": "application", "kind": "Application"},
            "versions": [{"name": "v1alpha1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema}}]},
    }));
    let application = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": stage.apps}, "spec": {"project": "platform"},
    });
    let made = wait::until("the application is there", LIMIT, || {
        Ok(stage.kubectl.apply(&application.to_string()).is_ok().then_some(()))
    });
    stage.or_fail(made);
    let args = ["kollectclustertarget", target];
    stage.or_fail(stage.kubectl.wait_condition(&args, "Ready", "True", LIMIT));
    let query = "SELECT payload->'attributes'->>'project' AS project FROM inventory WHERE inventory_name = 'platform-rollup'";
    stage.or_fail(
        stage.psql().wait_rows(query, LIMIT, |rows| rows.len() == 1 && rows[0]["project"] == "platform"),
    );
    for of in ["Ready", "ExportSucceeded"] {
        let args = ["kollectclusterinventory", rollup];
        stage.or_fail(stage.kubectl.wait_condition(&args, of, "True", LIMIT));
    }
}

/// Removes the samples that stand beside the namespaces, and what they need.
struct ClusterSamples<'a>(&'a xtask::e2e::Kubectl);

impl Drop for ClusterSamples<'_> {
    fn drop(&mut self) {
        let rollup = "kollectclusterinventory/platform-rollup";
        let _ = self.0.run(&["delete", rollup, "--wait=false"]);
        let _ = self.0.run(&["wait", "--for=delete", rollup, "--timeout=20s"]);
        // Without an operator nobody takes finalizers away.
        let free = r#"{"metadata":{"finalizers":null}}"#;
        let _ = self.0.run(&["patch", rollup, "--type=merge", "-p", free]);
        for (kind, name) in [
            ("kollectclusterscope", "platform-limits"),
            ("kollectclustertarget", "platform-argo-applications"),
            ("crd", "applications.argoproj.io"),
        ] {
            let _ = self.0.run(&["delete", kind, name, "--wait=false"]);
        }
        let kinds = "kollectprofile/platform-argo-summary,kollectdatabasesink/postgres-inventory-demo,secret/inventory-database";
        for object in kinds.split(',') {
            let _ = self.0.run(&["delete", "-n", "kollect-system", object, "--wait=false"]);
        }
    }
}

/// Removes the demo's objects.
struct Samples<'a>(&'a xtask::e2e::Kubectl);

impl Drop for Samples<'_> {
    fn drop(&mut self) {
        let free = r#"{"metadata":{"finalizers":null}}"#;
        let args = ["-n", "platform", "patch", "kollectinventory", "workloads", "--type=merge", "-p", free];
        let _ = self.0.delete(&[
            "-n",
            "platform",
            "kollecttargets,kollectprofiles,kollectdatabasesinks",
            "--all",
        ]);
        let _ = self.0.run(&["-n", "platform", "delete", "kollectinventory", "workloads", "--wait=false"]);
        let _ = self.0.run(&args);
        let _ = self.0.run(&["delete", "namespace", "shop", "payments", "platform", "--wait=false"]);
        // Without a kubelet nobody ends the Pods that the controller manager made.
        let _ = self.0.run(&["delete", "pods", "-n", "shop", "--all", "--force", "--grace-period=0"]);
        let _ = self.0.run(&["delete", "pods", "-n", "payments", "--all", "--force", "--grace-period=0"]);
        let _ = xtask::wait::until("the demo's namespaces are gone", Duration::from_secs(60), || {
            Ok(self.0.get(&["namespace", "platform"]).is_err().then_some(()))
        });
    }
}
