//! The table of accepted and refused manifests, through the functions that judge them and through `kollect validate`.

use std::collections::BTreeMap;
use std::path::Path;

use kollect_operator::engine::CollectionDefaults;
use kollect_operator::validate;
use serde_json::{Map, Value};

use crate::{err, run, write};

/// Path and message of what is wrong, by the manifest's name.
type Verdicts = BTreeMap<String, Vec<(String, String)>>;

struct Case {
    name: String,
    manifest: Value,
    refused: Option<(String, String)>,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kollect-api/tests/verdicts.yaml");
    let table: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases: Vec<Case> = table["cases"].as_array().unwrap().iter().map(|case| read(&table, case)).collect();
    assert!(cases.len() >= 250, "{}", cases.len());
    cases
}

fn read(table: &Value, case: &Value) -> Case {
    let text = |field: &str| case[field].as_str().map(str::to_owned);
    let name = text("id").unwrap();
    let base = &table["bases"][case["base"].as_str().unwrap()];
    let mut manifest = base.clone();
    manifest["apiVersion"] = "kollect.dev/v1alpha1".into();
    manifest["metadata"] = serde_json::json!({"name": name});
    if let Some(annotations) = case.get("annotations") {
        manifest["metadata"]["annotations"] = annotations.clone();
    }
    if let Some(changes) = case.get("with") {
        merge(&mut manifest["spec"], changes);
    }
    Case { name, manifest, refused: text("at").zip(text("says")) }
}

/// RFC 7396.
fn merge(target: &mut Value, changes: &Value) {
    let Value::Object(changes) = changes else {
        *target = changes.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, change) in changes {
        match change {
            Value::Null => drop(target.as_object_mut().unwrap().remove(name)),
            change => merge(&mut target[name], change),
        }
    }
}

/// Fails with the cases whose verdicts differ, and with nothing else.
fn compare(cases: &[Case], found: &Verdicts) {
    let differing = cases.iter().filter_map(|case| {
        let wanted: Vec<(String, String)> = case.refused.clone().into_iter().collect();
        let found = found.get(&case.name).cloned().unwrap_or_default();
        (wanted != found).then(|| format!("{}\n  wanted {wanted:?}\n  found  {found:?}", case.name))
    });
    let differing: Vec<String> = differing.collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn the_functions_give_the_verdicts_of_the_table() {
    let cases = cases();
    let judge = |case: &Case| {
        let found = validate::object(&case.manifest, &CollectionDefaults::default()).into_iter();
        // What follows is a hint to `kollect validate`.
        let message = |text: String| {
            text.strip_prefix("unknown field; ").map_or(text.clone(), |_| "unknown field".into())
        };
        (case.name.clone(), found.map(|violation| (violation.path, message(violation.message))).collect())
    };
    compare(&cases, &cases.iter().map(judge).collect());
}

#[test]
fn validate_gives_the_verdicts_of_the_table() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    let mut found = Verdicts::new();
    // A cluster scope would judge the others too; scopes of namespaces are alone in theirs.
    for alone in [false, true] {
        let mut text = String::new();
        for case in &cases {
            let mut manifest = case.manifest.clone();
            let kind = manifest["kind"].as_str().unwrap().to_owned();
            if !kind.starts_with("KollectCluster") {
                manifest["metadata"]["namespace"] = case.name.clone().into();
            }
            if (kind == "KollectClusterScope") == alone {
                text.push_str(&format!("---\n{manifest}\n"));
                found.insert(case.name.clone(), Vec::new());
            }
        }
        let file = folder.path().join(if alone { "scopes.yaml" } else { "all.yaml" });
        write(&file, &text);
        let output = run(&["validate", "--output=json", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        for finding in report["findings"].as_array().unwrap() {
            let text = |field: &str| finding[field].as_str().unwrap().to_owned();
            if text("severity") == "error" {
                let name = text("object").rsplit(['/', ' ']).next().unwrap().to_owned();
                found.get_mut(&name).unwrap().push((text("path"), text("message")));
            }
        }
    }
    compare(&cases, &found);
}
