//! What must not leave an object, tried by every notation that could take it out.

use serde_json::json;

use super::{context, spec};
use crate::extract::{ObjectContext, Plan, PlanSpec, Predicate};

const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn workload() -> String {
    json!({
        "metadata": {"name": "web", "annotations": {
            "example.com/api-token": "canary-1", "note": "plain",
            APPLIED: json!({"env": [{"name": "DB_PASSWORD", "value": "canary-2"}], "x": 1}).to_string(),
        }},
        "spec": {
            "env": [{"name": "DB_PASSWORD", "value": "canary-3"}, {"name": "MODE", "value": "fast"}],
            "pair": {"key": "token", "value": "canary-4"},
            "auth": {"credentials": {"user": "canary-5", "pass": ["canary-6"], "secretName": "shown"}},
            "volumes": [{"name": "v", "secret": {"secretName": "shown-too", "items": [{"key": "canary-7"}]}}],
            "password": 12345,
        },
    })
    .to_string()
}

fn attributes(paths: &[&str], object: &str) -> String {
    Plan::compile(&spec(paths))
        .unwrap_or_else(|errors| panic!("{errors:?}"))
        .extract(object, context())
        .attributes
}

#[test]
fn values_that_keys_hide_do_not_leave_by_any_path() {
    for path in [
        "{.metadata}",
        "{.metadata.annotations}",
        "{.metadata.annotations.*}",
        r"{.metadata.annotations.example\.com/api-token}",
        "$.metadata.annotations['example.com/api-token']",
        r"{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}",
        r"{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration} {.metadata.name}",
        "{.spec}",
        "{.spec.*}",
        "{.spec.env}",
        "{.spec.env[0]}",
        "{.spec.env[0].value}",
        "{.spec.env[*].value}",
        "{.spec.env[0]['value']}",
        "{.spec.env[0]['name','value']}",
        "{.spec.env[0].*}",
        r#"{.spec.env[?(@.name=="DB_PASSWORD")].value}"#,
        "{..value}",
        "$..*",
        "$",
        "{@}",
        "{.spec.env[0].value} and more",
        "{..}",
        "{['spec.password']}",
        "{['spec.auth', 'spec.password']}",
        "{.metadata.annotations['example.com/api-token']}",
        "{.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']}",
        "{..['value','key']}",
        "{range .spec.env[*]}{.value}{end}",
        "{range .spec.env[*]}{@} {end}",
        "{range .spec.auth}{range .credentials.*}{@}{end}{end}",
        "$.spec.env[?match(@.value, 'canary.*')].value",
        "$..[?search(@.value, 'canary') || @.value == $.spec.pair.value]",
        "$.spec.env[?length(@.value) == 8]",
        "{.spec}{.metadata}",
        "{.spec.pair.value}",
        "$.spec.pair['value']",
        "$.spec['pair'][?@ == 'canary-4']",
        "{.spec.auth}",
        "{.spec.auth.credentials}",
        "{.spec.auth.credentials.user}",
        "{.spec.auth.credentials.pass[0]}",
        "{.spec.auth.credentials.*}",
        "{.spec.volumes[0].secret.items[0].key}",
        "{.spec.password}",
        "cel:object",
        "cel:object.spec",
        "cel:object.spec.env[0].value",
        "cel:object['spec']['env'][0]['value']",
        "cel:object.spec.env.map(e, e.value)",
        "cel:object.spec.env.filter(e, e.name == 'DB_PASSWORD')[0].value",
        "cel:string(object.spec.env[0].value) + '!'",
        "cel:object.spec.env.map(e, string(e.?value.orValue('')))",
        "cel:[object.spec.pair.value, object.spec.?pair.?value]",
        "cel:object.spec.pair[object.metadata.name == 'web' ? 'value' : 'key']",
        "cel:object.spec.auth.credentials.user",
        "cel:object.spec.auth.credentials.pass[0]",
        "cel:object.spec.auth.credentials.map(k, object.spec.auth.credentials[k])",
        "cel:object.metadata.annotations['example.com/api-token']",
        "cel:object.metadata.annotations['example.com/' + 'api-token']",
        "cel:object.metadata.annotations.map(k, object.metadata.annotations[k])",
        "cel:object.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration'].split(' ')",
        "cel:string(object.spec.password)",
        "cel:object.spec.password",
        "cel:object.spec.volumes[0].secret.items[0].key",
        "cel:'%s'.format([object.spec.env])",
        "cel:'%s'.format([object])",
        "cel:object.spec.env.transformMap(i, e, e.value)",
        "cel:object.spec.env.transformList(i, e, e)",
        "cel:object.spec.auth.credentials.transformMapEntry(k, v, {k: v})",
        "cel:cel.bind(e, object.spec.env[0], e.value)",
        "cel:object.spec.env.first().value().value",
        "cel:string(object.spec.password).findAll('.*')",
    ] {
        let attributes = attributes(&[path], &workload());
        assert!(!attributes.contains("canary") && !attributes.contains("12345"), "{path}: {attributes}");
    }
}

#[test]
fn what_only_tells_about_a_secret_stays_readable() {
    let paths = [
        "{.spec.volumes[*].secret.secretName}",
        "{.spec.auth.credentials.secretName}",
        "cel:object.spec.volumes.filter(v, has(v.secret)).map(v, v.secret.secretName)",
        "cel:object.spec.auth.credentials.secretName",
        "{.spec.env[?(@.name==\"MODE\")].value}",
        "cel:object.spec.env.filter(e, e.name == 'MODE')[0].value",
        "{.metadata.annotations.note}",
    ];
    assert_eq!(
        attributes(&paths, &workload()),
        r#"{"a0":"shown-too","a1":"shown","a2":["shown-too"],"a3":"shown","a4":"fast","a5":"fast","a6":"plain"}"#
    );
}

#[test]
fn failures_and_errors_hold_no_value() {
    for path in [
        "cel:int(object.metadata.name)",
        "cel:object.spec.env[0].name + 1",
        "cel:{object.metadata.name: 1}['none']",
        "cel:object.spec.env[object.metadata.name]",
        "cel:timestamp(object.metadata.name)",
        "cel:duration(object.metadata.name)",
        "cel:bool(object.metadata.name)",
        "cel:object.metadata.name.substring(9)",
        "cel:object.metadata.name.matches(object.metadata.annotations.note + '(')",
        "cel:[object.metadata.name].map(x, {x: 1, x: 2})",
    ] {
        let object = json!({"metadata": {"name": "canary", "annotations": {"note": "canary"}},
            "spec": {"env": [{"name": "canary"}]}});
        let extraction = Plan::compile(&spec(&[path])).unwrap().extract(&object.to_string(), context());
        let failure = extraction.failures.last.unwrap_or_else(|| panic!("{path} did not fail"));
        assert!(!failure.to_string().contains("canary"), "{path}: {failure}");
    }
}

#[test]
fn redacted_attributes_never_show_and_count_as_json() {
    let mut wanted = spec(&["{.metadata.name}", "cel:object.metadata.name", "{.none}"]);
    wanted.attributes[0].redact = true;
    wanted.attributes[0].column_type = Some(kollect_sink_core::ColumnType::Int);
    wanted.attributes[1].name = "apiToken".to_owned();
    wanted.attributes[2].redact = true;
    let plan = Plan::compile(&wanted).unwrap();
    let gone = r#"{"reason":"sensitive-key","redacted":true}"#;
    let extraction = plan.extract(&workload(), context());
    assert_eq!(extraction.attributes, format!(r#"{{"a0":{gone},"a2":null,"apiToken":{gone}}}"#));
    assert_eq!(extraction.failures.count, 0);
    assert_eq!(plan.schema().columns()[0].column_type, kollect_sink_core::ColumnType::Json);
}

fn secret() -> String {
    json!({
        "metadata": {"name": "s", "annotations": {APPLIED: "canary", "note": "shown"}},
        "data": {"k": "canary"}, "stringData": {"k": "canary"}, "type": "Opaque",
    })
    .to_string()
}

const SECRET: ObjectContext<'_> = ObjectContext { api_version: "v1", kind: "Secret" };

fn over_secrets(path: &str) -> PlanSpec {
    PlanSpec { group: String::new(), kind: "Secret".to_owned(), ..spec(&[path]) }
}

#[test]
fn paths_into_the_data_of_a_secret_are_refused() {
    for path in [
        "{.data.k}",
        "{.data}",
        "{['data']}",
        "{['type','data']}",
        "$.data.k",
        "$['stringData']",
        "$..data",
        "{.metadata.name}{.data.k}",
        "cel:object.data.k",
        "cel:object['data']['k']",
        "cel:has(object.data)",
        "cel:has(object.data.k)",
        "cel:object.?data",
        "{.Data}",
        "{.STRINGDATA.k}",
        r"{.metadata.annotations.kubectl\.kubernetes\.io/last-applied-configuration}",
        "{.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']}",
        "{['data.k']}",
        "{['metadata.name', 'data.k']}",
        "{range .data}{.k}{end}",
        "cel:object.data.transformList(k, v, v)",
    ] {
        let errors = Plan::compile(&over_secrets(path)).map(|_| ()).unwrap_err();
        assert!(errors[0].message.contains("allow-secret-extraction"), "{path}: {}", errors[0]);
    }
}

#[test]
fn what_reads_a_secret_without_naming_its_data_does_not_find_it() {
    for path in [
        "{.*}",
        "{..k}",
        "{.*.k}",
        "$",
        "$.*",
        "$[?@.k]",
        "$[?@.k == 'canary'].k",
        "{@}",
        "{@} {.metadata}",
        "{..}",
        "{range @}{.data.k}{end}",
        "{range .*}{.k}{@}{end}",
        "$[?@ == $.data]",
        "$..[?$.data.k == 'canary']",
        "$.metadata[?match($.data.k, 'c.*')]",
        "cel:object",
        "cel:object.transformList(k, v, v)",
        "cel:object.transformMap(k, v, v)",
        "cel:object.map(k, object[k])",
        "cel:object[object.metadata.name == 's' ? 'data' : 'x']",
        "cel:object['da' + 'ta']",
        "cel:object.exists(k, k == 'data')",
        "{.metadata}",
        "{.metadata.annotations}",
        "{.metadata.annotations.*}",
        "cel:object.metadata.annotations",
        "cel:'%s'.format([object])",
    ] {
        let plan = Plan::compile(&over_secrets(path)).unwrap();
        let attributes = plan.extract(&secret(), SECRET).attributes;
        assert!(!attributes.contains("canary"), "{path}: {attributes}");
        // The same plan over the same object in another letter case.
        let shouted = secret().replace("\"data\"", "\"DATA\"").replace("stringData", "StringData");
        assert!(!plan.extract(&shouted, SECRET).attributes.contains("canary"), "{path}");
    }
    let plan = Plan::compile(&over_secrets("cel:object.exists(k, k == 'data')")).unwrap();
    assert_eq!(plan.extract(&secret(), SECRET).attributes, r#"{"a0":false}"#);
}

#[test]
fn a_plan_for_another_kind_does_not_open_a_secret() {
    let plan =
        Plan::compile(&spec(&["{.data.k}", "{.data}", "cel:object.data.k", "{.metadata.annotations.note}"]))
            .unwrap();
    let attributes = plan.extract(&secret(), SECRET).attributes;
    assert_eq!(attributes, r#"{"a0":null,"a1":null,"a2":null,"a3":"shown"}"#);
}

#[test]
fn who_is_allowed_reads_the_data_and_others_the_data_of_other_kinds() {
    let allowed = PlanSpec { allow_secret_data: true, ..over_secrets("{.data.k}") };
    assert_eq!(Plan::compile(&allowed).unwrap().extract(&secret(), SECRET).attributes, r#"{"a0":"canary"}"#);
    let other = PlanSpec { group: "example.com".to_owned(), ..over_secrets("{.data.k}") };
    let context = ObjectContext { api_version: "example.com/v1", kind: "Secret" };
    assert_eq!(Plan::compile(&other).unwrap().extract(&secret(), context).attributes, r#"{"a0":"canary"}"#);
}

#[test]
fn a_condition_cannot_probe_secrets() {
    let matches =
        |source: &str, object: &str, context| Predicate::compile(source).unwrap().matches(object, context);
    for source in ["has(object.data)", "object.exists(k, k.lowerAscii() == 'data')"] {
        assert_eq!(matches(source, &secret(), SECRET), Ok(false), "{source}");
    }
    assert!(matches("object.data.k.startsWith('c')", &secret(), SECRET).is_err());
    assert_eq!(matches("object.spec.env[0].value == 'canary-3'", &workload(), context()), Ok(false));
    assert_eq!(matches("object.spec.env[1].value == 'fast'", &workload(), context()), Ok(true));
}
