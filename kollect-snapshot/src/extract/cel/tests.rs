//! CEL against Kubernetes' own answers. What is bounded, and what may be read, is tested elsewhere.

mod hostile;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::extract::tests::same;
use crate::extract::{AttributeSpec, ObjectContext, Plan, PlanSpec};

/// What an expression gives.
enum Outcome {
    Refused(String),
    Failed(String),
    Value(Value),
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "refused, {why},"),
            Self::Failed(why) => write!(f, "failed, {why},"),
            Self::Value(value) => write!(f, "{value}"),
        }
    }
}

fn evaluate(source: &str, object: &str) -> Outcome {
    let attribute = AttributeSpec {
        name: "a".to_owned(),
        path: format!("cel:{source}"),
        column_type: None,
        optional: false,
        redact: false,
    };
    let plan = match Plan::compile(&PlanSpec { attributes: vec![attribute], ..PlanSpec::default() }) {
        Ok(plan) => plan,
        Err(errors) => return Outcome::Refused(errors[0].message.clone()),
    };
    let extraction = plan.extract(object, ObjectContext { api_version: "apps/v1", kind: "Deployment" });
    match extraction.failures.last {
        Some(failure) => Outcome::Failed(failure.reason),
        None => Outcome::Value(serde_json::from_str::<Value>(&extraction.attributes).unwrap()["a"].clone()),
    }
}

/// What the CEL of Kubernetes 1.34.4 says to the same expressions; `xtask/servers/kubernetes/oracle` asks it.
const KUBERNETES: &str = include_str!("tests/kubernetes.jsonl");

/// Where its answer is not ours: what ours is, as JSON.
const DIFFERENCES: &[(&str, &str)] = &[
    // A mistake there that passes.
    ("{'a': 1, 'a': 2}", "failed"),
    ("object.spec.mixed.isSorted()", "failed"),
    ("object.spec.mixed.max()", "failed"),
    ("lists.range(-1)", "failed"),
    ("semver('18446744073709551615.0.0').major()", "failed"),
    ("isQuantity('1e99999999999')", "false"),
    // A match that the library cannot look for in texts.
    ("'a'.matches('\\\\Bx')", "refused"),
    ("'ab'.matches('a\\\\Bb')", "refused"),
    // Spellings that nobody uses, and keys that JSON has not.
    ("double('1_0')", "failed"),
    ("double('0x1p3')", "failed"),
    ("int(duration('90s'))", "failed"),
    ("'%.1000f'.format([1.0])", "failed"),
    ("{1.0: 'a'}", "failed"),
    ("{null: 1}", "failed"),
    ("{[1]: 1}", "failed"),
    // More is known here.
    ("object.spec.containers.existsOne(c, c.name == 'side')", "true"),
    ("'gums'.reverse()", r#""smug""#),
    ("quantity('1') == 1", "false"),
];

#[test]
fn kubernetes_says_the_same() {
    let mut objects = Value::Null;
    let known: BTreeMap<&str, &str> = DIFFERENCES.iter().copied().collect();
    let mut differences = known.clone();
    let mut wrong = Vec::new();
    for line in KUBERNETES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["objects"].is_object() {
            objects = case["objects"].clone();
            continue;
        }
        let source = case["source"].as_str().unwrap();
        let outcome = evaluate(source, &objects[case["object"].as_str().unwrap()].to_string());
        if let Some(expected) = known.get(source) {
            differences.remove(source);
            let ours = match &outcome {
                Outcome::Value(value) => value.to_string(),
                Outcome::Refused(_) => "refused".to_owned(),
                Outcome::Failed(_) => "failed".to_owned(),
            };
            if ours != *expected {
                wrong.push(format!("{source}: {ours} here, {expected} known as a difference"));
            }
            continue;
        }
        let fits = match &outcome {
            Outcome::Value(value) => {
                case["values"].as_array().is_some_and(|values| same(&json!([value]), &json!(values)))
            }
            // Refused there for its types alone it may be worth something here, but need not.
            Outcome::Refused(_) | Outcome::Failed(_) => {
                !case["refused"].is_null() || !case["failed"].is_null()
            }
        };
        if !fits {
            wrong.push(format!("{source}: {outcome} here, there {case}"));
        }
    }
    wrong.extend(differences.keys().map(|source| format!("{source}: known as a difference, and is none")));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
