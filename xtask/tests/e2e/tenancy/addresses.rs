//! Addresses that no tenant has business with, by every spelling, and by names that change what they mean.

use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};
use xtask::e2e::kubectl::condition;
use xtask::e2e::{Kubectl, Names};
use xtask::ports;

use super::trap::Trap;
use super::{CANARY, shows_no_password, sink};
use crate::manifests::{self, kollect};
use crate::stage::Stage;

/// An address that belongs to the API server, and one that belongs to a node. Nobody answers there.
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 254, 254, 254);
const NODE: &str = "10.254.254.253";

/// The address of a node that comes later.
const LATE: &str = "10.254.254.252";

const MACHINERY: &str = "it belongs to the cluster's own machinery";
const LOOPBACK: &str = "it is loopback";
const METADATA: &str = "it is a cloud metadata address";
const UNSPECIFIED: &str = "it is unspecified";

/// How a host is written, what it means, and why it is refused. The API server of this test is reached at 127.0.0.1.
const SPELLINGS: [(&str, &str, &str); 22] = [
    ("127.0.0.1", "127.0.0.1", MACHINERY),
    ("127.1", "127.0.0.1", MACHINERY),
    ("0x7f.1", "127.0.0.1", MACHINERY),
    ("0x7f000001", "127.0.0.1", MACHINERY),
    ("0177.0.0.1", "127.0.0.1", MACHINERY),
    ("2130706433", "127.0.0.1", MACHINERY),
    ("127.0.0.2", "127.0.0.2", LOOPBACK),
    ("[::1]", "::1", LOOPBACK),
    ("[0:0:0:0:0:0:0:1]", "::1", LOOPBACK),
    ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1", MACHINERY),
    ("[::ffff:7f00:2]", "::ffff:127.0.0.2", LOOPBACK),
    ("[64:ff9b::7f00:2]", "64:ff9b::7f00:2", LOOPBACK),
    ("0.0.0.0", "0.0.0.0", UNSPECIFIED),
    ("[::]", "::", UNSPECIFIED),
    ("169.254.169.254", "169.254.169.254", METADATA),
    ("2852039166", "169.254.169.254", METADATA),
    ("[::ffff:169.254.169.254]", "::ffff:169.254.169.254", METADATA),
    ("[fd00:ec2::254]", "fd00:ec2::254", METADATA),
    // The Service of the API server, an address behind it, and a node.
    ("10.96.0.1", "10.96.0.1", MACHINERY),
    ("[::ffff:10.96.0.1]", "::ffff:10.96.0.1", MACHINERY),
    ("10.254.254.254", "10.254.254.254", MACHINERY),
    (NODE, NODE, MACHINERY),
];

#[test]
fn loopback_metadata_and_the_clusters_machinery_are_refused_in_every_spelling() {
    let mut stage = Stage::set("spellings");
    let _machinery = Machinery::set(&stage);
    let [port] = ports::free().unwrap();
    let traps = ["127.0.0.1", "127.0.0.2", "::1"].map(|address| Trap::set(address, port));
    stage.arg("--allow-sink-cidr=192.168.77.0/24");
    stage.arg("--own-addresses-every=1");
    stage.arg("--allow-private-sinks");
    for (number, (host, ..)) in SPELLINGS.iter().enumerate() {
        let dsn = format!("postgres://u:{CANARY}@{host}:{port}/d?sslmode=disable");
        stage.apply(&sink(&stage, &format!("spelling-{number}"), &dsn));
    }
    let local =
        sink(&stage, "localhost", &format!("postgres://u:{CANARY}@localhost:{port}/d?sslmode=disable"));
    stage.apply(&local);
    stage.start();
    for (number, (host, meant, why)) in SPELLINGS.iter().enumerate() {
        let name = format!("spelling-{number}");
        let said = stage.wait_reason("kollectdatabasesink", &name, "Degraded", "ConnectionTestFailed");
        assert_eq!(said, format!("resolve address: the address {meant} may not be dialled: {why}"), "{host}");
    }
    let said = stage.wait_reason("kollectdatabasesink", "localhost", "Degraded", "ConnectionTestFailed");
    assert!(
        said.starts_with("resolve address: the address ") && said.contains(" may not be dialled: it "),
        "{said}"
    );
    // A node that joins while the operator runs.
    stage.apply(&node(LATE));
    let dsn = format!("postgres://u:{CANARY}@{LATE}:{port}/d?sslmode=disable");
    stage.apply(&sink(&stage, "late", &dsn));
    let refused = format!("resolve address: the address {LATE} may not be dialled: {MACHINERY}");
    let args = ["-n", &stage.platform, "kollectdatabasesink", "late"];
    stage.or_fail(stage.kubectl.wait_for(&args, crate::stage::LIMIT, |sink| {
        condition(sink, "Degraded").is_some_and(|degraded| degraded["message"] == refused)
    }));
    traps.iter().for_each(Trap::is_untouched);
    shows_no_password(&stage);
}

#[test]
fn a_name_is_checked_at_each_dial_and_what_was_checked_is_dialled() {
    let mut stage = Stage::set("rebinding");
    let _machinery = Machinery::set(&stage);
    let dsn = stage.database.dsn().to_string();
    let port = dsn.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let (good, bad) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 6, 6, 6));
    let metadata = Ipv4Addr::new(169, 254, 169, 254);
    let trap = Trap::set("127.6.6.6", port);
    let names = Names::start(move |name, before| match name.split('.').next() {
        Some("turning") => vec![if before.is_multiple_of(2) { good } else { bad }],
        Some("turned") => vec![if before == 0 { good } else { metadata }],
        Some("both") => vec![bad, good],
        Some("server") => vec![SERVER],
        _ => Vec::new(),
    })
    .unwrap();
    for name in ["turning", "turned", "both", "server"] {
        let dsn = dsn.replace("127.0.0.1", &format!("{name}.attack.test")) + "?sslmode=require";
        let mut sink = sink(&stage, name, &dsn);
        // So that each dial is one that this story asks for.
        sink["spec"]["connectionTest"] = json!(false);
        stage.apply(&sink);
    }
    stage.arg("--allow-sink-cidr=127.0.0.1/32");
    stage.arg("--allow-private-sinks");
    let program = std::env::var("KOLLECT_BIN").unwrap();
    stage.start_program(&names.entrance(Path::new(&program), stage.dir.path()).unwrap());

    let mut outcomes = Vec::new();
    for round in 0..6 {
        outcomes.push(probe(&stage, &format!("turning-{round}"), "turning"));
    }
    let refused = "resolve address: the address 127.6.6.6 may not be dialled: it is loopback";
    let (passed, failed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|said| said.starts_with("passed: "));
    assert!(passed.len() == 3 && failed.len() == 3, "{outcomes:?}");
    assert!(failed.iter().all(|said| *said == refused), "{failed:?}");
    assert_eq!(names.asked("turning.attack.test"), 6, "one question for each dial");

    assert!(
        probe(&stage, "both", "both").starts_with("passed: "),
        "of two addresses the one that may be dialled"
    );
    let said = probe(&stage, "server", "server");
    assert_eq!(said, format!("resolve address: the address {SERVER} may not be dialled: {MACHINERY}"));

    // An export that began well: its next connection is looked at again.
    stage.apply(&manifests::profile(&stage.platform, "colors"));
    stage.apply(&manifests::target(&stage.platform, "colors", "colors", &stage.story));
    stage.apply(&manifests::inventory(&stage.platform, "all", &["turned"]));
    stage.paint("a", "red");
    stage.wait_colors(&[("a", "red")]);
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE application_name = 'kollect' AND datname = current_database()";
    assert!(stage.psql().number(end).unwrap() > 0);
    stage.paint("b", "blue");
    let said = stage.wait_reason("kollectinventory", "all", "Degraded", "SinkForbidden");
    assert!(said.contains(&format!("the address {metadata} may not be dialled: {METADATA}")), "{said}");
    assert_eq!(stage.colors("inventory", "true").len(), 1);
    trap.is_untouched();
}

/// Tests a sink once, and returns what came of it.
fn probe(stage: &Stage, name: &str, sink: &str) -> String {
    let spec = json!({"sinkRef": {"databaseSinkRef": sink}, "ttlSecondsAfterFinished": 600});
    stage.apply(&kollect("KollectConnectionTest", &stage.platform, name, spec));
    let args = ["-n", &stage.platform, "kollectconnectiontest", name];
    let ended =
        stage.kubectl.wait_for(&args, crate::stage::LIMIT, |test| test["status"]["completed"] == true);
    let test = stage.or_fail(ended);
    test["status"]["conditions"][0]["message"].as_str().unwrap().to_string()
}

fn node(address: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": address},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]}})
}

/// Addresses of an API server and of a node that this cluster does not have.
struct Machinery(Kubectl, Option<Value>);

impl Machinery {
    fn set(stage: &Stage) -> Self {
        let endpoints = ["-n", "default", "endpoints", "kubernetes"];
        let before = stage.kubectl.get(&endpoints).ok();
        stage.apply(&json!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "kubernetes", "namespace": "default"},
            "subsets": [{"addresses": [{"ip": SERVER}], "ports": [{"port": 443, "name": "https"}]}]}));
        stage.apply(&node(NODE));
        Self(stage.kubectl.clone(), before)
    }
}

impl Drop for Machinery {
    fn drop(&mut self) {
        for address in [NODE, LATE] {
            let _ = self.0.delete(&["node", address, "--ignore-not-found"]);
        }
        if self.1.is_none() {
            let _ = self.0.delete(&["-n", "default", "endpoints", "kubernetes"]);
        }
    }
}
