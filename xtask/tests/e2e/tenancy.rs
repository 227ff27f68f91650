//! What a tenant tries who may write Kollect objects in a namespace, and nothing else: each attempt is refused with words that
//! help whoever meant no harm, and reaches nothing. How a profile may not read a Secret's data is told in `canary`, what
//! admission refuses in `verdicts`.

mod addresses;
mod bombs;
mod folders;
mod references;
mod statements;
mod trap;

use serde_json::{Value, json};

use crate::manifests;
use crate::stage::Stage;

/// A password that must be shown nowhere.
const CANARY: &str = "hunter2-5ca1ab1e";

/// A sink whose Secret has the same name and holds this DSN.
fn sink(stage: &Stage, name: &str, dsn: &str) -> Value {
    stage.apply(&json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"dsn": dsn},
        "metadata": {"name": name, "namespace": stage.platform}}));
    let mut sink = manifests::sink(&stage.platform, name, "inventory", None);
    sink["spec"]["postgres"]["databaseRef"]["name"] = json!(name);
    sink["spec"].as_object_mut().unwrap().remove("tls");
    sink
}

/// Nothing of the canary stands where somebody reads.
fn shows_no_password(stage: &Stage) {
    let mut shown = stage.log_text();
    for kinds in ["kollect", "events"] {
        shown += &stage.kubectl.run(&["get", kinds, "-n", &stage.platform, "-o", "yaml"]).unwrap();
    }
    assert_eq!(shown.lines().find(|line| line.contains(CANARY)), None, "a password is shown");
}
