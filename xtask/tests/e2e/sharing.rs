//! Several inventories and clusters in one table: each has its rows, and touches no others.

use xtask::servers::Kube;

use crate::manifests;
use crate::stage::{Stage, shared_database, turn};

#[test]
fn two_inventories_and_two_clusters_share_a_table_and_never_touch_each_others_rows() {
    let mut stage = Stage::set("sharing");
    stage.usual();
    let (platform, table) = (stage.platform.clone(), "inventory");
    stage.remove("kollectinventory", "all");
    for cluster in ["east", "west"] {
        stage.apply(&manifests::sink(&platform, cluster, table, Some(cluster)));
    }
    for inventory in ["one", "two"] {
        stage.apply(&manifests::inventory(&platform, inventory, &["east", "west"]));
    }
    stage.paint("a", "red");
    stage.paint("b", "blue");
    stage.start();
    let of =
        |cluster: &str, inventory: &str| format!("cluster = '{cluster}' AND inventory_name = '{inventory}'");
    let scopes = [of("east", "one"), of("east", "two"), of("west", "one"), of("west", "two")];
    for scope in &scopes {
        stage.wait_colors_of(table, scope, &[("a", "red"), ("b", "blue")]);
    }
    // Somebody else's rows, of a cluster that no operator here knows.
    stage
        .psql()
        .run("CREATE TABLE theirs AS SELECT * FROM inventory WHERE cluster = 'east' AND inventory_name = 'one';
              UPDATE theirs SET cluster = 'elsewhere'; INSERT INTO inventory SELECT * FROM theirs")
        .unwrap();
    let elsewhere = stage.written(table, "cluster = 'elsewhere'");
    assert_eq!(elsewhere.len(), 2);

    // One inventory leaves one cluster, then the other inventory goes altogether.
    stage.patch("kollectinventory", "one", r#"{"spec":{"databaseSinkRefs":["west"]}}"#);
    stage.wait_colors_of(table, &scopes[0], &[]);
    let untouched = format!("({}) OR ({})", scopes[2], scopes[1]);
    let before = stage.written(table, &untouched);
    assert_eq!(before.len(), 4);
    stage.paint("c", "green");
    for scope in &scopes[1..] {
        stage.wait_colors_of(table, scope, &[("a", "red"), ("b", "blue"), ("c", "green")]);
    }
    assert_eq!(stage.written(table, &format!("({untouched}) AND resource_name <> 'c'")), before);
    stage.remove("kollectinventory", "two");
    assert_eq!(stage.colors(table, &scopes[1]).len() + stage.colors(table, &scopes[3]).len(), 0);
    assert_eq!(stage.colors(table, &scopes[2]).len(), 3);
    assert_eq!(stage.written(table, "cluster = 'elsewhere'"), elsewhere);
}

#[test]
fn operators_of_two_clusters_share_a_table_under_the_same_names() {
    let _turn = turn();
    let database = shared_database("fleet");
    let kubes = [Kube::start().unwrap(), Kube::start().unwrap()];
    let mut stages = [
        Stage::on_kube("fleet", &kubes[0], database.clone()),
        Stage::on_kube("fleet", &kubes[1], database.clone()),
    ];
    for (stage, cluster) in stages.iter_mut().zip(["north", "south"]) {
        stage.arg(format!("--cluster-name={cluster}"));
        stage.usual();
        stage.paint(cluster, "red");
        stage.paint("both", cluster);
        stage.start();
    }
    let [north, south] = &mut stages;
    assert_eq!(north.platform, south.platform);
    north.wait_colors_of("inventory", "cluster = 'north'", &[("both", "north"), ("north", "red")]);
    south.wait_colors_of("inventory", "cluster = 'south'", &[("both", "south"), ("south", "red")]);

    let before = south.written("inventory", "cluster = 'south'");
    north.paint("both", "changed");
    north.erase("north");
    north.wait_colors_of("inventory", "cluster = 'north'", &[("both", "changed")]);
    north.stop();
    north.start();
    north.remove("kollectinventory", "all");
    assert_eq!(north.colors("inventory", "cluster = 'north'").len(), 0);
    assert_eq!(south.written("inventory", "cluster = 'south'"), before);
    drop(stages);
    database.drop().unwrap();
}
