//! A sink goes away for a while. The API server's own absence is told elsewhere.

use std::thread;
use std::time::Duration;

use xtask::e2e::Database;
use xtask::servers::Postgres;

use crate::manifests;
use crate::stage::{Stage, full};

#[test]
fn postgres_stopped_for_a_while_is_caught_up_by_difference() {
    let mut postgres = Postgres::start().unwrap();
    let database = Database::create(&postgres.url(), &postgres.ca(), "outage").unwrap();
    let mut stage = Stage::with_database("outage", database);
    stage.usual();
    stage.arg(format!("--local-root={}", stage.dir.path().join("local").display()));
    for name in ["a", "b", "c", "d"] {
        stage.paint(name, "red");
    }
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "red"), ("d", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let before = stage.written("inventory", "resource_name IN ('c', 'd')");

    postgres.stop().unwrap();
    stage.erase("a");
    stage.paint("b", "blue");
    stage.paint("e", "green");
    stage.wait_condition("kollectinventory", "all", "SinkReachable", "False");
    stage.wait_condition("kollectinventory", "all", "Synced", "False");
    // Nobody has to do anything: it is not Degraded.
    let inventory = stage.wait_condition("kollectinventory", "all", "Degraded", "False");
    assert!(!inventory.to_string().contains(stage.database.password()), "{inventory}");
    thread::sleep(Duration::from_secs(if full() { 60 } else { 10 }));
    stage.paint("f", "late");

    postgres.start_again().unwrap();
    stage.wait_colors(&[("b", "blue"), ("c", "red"), ("d", "red"), ("e", "green"), ("f", "late")]);
    assert_eq!(stage.written("inventory", "resource_name IN ('c', 'd')"), before);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    stage.wait_condition("kollectinventory", "all", "SinkReachable", "True");
}

#[test]
fn a_sink_that_is_away_holds_up_no_other() {
    let mut postgres = Postgres::start().unwrap();
    let away = Database::create(&postgres.url(), &postgres.ca(), "away").unwrap();
    let mut stage = Stage::set("neighbour");
    stage.usual();
    stage.apply(&away.secret(&stage.platform, "away"));
    let mut sink = manifests::sink(&stage.platform, "away", "inventory", None);
    sink["spec"]["postgres"]["databaseRef"]["name"] = "away".into();
    sink["spec"]["tls"]["caSecretRef"]["name"] = "away".into();
    stage.apply(&sink);
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db", "away"]));
    stage.paint("a", "red");
    stage.start();
    stage.wait_colors(&[("a", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");

    // As a crash does: connections are cut, none is answered.
    postgres.kill().unwrap();
    stage.paint("b", "blue");
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    let message = stage.wait_reason("kollectinventory", "all", "Synced", "PartiallySynced");
    assert!(message.contains("database/away") && !message.contains("database/db"), "{message}");
}
