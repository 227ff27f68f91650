//! Both dialects against what others say: kubectl's own answers, and the compliance test suite of RFC 9535. How
//! rows are made of values is tested elsewhere.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Hit, Parsed, Treatment, Work, Writing, parse};
use crate::extract::scrub::Scrubber;
use crate::extract::tests::same;

/// What a path gives: the values, or why it is refused or fails.
#[derive(Debug, PartialEq)]
enum Outcome {
    Refused(String),
    Failed(String),
    Values(Vec<Value>),
    Text(Value),
}

fn evaluate(path: &str, document: &str) -> Outcome {
    let parsed = match parse(path) {
        Ok(parsed) => parsed,
        Err(reason) => return Outcome::Refused(reason),
    };
    let scrubber = Scrubber::new(&[]);
    let mut work = Work::new(&scrubber);
    let root = Hit { text: document, treatment: Treatment::Plain };
    let json = |text: &str| serde_json::from_str(text).unwrap();
    let result = match parsed {
        Parsed::Path(steps) => {
            let hits = work.select(&steps, root);
            hits.map(|hits| Outcome::Values(hits.iter().map(|hit| json(hit.text)).collect()))
        }
        Parsed::Template(pieces) => {
            let mut writing = Writing::default();
            let written = writing.pieces(&pieces, root, &mut work, &scrubber);
            written
                .map(|()| Outcome::Text(writing.finish().map_or(Value::Null, |tree| json(&tree.to_text()))))
        }
    };
    result.unwrap_or_else(Outcome::Failed)
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// <https://github.com/jsonpath-standard/jsonpath-compliance-test-suite>, as the npm package jsonpath-rfc9535
/// 1.3.0 has it.
const SUITE: &str = include_str!("tests/cts.jsonl");

#[test]
fn the_compliance_test_suite_of_rfc_9535_passes() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in lines(SUITE) {
        let (name, path) = (case["name"].as_str().unwrap(), case["selector"].as_str().unwrap());
        let outcome = match case["document"].clone() {
            // RFC 9535 paths begin with `$`; all else is kubectl's, or refused.
            _ if !path.starts_with('$') => Outcome::Refused(String::new()),
            document => evaluate(path, &document.to_string()),
        };
        count += 1;
        let fits = match (&outcome, case["invalid_selector"] == json!(true)) {
            (Outcome::Refused(_), invalid) => invalid,
            (Outcome::Values(values), false) => {
                let expected = case["results"].as_array().cloned().unwrap_or(vec![case["result"].clone()]);
                let mut ours = values.clone();
                ours.sort_by_key(Value::to_string);
                // Members have no order in the RFC, and the suite does not list every one.
                expected.iter().any(|one| {
                    let mut theirs = one.as_array().unwrap().clone();
                    theirs.sort_by_key(Value::to_string);
                    same(&json!(ours), &json!(theirs))
                        && (holds_maps(&case["document"]) || same(&json!(values), one))
                })
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!("{name}: {path}: {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 600, "{count}");
}

fn holds_maps(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(items) => items.iter().any(holds_maps),
        _ => false,
    }
}

/// What kubectl 1.34.4 says to the same paths; `xtask/servers/kubernetes/oracle` asks it.
const KUBECTL: &str = include_str!("tests/kubectl.jsonl");

/// Where kubectl's answer is not ours: what ours is, as JSON.
const DIFFERENCES: &[(&str, &str)] = &[
    // Where nothing has a value there is no text either.
    ("{.none}/{.none}", "null"),
    ("{range .none[*]}{.name}{end}", "null"),
    ("{range .spec.empty[*]}{.name}{end}x", "null"),
    // A name with dots that leads nowhere is looked up as a key.
    ("{.metadata.labels['app.kubernetes.io/name']}", r#""web""#),
    // kubectl's wildcard over a text gives the numbers of its bytes.
    ("{.metadata.name.*}", "null"),
    // Bounds beyond the end are the end; a list that is too short leaves the others.
    ("{.spec.containers[0:9].name}", r#"["app","side","bare"]"#),
    ("{.spec.containers[-9:2].name}", r#"["app","side"]"#),
    ("{.spec.containers[*].ports[1].port}", "443"),
    // What cannot be compared is passed over; numbers of both kinds can.
    ("{.spec.containers[?(@.ports[*].port==15000)].name}", r#""side""#),
    ("{.spec.containers[?(@..port==15000)].name}", r#""side""#),
    ("{.status.list[?(@==2.0)]}", "2"),
    ("{.status.list[?(@>2.5)]}", "[3,4,5]"),
    ("{.status.mixed[?(@==1)]}", "[1,1.0]"),
    // kubectl gives up at an empty list, and what follows it is lost.
    ("{.status.ragged[*][*]}", "[1,2]"),
    ("{.status.ragged[*][0:]}", "[1,2]"),
    // kubectl refuses these.
    (r#"{.metadata["name"]}"#, r#""web""#),
    ("{.metadata[ 'name' ]}", r#""web""#),
    // kubectl takes these for something that nobody means.
    ("{.}", "refused"),
    ("{.metadata.}", "refused"),
    ("{.metadata.[0]}", "refused"),
    ("{.metadata['']}", "refused"),
    ("{.spec.containers[].name}", "refused"),
    ("{.spec.containers[?(@.ports&&@.env)].name}", "refused"),
    ("{.status.list[?(true)]}", "refused"),
    ("{range .spec.containers[*]}{.name}", "refused"),
    (r#"{"a" "b"}"#, "refused"),
    (r#"{.metadata.name "b"}"#, "refused"),
    ("{.kind}{5}", "refused"),
    ("{5}", "refused"),
    ("{true}", "refused"),
];

#[test]
fn kubectl_says_the_same() {
    let mut objects = Value::Null;
    let mut differences: BTreeMap<&str, &str> = DIFFERENCES.iter().copied().collect();
    let mut wrong = Vec::new();
    for case in lines(KUBECTL) {
        if case["objects"].is_object() {
            objects = case["objects"].clone();
            continue;
        }
        let path = case["source"].as_str().unwrap();
        let document = &objects[case["object"].as_str().unwrap()];
        let outcome = evaluate(path, &document.to_string());
        let ours = match &outcome {
            Outcome::Values(values) if values.is_empty() => "null".to_owned(),
            Outcome::Values(values) if values.len() == 1 => values[0].to_string(),
            Outcome::Values(values) => json!(values).to_string(),
            Outcome::Text(text) => text.to_string(),
            Outcome::Refused(_) => "refused".to_owned(),
            Outcome::Failed(reason) => format!("failed: {reason}"),
        };
        if let Some(expected) = differences.remove(path) {
            if ours != expected {
                wrong.push(format!("{path}: {ours} here, {expected} known as a difference"));
            }
            continue;
        }
        let fits = match (&case, &outcome) {
            (case, Outcome::Refused(_)) => case["refused"].is_string() || case["failed"].is_string(),
            (case, Outcome::Values(values)) if case["values"].is_array() => {
                let theirs = case["values"].as_array().unwrap();
                same(&json!(values), &json!(theirs)) || (is_unordered(path) && same_set(values, theirs))
            }
            (case, Outcome::Text(text)) if case["text"].is_string() => *text == case["text"],
            // kubectl gives up; here there is no value.
            (case, Outcome::Values(values)) => case["failed"].is_string() && values.is_empty(),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{path}: {outcome:?} here, there {case}"));
        }
    }
    wrong.extend(differences.keys().map(|path| format!("{path}: known as a difference, and is none")));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// kubectl walks maps in any order.
fn is_unordered(path: &str) -> bool {
    path.contains(".*") || path.contains("..") || path.contains("'*'")
}

fn same_set(left: &[Value], right: &[Value]) -> bool {
    let sorted = |values: &[Value]| {
        let mut values = values.to_vec();
        values.sort_by_key(Value::to_string);
        json!(values)
    };
    same(&sorted(left), &sorted(right))
}
