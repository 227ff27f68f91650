//! What remains in a sink when an inventory goes, or stops naming it.

use serde_json::json;

use crate::manifests;
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

/// Waits until the status has exactly these entries: what is retired is forgotten.
fn entries(stage: &Stage, wanted: &[&str]) {
    let inventory = ["-n", &stage.platform, "kollectinventory", "all"];
    stage.or_fail(stage.kubectl.wait_for(&inventory, crate::stage::LIMIT, |object| {
        let entries = object["status"]["sinkExports"].as_array();
        entries.is_some_and(|all| all.iter().map(|e| e["name"].as_str().unwrap()).eq(wanted.iter().copied()))
    }));
}
