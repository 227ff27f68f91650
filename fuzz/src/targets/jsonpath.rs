//! JSONPath of both dialects: the first line is a path, the rest an object. It checks no values.

use kollect_snapshot::extract::{AttributeSpec, ObjectContext, Plan, PlanSpec};

/// Whatever the path and the object: no panic, attributes that are JSON, the same ones each time, and a failure or
/// none.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, object) = text.split_once('\n').unwrap_or((text, SAMPLE));
    if path.starts_with("cel:") {
        return;
    }
    extract(path, object);
}

/// What stands in for an object that the input has not.
pub(crate) const SAMPLE: &str = r#"{"metadata":{"name":"web","labels":{"a.b/c":"x","tier":"front"}},"spec":{"replicas":3,
"ratio":1.5,"none":null,"on":true,"list":[1,2,3],"empty":[],"containers":[{"name":"app","image":"web:1","ports":[{"port":80}]},
{"name":"side","env":[{"name":"TOKEN","value":"canary"}]}],"pattern":"a.*"}}"#;

/// Compiles and extracts twice.
pub(crate) fn extract(path: &str, object: &str) {
    let attribute = AttributeSpec {
        name: "a".to_owned(),
        path: path.to_owned(),
        column_type: None,
        optional: false,
        redact: false,
    };
    let spec = PlanSpec { attributes: vec![attribute], ..PlanSpec::default() };
    let Ok(plan) = Plan::compile(&spec) else { return };
    let context = ObjectContext { api_version: "v1", kind: "Pod" };
    let extraction = plan.extract(object, context);
    let value = serde_json::from_str::<serde_json::Value>(&extraction.attributes);
    assert!(value.is_ok(), "{path}: no JSON");
    assert!(value.is_ok_and(|value| value.get("a").is_some()), "{path}: the attribute is missing");
    assert!(extraction.failures.count <= 1, "{path}: one attribute fails once");
    assert!(!extraction.attributes.contains("canary"), "{path}: what a key hides is shown");
    assert_eq!(extraction, plan.extract(object, context), "{path}: not the same twice");
}
