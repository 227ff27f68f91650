//! Dumps and manifests, from files and from standard input.

use std::fs;

use serde_json::{Value, json};

use crate::{code, deployment, err, fed, list, out, rows, run, write};

#[test]
fn json_and_yaml_dumps_of_the_same_objects_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let items =
        vec![deployment("a", "web", "nginx:1.27"), deployment("b", "api", "r.example.com/api@sha256:0123")];
    let dump = list(items.clone());
    write(&folder.path().join("dump.json"), serde_json::to_string_pretty(&dump).unwrap());
    write(&folder.path().join("dump.yaml"), serde_saphyr::to_string(&dump).unwrap());
    let documents: Vec<String> = items.iter().map(|item| serde_saphyr::to_string(item).unwrap()).collect();
    write(&folder.path().join("documents.yml"), documents.join("---\n"));
    let collected = |file: &str| {
        let path = folder.path().join(file);
        let output = run(&["collect", "--from", path.to_str().unwrap(), "--output", "-"]);
        assert_eq!(code(&output), 0, "{file}: {}", err(&output));
        out(&output)
    };
    let json = collected("dump.json");
    assert_eq!(json, collected("dump.yaml"));
    assert_eq!(json, collected("documents.yml"));
    assert_eq!(
        json.lines().next().unwrap(),
        r#"{"targetNamespace":"default","targetName":"deployments","namespace":"a","name":"web","group":"apps","version":"v1","kind":"Deployment","uid":"uid-a-web","attributes":{"images":["nginx:1.27"],"ready":1,"replicas":2}}"#
    );
}

#[test]
fn standard_input_is_read_and_rows_go_to_standard_output() {
    let dump = list(vec![deployment("a", "web", "nginx"), deployment("b", "web", "nginx")]).to_string();
    let output = fed(&["collect", "deployments", "--from", "-", "--output", "-"], &dump);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(rows(&out(&output)).len(), 2);
    let told = err(&output);
    assert!(told.starts_with("NAMESPACE") && told.contains("stdin: 2 objects read, 2 rows"), "{told}");
}

#[test]
fn a_broken_file_is_named_with_its_line_and_the_rest_is_collected() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a/good.json"), deployment("a", "web", "nginx").to_string());
    write(
        &folder.path().join("b/broken.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x\n",
    );
    write(
        &folder.path().join("b/twice.yaml"),
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  replicas: 1\n  replicas: 2\n",
    );
    write(&folder.path().join("b/binary.yaml"), b"a: 1\nb: \xff\xfe\n");
    write(&folder.path().join("values.yaml"), "replicas: 3\n");
    write(&folder.path().join("pod.log"), "...");
    let output = run(&["collect", "--from", folder.path().to_str().unwrap(), "--cluster-name", "dump"]);
    let told = err(&output);
    assert_eq!(code(&output), 1, "{told}");
    assert_eq!(out(&output).lines().count(), 2, "{}", out(&output));
    for expected in [
        "b/broken.yaml:3: document 1:",
        "b/twice.yaml:6: document 1: duplicate",
        "b/binary.yaml: line 2 is not UTF-8 text",
        "note     1 document: ",
        "note     1 other file: ",
        "dump: 1 object read, 1 row, ",
    ] {
        assert!(told.contains(expected), "{expected:?} is missing in:\n{told}");
    }
}

#[test]
fn what_a_dump_lacks_is_unknown() {
    let dump = deployment("a", "web", "nginx").to_string();
    let output = fed(&["collect", "--from", "-", "--output", "-", "--format", "json"], &dump);
    let document: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(document["unknown"][0]["target"]["name"], "deployments", "{document}");
}

#[test]
fn an_opted_out_namespace_is_left_out_wherever_it_stands() {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b", "labels": {"kollect.dev/watch": "disabled"}}});
    let dump =
        list(vec![deployment("a", "web", "nginx"), deployment("b", "web", "nginx"), namespace]).to_string();
    let output = fed(&["collect", "--from", "-", "--output", "-"], &dump);
    let found = rows(&out(&output));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["namespace"], "a");
}

#[test]
fn another_version_of_a_kind_is_skipped_with_a_word() {
    let mut old = deployment("a", "web", "nginx");
    old["apiVersion"] = json!("apps/v1beta1");
    let output = fed(&["collect", "--from", "-"], &list(vec![old]).to_string());
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("skipped  1 of Deployment (apps/v1beta1): "), "{}", err(&output));
}

#[test]
fn a_source_that_gives_nothing_replaces_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("apps.ndjson");
    fs::write(&file, "of yesterday").unwrap();
    let output = fed(&["collect", "--from", "-", "--output", file.to_str().unwrap()], "replicas: 1\n");
    assert_eq!(code(&output), 2, "{}", err(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), "of yesterday");
    assert_eq!(out(&output), "");
}
