//! Types that a build lacks: refused by name, and nothing else suffers.

use serde_json::json;
use xtask::workspace;

use crate::manifests;
use crate::stage::{Stage, full};

#[test]
fn a_type_that_this_build_lacks_is_unavailable_and_holds_up_no_other() {
    let mut stage = Stage::set("slim");
    stage.usual();
    stage.apply(&manifests::kollect(
        "KollectEventSink",
        &stage.platform,
        "events",
        json!({"type": "nats", "nats": {"url": "nats://127.0.0.1:4222", "subject": "inventory"}}),
    ));
    stage.patch("kollectinventory", "all", r#"{"spec":{"eventSinkRefs":["events"]}}"#);
    stage.paint("a", "red");
    stage.start();
    let message = stage.wait_reason("kollecteventsink", "events", "Degraded", "ExportUnavailable");
    assert!(message.contains("nats") && message.contains("postgres"), "{message}");
    stage.wait_reason("kollectinventory", "all", "Degraded", "ExportUnavailable");
    stage.wait_colors(&[("a", "red")]);
    if full() {
        stage.stop();
        a_build_with_postgres_alone_names_the_feature(&mut stage);
    }
}

fn a_build_with_postgres_alone_names_the_feature(stage: &mut Stage) {
    let target = workspace::target_dir().unwrap().join("slim");
    let status = workspace::cargo()
        .args(["build", "--quiet", "-p", "kollect-operator", "--bin", "kollect"])
        .args(["--no-default-features", "--features", "postgres", "--target-dir"])
        .arg(&target)
        .status()
        .unwrap();
    assert!(status.success());
    stage.apply(&manifests::kollect(
        "KollectSnapshotSink",
        &stage.platform,
        "folder",
        json!({"type": "local"}),
    ));
    stage.start_program(&target.join("debug/kollect"));
    let message = stage.wait_reason("kollectsnapshotsink", "folder", "Degraded", "ExportUnavailable");
    assert!(message.contains("cargo feature `local`"), "{message}");
    stage.paint("b", "blue");
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
}
