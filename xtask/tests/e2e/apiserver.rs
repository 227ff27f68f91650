//! The API server goes away and comes back. What it says when it is there is told elsewhere.

use std::thread;
use std::time::Duration;

use xtask::servers::Kube;

use crate::stage::{Stage, full, shared_database, turn};

#[test]
fn an_api_server_that_is_away_for_a_while_changes_no_row() {
    let _turn = turn();
    let mut kube = Kube::start().unwrap();
    let database = shared_database("no-api");
    let mut stage = Stage::on_kube("no-api", &kube, database.clone());
    stage.usual();
    for name in ["a", "b", "c"] {
        stage.paint(name, "red");
    }
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "red")]);
    let before = stage.written("inventory", "resource_name <> 'c'");

    kube.stop_apiserver().unwrap();
    thread::sleep(Duration::from_secs(if full() { 60 } else { 5 }));
    assert_eq!(stage.colors("inventory", "true").len(), 3);
    kube.start_apiserver().unwrap();
    stage.paint("c", "blue");
    stage.paint("d", "green");
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "blue"), ("d", "green")]);
    assert_eq!(stage.written("inventory", "resource_name IN ('a', 'b')"), before);

    // And with its store: versions from before are compacted away, so that the watch must list again.
    for round in 0..3 {
        kube.restart_apiserver().unwrap();
        stage.paint("d", &format!("round-{round}"));
    }
    stage.erase("c");
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("d", "round-2")]);
    assert_eq!(stage.written("inventory", "resource_name IN ('a', 'b')"), before);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    drop(stage);
    database.drop().unwrap();
}
