//! The rules of `validate` that an API server can decide by itself, in CEL and in the same words. Rules about a piece
//! of schema that stands in many places (durations, selectors) are with that piece, in `schema` and `duration`.

use serde_json::{Value, json};

/// One rule of a kind.
struct Rule {
    /// The schema that it stands at, from the object's root: names of fields, and `[]` for the items of a list.
    at: &'static str,
    /// The field that it is about, relative to that; empty for the place itself.
    field: &'static str,
    /// What must hold.
    holds: &'static str,
    /// What is said where it does not hold.
    says: Says,
}

/// A text, or an expression that gives one.
enum Says {
    Text(&'static str),
    Expression(&'static str),
}

use Says::{Expression, Text};

const fn rule(at: &'static str, field: &'static str, holds: &'static str, says: Says) -> Rule {
    Rule { at, field, holds, says }
}

/// Adds the rules of a kind to its schema.
pub(super) fn add(kind: &str, schema: &mut Value) {
    for rule in of(kind) {
        let Some(place) = find(schema, rule.at) else { continue };
        let list = place.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(rule.to_json());
        }
    }
}

fn of(kind: &str) -> impl Iterator<Item = &'static Rule> {
    let (own, shared): (&[Rule], &[Rule]) = match kind {
        "KollectProfile" => (PROFILE, &[]),
        "KollectTarget" => (&[], TARGET),
        "KollectClusterTarget" => (CLUSTER_TARGET, TARGET),
        "KollectSnapshotSink" => (SNAPSHOT_SINK, SINK),
        "KollectDatabaseSink" => (DATABASE_SINK, SINK),
        "KollectEventSink" => (EVENT_SINK, SINK),
        "KollectConnectionTest" => (CONNECTION_TEST, &[]),
        _ => (&[], &[]),
    };
    own.iter().chain(shared)
}

fn find<'s>(schema: &'s mut Value, at: &str) -> Option<&'s mut serde_json::Map<String, Value>> {
    let mut place = schema;
    for name in at.split('.') {
        let (name, items) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
        place = place.get_mut("properties")?.get_mut(name)?;
        if items {
            place = place.get_mut("items")?;
        }
    }
    place.as_object_mut()
}

impl Rule {
    fn to_json(&self) -> Value {
        let mut json = match self.says {
            Text(text) => json!({"rule": self.holds, "message": text}),
            Expression(expression) => json!({"rule": self.holds, "messageExpression": expression}),
        };
        if let (false, Some(fields)) = (self.field.is_empty(), json.as_object_mut()) {
            fields.insert("fieldPath".into(), self.field.into());
        }
        json
    }
}

const PROFILE: &[Rule] = &[
    rule(
        "spec",
        ".attributes",
        "(has(self.export) && self.export.mode == 'Resource') || (has(self.attributes) && size(self.attributes) > 0)",
        Text("name at least one attribute, or set spec.export.mode to Resource"),
    ),
    rule(
        "spec",
        ".export.as",
        "!has(self.export) || self.export.mode != 'Resource' || !has(self.attributes) || \
         !self.attributes.exists(a, a.name == self.export.__as__)",
        Expression(r#"'"' + self.export.__as__ + '" is the name of an attribute; choose another one'"#),
    ),
    rule(
        "spec",
        ".metrics",
        "!has(self.metrics) || self.metrics.all(m, has(self.attributes) && self.attributes.exists(a, a.name == m.path))",
        Text("each path must be the name of an attribute of this profile"),
    ),
    rule(
        "spec",
        ".metrics",
        "!has(self.metrics) || self.metrics.all(m, !has(m.labels) || m.labels.all(l, has(self.attributes) && \
         self.attributes.exists(a, a.name == l)))",
        Text("each label must be the name of an attribute of this profile"),
    ),
    rule(
        "spec.attributes[]",
        ".path",
        r"self.path.matches('^\\s*(cel:|helm:release[.]|[$]|[{])') || !(self.path.contains('object.') || self.path.contains('object['))",
        Expression(r#"'write "cel:' + self.path.trim() + '" to have it evaluated as CEL'"#),
    ),
    rule(
        "spec.attributes[]",
        ".path",
        r"self.path.matches('^\\s*(cel:|helm:release[.]|[$]|[{])') || self.path.contains('object.') || self.path.contains('object[') || self.path.contains('{')",
        Text("write {.a.b} or $.a.b for JSONPath, cel:<expression> for CEL, or helm:release.<field>"),
    ),
];

const TARGET: &[Rule] = &[
    rule(
        "spec",
        ".labelSelector",
        "!has(self.resourceRules) || size(self.resourceRules) == 0 || !has(self.labelSelector)",
        Text("cannot stand beside resourceRules; move it into the rules"),
    ),
    rule(
        "spec",
        ".names",
        "!has(self.resourceRules) || size(self.resourceRules) == 0 || !has(self.names) || size(self.names) == 0",
        Text("cannot stand beside resourceRules; move it into the rules"),
    ),
];

const CLUSTER_TARGET: &[Rule] = &[rule(
    "spec.namespaceSelector",
    "",
    "(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
    Text(
        "must not be empty; to select every namespace, write matchExpressions: \
         [{key: kubernetes.io/metadata.name, operator: Exists}]",
    ),
)];

const NOT_FOR_TYPE: Says = Expression("'is not for type ' + self.type + '; remove it'");
const NEEDED: Says = Expression("'is needed for type ' + self.type");

const SNAPSHOT_SINK: &[Rule] = &[
    rule("spec", ".git", "!has(self.git) || self.type in ['git', 'gitlab']", NOT_FOR_TYPE),
    rule("spec", ".gitlab", "!has(self.gitlab) || self.type == 'gitlab'", NOT_FOR_TYPE),
    rule(
        "spec",
        ".objectStore",
        "!has(self.objectStore) || self.type in ['s3', 'gcs', 'azureblob', 'local']",
        NOT_FOR_TYPE,
    ),
    rule("spec", ".http", "!has(self.http) || self.type == 'http'", NOT_FOR_TYPE),
    rule("spec", ".endpoint", "self.type == 'local' || has(self.endpoint)", NEEDED),
    rule(
        "spec",
        ".endpoint",
        r"self.type != 'local' || !has(self.endpoint) || !(self.endpoint.contains('://') || self.endpoint.matches('^/|[\\\\[:cntrl:]]|(^|/)[.][.](/|$)'))",
        Text(
            "must be a relative path without \"..\", such as exports/apps; it is taken below the operator's \
             --local-root and the sink's namespace",
        ),
    ),
    rule(
        "spec",
        ".objectStore.format",
        "!has(self.objectStore) || !has(self.objectStore.format) || !has(self.serialization) || \
         !has(self.serialization.format) || self.objectStore.format == self.serialization.format",
        Expression(
            "'is ' + self.objectStore.format + ', and spec.serialization.format is ' + self.serialization.format + '; state one'",
        ),
    ),
    rule(
        "spec",
        ".serialization.format",
        "!has(self.serialization) || !has(self.serialization.format) || !(self.type in ['git', 'gitlab']) || \
         self.serialization.format != 'parquet'",
        Expression(
            "self.serialization.format + ' is not for type ' + self.type + '; write json, yaml, ndjson, csv'",
        ),
    ),
    rule(
        "spec",
        ".serialization.format",
        "!has(self.serialization) || !has(self.serialization.format) || self.type != 'http' || \
         self.serialization.format in ['json', 'ndjson']",
        Expression("self.serialization.format + ' is not for type ' + self.type + '; write json, ndjson'"),
    ),
];

const JSON_ONLY: Rule = rule(
    "spec",
    ".serialization.format",
    "!has(self.serialization) || !has(self.serialization.format) || self.serialization.format == 'json'",
    Expression("self.serialization.format + ' is not for type ' + self.type + '; write json'"),
);

const DATABASE_SINK: &[Rule] = &[
    rule("spec", ".postgres", "!has(self.postgres) || self.type == 'postgres'", NOT_FOR_TYPE),
    rule("spec", ".postgres", "has(self.postgres) || self.type != 'postgres'", NEEDED),
    rule("spec", ".mongodb", "!has(self.mongodb) || self.type == 'mongodb'", NOT_FOR_TYPE),
    rule("spec", ".mongodb", "has(self.mongodb) || self.type != 'mongodb'", NEEDED),
    rule("spec", ".bigquery", "!has(self.bigquery) || self.type == 'bigquery'", NOT_FOR_TYPE),
    rule("spec", ".bigquery", "has(self.bigquery) || self.type != 'bigquery'", NEEDED),
    JSON_ONLY,
];

const EVENT_SINK: &[Rule] = &[
    rule("spec", ".nats", "!has(self.nats) || self.type == 'nats'", NOT_FOR_TYPE),
    rule("spec", ".nats", "has(self.nats) || self.type != 'nats'", NEEDED),
    rule("spec", ".kafka", "!has(self.kafka) || self.type == 'kafka'", NOT_FOR_TYPE),
    rule("spec", ".kafka", "has(self.kafka) || self.type != 'kafka'", NEEDED),
    rule(
        "spec",
        ".endpoint",
        "self.type != 'nats' || !has(self.nats) || has(self.nats.url) || has(self.endpoint)",
        NEEDED,
    ),
    JSON_ONLY,
];

const RELATIVE: Says = Text("must be a relative path without \"..\"");

const SINK: &[Rule] = &[
    rule(
        "spec",
        ".cluster",
        "!has(self.cluster) || !(self.cluster in ['.', '..', '_'])",
        Text(
            "must be at most 63 letters, digits, dots, dashes and underscores, and not \".\", \"..\" or \"_\"",
        ),
    ),
    rule(
        "spec",
        ".pathTemplate",
        r"!has(self.pathTemplate) || !self.pathTemplate.matches('^/|[\\\\[:cntrl:]]|(^|/)[.][.](/|$)')",
        RELATIVE,
    ),
    rule(
        "spec",
        ".pathTemplate",
        "!has(self.pathTemplate) || self.pathTemplate.matches('^([^{}]|[{](cluster|namespace|name|generation|extension)[}])*$')",
        Text("braces may hold {cluster}, {namespace}, {name}, {generation}, {extension} and nothing else"),
    ),
    rule(
        "spec",
        ".pathTemplate",
        "!has(self.pathTemplate) || (self.pathTemplate.contains('{namespace}') && self.pathTemplate.contains('{name}'))",
        Text("must hold {namespace} and {name}, or inventories would share a path"),
    ),
    rule(
        "spec.layout",
        ".pathTemplate",
        r"!has(self.pathTemplate) || !self.pathTemplate.matches('^/|[\\\\[:cntrl:]]|(^|/)[.][.](/|$)')",
        RELATIVE,
    ),
    rule(
        "spec.layout",
        ".pathTemplate",
        "!has(self.pathTemplate) || self.pathTemplate.matches('^([^{}]|[{](cluster|namespace|name|generation|extension|targetNamespace|targetName|sourceNamespace|sourceName|group|kind|uid)[}])*$')",
        Text(
            "braces may hold {cluster}, {namespace}, {name}, {generation}, {extension}, {targetNamespace}, \
             {targetName}, {sourceNamespace}, {sourceName}, {group}, {kind}, {uid} and nothing else",
        ),
    ),
    rule(
        "spec.layout.index",
        ".pathTemplate",
        r"!has(self.pathTemplate) || !self.pathTemplate.matches('^/|[\\\\[:cntrl:]]|(^|/)[.][.](/|$)')",
        RELATIVE,
    ),
    rule(
        "spec.layout.index",
        ".pathTemplate",
        "!has(self.pathTemplate) || self.pathTemplate.matches('^([^{}]|[{](cluster|namespace|name|generation|extension)[}])*$')",
        Text("braces may hold {cluster}, {namespace}, {name}, {generation}, {extension} and nothing else"),
    ),
    rule(
        "spec.layout.index",
        ".pathTemplate",
        "!has(self.pathTemplate) || (self.pathTemplate.contains('{namespace}') && self.pathTemplate.contains('{name}'))",
        Text("must hold {namespace} and {name}, or inventories would share a path"),
    ),
    rule(
        "spec.tls",
        ".caBundle",
        "!has(self.caBundle) || !has(self.caSecretRef)",
        Text("cannot stand beside caSecretRef; remove one"),
    ),
];

const CONNECTION_TEST: &[Rule] = &[rule(
    "spec.sinkRef",
    "",
    "[has(self.snapshotSinkRef), has(self.databaseSinkRef), has(self.eventSinkRef)].filter(stated, stated).size() == 1",
    Text("name exactly one of snapshotSinkRef, databaseSinkRef and eventSinkRef"),
)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KINDS, crds};

    #[test]
    fn every_rule_stands_where_it_shall() {
        for (names, crd) in KINDS.iter().zip(crds()) {
            let schema = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
            let mut schema = serde_json::to_value(schema).unwrap();
            for rule in of(names.kind) {
                let place =
                    find(&mut schema, rule.at).unwrap_or_else(|| panic!("{}: {}", names.kind, rule.at));
                let list = place["x-kubernetes-validations"].as_array().unwrap();
                assert!(list.contains(&rule.to_json()), "{}: {}", names.kind, rule.holds);
                let about = rule.field.trim_start_matches('.');
                let field = about.split('.').next().unwrap();
                assert!(
                    about.is_empty() || place["properties"].get(field).is_some(),
                    "{}: {about}",
                    names.kind
                );
            }
        }
    }
}
