//! Rules of targets and cluster targets. Whether selectors match anything is the operator's question.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::Violation;
use crate::target::Selection;

pub(super) fn rules(selection: &Selection<'_>) -> Vec<Violation> {
    let mut found = objects_by_one_way(selection);
    let selectors = [
        ("spec.namespaceSelector", selection.namespace_selector),
        ("spec.namespaceExcludeSelector", selection.namespace_exclude_selector),
        ("spec.labelSelector", selection.label_selector),
    ];
    for (path, selector) in selectors {
        found.extend(selector.into_iter().flat_map(|selector| operators_fit_values(path, selector)));
    }
    for (index, rule) in selection.resource_rules.iter().enumerate() {
        let path = format!("spec.resourceRules[{index}]");
        found.extend(operators_fit_values(&path, &rule.label_selector()));
        if let Some(selector) = &rule.namespace_selector {
            found.extend(operators_fit_values(&format!("{path}.namespaceSelector"), selector));
        }
    }
    found
}

/// A cluster target must say where it looks.
pub(super) fn namespace_selector_selects(selector: &LabelSelector) -> Vec<Violation> {
    let labels = selector.match_labels.as_ref().is_some_and(|labels| !labels.is_empty());
    let expressions = selector.match_expressions.as_ref().is_some_and(|expressions| !expressions.is_empty());
    if labels || expressions {
        return Vec::new();
    }
    let message = "must not be empty; to select every namespace, write matchExpressions: \
        [{key: kubernetes.io/metadata.name, operator: Exists}]";
    vec![Violation::new("spec.namespaceSelector", message)]
}

fn objects_by_one_way(selection: &Selection<'_>) -> Vec<Violation> {
    if selection.resource_rules.is_empty() {
        return Vec::new();
    }
    let stated = [
        ("spec.labelSelector", selection.label_selector.is_some()),
        ("spec.names", !selection.names.is_empty()),
    ];
    let wrong = stated.iter().filter(|(_, stated)| *stated);
    wrong
        .map(|(path, _)| Violation::new(*path, "cannot stand beside resourceRules; move it into the rules"))
        .collect()
}

/// What an API server demands of its own selectors.
pub(super) fn operators_fit_values(path: &str, selector: &LabelSelector) -> Vec<Violation> {
    let expressions = selector.match_expressions.iter().flatten().enumerate();
    let wrong = expressions.filter_map(|(index, expression)| {
        let values = expression.values.as_ref().is_some_and(|values| !values.is_empty());
        let message = match expression.operator.as_str() {
            "In" | "NotIn" if !values => "In and NotIn need values",
            "Exists" | "DoesNotExist" if values => "Exists and DoesNotExist take no values",
            "In" | "NotIn" | "Exists" | "DoesNotExist" => return None,
            _ => "the operator must be In, NotIn, Exists or DoesNotExist",
        };
        Some(Violation::new(format!("{path}.matchExpressions[{index}]"), message))
    });
    wrong.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::validate::Validate;
    use crate::{KollectClusterTarget, KollectTarget, decode};

    #[test]
    fn label_selector_and_names_exclude_resource_rules() {
        let target: KollectTarget =
            decode(&json!({"metadata": {}, "spec": {"profileRef": "p", "names": ["a"],
            "labelSelector": {"matchLabels": {"a": "b"}},
            "resourceRules": [{"gvk": {"version": "v1", "kind": "Pod"}}]}}))
            .unwrap();
        let paths: Vec<_> = target.validate().into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, ["spec.labelSelector", "spec.names"]);
    }

    #[test]
    fn expressions_have_the_values_that_their_operators_need() {
        let target: KollectTarget = decode(&json!({"metadata": {}, "spec": {"profileRef": "p", "labelSelector":
            {"matchExpressions": [{"key": "a", "operator": "In"}, {"key": "a", "operator": "Exists", "values": ["b"]},
                {"key": "a", "operator": "in", "values": ["b"]}, {"key": "a", "operator": "NotIn", "values": ["b"]}]}}}))
        .unwrap();
        let paths: Vec<_> = target.validate().into_iter().map(|violation| violation.path).collect();
        assert_eq!(paths, [0, 1, 2].map(|index| format!("spec.labelSelector.matchExpressions[{index}]")));
    }

    #[test]
    fn a_cluster_target_says_where_it_looks() {
        let cluster_target = |selector: serde_json::Value| -> KollectClusterTarget {
            decode(&json!({"metadata": {}, "spec": {"profileRef": {"name": "p", "namespace": "n"}, "namespaceSelector": selector}}))
                .unwrap()
        };
        assert_eq!(cluster_target(json!({})).validate()[0].path, "spec.namespaceSelector");
        assert!(cluster_target(json!({"matchLabels": {"team": "a"}})).validate().is_empty());
    }
}
