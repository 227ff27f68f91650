//! What a user asks for by annotation or by `suspend`: a full pass, a connection test, another's scope, a pause.

use serde_json::Value;

use crate::stage::{LIMIT, Stage};

#[test]
fn a_request_repairs_what_was_changed_by_hand() {
    let mut stage = Stage::set("by-hand");
    stage.usual();
    for name in ["a", "b"] {
        stage.paint(name, "red");
    }
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage
        .psql()
        .run(
            "CREATE TABLE copy AS SELECT * FROM inventory WHERE resource_name = 'a';
             UPDATE copy SET source_uid = 'invented', resource_name = 'invented';
             INSERT INTO inventory SELECT * FROM copy; DELETE FROM inventory WHERE resource_name = 'b'",
        )
        .unwrap();
    let a = stage.written("inventory", "resource_name = 'a'");
    stage.patch(
        "kollectinventory",
        "all",
        r#"{"metadata":{"annotations":{"kollect.dev/requestedAt":"now"}}}"#,
    );
    stage.wait_colors(&[("a", "red"), ("b", "red")]);
    assert_eq!(stage.written("inventory", "resource_name = 'a'"), a, "what was right is not written");
}

#[test]
fn a_connection_is_tested_when_it_is_asked_for() {
    let mut stage = Stage::set("test-me");
    stage.usual();
    stage.patch("kollectdatabasesink", "db", r#"{"spec":{"connectionTest":false}}"#);
    stage.paint("a", "red");
    stage.start();
    stage.wait_reason("kollectdatabasesink", "db", "Ready", "NotTested");
    stage.wait_condition("kollectdatabasesink", "db", "Ready", "True");
    stage.wait_colors(&[("a", "red")]);
    stage.patch(
        "kollectdatabasesink",
        "db",
        r#"{"metadata":{"annotations":{"kollect.dev/test-connection":"true"}}}"#,
    );
    stage.wait_condition("kollectdatabasesink", "db", "ConnectionVerified", "True");
    wait_without(&stage, "kollectdatabasesink", "db", "kollect.dev/test-connection");
}

#[test]
fn a_scope_of_another_release_is_left_alone_until_it_is_taken_over() {
    let mut stage = Stage::set("releases");
    stage.usual();
    stage.paint("a", "red");
    stage.arg("--release=one");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.stop();

    stage.arg("--release=two");
    stage.paint("b", "blue");
    stage.start();
    let message = stage.wait_reason("kollectinventory", "all", "Degraded", "ExportTerminal");
    assert!(message.contains("another writer") && message.contains("kollect.dev/take-over"), "{message}");
    stage.wait_colors(&[("a", "red")]);
    stage.patch(
        "kollectinventory",
        "all",
        r#"{"metadata":{"annotations":{"kollect.dev/take-over":"true"}}}"#,
    );
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    stage.wait_condition("kollectinventory", "all", "Ready", "True");
    // One answer to one question: it must not be taken over again at every start.
    wait_without(&stage, "kollectinventory", "all", "kollect.dev/take-over");
    stage.paint("c", "green");
    stage.wait_colors(&[("a", "red"), ("b", "blue"), ("c", "green")]);
}

#[test]
fn what_is_suspended_stays_as_it_is_also_through_a_restart() {
    let mut stage = Stage::set("suspended");
    stage.usual();
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    let (pause, resume) = (r#"{"spec":{"suspend":true}}"#, r#"{"spec":{"suspend":false}}"#);

    stage.patch("kollecttarget", "colors", pause);
    stage.wait_reason("kollecttarget", "colors", "Ready", "Suspended");
    stage.paint("a", "blue");
    stage.paint("b", "blue");
    stage.stop();
    stage.start();
    stage.wait_reason("kollecttarget", "colors", "Ready", "Suspended");
    stage.wait_colors(&[("a", "red")]);
    stage.patch("kollecttarget", "colors", resume);
    stage.wait_colors(&[("a", "blue"), ("b", "blue")]);

    stage.patch("kollectinventory", "all", pause);
    stage.wait_reason("kollectinventory", "all", "Synced", "Suspended");
    stage.erase("a");
    stage.paint("c", "green");
    stage.wait_colors(&[("a", "blue"), ("b", "blue")]);
    stage.patch("kollectinventory", "all", resume);
    stage.wait_colors(&[("b", "blue"), ("c", "green")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
}

/// Waits until an annotation is gone.
fn wait_without(stage: &Stage, kind: &str, name: &str, annotation: &str) {
    let args = ["-n", &stage.platform, kind, name];
    stage.or_fail(stage.kubectl.wait_for(&args, LIMIT, |object| {
        object
            .pointer("/metadata/annotations")
            .and_then(Value::as_object)
            .is_none_or(|all| !all.contains_key(annotation))
    }));
}
