//! Stories of extraction: a path and an object go in, canonical JSON comes out.

use kollect_sink_core::ColumnType;
use serde_json::{Value, json};

use super::{AttributeSpec, ObjectContext, Plan, PlanSpec, Predicate};

mod book;
mod helm;
mod hostile;
mod oracle;
mod resource;
mod secrecy;

fn spec(paths: &[&str]) -> PlanSpec {
    PlanSpec {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        attributes: paths
            .iter()
            .enumerate()
            .map(|(index, path)| AttributeSpec {
                name: format!("a{index}"),
                path: (*path).to_owned(),
                column_type: None,
                optional: false,
                redact: false,
            })
            .collect(),
        ..PlanSpec::default()
    }
}

fn context() -> ObjectContext<'static> {
    ObjectContext { api_version: "apps/v1", kind: "Deployment" }
}

fn object() -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app.kubernetes.io/name": "web", "tier": "front"}},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [
            {"name": "app", "image": "shop/web:1", "ports": [{"containerPort": 80}, {"containerPort": 443}],
             "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
            {"name": "sidecar", "image": "mesh:2"},
        ]}}},
        "status": {"readyReplicas": 2},
    })
}

/// What one path gives: a value, or the reason of the failure.
fn extract(path: &str) -> Result<Value, String> {
    let plan = Plan::compile(&spec(&[path])).map_err(|errors| errors[0].to_string())?;
    let extraction = plan.extract(&object().to_string(), context());
    match extraction.failures.last {
        Some(failure) => Err(failure.to_string()),
        None => Ok(serde_json::from_str::<Value>(&extraction.attributes).unwrap()["a0"].clone()),
    }
}

#[test]
fn jsonpath_reads_what_kubectl_reads() {
    let table = [
        ("{.spec.replicas}", json!(3)),
        (".spec.replicas", json!(3)),
        ("{ .metadata.name }", json!("web")),
        ("{.spec.template.spec.containers[*].image}", json!(["shop/web:1", "mesh:2"])),
        ("{.spec.template.spec.containers[0].image}", json!("shop/web:1")),
        ("{.spec.template.spec.containers[-1].name}", json!("sidecar")),
        ("{.spec.template.spec.containers[0:1].name}", json!("app")),
        ("{.spec.template.spec.containers[0,1].name}", json!(["app", "sidecar"])),
        ("{.metadata.labels['app.kubernetes.io/name']}", json!("web")),
        (r"{.metadata.labels.app\.kubernetes\.io/name}", json!("web")),
        ("{.metadata['name','namespace']}", json!(["web", "shop"])),
        (r#"{.spec.template.spec.containers[?(@.name=="sidecar")].image}"#, json!("mesh:2")),
        (r#"{.spec.template.spec.containers[?(@.ports)].name}"#, json!("app")),
        (r#"{.spec.template.spec.containers[?(@.none!="x")].name}"#, json!(null)),
        ("{..containerPort}", json!([80, 443])),
        ("{.spec.none.deeper}", json!(null)),
        ("{.metadata.namespace}/{.metadata.name}", json!("shop/web")),
        (r#"{.metadata.name}{": "}{.spec.replicas}"#, json!("web: 3")),
        ("{.kind}", json!("Deployment")),
        ("{.apiVersion}", json!("apps/v1")),
        ("$.spec.replicas", json!(3)),
        ("$['spec']['replicas']", json!(3)),
        (
            "$.spec.template.spec.containers[?@.name == 'app' && @.ports[1].containerPort > 400].image",
            json!("shop/web:1"),
        ),
        ("$.spec.template.spec.containers[?!@.ports].name", json!("sidecar")),
        ("$.spec.template.spec.containers[::-1].name", json!(["sidecar", "app"])),
        ("$..containers[?@.none != 1].name", json!(["app", "sidecar"])),
        ("$..containers[?@.none <= @.neither].name", json!(["app", "sidecar"])),
        ("$..containers[?@.none < @.neither].name", json!(null)),
    ];
    for (path, expected) in table {
        assert_eq!(extract(path), Ok(expected), "{path}");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_a_hint() {
    let table = [
        ("object.spec.replicas", "cel:object.spec.replicas"),
        ("spec.replicas", "write `{.spec.replicas}`"),
        ("{range .items[*]}{.x}", "needs an `{end}`"),
        ("{.a[?(@.x==1 && @.y==2)]}", "knows no `&&`, `||` and `!`"),
        ("{.a[::-1]}", "must be positive"),
        ("{.a", "expected `}`"),
        ("$.a[?len(@.x) > 1]", "no function of RFC 9535"),
        ("$.a[?length(@.*) > 1]", "a path to one value"),
        ("$.a-b", "segment"),
        ("helm:release.chartName", "Secrets and ConfigMaps"),
        ("cel:object.spec.", ""),
        ("cel:spec.replicas", "`spec` is not declared"),
        ("cel:quantity('1Gi')", "no JSON form"),
        ("cel:quantity('x')", "quantity() takes a quantity such as 500m"),
        ("cel:math.none(1)", "math.none() is not supported"),
        ("cel:object.a.all(i, i, i == 1)", "two names"),
        ("cel:object.a.exists(object, true)", "another name"),
        ("cel:object.a.matches('(')", "regular expression"),
        ("cel:Pod{name: 'x'}", "not supported"),
        ("cel:[1].extract('x')", "extract() is not supported; use find()"),
    ];
    for (path, hint) in table {
        let error = extract(path).unwrap_err();
        assert!(error.contains(hint), "{path}: {error}");
    }
}

#[test]
fn cel_reads_what_kubernetes_users_write() {
    let table = [
        ("object.spec.replicas > 2 ? 'large' : 'small'", json!("large")),
        ("has(object.spec.paused)", json!(false)),
        ("has(object.status.readyReplicas)", json!(true)),
        ("has(object.spec.paused) && object.spec.paused", json!(false)),
        ("object.spec.template.spec.containers.map(c, c.image)", json!(["shop/web:1", "mesh:2"])),
        ("object.spec.template.spec.containers.exists(c, c.name == 'sidecar')", json!(true)),
        ("object.spec.template.spec.containers.filter(c, c.name.startsWith('s')).size()", json!(1)),
        ("object.metadata.labels['app.kubernetes.io/name'].upperAscii()", json!("WEB")),
        ("object.metadata.?annotations.orValue({})", json!({})),
        ("{'ready': object.status.readyReplicas == object.spec.replicas}", json!({"ready": false})),
        ("object.metadata.name.matches('^w.b$')", json!(true)),
        ("object.kind + '/' + object.metadata.name", json!("Deployment/web")),
        ("double(object.spec.replicas) / 2.0", json!(1.5)),
        ("timestamp('2026-01-02T03:04:05Z')", json!("2026-01-02T03:04:05Z")),
        ("duration('1h30m')", json!("5400s")),
        ("b'hi'", json!("aGk=")),
        ("size(object.metadata.labels)", json!(2)),
        ("type(object.spec.replicas) == int", json!(true)),
        ("object.metadata.?none.?deeper.orValue('x')", json!("x")),
        ("object.?metadata.name.orValue('x')", json!("web")),
        ("object.metadata[?'none'].hasValue()", json!(false)),
        ("object.metadata.?labels.optMap(l, size(l)).orValue(0)", json!(2)),
        ("has(object.spec.template.spec.containers[0].ports)", json!(true)),
        ("object.spec.template.spec.containers[1].?ports.orValue([])", json!([])),
        ("object.spec.template.spec.containers.filter(c, has(c.ports))[0].name", json!("app")),
        ("object.spec.template.spec.containers.map(c, has(c.ports), c.name)", json!(["app"])),
        ("object.spec.template.spec.containers.exists_one(c, c.name == 'app')", json!(true)),
        ("object.spec.template.spec.containers.map(c, c.image.split(':')[1]).join('+')", json!("1+2")),
        ("object.spec.template.spec.containers.map(c, c.name).sort().reverse()", json!(["sidecar", "app"])),
        (
            "object.spec.template.spec.containers.sortBy(c, c.image).map(c, c.image)",
            json!(["mesh:2", "shop/web:1"]),
        ),
        ("[3, 1, 3].distinct()", json!([3, 1])),
        ("[[1], [2, 3]].flatten()", json!([1, 2, 3])),
        ("lists.range(3).map(i, i * i)", json!([0, 1, 4])),
        ("math.greatest(1, object.spec.replicas, 2)", json!(3)),
        ("'%s has %d'.format([object.metadata.name, object.spec.replicas])", json!("web has 3")),
        ("object.metadata.name.replace('e', '__').indexOf('b')", json!(3)),
        ("'a-b-c'.replace('-', '', 1)", json!("ab-c")),
        ("'a-b-a'.lastIndexOf('a')", json!(4)),
        ("['a', 'b'].join()", json!("ab")),
        ("'web' in ['web', 'db'] && 'tier' in object.metadata.labels", json!(true)),
        ("object.metadata.labels == {'app.kubernetes.io/name': 'web', 'tier': 'front'}", json!(true)),
        ("object.metadata.labels.all(k, object.metadata.labels[k].matches('^[a-z]+$'))", json!(true)),
        ("'aXb'.matches('x') || 'aXb'.matches('(?i)x')", json!(true)),
        ("object.metadata.name + '-' + string(object.spec.replicas)", json!("web-3")),
        ("[1, 2] + [3]", json!([1, 2, 3])),
        ("duration('90s') + duration('1m')", json!("150s")),
        ("timestamp('2026-01-02T03:04:05.5+01:00').getHours('UTC')", json!(2)),
        ("base64.encode(b'hi') + string(base64.decode('aGk='))", json!("aGk=hi")),
        ("object.metadata.name == 1", json!(false)),
        ("has(object.metadata.namespace) ? object.metadata.namespace : 'none'", json!("shop")),
        ("object.spec.none == 1 || true", json!(true)),
        ("null", json!(null)),
        ("{1: 'a', true: 'b'}", json!({"1": "a", "true": "b"})),
    ];
    for (source, expected) in table {
        assert_eq!(extract(&format!("cel:{source}")), Ok(expected), "{source}");
    }
}

#[test]
fn a_failing_expression_names_no_value() {
    for source in [
        "object.spec.none",
        "object.metadata.name + 1",
        "object.spec.replicas / 0",
        "1.0 / 0.0",
        "[1][object.spec.replicas]",
        "int(object.metadata.name)",
    ] {
        let error = extract(&format!("cel:{source}")).unwrap_err();
        assert!(!error.contains("web") || source.contains("web"), "{source}: {error}");
    }
}

#[test]
fn one_failing_attribute_leaves_the_others() {
    let plan = Plan::compile(&spec(&["cel:object.spec.none", "{.spec.replicas}"])).unwrap();
    let extraction = plan.extract(&object().to_string(), context());
    assert_eq!(extraction.attributes, r#"{"a0":null,"a1":3}"#);
    assert_eq!(extraction.failures.count, 1);
}

#[test]
fn optional_leaves_out_and_otherwise_null() {
    let mut wanted = spec(&["{.none}", "{.none}"]);
    wanted.attributes[1].optional = true;
    let plan = Plan::compile(&wanted).unwrap();
    assert_eq!(plan.extract("{}", context()).attributes, r#"{"a0":null}"#);
}

#[test]
fn a_stated_type_is_met_or_counted() {
    let mut wanted = spec(&["{.spec.replicas}", "{.metadata.name}"]);
    wanted.attributes[0].column_type = Some(ColumnType::String);
    wanted.attributes[1].column_type = Some(ColumnType::Int);
    let plan = Plan::compile(&wanted).unwrap();
    let extraction = plan.extract(&object().to_string(), context());
    assert_eq!(extraction.attributes, r#"{"a0":"3","a1":null}"#);
    assert_eq!(extraction.failures.count, 1);
    assert_eq!(plan.schema().columns().len(), 2);
}

#[test]
fn the_row_does_not_depend_on_how_the_object_was_written() {
    let plan = Plan::compile(&spec(&[
        "{.metadata}",
        "cel:object.metadata",
        "{.spec.template.spec.containers[0].ports}",
    ]))
    .unwrap();
    let compact = object().to_string();
    let pretty = serde_json::to_string_pretty(&object()).unwrap();
    assert_eq!(plan.extract(&compact, context()), plan.extract(&pretty, context()));
}

/// Attributes of an object given as text.
fn row(paths: &[&str], object: &str) -> String {
    Plan::compile(&spec(paths)).unwrap().extract(object, context()).attributes
}

#[test]
fn of_a_repeated_key_the_last_value_counts_in_every_notation() {
    let object = r#"{"spec":{"a":1,"b":[{"c":1}]},"kind":"X","spec":{"a":2,"a":3,"b":[{"c":4,"c":5}]}}"#;
    let paths = [
        "{.spec.a}",
        "$.spec['a']",
        "cel:object.spec.a",
        "{.spec.b[0].c}",
        "$..c",
        "{.spec.b}",
        "cel:object.spec.b[0].c",
    ];
    assert_eq!(row(&paths, object), r#"{"a0":3,"a1":3,"a2":3,"a3":5,"a4":5,"a5":[{"c":5}],"a6":5}"#);
}

#[test]
fn numbers_keep_their_digits() {
    let object = r#"{"a":123456789012345678901234567890,"b":18446744073709551615,"c":1.10,"d":-0}"#;
    let paths = ["{.a}", "{.b}", "cel:object.b", "{.c}", "$.d", "{.a}/{.c}"];
    assert_eq!(
        row(&paths, object),
        r#"{"a0":123456789012345678901234567890,"a1":18446744073709551615,"a2":18446744073709551615,"a3":1.1,"a4":0,"a5":"123456789012345678901234567890/1.1"}"#
    );
}

#[test]
fn maps_are_walked_in_the_order_of_their_keys() {
    let object = r#"{"m":{"z":1,"b":2,"a":3,"y":4,"c":5,"x":6}}"#;
    let paths = ["cel:object.m.map(k, k)", "{.m.*}", "$..*", "cel:{'q': 1, 'p': 2, 'r': 3}.map(k, k)"];
    let first = row(&paths, object);
    assert_eq!(
        first,
        r#"{"a0":["a","b","c","x","y","z"],"a1":[3,2,5,6,4,1],"a2":["apps/v1","Deployment",{"a":3,"b":2,"c":5,"x":6,"y":4,"z":1},3,2,5,6,4,1],"a3":["p","q","r"]}"#
    );
    for _ in 0..20 {
        assert_eq!(row(&paths, object), first);
    }
}

#[test]
fn what_an_object_is_comes_from_its_context_in_every_notation() {
    let object = r#"{"kind":"Liar","apiVersion":"v0","metadata":{}}"#;
    let paths = [
        "{.kind}",
        "$['apiVersion']",
        "cel:object.kind",
        "cel:object['api' + 'Version']",
        "{.kind}@{.apiVersion}",
        "{..kind}",
        "cel:has(object.kind)",
    ];
    assert_eq!(
        row(&paths, object),
        r#"{"a0":"Deployment","a1":"apps/v1","a2":"Deployment","a3":"apps/v1","a4":"Deployment@apps/v1","a5":"Deployment","a6":true}"#
    );
    assert_eq!(row(&paths, r#"{"metadata":{}}"#), row(&paths, object));
}

#[test]
fn a_list_is_a_list_however_many_it_has() {
    let mut wanted = spec(&["{.a[*].b}", "{.a[*].b}", "{.c}", "{.d}"]);
    for index in [0, 2, 3] {
        wanted.attributes[index].column_type = Some(ColumnType::List);
    }
    let plan = Plan::compile(&wanted).unwrap();
    let attributes = |object: &str| plan.extract(object, context()).attributes;
    assert_eq!(
        attributes(r#"{"a":[{"b":["x"]}],"c":["y"],"d":"z"}"#),
        r#"{"a0":[["x"]],"a1":["x"],"a2":["y"],"a3":["z"]}"#
    );
    assert_eq!(attributes(r#"{"a":[]}"#), r#"{"a0":null,"a1":null,"a2":null,"a3":null}"#);
}

#[test]
fn optional_expressions_may_read_what_is_not_there() {
    let mut wanted =
        spec(&["cel:object.spec.none", "cel:object.spec.none.deeper", "cel:object.?none", "cel:1 / 0"]);
    wanted.attributes.iter_mut().for_each(|attribute| attribute.optional = true);
    let extraction = Plan::compile(&wanted).unwrap().extract(&object().to_string(), context());
    assert_eq!((extraction.attributes.as_str(), extraction.failures.count), (r#"{"a3":null}"#, 1));
}

#[test]
fn secrets_by_name_are_scrubbed_wherever_they_stand() {
    let plan = Plan::compile(&spec(&[
        "{.spec.template}",
        "cel:object.spec.template",
        "{..env}",
        "{.metadata.name}",
    ]))
    .unwrap();
    let extraction = plan.extract(&object().to_string(), context());
    assert!(!extraction.attributes.contains("hunter2"));
    assert!(extraction.attributes.contains("web"));
    let mut named = spec(&["{.metadata.name}"]);
    named.attributes[0].name = "apiToken".to_owned();
    let plan = Plan::compile(&named).unwrap();
    assert!(plan.extract(&object().to_string(), context()).attributes.contains("redacted"));
}

#[test]
fn poisoned_objects_cost_bounded_work_and_end_in_failures() {
    let plan =
        Plan::compile(&spec(&["{.spec.replicas}", "cel:object.spec.replicas + 1", "{.spec}"])).unwrap();
    let deep = format!(r#"{{"spec":{}1{}}}"#, r#"{"a":"#.repeat(5000), "}".repeat(5000));
    for text in ["", "[]", "{", "nonsense", r#"{"spec":}"#, r#"{"spec":{"replicas":"x"}}"#, &deep] {
        let extraction = plan.extract(text, context());
        assert!(serde_json::from_str::<Value>(&extraction.attributes).is_ok(), "{text:.40}");
        assert!(extraction.failures.count > 0, "{text:.40}");
    }
}

#[test]
fn a_condition_matches_or_says_why_it_cannot() {
    let matches =
        |source: &str| Predicate::compile(source).unwrap().matches(&object().to_string(), context());
    assert_eq!(matches("object.spec.replicas > 2"), Ok(true));
    assert_eq!(matches("object.metadata.name == 'db'"), Ok(false));
    assert!(matches("object.spec.none == 1").is_err());
    assert!(matches("object.spec.replicas").is_err());
    assert!(Predicate::compile("object.spec.").is_err());
}

/// Equal as JSON, where `1` is `1.0`.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|((a, left), (b, right))| a == b && same(left, right))
        }
        (left, right) => left == right,
    }
}
