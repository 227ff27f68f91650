//! Stories of extraction: a path and an object go in, canonical JSON comes out.

use kollect_sink_core::ColumnType;
use serde_json::{Value, json};

use super::{AttributeSpec, ObjectContext, Plan, PlanSpec, Predicate};

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
        ("{range .items[*]}{.x}{end}", "not supported"),
        ("{.a[?(@.x==1 && @.y==2)]}", "knows no `&&`"),
        ("{.a[::-1]}", "must be positive"),
        ("{.a", "expected `}`"),
        ("$.a[?length(@.x) > 1]", "functions are not supported"),
        ("$.a[?@.x == $.y]", "may look at `@` only"),
        ("$.a-b", "segment"),
        ("helm:release.chartName", "not supported by this version"),
        ("cel:object.spec.", ""),
        ("cel:spec.replicas", "`spec` is not declared"),
        ("cel:quantity('1Gi')", "quantity() is not supported"),
        ("cel:object.metadata.name.replace('a', object.metadata.namespace)", "needs a literal"),
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
fn an_expression_that_loops_too_much_ends_in_a_failure() {
    let nested = "[0,1,2,3,4,5,6,7,8,9]";
    let source = format!(
        "cel:{nested}.all(a, {nested}.all(b, {nested}.all(c, {nested}.all(d, {nested}.all(e, {nested}.all(f, true))))))"
    );
    let error = extract(&source).unwrap_err();
    assert!(error.contains("too much work"), "{error}");
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
fn the_data_of_a_secret_stays_out_by_ten_notations() {
    let secret = json!({
        "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "canary"}},
        "data": {"k": "canary"}, "stringData": {"k": "canary"}, "type": "Opaque",
    });
    let context = ObjectContext { api_version: "v1", kind: "Secret" };
    let as_secret =
        |path: &str| PlanSpec { group: String::new(), kind: "Secret".to_owned(), ..spec(&[path]) };
    let refused = [
        "{.data.k}",
        "{.data}",
        "{['data']}",
        "$.data.k",
        "$['stringData']",
        "cel:object.data.k",
        "cel:object['data']['k']",
        "cel:has(object.data)",
        "{.Data}",
        r"{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}",
    ];
    for path in refused {
        let errors = Plan::compile(&as_secret(path)).map(|_| ()).unwrap_err();
        assert!(errors[0].message.contains("allow-secret-extraction"), "{path}: {}", errors[0]);
    }
    let stripped = [
        "{.*}",
        "{..k}",
        "$",
        "$.*",
        "$[?@.k]",
        "cel:object",
        "cel:object[object.metadata.name]",
        "cel:object['da' + 'ta']",
        "{.metadata}",
        "{.metadata.annotations}",
        "{['type','data']}",
        "cel:string(object)",
    ];
    for path in stripped {
        let Ok(plan) = Plan::compile(&as_secret(path)) else { continue };
        let attributes = plan.extract(&secret.to_string(), context).attributes;
        assert!(!attributes.contains("canary"), "{path}: {attributes}");
    }
    let allowed = PlanSpec { allow_secret_data: true, ..as_secret("{.data.k}") };
    assert!(
        Plan::compile(&allowed).unwrap().extract(&secret.to_string(), context).attributes.contains("canary")
    );
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
