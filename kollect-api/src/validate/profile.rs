//! Rules of a profile. Whether its paths compile is the operator's question.

use std::collections::BTreeSet;

use super::Violation;
use crate::profile::{Attribute, ExportMode, ProfileSpec};

pub(super) fn rules(spec: &ProfileSpec) -> Vec<Violation> {
    let rules = [attributes_present, as_is_free, paths_have_a_notation, metrics_name_attributes];
    rules.iter().flat_map(|rule| rule(spec)).collect()
}

fn attributes_present(spec: &ProfileSpec) -> Vec<Violation> {
    if spec.export.mode == ExportMode::Resource || !spec.attributes.is_empty() {
        return Vec::new();
    }
    vec![Violation::new(
        "spec.attributes",
        "name at least one attribute, or set spec.export.mode to Resource",
    )]
}

fn as_is_free(spec: &ProfileSpec) -> Vec<Violation> {
    let taken = spec.attributes.iter().any(|attribute| attribute.name == spec.export.as_);
    if spec.export.mode != ExportMode::Resource || !taken {
        return Vec::new();
    }
    let message = format!("\"{}\" is the name of an attribute; choose another one", spec.export.as_);
    vec![Violation::new("spec.export.as", message)]
}

fn paths_have_a_notation(spec: &ProfileSpec) -> Vec<Violation> {
    let wrong = |(index, attribute): (usize, &Attribute)| {
        let path = attribute.path.trim();
        let known = ["cel:", "helm:release.", "$", "{"].iter().any(|start| path.starts_with(start));
        let expression = path.contains("object.") || path.contains("object[");
        if known || path.contains('{') && !expression {
            return None;
        }
        let hint = if expression {
            format!("write \"cel:{path}\" to have it evaluated as CEL")
        } else {
            "write {.a.b} or $.a.b for JSONPath, cel:<expression> for CEL, or helm:release.<field>".to_owned()
        };
        Some(Violation::new(format!("spec.attributes[{index}].path"), hint))
    };
    spec.attributes.iter().enumerate().filter_map(wrong).collect()
}

fn metrics_name_attributes(spec: &ProfileSpec) -> Vec<Violation> {
    let names: BTreeSet<&str> = spec.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    let mut found = Vec::new();
    for (index, metric) in spec.metrics.iter().enumerate() {
        if !names.contains(metric.path.as_str()) {
            let message = "each path must be the name of an attribute of this profile";
            found.push(Violation::new(format!("spec.metrics[{index}].path"), message));
        }
        if metric.labels.iter().any(|label| !names.contains(label.as_str())) {
            let message = "each label must be the name of an attribute of this profile";
            found.push(Violation::new(format!("spec.metrics[{index}].labels"), message));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::validate::Validate;
    use crate::{KollectProfile, decode};

    fn paths(attributes: &serde_json::Value, more: &[(&str, serde_json::Value)]) -> Vec<String> {
        let mut spec = json!({"targetGVK": {"version": "v1", "kind": "Pod"}, "attributes": attributes});
        for (key, value) in more {
            spec[*key] = value.clone();
        }
        let profile: KollectProfile = decode(&json!({"metadata": {}, "spec": spec})).unwrap();
        profile.validate().into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn attributes_mode_needs_attributes() {
        assert_eq!(paths(&json!([]), &[]), ["spec.attributes"]);
        assert!(paths(&json!([]), &[("export", json!({"mode": "Resource"}))]).is_empty());
    }

    #[test]
    fn as_is_no_attribute() {
        let attributes = json!([{"name": "a", "path": "$.a"}, {"name": "resource", "path": "$.c"}]);
        assert!(paths(&attributes, &[]).is_empty());
        assert_eq!(paths(&attributes, &[("export", json!({"mode": "Resource"}))]), ["spec.export.as"]);
    }

    #[test]
    fn a_path_needs_a_notation() {
        for right in [
            "$.a",
            "{.a}",
            "cel:object.a",
            "helm:release.chartName",
            "v{.a}-{.b}",
            "{range .items[*]}{.a}{end}",
        ] {
            assert!(paths(&json!([{"name": "a", "path": right}]), &[]).is_empty(), "{right}");
        }
        for wrong in
            ["object.spec.replicas", "has(object.spec) ? {\"a\": 1} : {}", ".spec.a", "spec.a", "helm:chart"]
        {
            assert_eq!(
                paths(&json!([{"name": "a", "path": wrong}]), &[]),
                ["spec.attributes[0].path"],
                "{wrong}"
            );
        }
    }

    #[test]
    fn metrics_refer_to_attributes() {
        let metrics = json!([{"name": "m", "path": "b", "labels": ["a", "c"]}]);
        assert_eq!(
            paths(&json!([{"name": "a", "path": "$.a"}]), &[("metrics", metrics)]),
            ["spec.metrics[0].path", "spec.metrics[0].labels"]
        );
    }
}
