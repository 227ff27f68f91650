//! What a sink says that it would do is what it does: `status.preview` and `kollect preview` beside real exports. How a
//! preview is made is tested in the crates.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::manifests::{self, kollect};
use crate::snapshot::files;
use crate::stage::{LIMIT, Stage};

const DATABASE: &str = "kollectdatabasesink";
const FOLDER: &str = "kollectsnapshotsink";

#[test]
fn the_ddl_of_a_preview_makes_the_table_that_an_export_makes() {
    let mut stage = Stage::set("preview-table");
    stage.paint("a", "red");
    stage.start();
    // Somebody listens who is never spoken to.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let dsn = format!("postgres://user:canary-word@{}/database", listener.local_addr().unwrap());
    stage.apply(&stage.database.secret_of(&stage.platform, "silent", &dsn));
    let mut silent = untested(manifests::sink(&stage.platform, "silent", "inventory", None));
    silent["spec"]["postgres"]["databaseRef"]["name"] = json!("silent");
    stage.apply(&silent);
    annotate(&stage, DATABASE, "silent");
    // Where no Secret is, nothing could be connected to.
    let mut blind = manifests::sink(&stage.platform, "blind", "inventory", None);
    blind["spec"]["postgres"]["databaseRef"]["name"] = json!("absent");
    stage.apply(&blind);
    stage.apply(&untested(manifests::sink(&stage.platform, "shown", "by_hand", None)));
    annotate(&stage, DATABASE, "blind");
    annotate(&stage, DATABASE, "shown");
    let blind = shown(&stage, DATABASE, "blind", |preview| preview["warnings"].is_array());
    assert!(blind["warnings"][0].as_str().unwrap().contains("absent does not exist"), "{blind:#}");
    let preview = shown(&stage, DATABASE, "shown", |_| true);
    assert_eq!(
        (&preview["provisioningMode"], preview.get("warnings")),
        (&json!("ensure"), None),
        "{preview:#}"
    );
    let (ddl, other) = (preview["ddl"].as_str().unwrap(), blind["ddl"].as_str().unwrap());
    assert_eq!(ddl.replace("by_hand", "inventory"), other);
    assert_eq!(tables(&stage), 0, "a preview makes no table");
    assert_eq!(shown(&stage, DATABASE, "silent", |_| true)["ddl"], blind["ddl"]);
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "a preview connects to nothing");
    let all = stage.kubectl.run(&["get", "-n", &stage.platform, DATABASE, "-o", "yaml"]).unwrap();
    assert!(!all.contains(stage.database.password()) && !all.contains("canary-word"), "{all}");

    // A person runs it, and the export finds its own table; another sink lets the export make one.
    stage.psql().run(ddl).unwrap();
    let by_hand = structure(&stage, "by_hand");
    assert!(by_hand.contains("PRIMARY KEY") && by_hand.contains("payload jsonb"), "{by_hand}");
    stage.apply(&manifests::sink(&stage.platform, "made", "made", None));
    stage.apply(&manifests::profile(&stage.platform, "colors"));
    stage.apply(&manifests::target(&stage.platform, "colors", "colors", &stage.story));
    stage.apply(&manifests::inventory(&stage.platform, "all", &["shown", "made"]));
    stage.wait_colors_of("by_hand", "true", &[("a", "red")]);
    stage.wait_colors_of("made", "true", &[("a", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    assert_eq!(structure(&stage, "by_hand"), by_hand, "the export left it as it was");
    assert_eq!(structure(&stage, "made").replace("made", "by_hand"), by_hand);

    // The command says the same of the same sink, and its keys find the rows.
    let report = json(&program(&stage, &["--sink=shown", "--output=json"]));
    let [export] = report["exports"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    assert_eq!(
        (&export["preview"]["ddl"], &export["rows"]),
        (&json!(ddl), &json!("collected")),
        "{report:#}"
    );
    let key = export["preview"]["sampleKeys"][0].as_str().unwrap();
    assert_eq!(stage.psql().run(&format!("SELECT resource_name FROM by_hand WHERE {key}")).unwrap(), "a");
    let payload = export["preview"]["sampleDocument"].as_str().unwrap();
    let same = format!("SELECT count(*) FROM by_hand WHERE payload = '{}'", payload.replace('\'', "''"));
    assert_eq!(stage.psql().number(&same).unwrap(), 1);

    // Now that an inventory names the sink, the preview is about that; without the annotation there is none.
    shown(&stage, DATABASE, "shown", |preview| {
        preview["sampleKeys"][0].as_str().is_some_and(|key| key.contains("'all', "))
    });
    clear(&stage, DATABASE, "shown");
    gone(&stage, DATABASE, "shown");
}

#[test]
fn the_paths_of_a_preview_are_those_that_an_export_writes() {
    let mut stage = Stage::set("preview-paths");
    let root = stage.dir.path().join("local");
    fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    stage.paint("a", "red");
    stage.paint("b", "blue");
    stage.start();
    let sink = |name: &str, spec: Value| kollect("KollectSnapshotSink", &stage.platform, name, spec);
    let documents = sink("documents", json!({"type": "local", "endpoint": "documents"}));
    let tree = sink(
        "tree",
        json!({"type": "local", "endpoint": "tree", "layout": {"mode": "split"}, "connectionTest": false}),
    );
    stage.apply(&untested(documents.clone()));
    stage.apply(&tree);
    stage.apply(&manifests::profile(&stage.platform, "colors"));
    stage.apply(&manifests::target(&stage.platform, "colors", "colors", &stage.story));
    // Suspended: nothing is exported yet.
    let mut inventory = kollect(
        "KollectInventory",
        &stage.platform,
        "all",
        json!({"snapshotSinkRefs": ["documents", "tree"], "suspend": true}),
    );
    stage.apply(&inventory);
    annotate(&stage, FOLDER, "documents");
    annotate(&stage, FOLDER, "tree");
    let names = |preview: &Value| preview["samplePaths"][0].as_str().is_some_and(|path| path.contains("all"));
    let document = shown(&stage, FOLDER, "documents", names);
    assert_eq!(document["serializationFormat"], "parquet");
    let columns = document["columns"].as_array().unwrap();
    assert!(columns.contains(&json!({"name": "attr_warm", "type": "bool"})), "{document:#}");
    let index = shown(&stage, FOLDER, "tree", names)["indexPath"].as_str().unwrap().to_owned();
    assert!(files(&root).is_empty(), "a preview writes nothing: {:?}", files(&root));
    let place = |endpoint: &str, path: &str| root.join(&stage.platform).join(endpoint).join(path);

    // It stays as it is while nothing changes, and follows the sink.
    let version = || {
        let object = stage.kubectl.get(&["-n", &stage.platform, FOLDER, "documents"]).unwrap();
        object["metadata"]["resourceVersion"].clone()
    };
    let before = version();
    stage.paint("c", "green");
    let args = ["-n", &stage.platform, "kollecttarget", "colors"];
    let counted = stage.kubectl.wait_for(&args, LIMIT, |target| target["status"]["collectedCount"] == 3);
    stage.or_fail(counted);
    assert_eq!(version(), before, "no status is written without a change");
    let mut renamed = documents;
    renamed["spec"]["pathTemplate"] = json!("{cluster}/{namespace}/{name}-{generation}{extension}");
    stage.apply(&untested(renamed));
    let path = format!("e2e/{}/all-1.parquet", stage.platform);
    let moved = shown(&stage, FOLDER, "documents", |preview| preview["samplePaths"] == json!([path]));
    assert_eq!(moved.get("warnings"), None, "{moved:#}");

    // The command has the rows themselves.
    let report = json(&program(&stage, &["--sink=tree", "--rows=10", "--output=json"]));
    let export = &report["exports"][0];
    assert_eq!((&export["rows"], &export["rowCount"]), (&json!("collected"), &json!(3)), "{report:#}");
    let paths: Vec<&str> = export["preview"]["samplePaths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap())
        .collect();
    assert!(files(&root).is_empty(), "a preview writes nothing: {:?}", files(&root));
    inventory["spec"]["suspend"] = json!(false);
    stage.apply(&inventory);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let mut expected: Vec<PathBuf> = paths.iter().map(|path| place("tree", path)).collect();
    expected.extend([place("documents", &path), place("tree", &index)]);
    expected.sort();
    let written = files(&root).into_iter().map(|(path, _)| path);
    assert_eq!(written.filter(|path| !ours(path)).collect::<Vec<_>>(), expected);
    let document = export["preview"]["sampleDocument"].as_str().unwrap();
    assert_eq!(fs::read_to_string(place("tree", paths[0])).unwrap(), document);

    clear(&stage, FOLDER, "documents");
    gone(&stage, FOLDER, "documents");
}

/// The sink without connection tests: only a preview could have connected.
fn untested(mut sink: Value) -> Value {
    sink["spec"]["connectionTest"] = json!(false);
    sink
}

/// Files of Kollect's own: manifests and locks.
fn ours(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == ".kollect")
}

fn annotate(stage: &Stage, kind: &str, name: &str) {
    let args = ["-n", &stage.platform, "annotate", kind, name, "kollect.dev/preview=true"];
    stage.kubectl.run(&args).unwrap();
}

fn clear(stage: &Stage, kind: &str, name: &str) {
    stage.kubectl.run(&["-n", &stage.platform, "annotate", kind, name, "kollect.dev/preview-"]).unwrap();
}

/// Waits for a preview that is as wanted.
fn shown(stage: &Stage, kind: &str, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let args = ["-n", &stage.platform, kind, name];
    let fits = |object: &Value| {
        object["status"]["preview"]["renderedAt"].is_string() && wanted(&object["status"]["preview"])
    };
    let object = stage.or_fail(stage.kubectl.wait_for(&args, LIMIT, fits));
    object["status"]["preview"].clone()
}

fn gone(stage: &Stage, kind: &str, name: &str) {
    let args = ["-n", &stage.platform, kind, name];
    let wait = stage.kubectl.wait_for(&args, LIMIT, |object| object["status"].get("preview").is_none());
    stage.or_fail(wait);
}

fn tables(stage: &Stage) -> i64 {
    stage.psql().number("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap()
}

/// Columns, keys and indexes of a table, as the server tells them.
fn structure(stage: &Stage, table: &str) -> String {
    let query = format!(
        "SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' ||
                coalesce((SELECT collname FROM pg_collation WHERE oid = a.attcollation), '-')
           FROM pg_attribute a WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped
         UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename = '{table}'
         UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'p'
         ORDER BY 1"
    );
    stage.psql().run(&query).unwrap()
}

/// `kollect preview` of the story's sinks, as the administrator.
fn program(stage: &Stage, args: &[&str]) -> Output {
    let output = Command::new(env::var_os("KOLLECT_BIN").expect("run by `cargo xtask test`"))
        .args(["preview", "-n", &stage.platform, "--cluster-name=e2e"])
        .args(args)
        .env("KUBECONFIG", stage.kubectl.kubeconfig())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}
