//! The table of conditions: each reason that the API knows, given by a real cluster, with its whole message. The rows stand
//! in files by kind; what they are about is applied by `scene`. How a story of its own comes to a state is told elsewhere.

mod chronicle;
mod pattern;
mod row;
mod rows;
mod scene;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use kollect_api::condition::Reason;
use serde_json::{Value, json};
use xtask::e2e::operator::own_rules;
use xtask::servers::Kube;

use self::chronicle::Chronicle;
use self::row::{Row, hold, names};
use crate::manifests::{self, kollect};
use crate::permissions::{binding, role};
use crate::stage::{LIMIT, Stage, shared_database, turn};

/// Reasons that other stories give: those of scopes and cluster kinds, told where those are proved.
const ELSEWHERE: [(&str, &str); 8] = [
    ("ProfileForbidden", "cluster targets"),
    ("ScopeGVKDenied", "scopes"),
    ("ScopeNamespaceDenied", "scopes"),
    ("ScopeSinkDenied", "scopes"),
    ("Shadowed", "scopes"),
    ("NoTargets", "cluster inventories"),
    ("SinkNamespaceDenied", "cluster inventories"),
    ("TargetDegraded", "cluster inventories"),
];

#[test]
fn no_reason_is_forgotten() {
    let given: BTreeSet<&str> = rows::all().map(|row| row.reason).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(given.intersection(&elsewhere).next(), None, "told twice");
    let told: BTreeSet<&str> = given.union(&elsewhere).copied().collect();
    let known: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(told, known);
}

#[test]
fn every_reason_is_given_with_its_message_and_nothing_contradicts_it() {
    let mut stage = Stage::set("conditions");
    let mut names = names(&stage);
    let scene = scene::set(&mut stage, &mut names);
    let chronicle = Chronicle::begin(&stage, &stage.platform);
    let others = Chronicle::begin(&stage, &stage.apps);
    stage.start();
    // These pass by themselves: the first list hangs as long as its conversion does.
    hold(&stage, rows::PASSING, &names);
    scene.refuse_conversions();
    let lasting: Vec<Row> = rows::LASTING.concat();
    hold(&stage, &lasting, &names);
    for one in [&chronicle, &others] {
        one.check();
        one.is_current();
    }

    // What is mended goes back, and each way is one Event.
    scene::mend(&stage);
    hold(&stage, rows::MENDED, &names);
    for one in [&chronicle, &others] {
        one.check();
        one.is_current();
    }
    // What goes, and cannot.
    stage
        .kubectl
        .run(&["-n", &stage.platform, "delete", "kollectinventory", "unreachable", "--wait=false"])
        .unwrap();
    hold(&stage, rows::DELETED, &names);
    chronicle.check();
    chronicle.events_fit(&stage);
}

#[test]
fn what_the_operator_may_not_see_is_said_with_the_rule_that_grants_it() {
    let _turn = turn();
    let kube = Kube::start().unwrap();
    let database = shared_database("unseen");
    let mut stage = Stage::on_kube("unseen", &kube, database.clone());
    stage.operator_of(&kube.kubeconfig_of("kollect", None).unwrap());
    let other = format!("{}-other", stage.story);
    stage.apply(&manifests::namespace(&other, &stage.story));
    stage.apply(&role("kollect", own_rules()));
    let maps = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}]);
    stage.apply(&role("configmaps", maps));
    stage.apply(&binding("ClusterRoleBinding", "", "kollect"));
    stage.apply(&binding("RoleBinding", &stage.apps, "configmaps"));
    stage.usual();
    let attributes = json!([{"name": "type", "path": "{.type}"}]);
    let secrets = json!({"targetGVK": {"version": "v1", "kind": "Secret"}, "attributes": attributes});
    stage.apply(&kollect("KollectProfile", &stage.platform, "sealed", secrets));
    stage.apply(&manifests::target(&stage.platform, "sealed", "sealed", &stage.story));
    let chronicle = Chronicle::begin(&stage, &stage.platform);
    stage.start();
    let mut names = names(&stage);
    names.insert("<other>", other);
    hold(&stage, rows::LIMITED, &names);
    chronicle.check();
    chronicle.events_fit(&stage);
    drop(chronicle);
    drop(stage);
    database.drop().unwrap();
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    // Longer than Secrets and sinks are left alone.
    const QUIET: Duration = Duration::from_secs(40);
    let mut stage = Stage::set("quiet");
    stage.usual();
    let often = json!({"databaseSinkRefs": [{"name": "db", "exportMinInterval": "1s"}]});
    stage.apply(&kollect("KollectInventory", &stage.platform, "often", often));
    let test = json!({"sinkRef": {"databaseSinkRef": "db"}, "ttlSecondsAfterFinished": 600});
    stage.apply(&kollect("KollectConnectionTest", &stage.platform, "probe", test));
    stage.paint("a", "red");
    stage.start();
    for inventory in ["all", "often"] {
        stage.wait_condition("kollectinventory", inventory, "Synced", "True");
        let args = ["-n", &stage.platform, "kollectinventory", inventory];
        let debounced = |object: &Value| {
            let conditions = &object["status"]["sinkExports"][0]["conditions"];
            conditions[0]["reason"] == "Debounced" && object["status"]["itemCount"] == 1
        };
        stage.or_fail(stage.kubectl.wait_for(&args, LIMIT, debounced));
    }
    stage.wait_condition("kollectconnectiontest", "probe", "Ready", "True");
    stage.wait_condition("kollecttarget", "colors", "Ready", "True");
    // Counts follow within their ten seconds.
    thread::sleep(Duration::from_secs(12));
    let versions = || -> Vec<(Value, Value)> {
        let list = stage.kubectl.get(&["-n", &stage.platform, "kollect"]).unwrap();
        let of = |object: &Value| {
            (object["metadata"]["resourceVersion"].clone(), json!([object["kind"], object["status"]]))
        };
        list["items"].as_array().unwrap().iter().map(of).collect()
    };
    let before = versions();
    assert_eq!(before.len(), 6, "{before:?}");
    thread::sleep(QUIET);
    assert_eq!(versions(), before);
    // And not because nobody works any more.
    stage.paint("b", "blue");
    stage.wait_colors_of("inventory", "inventory_name = 'all'", &[("a", "red"), ("b", "blue")]);
}

#[test]
fn a_document_that_its_folder_cannot_hold_is_told_from_a_folder_that_is_full() {
    let mut stage = Stage::set("toolarge");
    let root = stage.dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    stage.arg(format!("--local-root={}", root.display()));
    stage.apply(&manifests::profile(&stage.platform, "colors"));
    stage.apply(&manifests::target(&stage.platform, "colors", "colors", &stage.story));
    let spec = json!({"type": "local", "serialization": {"format": "json"}});
    stage.apply(&kollect("KollectSnapshotSink", &stage.platform, "folder", spec));
    let spec = json!({"snapshotSinkRefs": ["folder"]});
    stage.apply(&kollect("KollectInventory", &stage.platform, "all", spec));
    for n in 0..8 {
        stage.paint(&format!("large-{n}"), &"x".repeat(200_000));
    }
    // No file of more than a MiB, as on a volume with such a limit. The signal would end the process.
    let program = std::env::var("KOLLECT_BIN").unwrap();
    let script =
        stage.script("limited.sh", &format!("trap '' XFSZ; ulimit -f 2048; exec '{program}' \"$@\""));
    stage.start_program(&script);
    let names = names(&stage);
    hold(&stage, rows::TOO_LARGE, &names);
    // The user's part: less in one document.
    for n in 1..8 {
        stage.erase(&format!("large-{n}"));
    }
    let asked = ["-n", &stage.platform, "annotate", "kollectinventory", "all", "kollect.dev/requestedAt=now"];
    stage.kubectl.run(&asked).unwrap();
    stage.wait_condition("kollectinventory", "all", "Ready", "True");
}
