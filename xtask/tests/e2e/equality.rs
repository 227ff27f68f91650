//! The same rows by every way: what the operator writes, what `kollect collect` reads of the cluster, and of a dump.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use xtask::wait;

use crate::manifests::{self, kollect};
use crate::snapshot::files;
use crate::stage::{LIMIT, Stage};

#[test]
fn the_operator_and_collect_write_the_same_bytes_from_the_cluster_and_from_a_dump() {
    let mut stage = Stage::set("equality");
    let root = stage.dir.path().join("local");
    fs::create_dir_all(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    for manifest in everything(&stage) {
        stage.apply(&manifest);
    }
    stage.start();
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let of_run = stage.or_fail(wait::until("a document of every object", LIMIT, || {
        let text = newest(&root).map(fs::read_to_string).transpose()?.unwrap_or_default();
        Ok((text.lines().count() == 5).then_some(text))
    }));

    let config = stage.kubectl.get(&["-n", &stage.platform, "kollect"]).unwrap();
    let config = write(&stage, "config.json", &config);
    let kubeconfig = stage.kubectl.kubeconfig();
    let of_collect = collect(&[("--kubeconfig", kubeconfig), ("--config", &config)]);
    assert_eq!(of_collect, of_run, "collect, from the cluster");

    let dump = stage.kubectl.get(&["configmaps,deployments,namespaces", "--all-namespaces"]).unwrap();
    let dump = write(&stage, "dump.json", &dump);
    let offline = collect(&[("--from", &dump), ("--config", &config)]);
    assert_eq!(offline, of_run, "collect, from a dump");

    for said in [
        r#""text":"ärger \"quoted\" \\ \n""#,
        r#""redacted":true"#,
        r#""replicas":3"#,
        r#""count":9007199254740993"#,
    ] {
        assert!(of_run.contains(said), "{said} in {of_run}");
    }
}

/// Two kinds, by paths, expressions and whole; and objects that are awkward to write.
fn everything(stage: &Stage) -> Vec<Value> {
    let (platform, apps) = (&stage.platform, &stage.apps);
    let texts = json!({
        "targetGVK": {"version": "v1", "kind": "ConfigMap"},
        "attributes": [
            {"name": "text", "path": "{.data.text}"},
            {"name": "count", "path": "{.data.count}", "type": "int", "optional": true},
            {"name": "all", "path": "$.data", "type": "map"},
            {"name": "size", "path": "cel:size(object.metadata.labels) > 1 ? 1.5 : 1e21"},
            {"name": "labels", "path": "$.metadata.labels.*", "type": "list"},
            {"name": "token", "path": "{.data.text}"},
        ],
    });
    let whole = json!({
        "targetGVK": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "attributes": [{"name": "replicas", "path": "{.spec.replicas}", "type": "int"}],
        "export": {"mode": "Resource", "prune": {"jsonPaths": ["$.spec.template.spec.containers[*].imagePullPolicy"]}},
    });
    let map = |name: &str, data: Value| {
        let labels = json!({(manifests::COLLECT.0): manifests::COLLECT.1, "tier": name});
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": name, "namespace": apps, "labels": labels}})
    };
    let pod = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}]},
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": apps, "labels": {(manifests::COLLECT.0): manifests::COLLECT.1}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": pod},
    });
    let folder = json!({"type": "local", "serialization": {"format": "ndjson"}});
    vec![
        kollect("KollectProfile", platform, "texts", texts),
        kollect("KollectProfile", platform, "whole", whole),
        manifests::target(platform, "texts", "texts", &stage.story),
        manifests::target(platform, "whole", "whole", &stage.story),
        kollect("KollectSnapshotSink", platform, "folder", folder),
        kollect("KollectInventory", platform, "all", json!({"snapshotSinkRefs": ["folder"]})),
        map("plain", json!({"text": "plain", "count": "42"})),
        map(
            "awkward",
            json!({"text": "ärger \"quoted\" \\ \n", "count": "9007199254740993", "api-key": "hunter2"}),
        ),
        map("empty", json!({})),
        map("wrong", json!({"count": "many"})),
        deployment,
    ]
}

/// What `kollect collect` writes to standard output.
fn collect(arguments: &[(&str, &Path)]) -> String {
    let mut command = Command::new(env::var_os("KOLLECT_BIN").expect("run by `cargo xtask test`"));
    command.args(["collect", "--cluster-name=e2e", "--output=-", "--format=ndjson"]);
    for (name, path) in arguments {
        command.arg(name).arg(path);
    }
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(!out.is_empty(), "{:?}: {}\n{err}", command, output.status);
    out
}

fn write(stage: &Stage, name: &str, value: &Value) -> PathBuf {
    let path = stage.dir.path().join(name);
    fs::write(&path, value.to_string()).unwrap();
    path
}

/// The newest document of the folder.
fn newest(root: &Path) -> Option<PathBuf> {
    let mut documents = files(root);
    documents.retain(|(path, _)| path.extension().is_some_and(|end| end == "ndjson"));
    documents.into_iter().max_by_key(|(_, changed)| *changed).map(|(path, _)| path)
}
