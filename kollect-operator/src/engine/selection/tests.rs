//! The selection matrix: each part of the formula of which objects a target collects, and how the parts meet. Each row
//! says who is selected among a few objects of a few namespaces.

use kollect_api::KollectTarget;
use serde_json::{Value, json};

use super::*;

fn pod() -> Kind {
    Kind::new("", "v1", "Pod")
}

fn compile(mut spec: Value, defaults: &CollectionDefaults) -> Selection {
    spec["profileRef"] = json!("any");
    let target: KollectTarget = kollect_api::decode(&json!({
        "apiVersion": "kollect.dev/v1alpha1", "kind": "KollectTarget",
        "metadata": {"name": "t", "namespace": "team"}, "spec": spec,
    }))
    .unwrap();
    Selection::compile(&target.spec.selection(), Arc::default(), defaults).unwrap()
}

fn object(namespace: &str, name: &str, labels: &Value) -> RawObject {
    let mut metadata = json!({"name": name, "labels": labels});
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    let object = json!({"metadata": metadata, "spec": {"replicas": 3}});
    RawObject::from_raw(serde_json::value::to_raw_value(&object).unwrap())
}

fn facts(labels: &Value, annotations: &Value) -> NamespaceFacts {
    let read = |value: &Value| serde_json::from_value::<BTreeMap<String, String>>(value.clone()).unwrap();
    NamespaceFacts::new(read(labels), &read(annotations))
}

/// Namespaces `a` (team=red, env=prod), `b` (team=blue) and `c` (no labels), each with a Pod named as itself; and an
/// object without a namespace, `-`.
fn selected(selection: &Selection) -> String {
    let namespaces =
        [("a", json!({"team": "red", "env": "prod"})), ("b", json!({"team": "blue"})), ("c", json!({}))];
    let mut found = String::new();
    for (name, labels) in &namespaces {
        let facts = facts(labels, &json!({}));
        if selection.selects(&pod(), &object(name, name, &json!({})), &facts).unwrap() {
            found.push_str(name);
        }
    }
    if selection.selects(&pod(), &object("", "-", &json!({})), &NamespaceFacts::default()).unwrap() {
        found.push('-');
    }
    found
}

#[test]
fn namespaces_are_those_selected_and_included_without_those_excluded() {
    let none = || CollectionDefaults::default();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let included = |all: &[&str]| CollectionDefaults { included_namespaces: names(all), ..none() };
    let excluded = |all: &[&str]| CollectionDefaults { excluded_namespaces: names(all), ..none() };
    let limited = |all: &[&str]| CollectionDefaults { watch_namespaces: names(all), ..none() };
    let red = json!({"matchLabels": {"team": "red"}});
    let has_team = json!({"matchExpressions": [{"key": "team", "operator": "Exists"}]});
    // What has no namespace is left alone by all of these: it is `-` in each row.
    let table = [
        (json!({}), none(), "abc"),
        (json!({"namespaceSelector": {}}), none(), "abc"),
        (json!({"namespaceSelector": red}), none(), "a"),
        (json!({"namespaceSelector": has_team}), none(), "ab"),
        (json!({"namespaceExcludeSelector": red}), none(), "bc"),
        (json!({"namespaceSelector": has_team, "namespaceExcludeSelector": red}), none(), "b"),
        (json!({"includedNamespaces": ["a", "c", "nowhere"]}), none(), "ac"),
        (json!({"excludedNamespaces": ["a"]}), none(), "bc"),
        (json!({"includedNamespaces": ["a", "b"], "excludedNamespaces": ["a"]}), none(), "b"),
        (json!({"namespaceSelector": has_team, "includedNamespaces": ["b", "c"]}), none(), "b"),
        // Nothing is left: that is nothing, and never everything.
        (json!({"namespaceSelector": {"matchLabels": {"team": "green"}}}), none(), ""),
        (json!({"includedNamespaces": ["a"], "excludedNamespaces": ["a"]}), none(), ""),
        (json!({"namespaceSelector": red, "namespaceExcludeSelector": red}), none(), ""),
        // The operator's default is for targets that name none.
        (json!({}), included(&["b"]), "b"),
        (json!({"includedNamespaces": ["a"]}), included(&["b"]), "a"),
        (json!({"namespaceSelector": red}), included(&["b"]), ""),
        (json!({"excludedNamespaces": ["b"]}), included(&["b", "c"]), "c"),
        // What the operator excludes, nobody includes.
        (json!({}), excluded(&["a"]), "bc"),
        (json!({"includedNamespaces": ["a", "b"]}), excluded(&["a"]), "b"),
        (json!({"excludedNamespaces": ["b"]}), excluded(&["a"]), "c"),
        // What it is limited to, nobody leaves.
        (json!({}), limited(&["a", "b"]), "ab"),
        (json!({"includedNamespaces": ["b", "c"]}), limited(&["a", "b"]), "b"),
        (json!({"includedNamespaces": ["c"]}), limited(&["a", "b"]), ""),
    ];
    for (spec, defaults, wanted) in table {
        let story = format!("{spec} with {defaults:?}");
        assert_eq!(selected(&compile(spec, &defaults)), format!("{wanted}-"), "{story}");
    }
}

#[test]
fn objects_are_those_of_the_label_selector_and_the_names() {
    let x = json!({"matchLabels": {"app": "x"}});
    let not_x = json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["x"]}]});
    let table = [
        (json!({}), "web", json!({}), true),
        (json!({"labelSelector": x}), "web", json!({"app": "x", "more": "y"}), true),
        (json!({"labelSelector": x}), "web", json!({"app": "y"}), false),
        (json!({"labelSelector": x}), "web", json!({}), false),
        (json!({"labelSelector": not_x}), "web", json!({}), true),
        (json!({"labelSelector": not_x}), "web", json!({"app": "x"}), false),
        (json!({"names": ["web", "db"]}), "db", json!({}), true),
        (json!({"names": ["web", "db"]}), "cache", json!({}), false),
        (json!({"names": ["web"], "labelSelector": x}), "web", json!({"app": "x"}), true),
        (json!({"names": ["web"], "labelSelector": x}), "web", json!({}), false),
        (json!({"names": ["web"], "labelSelector": x}), "db", json!({"app": "x"}), false),
    ];
    for (spec, name, labels, wanted) in table {
        let story = format!("{spec} {name} {labels}");
        let selection = compile(spec, &CollectionDefaults::default());
        let found = selection.selects(&pod(), &object("shop", name, &labels), &NamespaceFacts::default());
        assert_eq!(found.unwrap(), wanted, "{story}");
    }
}

#[test]
fn an_objects_own_label_beats_its_namespaces_which_beats_the_mode() {
    // (own label, namespace's label, namespace's annotation), and whether it is collected in modes All and OptIn.
    let (on, off) = (Some("enabled"), Some("disabled"));
    let table = [
        (None, None, None, true, false),
        (None, on, None, true, true),
        (None, off, None, false, false),
        (None, None, on, true, true),
        (None, None, off, false, false),
        (None, on, off, true, true),
        (None, off, on, false, false),
        (on, None, None, true, true),
        (on, off, None, true, true),
        (on, None, off, true, true),
        (off, None, None, false, false),
        (off, on, None, false, false),
        (off, None, on, false, false),
        (Some("yes"), None, None, true, false),
        (None, Some("yes"), None, true, false),
    ];
    let one = |key: &str, value: Option<&str>| value.map_or_else(|| json!({}), |value| json!({key: value}));
    for (own, label, annotation, all, opt_in) in table {
        let facts = facts(&one(labels::WATCH, label), &one(labels::NAMESPACE_WATCH, annotation));
        for (mode, wanted) in [("All", all), ("OptIn", opt_in)] {
            let selection = compile(json!({"watchMode": mode}), &CollectionDefaults::default());
            let object = object("shop", "web", &one(labels::WATCH, own));
            let found = selection.selects(&pod(), &object, &facts).unwrap();
            assert_eq!(found, wanted, "{mode}: {own:?} in {label:?} {annotation:?}");
        }
    }
}

#[test]
fn any_rule_may_match_and_in_a_rule_all_parts_must() {
    let gvk = json!({"version": "v1", "kind": "Pod"});
    let red = json!({"matchLabels": {"team": "red"}});
    let rule = |parts: Value| {
        let mut rule = parts;
        rule["gvk"] = gvk.clone();
        rule
    };
    let three = "object.spec.replicas == 3";
    let other_kind = json!({"gvk": {"version": "v1", "kind": "Secret"}, "matchLabels": {"app": "x"}});
    let table = [
        (vec![rule(json!({}))], json!({}), true),
        (vec![rule(json!({"matchLabels": {"app": "x"}}))], json!({"app": "x"}), true),
        (vec![rule(json!({"matchLabels": {"app": "x"}}))], json!({}), false),
        (vec![rule(json!({"namespaceSelector": red}))], json!({}), true),
        (vec![rule(json!({"namespaceSelector": {"matchLabels": {"team": "blue"}}}))], json!({}), false),
        (vec![rule(json!({"matchPolicy": three}))], json!({}), true),
        (vec![rule(json!({"matchPolicy": "object.spec.replicas > 3"}))], json!({}), false),
        (
            vec![rule(json!({"matchPolicy": three, "matchLabels": {"app": "x"}, "namespaceSelector": red}))],
            json!({"app": "x"}),
            true,
        ),
        (vec![rule(json!({"matchPolicy": three, "matchLabels": {"app": "x"}}))], json!({}), false),
        (
            vec![rule(json!({"matchLabels": {"app": "x"}})), rule(json!({"matchPolicy": three}))],
            json!({}),
            true,
        ),
        (vec![other_kind.clone()], json!({"app": "x"}), false),
        (vec![other_kind, rule(json!({"matchLabels": {"app": "y"}}))], json!({"app": "y"}), true),
    ];
    let facts = facts(&json!({"team": "red"}), &json!({}));
    for (rules, labels, wanted) in table {
        let story = format!("{rules:?} {labels}");
        let selection = compile(json!({"resourceRules": rules}), &CollectionDefaults::default());
        let found = selection.selects(&pod(), &object("shop", "web", &labels), &facts);
        assert_eq!(found.unwrap(), wanted, "{story}");
    }
}

#[test]
fn an_expression_that_fails_matches_nothing_and_says_so_unless_another_rule_matches() {
    let gvk = json!({"version": "v1", "kind": "Pod"});
    let broken = json!({"gvk": gvk, "matchPolicy": "object.spec.missing.deeper == 1"});
    let always = json!({"gvk": gvk});
    let web = object("shop", "web", &json!({}));
    let find = |rules: Value| {
        let selection = compile(json!({"resourceRules": rules}), &CollectionDefaults::default());
        selection.selects(&pod(), &web, &NamespaceFacts::default())
    };
    assert!(find(json!([broken])).is_err());
    assert!(find(json!([broken, always])).unwrap());
}

#[test]
fn what_narrows_a_watch_is_what_every_selected_object_fits() {
    let gvk = json!({"version": "v1", "kind": "Pod"});
    let text = |value: &str| Some(value.to_owned());
    let table = [
        (json!({}), None, None),
        (json!({"labelSelector": {"matchLabels": {"app": "x"}}}), text("app=x"), None),
        (json!({"names": ["web"]}), None, text("web")),
        (json!({"names": ["web", "db"]}), None, None),
        (json!({"resourceRules": [{"gvk": gvk, "matchLabels": {"app": "x"}}]}), text("app=x"), None),
        (json!({"resourceRules": [{"gvk": gvk, "matchLabels": {"app": "x"}}, {"gvk": gvk}]}), None, None),
    ];
    for (spec, labels, name) in table {
        let story = spec.to_string();
        let selection = compile(spec, &CollectionDefaults::default());
        assert_eq!(selection.narrows(&pod()), (labels, name), "{story}");
    }
}
