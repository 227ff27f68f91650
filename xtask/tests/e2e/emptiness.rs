//! Rows leave when what they stand for does: objects, targets. Inventories that go are in `retirement`.

use crate::manifests;
use crate::stage::Stage;

#[test]
fn an_empty_inventory_empties_its_rows() {
    let mut stage = Stage::set("empty");
    stage.usual();
    stage.paint("a", "red");
    stage.paint("b", "blue");
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    stage.erase("a");
    stage.erase("b");
    stage.wait_colors(&[]);
    // Empty is a state like any other: in sync, with a checkpoint of no rows.
    stage.or_fail(stage.kubectl.wait_for(
        &["-n", &stage.platform, "kollectinventory", "all"],
        crate::stage::LIMIT,
        |inventory| inventory["status"]["itemCount"] == 0,
    ));
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    assert_eq!(stage.psql().number("SELECT row_count FROM kollect_checkpoints").unwrap(), 0);
    stage.paint("c", "green");
    stage.wait_colors(&[("c", "green")]);
}

#[test]
fn a_deleted_target_takes_its_rows_and_no_others() {
    let mut stage = Stage::set("target-gone");
    stage.usual();
    stage.apply(&manifests::target(&stage.platform, "twin", "colors", &stage.story));
    stage.paint("a", "red");
    stage.start();
    let of = |target: &str| format!("target_name = '{target}'");
    for target in ["colors", "twin"] {
        stage.wait_colors_of("inventory", &of(target), &[("a", "red")]);
    }
    let twin = stage.written("inventory", &of("twin"));
    stage.remove("kollecttarget", "colors");
    stage.wait_colors_of("inventory", &of("colors"), &[]);
    assert_eq!(stage.written("inventory", &of("twin")), twin);

    // Also when it goes while nobody looks.
    stage.stop();
    stage.remove("kollecttarget", "twin");
    stage.start();
    stage.wait_colors(&[]);
}

#[test]
fn a_changed_profile_changes_every_row_and_removes_none() {
    let mut stage = Stage::set("profile");
    stage.usual();
    stage.paint("a", "red");
    stage.paint("b", "blue");
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    let attributes = r#"{"spec":{"attributes":[{"name":"color","path":"cel:object.data.color + '!'"}]}}"#;
    stage.patch("kollectprofile", "colors", attributes);
    stage.wait_colors(&[("a", "red!"), ("b", "blue!")]);
    // A profile that does not compile stops the collection, and the rows stay.
    stage.patch(
        "kollectprofile",
        "colors",
        r#"{"spec":{"attributes":[{"name":"color","path":"cel:object..data"}]}}"#,
    );
    let message = stage.wait_reason("kollectprofile", "colors", "Ready", "InvalidPath");
    assert!(message.contains("color"), "{message}");
    stage.wait_condition("kollecttarget", "colors", "Degraded", "True");
    stage.wait_colors(&[("a", "red!"), ("b", "blue!")]);
    stage.patch("kollectprofile", "colors", attributes);
    stage.paint("a", "green");
    stage.wait_colors(&[("a", "green!"), ("b", "blue!")]);
}
