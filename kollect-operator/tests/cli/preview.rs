//! `kollect preview` without a cluster, without servers and without Secrets.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::{code, deployment, err, kollect, list, out, run, write};

const CONFIG: &str = "\
apiVersion: kollect.dev/v1alpha1
kind: KollectProfile
metadata: {name: apps, namespace: team-a}
spec: {targetGVK: {group: apps, version: v1, kind: Deployment}, attributes: [{name: replicas, path: '{.spec.replicas}', type: int}]}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectTarget
metadata: {name: apps, namespace: team-a}
spec: {profileRef: apps}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectDatabaseSink
metadata: {name: warehouse, namespace: team-a}
spec: {type: postgres, postgres: {databaseRef: {name: dsn}, table: inventory}}
---
apiVersion: v1
kind: Secret
metadata: {name: dsn, namespace: team-a}
stringData: {dsn: 'postgres://user:canary@host/database'}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectSnapshotSink
metadata: {name: archive, namespace: team-a}
spec: {type: local, serialization: {format: json}}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectSnapshotSink
metadata: {name: tree, namespace: team-a}
spec: {type: local, endpoint: tree, layout: {mode: split}, serialization: {format: yaml}, provisioning: {mode: existing}}
---
apiVersion: kollect.dev/v1alpha1
kind: KollectInventory
metadata: {name: apps, namespace: team-a}
spec: {databaseSinkRefs: [warehouse], snapshotSinkRefs: [archive]}
";

fn place(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("config/all.yaml"), config);
    let labels = json!({"kubernetes.io/metadata.name": "shop"});
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}});
    let dump = list(vec![deployment("shop", "cart", "a"), deployment("shop", "web", "b"), namespace]);
    write(&folder.path().join("dump.json"), dump.to_string());
    folder
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = kollect(&["preview", "--config", "config"]);
    command.current_dir(folder).args(args);
    command
}

fn preview(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What there is of one sink.
fn of<'r>(report: &'r Value, sink: &str) -> &'r Value {
    let exports = report["exports"].as_array().unwrap();
    exports.iter().find(|export| export["sink"]["name"] == sink).unwrap()
}

#[test]
fn each_sink_shows_what_it_would_do_with_the_rows_of_a_dump() {
    let folder = place(CONFIG);
    let output = preview(folder.path(), &["--from=dump.json", "--cluster-name=prod", "--output=json"]);
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    let report = report(&output);
    assert_eq!(report["schemaVersion"], "kollect.dev/v1alpha1");
    let database = of(&report, "warehouse");
    assert_eq!(database["inventory"], json!({"namespace": "team-a", "name": "apps"}));
    assert_eq!((&database["type"], &database["cluster"]), (&json!("postgres"), &json!("prod")));
    assert_eq!((&database["rows"], &database["rowCount"]), (&json!("collected"), &json!(2)));
    let shown = &database["preview"];
    assert!(shown["ddl"].as_str().unwrap().starts_with("CREATE TABLE IF NOT EXISTS"), "{shown:#}");
    assert!(
        shown["sampleKeys"][1].as_str().unwrap().ends_with("'team-a', 'apps', 'uid-shop-web')"),
        "{shown:#}"
    );
    let payload: Value = serde_json::from_str(shown["sampleDocument"].as_str().unwrap()).unwrap();
    assert_eq!((&payload["name"], &payload["attributes"]), (&json!("cart"), &json!({"replicas": 2})));

    let folder_sink = &of(&report, "archive")["preview"];
    assert_eq!(folder_sink["samplePaths"], json!(["inventory/prod/team-a/apps.json"]));
    let document: Value = serde_json::from_str(folder_sink["sampleDocument"].as_str().unwrap()).unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), 2);

    // A sink that no inventory names shows what one would do.
    let tree = of(&report, "tree");
    assert_eq!((&tree["inventory"]["name"], &tree["rows"]), (&json!("example"), &json!("example")));
    let index = "inventory/prod/team-a/example/index.yaml";
    assert_eq!(tree["preview"]["indexPath"], index);
    assert!(
        tree["preview"]["warnings"][0].as_str().unwrap().contains("local:team-a/tree must exist"),
        "{tree:#}"
    );
    let all = out(&output) + &err(&output);
    assert!(!all.contains("canary"), "{all}");
    // Nothing was made beside what the test made.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn made_up_rows_need_no_objects_and_say_so() {
    let folder = place(CONFIG);
    let output = preview(folder.path(), &["--example", "--sink", "warehouse"]);
    let text = out(&output);
    assert_eq!((code(&output), err(&output)), (0, String::new()), "{text}");
    let title = "team-a/apps into KollectDatabaseSink team-a/warehouse \
                 (postgres, provisioning ensure, format json, 1 row made up)\n  DDL:\n    CREATE TABLE IF NOT EXISTS";
    assert!(text.starts_with(title), "{text}");
    assert!(text.contains("\"attributes\":{\"replicas\":1}}"), "{text}");
    assert!(!text.contains("archive"), "{text}");
}

#[test]
fn rows_can_come_from_the_sample_and_are_few() {
    let folder = place(CONFIG);
    let output =
        preview(folder.path(), &["--sample", "--rows=2", "--sink=archive", "--quiet", "--output=json"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let archive = of(&report(&output), "archive").clone();
    assert_eq!((&archive["rows"], &archive["rowCount"]), (&json!("collected"), &json!(2)));
}

#[test]
fn what_cannot_be_previewed_costs_nothing_else() {
    let broken = CONFIG.replace("table: inventory", "table: ''").replace("[archive]", "[archive, absent]");
    let folder = place(&broken);
    let output = preview(folder.path(), &["--example", "--output=json"]);
    assert_eq!(code(&output), 1, "{}", out(&output));
    let found = report(&output);
    assert!(of(&found, "warehouse")["error"].as_str().unwrap().contains("spec.postgres.table"), "{found:#}");
    assert_eq!(of(&found, "absent")["error"], "KollectSnapshotSink team-a/absent does not exist");
    assert!(of(&found, "archive")["preview"].is_object());

    let output = preview(folder.path(), &["--example", "--sink=warehouse"]);
    assert_eq!(code(&output), 2, "{}", out(&output));
    assert!(out(&output).contains("warehouse: no preview: "), "{}", out(&output));

    write(&folder.path().join("config/more.yaml"), "kind: [");
    let output = preview(folder.path(), &["--example", "--sink=archive"]);
    assert_eq!(code(&output), 1, "{}", out(&output));
    assert!(err(&output).starts_with("failed   config/more.yaml:1: "), "{}", err(&output));
}

#[test]
fn a_sink_that_a_scope_denies_is_told() {
    let scope = "---\napiVersion: kollect.dev/v1alpha1\nkind: KollectScope\nmetadata: {name: a, namespace: team-a}\n\
                 spec: {snapshotSinkRefs: [tree]}\n";
    let folder = place(&format!("{CONFIG}{scope}"));
    let output = preview(folder.path(), &["--example", "--sink=archive", "--output=json"]);
    assert_eq!(code(&output), 1, "{}", out(&output));
    let found = report(&output);
    assert_eq!(of(&found, "archive")["inventory"]["name"], "example", "{found:#}");
    let why = found["notPreviewed"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("KollectSnapshotSink team-a/archive: "), "{why}");
}

#[test]
fn a_cluster_inventory_is_shown_into_its_sinks_of_other_namespaces() {
    let cluster = "---\napiVersion: kollect.dev/v1alpha1\nkind: KollectClusterTarget\nmetadata: {name: all}\n\
                   spec: {profileRef: {name: apps, namespace: team-a}, namespaceSelector: {matchExpressions: \
                   [{key: kubernetes.io/metadata.name, operator: Exists}]}}\n---\n\
                   apiVersion: kollect.dev/v1alpha1\nkind: KollectClusterInventory\nmetadata: {name: rollup}\n\
                   spec: {sinkNamespace: team-a, targetRefs: [all], snapshotSinkRefs: [tree], suspend: true}\n";
    let folder = place(&format!("{CONFIG}{cluster}"));
    for chosen in [&["-n", "team-a"][..], &["--inventory=rollup"]] {
        let args =
            [&["--from=dump.json", "--sink=tree", "--cluster-name=prod", "--output=json"], chosen].concat();
        let output = preview(folder.path(), &args);
        assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
        let found = report(&output);
        let tree = of(&found, "tree");
        assert_eq!(tree["inventory"], json!({"namespace": "", "name": "rollup"}), "{found:#}");
        assert_eq!((&tree["rows"], &tree["rowCount"]), (&json!("collected"), &json!(2)));
        assert_eq!(tree["preview"]["indexPath"], "inventory/prod/_cluster/rollup/index.yaml");
    }
    let text = out(&preview(folder.path(), &["--example", "--inventory=rollup"]));
    assert!(text.starts_with("rollup into KollectSnapshotSink team-a/tree (local, "), "{text}");
}

#[test]
fn a_suspended_inventory_is_shown_with_its_rows() {
    let folder = place(&CONFIG.replace("spec: {databaseSinkRefs", "spec: {suspend: true, databaseSinkRefs"));
    let output = preview(folder.path(), &["--from=dump.json", "--sink=archive", "--output=json"]);
    assert_eq!((code(&output), err(&output)), (0, String::new()));
    assert_eq!(of(&report(&output), "archive")["rowCount"], 2);
}

#[test]
fn a_wrong_command_line_ends_with_2_and_says_why() {
    let folder = place(CONFIG);
    for (arguments, why) in [
        (&["--example", "--sink=nonsense"][..], "there is no sink \"nonsense\"; there are: team-a/archive"),
        (
            &["--example", "--inventory=nonsense"],
            "there is no inventory \"nonsense\"; there are: team-a/apps",
        ),
        (&["--example", "-n", "team-b"], "nothing to preview"),
        (&["--example", "--cluster-name=_"], "stands for an empty name"),
        (&["--example", "--sample"], "cannot be used with"),
        (&["--example", "--rows=0"], "1..=1000"),
        (&["--from=absent.json"], "cannot read absent.json"),
        (&[], "a cluster is needed, unless there are --config and --example"),
    ] {
        let output = preview(folder.path(), arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", out(&output));
        assert!(err(&output).contains(why), "{arguments:?}: {}", err(&output));
    }
    let output = run(&["preview", "--sample"]);
    assert!(code(&output) == 2 && err(&output).contains("--config"), "{}", err(&output));
    let output = run(&["preview", "--config", "/nonexistent", "--example"]);
    assert!(code(&output) == 2 && err(&output).contains("cannot read /nonexistent"), "{}", err(&output));
}

#[test]
fn the_same_statements_come_as_a_script() {
    let folder = place(CONFIG);
    let found = report(&preview(folder.path(), &["--example", "--sink=warehouse", "--output=json"]));
    let script = of(&found, "warehouse")["preview"]["ddl"].as_str().unwrap();
    assert_eq!(script.matches(";\n").count(), 3, "{script}");
    let text = out(&preview(folder.path(), &["--example", "--sink=warehouse"]));
    assert!(script.lines().all(|line| text.contains(line)), "{text}");
}
