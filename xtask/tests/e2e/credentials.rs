//! Secrets of sinks: wrong ones, mended ones, missing ones; and that none is shown to anybody.

use crate::manifests;
use crate::stage::Stage;

#[test]
fn a_wrong_password_is_named_never_shown_and_mended_by_the_secret_alone() {
    let mut stage = Stage::set("password");
    stage.usual();
    let right = stage.database.password().to_string();
    let wrong = "guessed-0ff1ce";
    let dsn = stage.database.dsn().replace(&right, wrong);
    stage.apply(&stage.database.secret_of(&stage.platform, "database", &dsn));
    stage.paint("a", "red");
    stage.start();
    stage.wait_condition("kollectdatabasesink", "db", "ConnectionVerified", "False");
    let message =
        stage.wait_reason("kollectdatabasesink", "db", "ConnectionVerified", "ConnectionTestFailed");
    assert!(message.contains("authenticat"), "{message}");
    stage.wait_condition("kollectdatabasesink", "db", "Ready", "False");
    stage.wait_condition("kollectinventory", "all", "Synced", "False");

    // Secrets in use are read again every 30 s.
    stage.apply(&stage.database.secret(&stage.platform, "database"));
    stage.wait_condition("kollectdatabasesink", "db", "ConnectionVerified", "True");
    stage.wait_colors(&[("a", "red")]);
    stage.wait_condition("kollectinventory", "all", "Ready", "True");

    let mut shown = stage.log_text();
    for kinds in ["kollect", "events"] {
        shown += &stage.kubectl.run(&["get", kinds, "-n", &stage.platform, "-o", "yaml"]).unwrap();
    }
    for secret in [right.as_str(), wrong] {
        let leak = shown.lines().find(|line| line.contains(secret));
        assert_eq!(leak, None, "a password is shown");
    }
}

#[test]
fn a_missing_secret_and_a_secret_of_another_namespace_are_told_apart() {
    let mut stage = Stage::set("secrets");
    stage.usual();
    stage.kubectl.run(&["-n", &stage.platform, "delete", "secret", "database"]).unwrap();
    stage.start();
    let message = stage.wait_reason("kollectdatabasesink", "db", "Degraded", "SecretResolveFailed");
    assert!(message.contains("database") && message.contains("does not exist"), "{message}");

    // The tenant of another namespace has the Secret that we would like to have.
    stage.apply(&stage.database.secret(&stage.apps, "theirs"));
    let mut sink = manifests::sink(&stage.platform, "thief", "inventory", None);
    sink["spec"]["postgres"]["databaseRef"] = serde_json::json!({"name": "theirs", "namespace": stage.apps});
    sink["spec"]["tls"]["caSecretRef"] = serde_json::json!({"name": "theirs", "namespace": stage.apps});
    stage.apply(&sink);
    let message = stage.wait_reason("kollectdatabasesink", "thief", "Degraded", "SecretResolveFailed");
    assert!(message.contains("does not allow"), "{message}");
    // With consent it may.
    let consent = format!("kollect.dev/allow-namespaces={}", stage.platform);
    stage.kubectl.run(&["-n", &stage.apps, "annotate", "secret", "theirs", &consent]).unwrap();
    stage.wait_condition("kollectdatabasesink", "thief", "ConnectionVerified", "True");
}

#[test]
fn a_sink_on_a_forbidden_address_is_never_dialled() {
    let mut stage = Stage::set("address");
    stage.usual();
    stage.arg("--allow-sink-cidr=10.0.0.0/8");
    stage.start();
    stage.wait_condition("kollectdatabasesink", "db", "ConnectionVerified", "False");
    let message =
        stage.wait_reason("kollectdatabasesink", "db", "ConnectionVerified", "ConnectionTestFailed");
    assert!(message.contains("address"), "{message}");
    let seen = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kollect' AND datname = current_database()";
    assert_eq!(stage.psql().number(seen).unwrap(), 0);
}

#[test]
fn a_sink_without_credentials_may_not_act_as_the_operator() {
    let mut stage = Stage::set("ambient");
    let bucket = |name: &str, secret: Option<&str>| {
        let mut spec = serde_json::json!({"type": "s3", "endpoint": "s3://bucket/prefix"});
        if let Some(secret) = secret {
            spec["secretRef"] = serde_json::json!({"name": secret});
        }
        stage.apply(&manifests::kollect("KollectSnapshotSink", &stage.platform, name, spec));
    };
    bucket("ambient", None);
    bucket("named", Some("database"));
    stage.start();
    let said = stage.wait_reason("kollectsnapshotsink", "ambient", "Degraded", "InvalidSpec");
    let wanted = "spec.secretRef: names no Secret, and the operator's own identity serves only sinks of the namespaces \
                  in --ambient-identity-namespaces (kollect-system); name a Secret with credentials";
    assert_eq!(said, wanted);
    stage.wait_reason("kollectsnapshotsink", "named", "Degraded", "ExportUnavailable");

    // The platform's own namespace, as the operator is told.
    stage.stop();
    stage.arg(format!("--ambient-identity-namespaces={}", stage.platform));
    stage.start();
    stage.wait_reason("kollectsnapshotsink", "ambient", "Degraded", "ExportUnavailable");
}
