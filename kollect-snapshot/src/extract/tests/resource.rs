//! The object itself as an attribute: sections, what is pruned, what is hidden.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{context, spec};
use crate::extract::{ObjectContext, Plan, PlanSpec, PruneSpec, ResourceSpec, Sections, Subject};

fn resource(sections: Sections) -> ResourceSpec {
    ResourceSpec {
        name: "resource".to_owned(),
        sections,
        dedupe_identity: false,
        prune: PruneSpec::default(),
        allow_secret: false,
    }
}

fn whole() -> ResourceSpec {
    resource(Sections::All)
}

fn pruned(pointers: &[&str], paths: &[&str], expressions: &[&str]) -> ResourceSpec {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let (pointers, paths, expressions) = (owned(pointers), owned(paths), owned(expressions));
    ResourceSpec { prune: PruneSpec { defaults: false, pointers, paths, expressions }, ..whole() }
}

fn plan(resource: ResourceSpec) -> PlanSpec {
    PlanSpec { resource: Some(resource), ..spec(&[]) }
}

/// The resource that a plan makes of an object, or why there is none.
fn exported(resource: ResourceSpec, object: &Value) -> Result<Value, String> {
    let plan = Plan::compile(&plan(resource)).map_err(|errors| errors[0].to_string())?;
    let extraction = plan.extract(&object.to_string(), context());
    let row: Value = serde_json::from_str(&extraction.attributes).unwrap();
    match extraction.failures.last {
        Some(failure) => {
            assert_eq!(row, json!({"resource": null}));
            Err(failure.to_string())
        }
        None => Ok(row["resource"].clone()),
    }
}

fn object() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 3,
            "managedFields": [{"manager": "x"}], "labels": {"app": "web"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}",
                "argocd.argoproj.io/tracking-id": "t", "note": "kept"},
        },
        "spec": {"replicas": 3, "containers": [
            {"name": "app", "image": "a", "env": [{"name": "MODE", "value": "fast"}, {"name": "DB_PASSWORD", "value": "hunter2"}]},
            {"name": "proxy", "image": "b", "env": []},
        ]},
        "status": {"ready": 2},
        "extra": true,
    })
}

#[test]
fn sections_and_identity_are_as_asked_for() {
    let keys = |spec: ResourceSpec| {
        let value = exported(spec, &object()).unwrap();
        value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    let table = [
        (Sections::Metadata, "apiVersion kind metadata"),
        (Sections::Spec, "apiVersion kind metadata spec"),
        (Sections::Status, "apiVersion kind metadata status"),
        (Sections::SpecAndStatus, "apiVersion kind metadata spec status"),
        (Sections::All, "apiVersion extra kind metadata spec status"),
    ];
    for (sections, want) in table {
        assert_eq!(keys(resource(sections)), want);
        let deduped = ResourceSpec { dedupe_identity: true, ..resource(sections) };
        assert_eq!(keys(deduped), want.replace("apiVersion ", "").replace("kind ", ""));
    }
    let deduped = ResourceSpec { dedupe_identity: true, ..resource(Sections::Metadata) };
    let metadata = exported(deduped, &object()).unwrap()["metadata"].clone();
    assert!(["name", "namespace", "uid"].iter().all(|key| metadata.get(key).is_none()), "{metadata}");
    assert_eq!(metadata["labels"], json!({"app": "web"}));
}

#[test]
fn defaults_take_out_what_changes_without_meaning() {
    let mut wanted = object();
    wanted["metadata"] = json!({"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"},
        "annotations": {"note": "kept"}});
    wanted["spec"]["containers"][0]["env"][1]["value"] = json!({"reason": "sensitive-key", "redacted": true});
    let defaults = PruneSpec { defaults: true, ..PruneSpec::default() };
    assert_eq!(exported(ResourceSpec { prune: defaults, ..whole() }, &object()), Ok(wanted));
}

#[test]
fn a_heartbeat_changes_no_row() {
    let defaults = PruneSpec { defaults: true, ..PruneSpec::default() };
    let plan = Plan::compile(&plan(ResourceSpec { prune: defaults, ..resource(Sections::Spec) })).unwrap();
    let mut later = object();
    later["metadata"]["resourceVersion"] = json!("8");
    later["metadata"]["managedFields"] = json!([{"manager": "y"}]);
    later["status"] = json!({"ready": 3});
    let row = |object: &Value| plan.extract(&object.to_string(), context()).attributes;
    assert_eq!(row(&object()), row(&later));
}

/// What is left of `{"a": .., "l": [..]}` by each kind of rule.
#[test]
fn rules_take_out_members_and_elements() {
    let object = json!({"a": {"b": 1, "c/d": 2, "0": 3, "~": 4}, "l": [{"x": 1}, {"x": 2, "y": 0}, {"x": 3}], "n": null});
    type Table = [(&'static [&'static str], &'static [&'static str], &'static [&'static str], Value)];
    let table: &Table = &[
        (&["/a/b", "/a/c~1d", "/a/~0", "/n"], &[], &[], json!({"a": {"0": 3}, "l": object["l"]})),
        (
            &["/a/0", "/l/0"],
            &[],
            &[],
            json!({"a": {"b": 1, "c/d": 2, "~": 4}, "l": [{"x": 2, "y": 0}, {"x": 3}], "n": null}),
        ),
        (
            &["/l/0", "/l/1", "/l/9", "/l/-", "/l/00", "/none/x", "/a", "/n"],
            &[],
            &[],
            json!({"l": [{"x": 3}]}),
        ),
        (&["/a", "/a/b", "/n", "/l/1/x", "/l/1"], &[], &[], json!({"l": [{"x": 1}, {"x": 3}]})),
        (&[], &["{.l[*].x}", "$.a", "{.n}"], &[], json!({"l": [{}, {"y": 0}, {}]})),
        (
            &[],
            &["$.l[?@.x > 1]", "$.a['b','~']", "$.n"],
            &[],
            json!({"a": {"0": 3, "c/d": 2}, "l": [{"x": 1}]}),
        ),
        (&[], &["{.l[?(@.x==2)].y}", "{.l[-1]}", "$.a", "$.n"], &[], json!({"l": [{"x": 1}, {"x": 2}]})),
        (&[], &["$..x", "$.a", "$.n"], &[], json!({"l": [{}, {"y": 0}, {}]})),
        (
            &[],
            &[],
            &["['/a', '/n', '/l/' + string(size(object.l) - 1)]"],
            json!({"l": [{"x": 1}, {"x": 2, "y": 0}]}),
        ),
        (&["/n"], &[], &["cel: object.a.b == 1 ? ['/a'] : []", "[]"], json!({"l": object["l"]})),
        (&["/apiVersion", "/kind", "/a"], &["$.l"], &["['/n']"], json!({})),
    ];
    for (pointers, paths, expressions, want) in table {
        let mut left = exported(pruned(pointers, paths, expressions), &object).unwrap();
        left.as_object_mut().unwrap().retain(|key, _| !["apiVersion", "kind"].contains(&key.as_str()));
        assert_eq!(left, *want, "{pointers:?} {paths:?} {expressions:?}");
    }
}

#[test]
fn rules_that_mean_nothing_are_refused_by_their_place() {
    let table = [
        (pruned(&["/a", "a"], &[], &[]), Subject::Pointer(1), "begins with `/`"),
        (pruned(&[""], &[], &[]), Subject::Pointer(0), "whole object"),
        (pruned(&["/a~2"], &[], &[]), Subject::Pointer(0), "~0"),
        (pruned(&[], &["$.a", "$.a["], &[]), Subject::Path(1), ""),
        (pruned(&[], &["$"], &[]), Subject::Path(0), "whole object"),
        (pruned(&[], &["{.a}-{.b}"], &[]), Subject::Path(0), "one path"),
        (pruned(&[], &["a.b"], &[]), Subject::Path(0), "is no path"),
        (pruned(&[], &[], &["[", "[]"]), Subject::Expression(0), ""),
        (ResourceSpec { name: "apiToken".to_owned(), ..whole() }, Subject::ResourceName, "names a secret"),
        (ResourceSpec { name: String::new(), ..whole() }, Subject::ResourceName, "needs a name"),
    ];
    for (spec, subject, hint) in table {
        let errors = Plan::compile(&plan(spec)).map(|_| ()).unwrap_err();
        assert_eq!(errors[0].subject, subject);
        assert!(errors[0].message.contains(hint), "{}", errors[0]);
    }
}

#[test]
fn a_rule_that_fails_lets_nothing_leave() {
    for (expression, reason) in [
        ("object.none", "no such key"),
        ("'/a'", "no list of JSON pointers"),
        ("['/a', 1]", "no list of JSON pointers"),
        ("['a']", "begins with `/`"),
        ("['']", "whole object"),
    ] {
        let error = exported(pruned(&[], &[], &[expression]), &object()).unwrap_err();
        assert!(error.contains(reason) && error.contains(expression), "{error}");
    }
    for text in ["", "[]", "{\"a\":", "{\"a\":1}x"] {
        let extraction = Plan::compile(&plan(whole())).unwrap().extract(text, context());
        assert_eq!(
            (extraction.attributes.as_str(), extraction.failures.count),
            (r#"{"resource":null}"#, 1),
            "{text}"
        );
    }
}

#[test]
fn what_a_name_hides_stays_hidden_when_the_name_is_taken_out() {
    let object = json!({"env": [{"name": "DB_PASSWORD", "value": "canary"}, {"key": "token", "value": ["canary"]}],
        "password": {"deep": "canary"}, "token": null, "items": {"secret": true},
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"password\":\"canary\"}"}}});
    let left = exported(pruned(&[], &["$.env[*]['name','key']"], &[]), &object).unwrap();
    assert!(!left.to_string().contains("canary"), "{left}");
    assert_eq!((&left["token"], &left["items"]["secret"]), (&Value::Null, &json!(true)));
    assert!(left["env"][0].get("name").is_none() && left["env"][0]["value"]["redacted"] == true);
    let keys = PlanSpec { scrub_keys: vec!["Pin-Code".to_owned()], ..plan(whole()) };
    let row =
        Plan::compile(&keys).unwrap().extract(r#"{"spec":{"pin_code":"canary"}}"#, context()).attributes;
    assert!(!row.contains("canary"), "{row}");
}

#[test]
fn attributes_stand_beside_the_object_in_order() {
    for (name, want) in [
        ("a", r#"{"a":{"spec":{"x":1}},"a0":1}"#),
        ("a00", r#"{"a0":1,"a00":{"spec":{"x":1}}}"#),
        ("resource", r#"{"a0":1,"resource":{"spec":{"x":1}}}"#),
    ] {
        let resource = ResourceSpec { name: name.to_owned(), dedupe_identity: true, ..whole() };
        let plan = Plan::compile(&PlanSpec { resource: Some(resource), ..spec(&["{.spec.x}"]) }).unwrap();
        assert_eq!(plan.extract(r#" {"spec" : {"x": 1}} "#, context()).attributes, want);
    }
    let taken = ResourceSpec { name: "a0".to_owned(), ..whole() };
    assert!(Plan::compile(&PlanSpec { resource: Some(taken), ..spec(&["{.a}"]) }).is_err());
}

#[test]
fn secrets_leave_whole_only_where_that_is_allowed() {
    let secret = ObjectContext { api_version: "v1", kind: "Secret" };
    let object = r#"{"data":{"k":"canary"},"type":"Opaque"}"#;
    let over_secrets =
        |resource| PlanSpec { group: String::new(), kind: "Secret".to_owned(), ..plan(resource) };
    let errors = Plan::compile(&over_secrets(whole())).map(|_| ()).unwrap_err();
    assert!(errors[0].message.contains("allow-full-resource-export"), "{}", errors[0]);
    let allowed = Plan::compile(&over_secrets(ResourceSpec { allow_secret: true, ..whole() })).unwrap();
    assert!(allowed.extract(object, secret).attributes.contains("canary"));
    // A plan for another kind does not open a Secret.
    let row = Plan::compile(&plan(whole())).unwrap().extract(object, secret).attributes;
    assert!(!row.contains("canary") && row.contains("Opaque"), "{row}");
    // What attributes may read is another consent.
    let both = PlanSpec {
        attributes: spec(&["cel:object"]).attributes,
        ..over_secrets(ResourceSpec { allow_secret: true, ..whole() })
    };
    let row: Value =
        serde_json::from_str(&Plan::compile(&both).unwrap().extract(object, secret).attributes).unwrap();
    assert!(row["a0"].get("data").is_none() && row["resource"]["data"]["k"] == "canary", "{row}");
}

#[test]
fn hostile_objects_end_in_failures() {
    let deep = format!(r#"{{"spec":{}1{}}}"#, r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let plan = |resource| Plan::compile(&plan(resource)).unwrap();
    assert_eq!(plan(whole()).extract(&deep, context()).failures.count, 1);
    // What is taken out is not looked into.
    assert_eq!(plan(pruned(&["/spec"], &[], &[])).extract(&deep, context()).failures.count, 0);
    let wide = json!({"l": vec![json!({"x": 1}); 100_000]}).to_string();
    assert_eq!(plan(pruned(&[], &["$.l[*].x"], &[])).extract(&wide, context()).failures.count, 1);
    let pointers = format!("object.l.map(x, '/l/{}')", "0/".repeat(100));
    let many = json!({"l": vec![1; 2000], "big": "x".repeat(100_000)}).to_string();
    assert_eq!(plan(pruned(&[], &[], &[&pointers])).extract(&many, context()).failures.count, 1);
    let twice = r#"{"a":{"b":1},"c":1,"a":{"b":2,"d":3,"b":4},"c":2}"#;
    let row = plan(pruned(&["/a/b", "/c", "/apiVersion", "/kind"], &[], &[])).extract(twice, context());
    assert_eq!(row.attributes, r#"{"resource":{"a":{"d":3}}}"#);
}

/// An object, and a pointer to each value in it.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    let child = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => members.iter().for_each(|(key, member)| {
            out.push(child(key));
            pointers(member, &child(key), out);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
            out.push(child(&index.to_string()));
            pointers(item, &child(&index.to_string()), out);
        }),
        _ => {}
    }
}

fn any_object() -> impl Strategy<Value = Value> {
    let key =
        prop_oneof![Just("a"), Just("b/c"), Just("~1"), Just("0"), Just("name"), Just("value"), Just("é\"")];
    let leaf = prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!("x\\\"{")), Just(json!(true))];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    });
    value.prop_map(|value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": value}))
}

proptest! {
    #[test]
    fn without_rules_it_is_the_object(object in any_object()) {
        prop_assert_eq!(exported(whole(), &object), Ok(object));
    }

    #[test]
    fn what_a_pointer_names_is_gone_and_all_else_stays(object in any_object(), which in any::<prop::sample::Index>()) {
        let mut all = Vec::new();
        pointers(&object, "", &mut all);
        let pointer = which.get(&all);
        let mut want = object.clone();
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        match want.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(&last.replace("~1", "/").replace("~0", "~"))),
            Value::Array(items) => drop(items.remove(last.parse().unwrap())),
            _ => unreachable!(),
        }
        prop_assert_eq!(exported(pruned(&[pointer], &[], &[]), &object), Ok(want), "{}", pointer);
    }

    #[test]
    fn no_text_and_no_pointer_makes_it_panic(text in "\\{?[{}\\[\\],:\"\\\\aspec0-9.e ]{0,60}\\}?", pointer in "/[a-z0-9/~]{0,12}") {
        if let Ok(plan) = Plan::compile(&plan(pruned(&[&pointer], &["$..*[0]", "{.a[*].s}"], &["['/a']"]))) {
            let row = plan.extract(&text, context()).attributes;
            prop_assert!(serde_json::from_str::<Value>(&row).is_ok(), "{}", text);
        }
    }
}
