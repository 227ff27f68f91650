//! What is left out of an object: the first line is a rule, the rest an object. A line that begins with `/` is a JSON
//! pointer, one with `{` or `$` a path, any other CEL. It does not look at attributes.

use kollect_snapshot::extract::{ObjectContext, Plan, PlanSpec, PruneSpec, ResourceSpec, Sections};
use serde_json::Value;

use super::jsonpath::SAMPLE;

/// Whatever the rule and the object: no panic, JSON, and the same each time; a rule that fails lets nothing leave, and a
/// pointer that does not leads nowhere afterwards.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (rule, object) = text.split_once('\n').unwrap_or((text, SAMPLE));
    let mut prune = PruneSpec { defaults: rule.len() % 2 == 0, ..PruneSpec::default() };
    match rule.as_bytes().first() {
        Some(b'/') => prune.pointers.push(rule.to_owned()),
        Some(b'{' | b'$') => prune.paths.push(rule.to_owned()),
        _ => prune.expressions.push(rule.to_owned()),
    }
    let resource = ResourceSpec {
        name: "resource".to_owned(),
        sections: Sections::All,
        dedupe_identity: false,
        prune,
        allow_secret: false,
    };
    let Ok(plan) = Plan::compile(&PlanSpec { resource: Some(resource), ..PlanSpec::default() }) else {
        return;
    };
    let context = ObjectContext { api_version: "v1", kind: "Pod" };
    let extraction = plan.extract(object, context);
    assert_eq!(extraction, plan.extract(object, context), "{rule}: not the same twice");
    let row = serde_json::from_str::<Value>(&extraction.attributes).unwrap_or_default();
    let resource = row.get("resource").unwrap_or(&Value::Bool(true));
    assert_eq!(resource.is_null(), extraction.failures.count == 1, "{rule}: a failure and a value");
    assert!(resource.is_null() || resource.is_object(), "{rule}: no JSON, no attribute or no object");
    // Where the last segment is an index, the next element has moved up; what stands for a hidden value has members of
    // its own.
    let last = rule.rsplit('/').next().unwrap_or_default();
    let moved = last.bytes().all(|byte| byte.is_ascii_digit());
    if rule.starts_with('/') && !moved && !["reason", "redacted"].contains(&last) {
        assert_eq!(resource.pointer(rule), None, "{rule}: is still there");
    }
}
