//! `kollect verify` beside a real operator: what it calls equal is equal, what was changed by hand it names, and it
//! writes nothing. How it compares is tested in the operator's own crate.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use xtask::e2e::Psql;

use crate::manifests;
use crate::snapshot::files;
use crate::stage::Stage;

#[test]
fn sinks_that_equal_the_cluster_are_in_sync_and_a_reader_can_tell() {
    let mut stage = filled("verify");
    let output = verify(&stage, &[]);
    let text = out(&output);
    assert_eq!(code(&output), 0, "{text}{}", err(&output));
    assert_eq!(text.matches("in sync").count(), 2, "{text}");
    let report = json(&verify(&stage, &["--output=json", "--settle=0"]));
    assert_eq!((&report["verdict"], &report["looks"]), (&json!("inSync"), &json!(1)), "{report:#}");
    for export in exports(&report) {
        assert_eq!(export["verdict"], "inSync", "{export:#}");
        assert_eq!((&export["inventoryRows"], &export["sinkRows"]), (&json!(3), &json!(3)));
        assert_eq!(export["inventoryDigest"], export["sinkDigest"]);
        assert_eq!(export["cluster"], "e2e");
    }

    // Somebody who may only read, here and there, finds the same, and nothing is written.
    stage.stop();
    let reader = Reader::make(&stage);
    stage.apply(&stage.database.secret_of(&stage.platform, "database", &reader.dsn));
    let config = user(&stage);
    let state = || {
        let kollect = stage.kubectl.get(&["-n", &stage.platform, "kollect"]).unwrap();
        (stage.written("inventory", "true"), checkpoints(&stage), files(&root(&stage)), kollect)
    };
    let before = state();
    let output = program(&stage).arg("--kubeconfig").arg(&config).output().unwrap();
    assert_eq!(code(&output), 0, "{}{}", out(&output), err(&output));
    assert_eq!(state(), before);

    // Of what he may not see at all, he can say nothing.
    let role = format!("{}-reader", stage.story);
    stage.kubectl.delete(&["clusterrolebinding", &role]).unwrap();
    let output = program(&stage).args(["--settle=0", "--kubeconfig"]).arg(&config).output().unwrap();
    assert_eq!(code(&output), 2, "{}{}", out(&output), err(&output));
    let told = err(&output);
    assert!(told.contains(r#"resources: ["configmaps"], verbs: ["list"]"#), "{told}");
    assert!(told.contains("--default-included-namespaces"), "{told}");
    stage.kubectl.delete(&["clusterrole", &role]).unwrap();
    reader.drop(&stage);
}

/// The kubeconfig of one who may read what `verify` reads, ConfigMaps by a role of their own.
fn user(stage: &Stage) -> PathBuf {
    let (platform, role) = (&stage.platform, format!("{}-reader", stage.story));
    let group = "rbac.authorization.k8s.io";
    let bind = |kind: &str, of: &str| {
        json!({"apiVersion": format!("{group}/v1"), "kind": format!("{kind}Binding"),
            "metadata": {"name": role, "namespace": platform},
            "roleRef": {"apiGroup": group, "kind": kind, "name": of},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": platform}]})
    };
    let rules = |kind: &str, rules: Value| {
        json!({"apiVersion": format!("{group}/v1"), "kind": kind, "rules": rules,
            "metadata": {"name": role, "namespace": platform}})
    };
    let own = json!([
        {"apiGroups": ["kollect.dev"], "resources": ["*"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    ]);
    let collected =
        json!([{"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["list"]}]);
    for manifest in [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": platform}}),
        rules("Role", own),
        rules("ClusterRole", collected),
        bind("Role", &role),
        bind("ClusterRole", &role),
    ] {
        stage.apply(&manifest);
    }
    let token = stage.kubectl.run(&["-n", platform, "create", "token", "reader"]).unwrap();
    let view = stage.kubectl.run(&["config", "view", "--raw", "--minify", "-o", "json"]).unwrap();
    let mut config: Value = serde_json::from_str(&view).unwrap();
    config["users"][0]["user"] = json!({"token": token.trim()});
    PathBuf::from(write(stage, "reader.json", &config))
}

#[test]
fn rows_changed_by_hand_are_named_one_by_one_from_the_cluster_and_from_a_dump() {
    let mut stage = filled("tampered");
    stage.stop();
    stage
        .psql()
        .run(
            "UPDATE inventory SET payload = jsonb_set(payload, '{attributes,color}', '\"edited\"')
               WHERE resource_name = 'a';
             DELETE FROM inventory WHERE resource_name = 'b';
             CREATE TEMPORARY TABLE added AS SELECT * FROM inventory WHERE resource_name = 'c';
             UPDATE added SET source_uid = 'by-hand', resource_name = 'ghost',
               payload = payload || '{\"uid\": \"by-hand\", \"name\": \"ghost\"}';
             INSERT INTO inventory SELECT * FROM added",
        )
        .unwrap();
    let document = document(&stage);
    let edited = fs::read_to_string(&document).unwrap().replace("\"green\"", "\"groan\"");
    fs::write(&document, edited).unwrap();

    let output = verify(&stage, &["--settle=1"]);
    let text = out(&output);
    assert_eq!(code(&output), 1, "{text}{}", err(&output));
    let (apps, target) = (&stage.apps, format!("of target {}/colors", stage.platform));
    for line in [
        format!("different            ConfigMap {apps}/a {target}"),
        format!("missing in the sink  ConfigMap {apps}/b {target}"),
        format!("only in the sink     ConfigMap {apps}/ghost {target}"),
        format!("different            ConfigMap {apps}/c {target}"),
    ] {
        assert_eq!(text.matches(&line).count(), 1, "{line:?} in\n{text}");
    }

    let report = json(&verify(&stage, &["--output=json", "--settle=0"]));
    judge(&report);
    let of_database = json(&verify(&stage, &["--output=json", "--settle=0", "--sink=db", "--limit=1"]));
    let [export] = exports(&of_database) else { panic!("{of_database:#}") };
    assert_eq!((export["rows"].as_array().unwrap().len(), &export["rowsLeftOff"]), (1, &json!(2)));

    // The same without a cluster: what kubectl wrote is all that is read.
    let dump = stage.kubectl.get(&["configmaps,namespaces", "--all-namespaces"]).unwrap();
    let config = stage.kubectl.get(&["-n", &stage.platform, "kollect,secrets"]).unwrap();
    let (dump, config) = (write(&stage, "dump.json", &dump), write(&stage, "config.json", &config));
    let output = offline(&stage, &["--from", &dump, "--config", &config, "--output=json", "--settle=0"]);
    let from_dump = json(&output);
    judge(&from_dump);
    assert_eq!(code(&output), 1);
    assert_eq!(report["exports"], from_dump["exports"]);
}

/// What the hand did, in the words of the report.
fn judge(report: &Value) {
    assert_eq!(
        (&report["verdict"], &report["schemaVersion"]),
        (&json!("differs"), &json!("kollect.dev/v1alpha1"))
    );
    let said = |export: &Value| -> Vec<(String, String)> {
        let text = |row: &Value, field: &str| row[field].as_str().unwrap_or("?").to_owned();
        let rows = export["rows"].as_array().unwrap();
        let mut said: Vec<_> = rows.iter().map(|row| (text(row, "difference"), text(row, "name"))).collect();
        said.sort();
        said
    };
    let pairs = |wanted: &[(&str, &str)]| -> Vec<(String, String)> {
        wanted.iter().map(|(difference, name)| (difference.to_string(), name.to_string())).collect()
    };
    for export in exports(report) {
        assert_eq!(export["verdict"], "differs", "{export:#}");
        assert_ne!(export["inventoryDigest"], export["sinkDigest"]);
        let counts = (&export["missing"], &export["onlyInSink"], &export["different"]);
        if export["sink"]["name"] == "db" {
            assert_eq!(counts, (&json!(1), &json!(1), &json!(1)), "{export:#}");
            assert_eq!(said(export), pairs(&[("different", "a"), ("missing", "b"), ("onlyInSink", "ghost")]));
        } else {
            assert_eq!(counts, (&json!(0), &json!(0), &json!(1)), "{export:#}");
            assert_eq!(said(export), pairs(&[("different", "c")]));
        }
    }
}

#[test]
fn what_is_not_there_for_a_reason_comes_with_the_reason() {
    let mut stage = Stage::set("reasons");
    stage.usual();
    stage.paint("a", "red");
    stage.paint("poisoned", "r\u{0}d");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.wait_reason("kollectinventory", "all", "Synced", "PartiallySynced");
    let output = verify(&stage, &["--settle=0"]);
    let text = out(&output);
    assert_eq!(code(&output), 1, "{text}");
    let row = format!("missing in the sink  ConfigMap {}/poisoned of target", stage.apps);
    assert!(text.contains(&row) && text.contains("the sink refused 1 of the inventory's rows"), "{text}");

    // Under another cluster's name the sink holds nothing.
    let report = json(&verify(&stage, &["--cluster-name=elsewhere", "--output=json", "--settle=0"]));
    let [export] = exports(&report) else { panic!("{report:#}") };
    assert_eq!((&export["missing"], &export["sinkRows"]), (&json!(2), &json!(0)));
    assert!(export["hints"][0].as_str().unwrap().contains("--cluster-name"), "{export:#}");

    // A kind that the cluster does not serve is unknown, which is no difference.
    stage.paint("poisoned", "mended");
    stage.wait_colors(&[("a", "red"), ("poisoned", "mended")]);
    let spec = json!({"targetGVK": {"group": "absent.example", "version": "v1", "kind": "Widget"},
        "attributes": [{"name": "size", "path": "{.spec.size}"}]});
    stage.apply(&manifests::kollect("KollectProfile", &stage.platform, "widgets", spec));
    stage.apply(&manifests::target(&stage.platform, "widgets", "widgets", &stage.story));
    let report = json(&verify(&stage, &["--output=json", "--settle=0"]));
    let [export] = exports(&report) else { panic!("{report:#}") };
    assert_eq!(export["verdict"], "incomplete", "{export:#}");
    assert_eq!(export["unknown"][0]["kind"], json!({"group": "absent.example", "kind": "Widget"}));

    // A sink that cannot be reached is not a difference either, and nothing else was checked.
    stage.apply(&stage.database.secret_of(
        &stage.platform,
        "database",
        "postgres://nobody:x@127.0.0.1:1/none",
    ));
    let output = verify(&stage, &["--output=json", "--settle=0"]);
    assert_eq!((code(&output), &json(&output)["verdict"]), (2, &json!("unchecked")));
    assert!(!out(&output).contains(stage.database.password()));
    let output = verify(&stage, &["--inventory=al"]);
    assert_eq!(code(&output), 2);
    assert!(
        err(&output).contains(&format!("there is no inventory \"al\"; there are: {}/all", stage.platform))
    );
}

#[test]
fn what_changes_while_it_is_read_is_no_difference() {
    let mut stage = Stage::set("churn");
    stage.usual();
    stage.paint("still", "red");
    stage.start();
    stage.wait_colors(&[("still", "red")]);
    let mut running = command(&stage, &[]).stdout(Stdio::null()).spawn().unwrap();
    let mut number = 0;
    let status = loop {
        number += 1;
        stage.paint("moving", &format!("c{number}"));
        if let Some(status) = running.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success(), "{status} after {number} changes");
}

/// A stage whose operator keeps a table and a folder of three rows, both in sync.
fn filled(story: &str) -> Stage {
    let mut stage = Stage::set(story);
    stage.usual();
    fs::create_dir_all(root(&stage)).unwrap();
    stage.arg(format!("--local-root={}", root(&stage).display()));
    let spec = json!({"type": "local", "serialization": {"format": "json"}});
    stage.apply(&manifests::kollect("KollectSnapshotSink", &stage.platform, "folder", spec));
    stage.patch("kollectinventory", "all", r#"{"spec":{"snapshotSinkRefs":["folder"]}}"#);
    for (name, color) in [("a", "red"), ("b", "blue"), ("c", "green")] {
        stage.paint(name, color);
    }
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "blue"), ("c", "green")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage
}

fn root(stage: &Stage) -> PathBuf {
    stage.dir.path().join("local")
}

/// `kollect verify` of the story's inventories, as the administrator.
pub(crate) fn verify(stage: &Stage, args: &[&str]) -> Output {
    command(stage, args).output().unwrap()
}

fn command(stage: &Stage, args: &[&str]) -> Command {
    let mut command = program(stage);
    command.arg("--kubeconfig").arg(stage.kubectl.kubeconfig()).args(args);
    command
}

/// `kollect verify` where no cluster can be reached.
pub(crate) fn offline(stage: &Stage, args: &[&str]) -> Output {
    program(stage).args(args).env("KUBECONFIG", "/nonexistent").output().unwrap()
}

fn program(stage: &Stage) -> Command {
    let mut command = Command::new(env::var_os("KOLLECT_BIN").expect("run by `cargo xtask test`"));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("KOLLECT_") || text.starts_with("PG") {
            command.env_remove(&name);
        }
    }
    command
        .args(["verify", "--allow-sink-cidr=127.0.0.0/8", "-n", &stage.platform])
        .arg(format!("--local-root={}", root(stage).display()))
        .env("KOLLECT_CLUSTER_NAME", "e2e");
    command
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json(output: &Output) -> Value {
    let parsed = serde_json::from_slice(&output.stdout);
    parsed.unwrap_or_else(|error| panic!("{error}: {}{}", out(output), err(output)))
}

fn exports(report: &Value) -> &[Value] {
    report["exports"].as_array().unwrap()
}

pub(crate) fn write(stage: &Stage, name: &str, value: &Value) -> String {
    let path = stage.dir.path().join(name);
    fs::write(&path, value.to_string()).unwrap();
    path.display().to_string()
}

/// The newest document of the story's folder.
fn document(stage: &Stage) -> PathBuf {
    let of_rows = |path: &Path| {
        path.extension().is_some_and(|end| end == "json") && !path.to_string_lossy().contains("/.kollect/")
    };
    let documents = files(&root(stage)).into_iter().filter(|(path, _)| of_rows(path));
    documents.max_by_key(|(_, changed)| *changed).expect("a document").0
}

fn checkpoints(stage: &Stage) -> Vec<Value> {
    stage.psql().rows("SELECT xmin::text AS by, * FROM kollect_checkpoints").unwrap()
}

/// A role that may read the story's tables, and nothing else.
struct Reader {
    name: String,
    dsn: String,
}

impl Reader {
    fn make(stage: &Stage) -> Self {
        let owner = stage.database.dsn().split("://").nth(1).unwrap().split(':').next().unwrap();
        let (name, password) = (format!("{owner}_reader"), stage.database.password());
        superuser().run(&format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'")).unwrap();
        stage.psql().run(&format!("GRANT SELECT ON inventory, kollect_checkpoints TO {name}")).unwrap();
        let dsn = stage.database.dsn().replacen(&format!("{owner}:"), &format!("{name}:"), 1);
        Self { name, dsn }
    }

    fn drop(self, stage: &Stage) {
        stage
            .psql()
            .run(&format!("REVOKE ALL ON inventory, kollect_checkpoints FROM {}", self.name))
            .unwrap();
        superuser().run(&format!("DROP ROLE {}", self.name)).unwrap();
    }
}

fn superuser() -> Psql {
    Psql::new(env::var("KOLLECT_TEST_POSTGRES_URL").expect("run by `cargo xtask test`"))
}
