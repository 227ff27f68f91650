//! What must reach nobody: a planted text, looked for in every sink, log, event, status and metric.

use std::fs;

use serde_json::{Value, json};
use xtask::{http, ports};

use crate::manifests::{self, kollect};
use crate::snapshot::files;
use crate::stage::Stage;

/// Stands in a Secret, in a ConfigMap under keys that name secrets, and in the environment of a Pod.
const CANARY: &str = "canary-4c1d9e77";

/// Ways to ask for the data of a Secret that say so.
const REFUSED: [&str; 10] = [
    "{.data.password}",
    "{.Data['password']}",
    "$['data']['password']",
    "$.stringData",
    "{.metadata.annotations.kubectl\\.kubernetes\\.io/last-applied-configuration}",
    "$.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']",
    "cel:object.data",
    "cel:object[\"data\"][\"password\"]",
    "cel:object.?data.orValue({})",
    "{.metadata.name}: {.data.password}",
];

/// Ways that do not say so, and get the Secret without its data.
const BLIND: [(&str, &str); 8] = [
    ("all", "$"),
    ("members", "{.*}"),
    ("deep", "$..password"),
    ("deepest", "$..*"),
    ("object", "cel:object"),
    ("keys", "cel:object.map(key, string(object[key].size()) + key)"),
    ("computed", "cel:object['da' + 'ta']"),
    ("annotations", "$.metadata.annotations"),
];

#[test]
fn a_planted_secret_reaches_nobody_whatever_a_profile_asks_for() {
    let mut stage = Stage::set("canary");
    let root = stage.dir.path().join("local");
    fs::create_dir_all(&root).unwrap();
    let [port] = ports::free().unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    stage.arg(format!("--metrics-bind-address=127.0.0.1:{port}"));
    for manifest in planted(&stage).into_iter().chain(asked(&stage)) {
        stage.apply(&manifest);
    }
    stage.start();
    for number in 0..REFUSED.len() {
        stage.wait_reason("kollectprofile", &format!("refused-{number}"), "Ready", "InvalidPath");
    }
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage.or_fail(stage.psql().wait_rows(
        "SELECT DISTINCT target_name FROM inventory ORDER BY 1",
        crate::stage::LIMIT,
        |rows| rows.iter().filter_map(|row| row["target_name"].as_str()).eq(["maps", "pods", "secrets"]),
    ));
    stage.stop();

    let rows = stage.psql().run("SELECT inventory::text FROM inventory; SELECT kollect_checkpoints::text FROM kollect_checkpoints").unwrap();
    assert!(rows.contains("redacted") && rows.contains("visible"), "{rows}");
    let documents: Vec<u8> = files(&root).into_iter().flat_map(|(path, _)| fs::read(path).unwrap()).collect();
    let of = |kinds: &str| stage.kubectl.run(&["get", kinds, "-n", &stage.platform, "-o", "yaml"]).unwrap();
    // What users wrote themselves has none.
    let texts = [
        ("the table", rows),
        ("the log", stage.log_text()),
        ("statuses", of("kollect")),
        ("events", of("events")),
    ];
    for (place, text) in &texts {
        assert!(!shows(text.as_bytes()), "{place}: {text}");
    }
    assert!(!documents.is_empty() && !shows(&documents), "the folder");
    stage.start();
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let (_, metrics) = http::get(port, "/metrics").unwrap();
    assert!(
        metrics.contains("kollect_custom_resource_labeled_series") && !shows(metrics.as_bytes()),
        "{metrics}"
    );
}

/// Whether it stands there, plainly or as the base64 of a Secret's data.
fn shows(bytes: &[u8]) -> bool {
    // The base64 of the canary at each of its three alignments, without what depends on its neighbours.
    let forms = [CANARY, "Y2FuYXJ5LTRjMWQ5ZTc3", "NhbmFyeS00YzFkOWU3N", "jYW5hcnktNGMxZDllNz"];
    forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
}

/// Objects that hold the canary. `kubectl apply` keeps a copy of each in an annotation.
fn planted(stage: &Stage) -> Vec<Value> {
    let meta = |name: &str| {
        let labels = json!({(manifests::COLLECT.0): manifests::COLLECT.1, "kind": "visible"});
        json!({"name": name, "namespace": stage.apps, "labels": labels})
    };
    let env = json!([{"name": "DB_PASSWORD", "value": CANARY}, {"name": "MODE", "value": "visible"}]);
    vec![
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("sealed"),
            "stringData": {"password": CANARY, "note": format!("not-a-secret-word {CANARY}")}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("settings"),
            "data": {"api-key": CANARY, "db_password": CANARY, "mode": "visible"}}),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": meta("worker"),
            "spec": {"containers": [{"name": "main", "image": "main:1", "env": env}]}}),
    ]
}

/// Profiles that ask for it, and where what they get goes.
fn asked(stage: &Stage) -> Vec<Value> {
    let platform = &stage.platform;
    let profile = |name: &str, kind: &str, attributes: Value, more: Value| {
        let mut spec = json!({"targetGVK": {"version": "v1", "kind": kind}, "attributes": attributes});
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        kollect("KollectProfile", platform, name, spec)
    };
    let blind: Vec<Value> = BLIND.iter().map(|(name, path)| json!({"name": name, "path": path})).collect();
    let whole = json!({"export": {"mode": "Resource", "include": "All", "prune": {"defaults": false}}});
    let series = json!({"metrics": [{"name": "size", "path": "size", "labels": ["mode"]}]});
    let maps = json!([
        {"name": "mode", "path": "{.data.db_password}"},
        {"name": "size", "path": "cel:size(object.data)"},
        {"name": "data", "path": "$.data"},
        {"name": "password", "path": "{.data.mode}"},
        {"name": "text", "path": "{.data}"},
        {"name": "joined", "path": "cel:object.data['db_password'] + '!'"},
    ]);
    let mut all: Vec<Value> = REFUSED
        .iter()
        .enumerate()
        .map(|(number, path)| {
            let attributes = json!([{"name": "asked", "path": path}]);
            profile(&format!("refused-{number}"), "Secret", attributes, json!({}))
        })
        .collect();
    all.extend([
        profile("secrets", "Secret", json!(blind), json!({})),
        profile("maps", "ConfigMap", maps, series),
        profile("pods", "Pod", json!([]), whole),
        manifests::sink(platform, "db", "inventory", None),
        kollect(
            "KollectSnapshotSink",
            platform,
            "folder",
            json!({"type": "local", "serialization": {"format": "yaml"}}),
        ),
        kollect(
            "KollectInventory",
            platform,
            "all",
            json!({"databaseSinkRefs": ["db"], "snapshotSinkRefs": ["folder"]}),
        ),
    ]);
    all.extend(["secrets", "maps", "pods"].map(|name| manifests::target(platform, name, name, &stage.story)));
    all
}
