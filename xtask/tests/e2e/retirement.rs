//! What remains in a sink when an inventory goes, or stops naming it.

use serde_json::json;

use crate::manifests::{self, kollect};
use crate::snapshot::files;
use crate::stage::Stage;

#[test]
fn a_deleted_inventory_takes_its_rows_and_then_goes() {
    let mut stage = Stage::set("retire");
    stage.usual();
    stage.apply(&manifests::inventory(&stage.platform, "other", &["db"]));
    stage.paint("a", "red");
    stage.start();
    let of = |inventory: &str| format!("inventory_name = '{inventory}'");
    for inventory in ["all", "other"] {
        stage.wait_colors_of("inventory", &of(inventory), &[("a", "red")]);
    }
    let object = stage.kubectl.get(&["-n", &stage.platform, "kollectinventory", "all"]).unwrap();
    assert_eq!(object["metadata"]["finalizers"], json!(["kollect.dev/inventory-cleanup"]));
    // Returns when the object is gone, and by then the rows are: that is what the finalizer is for.
    stage.remove("kollectinventory", "all");
    assert_eq!(stage.colors("inventory", &of("all")).len(), 0);
    assert_eq!(stage.colors("inventory", &of("other")).len(), 1);
    let left = "SELECT count(*) FROM kollect_checkpoints WHERE inventory_name = 'all' AND row_count > 0";
    assert_eq!(stage.psql().number(left).unwrap(), 0);
}

#[test]
fn a_deleted_inventory_that_retains_leaves_its_rows() {
    let mut stage = Stage::set("retain");
    stage.usual();
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.patch(
        "kollectinventory",
        "all",
        r#"{"metadata":{"annotations":{"kollect.dev/on-delete":"Retain"}}}"#,
    );
    stage.remove("kollectinventory", "all");
    stage.paint("b", "blue");
    // Another inventory in another table, made after the change, is in sync: so the operator has seen it.
    stage.apply(&manifests::sink(&stage.platform, "probe", "probe", None));
    stage.apply(&manifests::inventory(&stage.platform, "probe", &["probe"]));
    stage.wait_colors_of("probe", "true", &[("a", "red"), ("b", "blue")]);
    stage.wait_colors(&[("a", "red")]);
}

#[test]
fn a_sink_that_is_no_longer_named_loses_the_rows_also_while_the_operator_is_down() {
    let mut stage = Stage::set("unnamed");
    stage.usual();
    for sink in ["second", "third"] {
        stage.apply(&manifests::sink(&stage.platform, sink, sink, None));
    }
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db", "second", "third"]));
    stage.paint("a", "red");
    stage.start();
    for table in ["inventory", "second", "third"] {
        stage.wait_colors_of(table, "true", &[("a", "red")]);
    }
    stage.patch("kollectinventory", "all", r#"{"spec":{"databaseSinkRefs":["db","third"]}}"#);
    stage.wait_colors_of("second", "true", &[]);
    entries(&stage, &["database/db", "database/third"]);

    stage.stop();
    stage.patch("kollectinventory", "all", r#"{"spec":{"databaseSinkRefs":["db"]}}"#);
    stage.start();
    stage.wait_colors_of("third", "true", &[]);
    entries(&stage, &["database/db"]);
    stage.wait_colors(&[("a", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
}

#[test]
fn an_inventory_that_is_deleted_while_the_operator_is_down_is_cleaned_up_at_its_start() {
    let mut stage = Stage::set("down");
    stage.usual();
    stage.apply(&manifests::inventory(&stage.platform, "other", &["db"]));
    stage.paint("a", "red");
    stage.start();
    for inventory in ["all", "other"] {
        stage.wait_colors_of("inventory", &format!("inventory_name = '{inventory}'"), &[("a", "red")]);
        stage.wait_condition("kollectinventory", inventory, "Synced", "True");
    }
    // What a start needs to find it again.
    let sink = stage.kubectl.get(&["-n", &stage.platform, "kollectdatabasesink", "db"]).unwrap();
    let inventory = stage.kubectl.get(&["-n", &stage.platform, "kollectinventory", "all"]).unwrap();
    let entry = &inventory["status"]["sinkExports"][0];
    assert_eq!(entry["sinkUID"], sink["metadata"]["uid"]);
    assert_eq!(entry["cluster"], "e2e");
    assert_eq!(entry["destination"], sink["status"]["endpoint"]);
    let destination = entry["destination"].as_str().unwrap();
    assert!(destination.ends_with("/public.inventory") && !destination.contains('@'), "{destination}");

    stage.stop();
    let delete = ["-n", &stage.platform, "delete", "kollectinventory", "all", "--wait=false"];
    stage.kubectl.run(&delete).unwrap();
    stage.start();
    stage.wait_colors_of("inventory", "inventory_name = 'all'", &[]);
    let gone = xtask::wait::until("the inventory is gone", crate::stage::LIMIT, || {
        let left = stage.kubectl.run(&["-n", &stage.platform, "get", "kollectinventory", "-o", "name"])?;
        Ok((!left.contains("/all")).then_some(()))
    });
    stage.or_fail(gone);
    stage.wait_colors_of("inventory", "inventory_name = 'other'", &[("a", "red")]);
}

#[test]
fn documents_of_a_sink_that_is_no_longer_named_stay_until_the_inventory_goes() {
    let mut stage = Stage::set("history");
    let root = stage.dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    stage.usual();
    let spec = json!({"type": "local", "serialization": {"format": "json"}});
    stage.apply(&kollect("KollectSnapshotSink", &stage.platform, "folder", spec));
    stage.patch("kollectinventory", "all", r#"{"spec":{"snapshotSinkRefs":["folder"]}}"#);
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let documents = || -> Vec<_> {
        let all = files(&root).into_iter().filter(|(path, _)| !path.to_string_lossy().contains(".kollect"));
        all.collect()
    };
    let before = documents();
    assert!(!before.is_empty(), "{:?}", files(&root));

    stage.stop();
    stage.patch("kollectinventory", "all", r#"{"spec":{"snapshotSinkRefs":[]}}"#);
    stage.start();
    stage.paint("b", "blue");
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    stage.wait_condition("kollectinventory", "all", "Ready", "True");
    let inventory = ["-n", &stage.platform, "kollectinventory", "all"];
    let left = stage.or_fail(stage.kubectl.wait_for(&inventory, crate::stage::LIMIT, |object| {
        let entry = &object["status"]["sinkExports"][1];
        entry["name"] == "snapshot/folder" && entry["conditions"][0]["reason"] == "NoExport"
    }));
    let said = &left["status"]["sinkExports"][1]["conditions"][0]["message"];
    assert_eq!(said, "not named any more; its documents stay as they are until the inventory is deleted");
    assert_eq!(documents(), before);

    stage.remove("kollectinventory", "all");
    assert_eq!(documents(), []);
    assert_eq!(stage.colors("inventory", "true").len(), 0);
}

#[test]
fn a_sink_that_went_elsewhere_while_it_was_unnamed_takes_nothing_along_and_that_is_told() {
    let mut stage = Stage::set("elsewhere");
    stage.usual();
    stage.apply(&manifests::sink(&stage.platform, "second", "second", None));
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db", "second"]));
    stage.paint("a", "red");
    stage.start();
    for table in ["inventory", "second"] {
        stage.wait_colors_of(table, "true", &[("a", "red")]);
    }
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage.stop();
    stage.patch("kollectinventory", "all", r#"{"spec":{"databaseSinkRefs":["db"]}}"#);
    stage.patch("kollectdatabasesink", "second", r#"{"spec":{"cluster":"another"}}"#);
    stage.start();
    entries(&stage, &["database/db"]);
    let about = "involvedObject.name=all,type=Warning,reason=DestinationChanged";
    let args = ["-n", &stage.platform, "events", "--field-selector", about];
    let told = stage.kubectl.wait_for(&args, crate::stage::LIMIT, |list| {
        list["items"].as_array().is_some_and(|events| !events.is_empty())
    });
    let said = stage.or_fail(told)["items"][0]["message"].as_str().unwrap().to_string();
    assert!(said.contains("database/second") && said.contains("as cluster \"e2e\" stays there"), "{said}");
    assert_eq!(stage.colors("second", "true").len(), 1);
}

/// Waits until the status has exactly these entries: what is retired is forgotten.
fn entries(stage: &Stage, wanted: &[&str]) {
    let inventory = ["-n", &stage.platform, "kollectinventory", "all"];
    stage.or_fail(stage.kubectl.wait_for(&inventory, crate::stage::LIMIT, |object| {
        let entries = object["status"]["sinkExports"].as_array();
        entries.is_some_and(|all| all.iter().map(|e| e["name"].as_str().unwrap()).eq(wanted.iter().copied()))
    }));
}
