//! The local folder as a sink: documents that others read. Layouts and manifests are tested in the sink's own crate.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use xtask::wait;

use crate::manifests;
use crate::stage::{LIMIT, Stage, python};

#[test]
fn a_folder_holds_a_parquet_document_that_duckdb_reads() {
    let mut stage = local("parquet", "parquet");
    stage.paint("a", "red");
    stage.paint("b", "blue");
    stage.start();
    read_until(&stage, &[("a", "red"), ("b", "blue")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");

    stage.erase("a");
    stage.paint("c", "green");
    read_until(&stage, &[("b", "blue"), ("c", "green")]);

    // A restart with nothing changed writes no file.
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let before = files(&root(&stage));
    stage.stop();
    stage.start();
    stage.paint("probe", "late");
    read_until(&stage, &[("b", "blue"), ("c", "green"), ("probe", "late")]);
    // One document more; each earlier one as it was.
    let documents = |files: Vec<(PathBuf, SystemTime)>| -> Vec<_> {
        files.into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "parquet")).collect()
    };
    let (before, after) = (documents(before), documents(files(&root(&stage))));
    assert!(before.iter().all(|document| after.contains(document)), "{before:?} {after:?}");
    assert_eq!(after.len(), before.len() + 1, "{before:?} {after:?}");

    stage.erase("b");
    stage.erase("c");
    stage.erase("probe");
    read_until(&stage, &[]);
}

#[test]
fn a_deleted_inventory_takes_its_own_files_and_no_others() {
    let mut stage = local("files", "json");
    stage.paint("a", "red");
    let foreign = root(&stage).join(&stage.platform).join("notes.txt");
    fs::create_dir_all(foreign.parent().unwrap()).unwrap();
    fs::write(&foreign, "mine").unwrap();
    stage.start();
    let document = stage.or_fail(wait::until("a document with a row", LIMIT, || Ok(json_document(&stage))));
    assert_eq!(document["cluster"], "e2e");
    assert_eq!(document["inventory"], "all");
    assert_eq!(document["items"][0]["attributes"], json!({"color": "red", "warm": true}));
    stage.remove("kollectinventory", "all");
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
    // What remains is the manifest, so that an older operator is still fenced off: it names no export.
    let left: Vec<_> =
        files(&root(&stage)).into_iter().map(|(path, _)| path).filter(|path| *path != foreign).collect();
    let manifest = left.iter().find(|path| path.ends_with("latest.json")).expect("a manifest");
    let manifest_value: Value = serde_json::from_slice(&fs::read(manifest).unwrap()).unwrap();
    assert_eq!(manifest_value.get("current"), None);
    assert!(left.iter().all(|path| path.parent() == manifest.parent()), "{left:?}");
}

#[test]
fn a_folder_holds_a_file_per_object() {
    let spec = json!({
        "type": "local", "serialization": {"format": "yaml"}, "layout": {"mode": "perResource"},
    });
    let mut stage = local_as("objects", spec);
    stage.paint("a", "red");
    stage.paint("b", "yes");
    stage.start();
    files_until(&stage, &[("a", "red"), ("b", "yes")]);

    // A change touches the file of what changed.
    let before = documents(&stage);
    stage.paint("a", "green");
    files_until(&stage, &[("a", "green"), ("b", "yes")]);
    let (stays, moved): (Vec<_>, Vec<_>) =
        documents(&stage).into_iter().partition(|file| before.contains(file));
    assert!(stays.len() == 1 && stays[0].0.ends_with("b.yaml"), "{stays:?} {moved:?}");
    stage.erase("b");
    files_until(&stage, &[("a", "green")]);

    // What happens while nothing runs is found at the start, and nothing else is written.
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage.paint("c", "null");
    files_until(&stage, &[("a", "green"), ("c", "null")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage.stop();
    let before = documents(&stage);
    stage.erase("a");
    stage.paint("d", "2026-01-31");
    stage.start();
    files_until(&stage, &[("c", "null"), ("d", "2026-01-31")]);
    let untouched = before.iter().find(|(path, _)| path.ends_with("c.yaml")).unwrap();
    assert!(documents(&stage).contains(untouched), "{before:?}");

    // Killed in the middle of changes, it ends where the cluster does.
    for round in 0..20 {
        stage.paint("c", &format!("round-{round}"));
    }
    stage.kill();
    stage.erase("d");
    stage.start();
    files_until(&stage, &[("c", "round-19")]);
    // Also by what the files hold, and not by what the manifest says of them.
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    assert_eq!(verify(&stage), Some(0));
    let (file, _) = documents(&stage).remove(0);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("round-19", "round-18")).unwrap();
    assert_eq!(verify(&stage), Some(1));
    fs::write(&file, text).unwrap();
    stage.remove("kollectinventory", "all");
    assert_eq!(documents(&stage), []);
}

/// How `kollect verify` ends.
fn verify(stage: &Stage) -> Option<i32> {
    let output = Command::new(env::var_os("KOLLECT_BIN").expect("run by `cargo xtask test`"))
        .args(["verify", "-n", &stage.platform, "--cluster-name=e2e", "--settle=0"])
        .arg(format!("--local-root={}", root(stage).display()))
        .env("KUBECONFIG", stage.kubectl.kubeconfig())
        .output()
        .unwrap();
    output.status.code()
}

/// The files of objects, with their times of change.
fn documents(stage: &Stage) -> Vec<(PathBuf, SystemTime)> {
    let mut files = files(&root(stage));
    files.retain(|(path, _)| !path.to_string_lossy().contains("/.kollect/"));
    files
}

/// Waits until there is a file for exactly these objects with their colours, as Python reads them.
fn files_until(stage: &Stage, wanted: &[(&str, &str)]) {
    let folder = format!("{}/inventory/e2e/{}/all/colors/configmap", stage.platform, stage.platform);
    let wanted: Vec<Value> = wanted
        .iter()
        .map(|(name, color)| json!([format!("{folder}/{}/{name}.yaml", stage.apps), name, color]))
        .collect();
    let mut last = String::new();
    let read = wait::until("the folder has the files that are wanted", LIMIT, || {
        last = match python_reads("tree.py", &root(stage)) {
            Ok(rows) if rows == json!(wanted) => return Ok(Some(())),
            Ok(rows) => rows.to_string(),
            Err(error) => error,
        };
        Ok(None)
    });
    stage.or_fail(read.map_err(|error| error.context(format!("wanted {wanted:?}, and it was last: {last}"))));
}

/// A stage with one local sink in this format.
fn local(story: &str, format: &str) -> Stage {
    local_as(story, json!({"type": "local", "serialization": {"format": format}}))
}

/// A stage with one local sink.
fn local_as(story: &str, spec: Value) -> Stage {
    let mut stage = Stage::set(story);
    stage.usual();
    let root = root(&stage);
    fs::create_dir_all(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    stage.apply(&manifests::kollect("KollectSnapshotSink", &stage.platform, "folder", spec));
    let spec = json!({"databaseSinkRefs": [], "snapshotSinkRefs": ["folder"]});
    stage.apply(&manifests::kollect("KollectInventory", &stage.platform, "all", spec));
    stage
}

fn root(stage: &Stage) -> PathBuf {
    stage.dir.path().join("local")
}

/// All files below a folder, with their times of change.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if let Ok(changed) = entry.metadata().and_then(|data| data.modified()) {
            all.push((path, changed));
        }
    }
    all.sort();
    all
}

fn json_document(stage: &Stage) -> Option<Value> {
    let documents = files(&root(stage));
    let (path, _) = documents.iter().find(|(path, _)| {
        path.extension().is_some_and(|end| end == "json") && !path.to_string_lossy().contains("/.kollect/")
    })?;
    let document: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    document["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(document)
}

/// Waits until the newest document, read through its manifest by DuckDB, has exactly these colours.
fn read_until(stage: &Stage, wanted: &[(&str, &str)]) {
    let wanted = json!(wanted.iter().map(|(name, color)| json!([name, color])).collect::<Vec<_>>());
    let mut last = String::new();
    let read =
        wait::until("the folder's newest document is as wanted", LIMIT.min(Duration::from_secs(60)), || {
            last = match python_reads("newest.py", &root(stage)) {
                Ok(rows) if rows == wanted => return Ok(Some(())),
                Ok(rows) => rows.to_string(),
                Err(error) => error,
            };
            Ok(None)
        });
    stage.or_fail(read.map_err(|error| error.context(format!("wanted {wanted}, and it was last: {last}"))));
}

/// What a script beside this file reads below a folder.
fn python_reads(script: &str, root: &Path) -> Result<Value, String> {
    let script = xtask::workspace::root().join("xtask/tests/e2e").join(script);
    let output = Command::new(python()).arg(script).arg(root).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
