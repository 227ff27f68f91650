//! The built-in sample, as tables and files.

use std::fs;

use serde_json::{Value, json};

use crate::{code, err, out, rows, run};

#[test]
fn the_sample_prints_a_table_and_a_summary() {
    let output = run(&["collect", "--sample"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(
        out(&output),
        "\
NAMESPACE    NAME                REPLICAS  READY  VERSION  IMAGES
kube-system  coredns             2         2      -        registry.k8s.io/coredns/coredns:v1.11.3
kube-system  metrics-server      1         1      0.7.2    registry.k8s.io/metrics-server/metrics-server:v0.7.2
monitoring   grafana             1         1      11.3.0   docker.io/grafana/grafana:11.3.0
monitoring   kube-state-metrics  1         1      2.13.0   registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.13.0
payments     checkout            3         3      5.2.0    registry.example.com/pay/checkout:5.2.0
payments     fraud-scoring       2         0      -        registry.example.com/pay/fraud@sha256:4f1c8b0a9d2e7735e6a1b2…
payments     ledger              2         2      3.1.7    registry.example.com/pay/ledger:3.1.7
shop         cart                3         2      1.4.2    registry.example.com/shop/cart:1.4.2,docker.io/envoyproxy/en…
shop         catalog             3         3      1.9.0    registry.example.com/shop/catalog:1.9.0
shop         image-resizer       2         2      3.27     ghcr.io/imgproxy/imgproxy:v3.27
shop         search              2         2      0.8.0    registry.example.com/shop/search:0.8.0
shop         web                 4         4      2.14.1   registry.example.com/shop/web:2.14.1
"
    );
    let summary = err(&output);
    assert!(summary.starts_with("sample: 54 objects read, 12 rows, in "), "{summary}");
}

#[test]
fn files_hold_the_rows_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    let output = run(&["collect", "services", "--sample", "--output", target.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let ndjson = fs::read_to_string(target.join("sample/default/collect.ndjson")).unwrap();
    let mut names: Vec<(String, String)> = rows(&ndjson)
        .iter()
        .map(|row| (row["namespace"].as_str().unwrap().to_owned(), row["name"].as_str().unwrap().to_owned()))
        .collect();
    names.sort();
    let table: Vec<(String, String)> = out(&output)
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect();
    assert_eq!(names, table);
    assert_eq!(names.len(), 9);
    let parquet = fs::read(target.join("sample/default/collect.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let summary = err(&output);
    assert!(
        summary.contains("collect.parquet (9 rows, ") && summary.contains("collect.ndjson (9 rows, "),
        "{summary}"
    );
    let left: Vec<_> = fs::read_dir(target.join("sample/default")).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing but the files is left behind");
}

#[test]
fn a_second_run_replaces_the_files_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apps.ndjson");
    let path = file.to_str().unwrap();
    fs::write(&file, "old").unwrap();
    assert_eq!(code(&run(&["collect", "--sample", "--output", path])), 0);
    let first = fs::read_to_string(&file).unwrap();
    assert_eq!(rows(&first).len(), 12);
    assert_eq!(code(&run(&["collect", "--sample", "--output", path])), 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
}

#[test]
fn every_preset_but_those_without_objects_finds_rows_in_the_sample() {
    let listed = out(&run(&["collect", "--list-presets"]));
    for preset in listed.lines().map(|line| line.split_whitespace().next().unwrap()) {
        let output = run(&["collect", preset, "--sample", "--output", "-"]);
        assert_eq!(code(&output), 0, "{preset}: {}", err(&output));
        let found = rows(&out(&output)).len();
        let absent = ["jobs", "networkpolicies", "pods", "rolebindings"].contains(&preset);
        assert_eq!(found == 0, absent, "{preset}: {found} rows");
    }
}

#[test]
fn several_presets_give_a_table_each_and_one_inventory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.json");
    let output = run(&["collect", "cronjobs", "images", "--sample", "--output", file.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let tables = out(&output);
    assert!(tables.starts_with("cronjobs (3 rows)\n") && tables.contains("\nimages (20 rows)\n"), "{tables}");
    assert!(tables.contains("KIND"), "{tables}");
    let document: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((&document["itemCount"], &document["cluster"]), (&json!(23), &json!("sample")));
    assert_eq!(document["unknown"], Value::Null, "the sample is a whole cluster");
}

#[test]
fn namespaces_can_be_chosen() {
    let output =
        run(&["collect", "--sample", "-n", "payments", "--namespace", "monitoring", "--output", "-"]);
    let mut namespaces: Vec<String> =
        rows(&out(&output)).iter().map(|row| row["namespace"].as_str().unwrap().to_owned()).collect();
    namespaces.dedup();
    namespaces.sort();
    namespaces.dedup();
    assert_eq!(namespaces, ["monitoring", "payments"]);
}

#[test]
fn a_secret_gives_nothing_but_what_its_labels_say() {
    let output = run(&["collect", "helm-releases", "configmaps", "--sample", "--output", "-", "--wide"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = out(&output) + &err(&output);
    assert!(text.contains("\"release\":\"payments\""));
    for secret in ["sample-password-never-collected", "c2FtcGxlLXBhc3N3b3Jk", "SDRzSUFB"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
