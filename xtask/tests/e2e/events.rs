//! What `kubectl describe` tells of an inventory beside its conditions. Statuses are told elsewhere.

use serde_json::json;

use crate::manifests;
use crate::stage::{LIMIT, Stage};

#[test]
fn a_surprising_loss_after_a_start_is_told_and_removed_only_after_a_second_look() {
    let mut stage = Stage::set("brake");
    stage.usual();
    let names: Vec<String> = (0..130).map(|n| format!("object-{n:03}")).collect();
    let maps: Vec<_> = names.iter().map(|name| manifests::config_map(&stage.apps, name, "red")).collect();
    stage.apply(&json!({"apiVersion": "v1", "kind": "List", "items": maps}));
    stage.start();
    let wanted: Vec<_> = names.iter().map(|name| (name.as_str(), "red")).collect();
    stage.wait_colors(&wanted);
    stage.stop();

    let mut delete = vec!["-n", &stage.apps, "delete", "configmap"];
    delete.extend(names.iter().skip(10).map(String::as_str));
    stage.kubectl.run(&delete).unwrap();
    stage.start();
    stage.wait_colors(&wanted[..10]);
    let message = event(&stage, "MassDeletionHeld");
    assert!(message.contains("/db holds 130 rows and only 10 were found"), "{message}");
}

#[test]
fn an_inventory_whose_sink_is_gone_goes_and_says_what_remains() {
    let mut stage = Stage::set("abandoned");
    stage.usual();
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.remove("kollectdatabasesink", "db");
    stage.wait_reason("kollectinventory", "all", "Degraded", "SinkNotFound");
    stage.remove("kollectinventory", "all");
    let message = event(&stage, "CleanupTerminal");
    assert!(message.contains("/db does not exist") && message.contains("What it held stays"), "{message}");
    stage.wait_colors(&[("a", "red")]);
}

#[test]
fn a_sink_that_leads_elsewhere_leaves_the_old_rows_and_says_where() {
    let mut stage = Stage::set("moved");
    stage.usual();
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage.patch("kollectdatabasesink", "db", r#"{"spec":{"postgres":{"table":"elsewhere"}}}"#);
    stage.wait_colors_of("elsewhere", "true", &[("a", "red")]);
    let message = event(&stage, "DestinationChanged");
    assert!(message.contains("inventory") && message.contains("stays there"), "{message}");
    stage.wait_colors(&[("a", "red")]);
}

/// Waits for a Warning about the inventory `all` with this reason, and returns its text.
fn event(stage: &Stage, reason: &str) -> String {
    let about = format!("involvedObject.name=all,type=Warning,reason={reason}");
    let args = ["-n", &stage.platform, "events", "--field-selector", &about];
    let found = stage
        .kubectl
        .wait_for(&args, LIMIT, |list| list["items"].as_array().is_some_and(|events| !events.is_empty()));
    stage.or_fail(found)["items"][0]["message"].as_str().unwrap().to_string()
}
