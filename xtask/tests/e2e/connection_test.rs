//! KollectConnectionTests: probed once, told step by step, gone after their time.

use serde_json::{Value, json};
use xtask::{http, ports};

use crate::manifests::{self, kollect};
use crate::stage::{LIMIT, Stage};

const KIND: &str = "kollectconnectiontest";

#[test]
fn a_connection_test_waits_for_its_sink_tells_each_step_and_belongs_to_the_sink() {
    let mut stage = Stage::set("probe");
    let [port] = ports::free().unwrap();
    stage.arg(format!("--metrics-bind-address=127.0.0.1:{port}"));
    stage.start();
    // Before the sink, as tools apply objects in any order.
    stage.apply(&test(&stage, "early", "db", 300));
    stage.apply(&manifests::sink(&stage.platform, "db", "inventory", None));
    let object = stage.wait_condition(KIND, "early", "ConnectionVerified", "True");
    stage.wait_condition(KIND, "early", "Ready", "True");
    let status = &object["status"];
    assert_eq!(status["completed"], true);
    let steps = status["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names.first(), Some(&"resolve secret"));
    assert!(names.contains(&"authenticate") && names.contains(&"authorise"), "{names:?}");
    assert!(steps.iter().all(|step| step["ok"] == true), "{status}");

    let owner =
        stage.or_fail(stage.kubectl.wait_for(&["-n", &stage.platform, KIND, "early"], LIMIT, |test| {
            test["metadata"]["ownerReferences"].is_array()
        }));
    let sink = stage.kubectl.get(&["-n", &stage.platform, "kollectdatabasesink", "db"]).unwrap();
    assert_eq!(owner["metadata"]["ownerReferences"][0]["uid"], sink["metadata"]["uid"]);
    let table = stage.kubectl.run(&["-n", &stage.platform, "get", KIND]).unwrap();
    assert!(table.contains("db") && table.contains("True"), "{table}");
    let (_, metrics) = http::get(port, "/metrics").unwrap();
    let counted = r#"kollect_sink_connection_test_total{result="success",type="postgres"}"#;
    assert!(metrics.lines().any(|line| line.starts_with(counted)), "{metrics}");

    // A new generation probes again.
    stage.patch(KIND, "early", r#"{"spec":{"sinkRef":{"databaseSinkRef":"other"}}}"#);
    let message = stage.wait_reason(KIND, "early", "ConnectionVerified", "SinkNotFound");
    assert!(message.contains("other does not exist"), "{message}");
}

#[test]
fn a_failed_connection_test_names_the_step_shows_no_secret_and_goes_after_its_time() {
    let mut stage = Stage::set("probe-fails");
    let right = stage.database.password().to_string();
    let dsn = stage.database.dsn().replace(&right, "guessed-0ff1ce");
    stage.apply(&stage.database.secret_of(&stage.platform, "database", &dsn));
    stage.apply(&manifests::sink(&stage.platform, "db", "inventory", None));
    stage.apply(&test(&stage, "kept", "db", 300));
    stage.start();
    let message = stage.wait_reason(KIND, "kept", "ConnectionVerified", "ConnectionTestFailed");
    assert!(message.starts_with("authenticate: "), "{message}");
    let shown = stage.kubectl.run(&["-n", &stage.platform, "get", KIND, "kept", "-o", "yaml"]).unwrap();
    assert!(!shown.contains("guessed-0ff1ce") && !shown.contains(&right), "{shown}");

    stage.apply(&test(&stage, "brief", "db", 1));
    stage.or_fail(xtask::wait::until("the test is deleted after its time", LIMIT, || {
        let log = stage.log_text();
        let left = stage.kubectl.run(&["-n", &stage.platform, "get", KIND, "-o", "name"])?;
        let gone = !left.contains("brief");
        Ok((gone && log.contains("its time is over")).then_some(()))
    }));
    // What was told is told: a restart probes nothing again.
    let before = stage.kubectl.get(&["-n", &stage.platform, KIND, "kept"]).unwrap();
    stage.stop();
    stage.start();
    stage.apply(&test(&stage, "after", "db", 300));
    stage.wait_reason(KIND, "after", "ConnectionVerified", "ConnectionTestFailed");
    let after = stage.kubectl.get(&["-n", &stage.platform, KIND, "kept"]).unwrap();
    assert_eq!(before["status"], after["status"]);
}

fn test(stage: &Stage, name: &str, sink: &str, ttl: u32) -> Value {
    let spec = json!({"sinkRef": {"databaseSinkRef": sink}, "ttlSecondsAfterFinished": ttl});
    kollect("KollectConnectionTest", &stage.platform, name, spec)
}
