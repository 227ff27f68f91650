//! The operator stops and starts. What it wrote before is not told here.

use crate::manifests;
use crate::stage::Stage;

#[test]
fn a_restart_with_nothing_changed_writes_no_row() {
    let mut stage = Stage::set("restart");
    stage.usual();
    for name in ["a", "b", "c"] {
        stage.paint(name, "red");
    }
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "red")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let before = stage.written("inventory", "true");
    stage.stop();

    stage.start();
    // The one row that changes after the restart tells that the operator has been through all of them.
    stage.paint("d", "blue");
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "red"), ("d", "blue")]);
    assert_eq!(stage.written("inventory", "resource_name <> 'd'"), before);

    stage.kill();
    stage.start();
    stage.paint("d", "green");
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "red"), ("d", "green")]);
    assert_eq!(stage.written("inventory", "resource_name <> 'd'"), before);
}

#[test]
fn what_happens_while_the_operator_is_down_is_caught_up_by_difference() {
    let mut stage = Stage::set("down");
    stage.usual();
    for name in ["a", "b", "c", "d"] {
        stage.paint(name, "red");
    }
    stage.start();
    stage.wait_colors(&[("a", "red"), ("b", "red"), ("c", "red"), ("d", "red")]);
    let before = stage.written("inventory", "resource_name IN ('c', 'd')");
    stage.stop();

    stage.erase("a");
    stage.paint("b", "blue");
    stage.paint("e", "green");
    stage.start();
    stage.wait_colors(&[("b", "blue"), ("c", "red"), ("d", "red"), ("e", "green")]);
    assert_eq!(stage.written("inventory", "resource_name IN ('c', 'd')"), before);

    stage.stop();
    for name in ["b", "c", "d", "e"] {
        stage.erase(name);
    }
    stage.start();
    stage.wait_colors(&[]);
}

#[test]
fn a_killed_operator_leaves_nothing_wrong_behind() {
    let mut stage = Stage::set("killed");
    stage.usual();
    let kills = if crate::stage::full() { 20 } else { 3 };
    let names: Vec<String> = (0..30).map(|n| format!("object-{n:02}")).collect();
    for round in 0..kills {
        stage.start();
        let color = format!("color-{round}");
        for (n, name) in names.iter().enumerate() {
            match (n + round) % 3 {
                0 => stage.paint(name, &color),
                1 => stage.paint(name, "same"),
                _ => drop(stage.kubectl.run(&["-n", &stage.apps, "delete", "configmap", name])),
            }
        }
        // Whatever it is doing at this moment.
        stage.kill();
    }
    stage.start();
    let objects = stage.kubectl.get(&["-n", &stage.apps, "configmaps", "-l", "collect=yes"]).unwrap();
    let wanted: Vec<(&str, &str)> = objects["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (o["metadata"]["name"].as_str().unwrap(), o["data"]["color"].as_str().unwrap()))
        .collect();
    assert_eq!(wanted.len(), 20);
    stage.wait_colors(&wanted);
}

#[test]
fn a_target_without_its_profile_deletes_nothing_after_a_restart() {
    let mut stage = Stage::set("no-profile");
    stage.usual();
    stage.apply(&manifests::profile(&stage.platform, "others"));
    stage.apply(&manifests::target(&stage.platform, "others", "others", &stage.story));
    stage.paint("a", "red");
    stage.paint("b", "red");
    stage.start();
    let of = |target: &str| format!("target_name = '{target}'");
    for target in ["colors", "others"] {
        stage.wait_colors_of("inventory", &of(target), &[("a", "red"), ("b", "red")]);
    }
    stage.stop();

    stage.remove("kollectprofile", "colors");
    stage.start();
    let message = stage.wait_reason("kollecttarget", "colors", "Degraded", "ProfileNotFound");
    assert!(message.contains("colors"), "{message}");
    // The other target is exported as ever, deletions included; of this one nothing is touched.
    stage.erase("b");
    stage.paint("a", "blue");
    stage.wait_colors_of("inventory", &of("others"), &[("a", "blue")]);
    stage.wait_colors_of("inventory", &of("colors"), &[("a", "red"), ("b", "red")]);

    // With its profile it is known again, and what happened meanwhile is caught up.
    stage.apply(&manifests::profile(&stage.platform, "colors"));
    stage.wait_colors_of("inventory", &of("colors"), &[("a", "blue")]);
}
