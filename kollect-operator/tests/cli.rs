//! The binary as its users run it: on the sample, on files, on standard input. No cluster is needed here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn kollect(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kollect"));
    command.args(arguments).env_clear().env("HOME", "/nonexistent").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    kollect(arguments).output().unwrap()
}

fn fed(arguments: &[&str], input: &str) -> Output {
    let mut child = kollect(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Rows of NDJSON.
fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn deployment(namespace: &str, name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{namespace}-{name}"), "resourceVersion": "7"},
        "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": image}]}}},
        "status": {"readyReplicas": 1},
    })
}

fn list(items: Vec<Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}})
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

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
fn nothing_usable_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for arguments in [
        &["collect", "--from", path][..],
        &["collect", "--from", "/nonexistent/dump"],
        &["collect", "--config", path, "--sample"],
        &["collect", "nonsense", "--sample"],
        &["collect", "--sample", "--from", path],
        &["collect", "--sample", "--cluster-name", "a/b"],
        &["collect", "--sample", "--format", "csv", "--output", path],
        &["collect"],
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", err(&output));
        assert!(!err(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn presets_are_listed_and_an_unknown_one_leads_to_a_near_one() {
    let output = run(&["collect", "--list-presets"]);
    let listed = out(&output);
    assert_eq!(code(&output), 0);
    assert!(listed.lines().any(|line| line.starts_with("ingresses ") && line.ends_with('.')), "{listed}");
    let output = run(&["collect", "ingreses", "--sample"]);
    assert_eq!(
        err(&output),
        "error: there is no preset \"ingreses\"; did you mean \"ingresses\"? --list-presets shows all\n"
    );
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
fn another_version_of_a_kind_is_skipped_with_a_word() {
    let mut old = deployment("a", "web", "nginx");
    old["apiVersion"] = json!("apps/v1beta1");
    let output = fed(&["collect", "--from", "-"], &list(vec![old]).to_string());
    assert_eq!(code(&output), 1);
    assert!(err(&output).contains("skipped  1 of Deployment (apps/v1beta1): "), "{}", err(&output));
}

#[test]
fn quiet_leaves_the_table_and_what_went_wrong() {
    let output = run(&["collect", "--sample", "--quiet"]);
    assert_eq!((code(&output), err(&output)), (0, String::new()));
    assert!(out(&output).starts_with("NAMESPACE"));
    let output = fed(
        &["collect", "--from", "-", "--quiet"],
        "apiVersion: v1\nkind: [\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
    );
    assert!(err(&output).starts_with("  failed   stdin:"), "{}", err(&output));
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

#[test]
fn a_reader_that_has_seen_enough_ends_the_output_quietly() {
    let mut child = kollect(&["collect", "images", "--sample", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), err(&output)), (0, String::new()));
}

#[test]
fn version_crds_and_completion_print() {
    let version = out(&run(&["version"]));
    assert!(version.starts_with(concat!("kollect ", env!("CARGO_PKG_VERSION"), "\n")), "{version}");
    assert!(version.contains("\nformats "), "{version}");
    let crds = out(&run(&["crds"]));
    assert_eq!(crds.matches("\n---\n").count(), 10);
    assert!(crds.contains("name: kollectprofiles.kollect.dev"), "{}", &crds[..500]);
    for shell in ["bash", "zsh", "fish", "powershell"] {
        assert!(out(&run(&["completion", shell])).contains("kollect"), "{shell}");
    }
}

#[test]
fn help_is_grouped_and_has_examples() {
    let help = out(&run(&["collect", "--help"]));
    for expected in ["What:", "From where:", "Into what:", "Examples:", "[env: KOLLECT_FROM=]"] {
        assert!(help.contains(expected), "{expected:?} is missing in:\n{help}");
    }
}
