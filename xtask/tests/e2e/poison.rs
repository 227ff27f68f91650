//! Objects that a sink cannot hold. They must be reported, and must not be in the way of any other.

use serde_json::{Value, json};

use crate::stage::Stage;

#[test]
fn a_row_with_a_nul_character_is_reported_and_blocks_nothing() {
    let mut stage = Stage::set("poison");
    stage.usual();
    stage.paint("a", "red");
    stage.paint("poisoned", "r\u{0}d");
    stage.start();
    // At the first contact, where rows go in by the thousand.
    stage.wait_colors(&[("a", "red")]);
    let message = rejected(&stage);
    assert!(
        message.contains("refused 1 row,") && message.contains("/poisoned of target colors"),
        "{message}"
    );
    stage.wait_reason("kollectinventory", "all", "Synced", "PartiallySynced");

    // And in a delta: the same step carries a good row and a bad one.
    stage.stop();
    stage.start();
    stage.paint("b", "blue");
    stage.wait_colors(&[("a", "red"), ("b", "blue")]);
    stage.paint("b", "b\u{0}");
    stage.paint("c", "green");
    stage.wait_colors_of("inventory", "resource_name IN ('a', 'c')", &[("a", "red"), ("c", "green")]);

    // What is mended arrives by itself, and the report ends.
    stage.paint("poisoned", "mended");
    stage.paint("b", "blue");
    stage.wait_colors(&[("a", "red"), ("b", "blue"), ("c", "green"), ("poisoned", "mended")]);
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
}

#[test]
fn a_value_that_does_not_fit_its_type_is_null_and_counted() {
    let mut stage = Stage::set("misfit");
    stage.usual();
    let typed = json!({"spec": {"attributes": [
        {"name": "color", "path": "{.data.color}", "type": "int"},
        {"name": "name", "path": "{.metadata.name}", "type": "string"},
    ]}});
    stage.patch("kollectprofile", "colors", &typed.to_string());
    stage.paint("a", "7");
    stage.paint("b", "red");
    stage.start();
    stage.wait_colors(&[("a", "7"), ("b", "(null)")]);
    let target = stage.or_fail(stage.kubectl.wait_for(
        &["-n", &stage.platform, "kollecttarget", "colors"],
        crate::stage::LIMIT,
        |target| target["status"]["extractionFailures"].as_u64().is_some_and(|n| n > 0),
    ));
    let error = target["status"]["lastExtractionError"].as_str().unwrap();
    assert!(error.contains("color") && error.contains("/b"), "{error}");
    assert!(!error.contains("red"), "an error must not quote values: {error}");
}

/// Waits until the sink's entry says that rows were refused, and returns what it says.
fn rejected(stage: &Stage) -> String {
    let of = |object: &Value| {
        let entry = &object["status"]["sinkExports"][0];
        let condition = entry["conditions"].as_array()?.iter().find(|c| c["type"] == "Synced")?.clone();
        (condition["reason"] == "Rejected").then(|| condition["message"].as_str().unwrap().to_string())
    };
    let inventory = ["-n", &stage.platform, "kollectinventory", "all"];
    let object =
        stage.or_fail(stage.kubectl.wait_for(&inventory, crate::stage::LIMIT, |object| of(object).is_some()));
    of(&object).unwrap()
}
