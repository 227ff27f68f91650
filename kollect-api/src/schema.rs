//! Pieces of the kinds' OpenAPI schemas that derives cannot express, and the last pass that makes a schema structural.
//! Rules in CEL that only one kind has are in `crd::rules`.

use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::duration::{self, Duration};
use crate::reference::Cadence;

/// An API group: empty for the core group.
pub(crate) const GROUP: &str = r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$";
/// An API version.
pub(crate) const VERSION: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?$";
/// A kind.
pub(crate) const KIND: &str = "^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$";
/// A kind, or `*` for every kind of the group.
pub(crate) const KIND_OR_ANY: &str = r"^(\*|[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?)$";
/// A DNS-1123 label.
pub(crate) const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A DNS-1123 subdomain.
pub(crate) const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The name of a source cluster.
pub(crate) const CLUSTER: &str = "^[A-Za-z0-9._-]*$";

/// What a pattern asks for, in words.
pub(crate) fn describe(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        GROUP => "an API group such as apps, or empty for the core group",
        VERSION => "an API version such as v1",
        KIND => "a kind such as Deployment",
        KIND_OR_ANY => "a kind such as Deployment, or * for every kind of the group and version",
        LABEL => {
            "a DNS-1123 label: lower-case letters, digits and dashes, with a letter or digit at both ends"
        }
        SUBDOMAIN => {
            "a DNS-1123 name: lower-case letters, digits, dashes and dots, with a letter or digit at both ends"
        }
        CLUSTER => "letters, digits, dots, dashes and underscores",
        duration::PATTERN => "a number and a unit, such as 30s or 1h30m",
        _ => return None,
    })
}

/// An item of a sink reference list. It has no `type`, and each rule beside binds only values of its own JSON type:
/// strings and objects pass, numbers meet an empty range, lists an impossible length. Booleans and nulls cannot be refused
/// this way: decoding names them.
pub(crate) fn sink_refs(generator: &mut SchemaGenerator) -> Schema {
    let name = json!({"type": "string", "minLength": 1, "maxLength": 253, "pattern": SUBDOMAIN,
        "description": "Name of the sink."});
    let namespace = json!({"type": "string", "minLength": 1, "maxLength": 63, "pattern": LABEL,
        "description": "Namespace of the sink, in cluster kinds only; absent is spec.sinkNamespace."});
    let mut interval = generator.subschema_for::<Duration>();
    // The list has no type, so that no rule in CEL can stand in it.
    interval.remove("x-kubernetes-validations");
    interval.insert("description".into(), "Overrides the sink's and the inventory's interval.".into());
    let mut cadence = generator.subschema_for::<Cadence>();
    cadence.insert(
        "description".into(),
        "When to write: OnChange writes a changed payload at once; Interval makes exportMinInterval a minimum between writes."
            .into(),
    );
    cadence.insert("default".into(), json!(Cadence::default()));
    let bytes = json!({"type": "integer", "format": "int64", "minimum": 1,
        "description": "Bytes after which a document of a snapshot sink is split; data is never dropped."});
    json_schema!({
        "type": "array",
        "maxItems": 20,
        "items": {
            "description": "The name of a sink, or an object with its name and settings of this one reference.",
            "x-kubernetes-preserve-unknown-fields": true,
            "minLength": 1, "maxLength": 253, "pattern": SUBDOMAIN,
            "minimum": 0, "exclusiveMinimum": true, "maximum": 0, "exclusiveMaximum": true,
            "minItems": 1, "maxItems": 0,
            "maxProperties": 16,
            "required": ["name"],
            "properties": {
                "name": name, "namespace": namespace, "exportMinInterval": interval, "maxExportBytes": bytes,
                "cadence": cadence,
            },
        },
    })
}

/// A map of short texts.
pub(crate) fn texts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 1024},
    })
}

/// A `metav1.LabelSelector`.
pub(crate) fn label_selector(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {"matchLabels": match_labels(generator), "matchExpressions": match_expressions(generator)},
    })
}

/// The labels of a selector: all must be equal.
pub(crate) fn match_labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Labels that must be equal, all of them.",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 63},
    })
}

/// The expressions of a selector: all must hold.
pub(crate) fn match_expressions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "description": "Expressions that must hold, all of them.",
        "maxItems": 64,
        "x-kubernetes-list-type": "atomic",
        "items": {
            "type": "object",
            "required": ["key", "operator"],
            "x-kubernetes-validations": [
                {"rule": "!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)",
                    "message": "In and NotIn need values"},
                {"rule": "!(self.operator in ['Exists', 'DoesNotExist']) || !has(self.values) || size(self.values) == 0",
                    "message": "Exists and DoesNotExist take no values"},
            ],
            "properties": {
                "key": {"type": "string", "minLength": 1, "maxLength": 317, "description": "Label that the expression is about."},
                "operator": {"type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                    "description": "How the label relates to the values."},
                "values": {"type": "array", "maxItems": 256, "x-kubernetes-list-type": "atomic",
                    "items": {"type": "string", "maxLength": 63},
                    "description": "Values of In and NotIn; absent with Exists and DoesNotExist."},
            },
        },
    })
}

/// A list of `metav1.Condition`, one per type.
pub(crate) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let time = time(generator);
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {"type": "string", "minLength": 1, "maxLength": 316, "description": "What the condition is about."},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it holds."},
                "reason": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "Why, in one word.",
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"},
                "message": {"type": "string", "maxLength": 32768, "description": "Why, for a reader."},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0,
                    "description": "Generation of the object that was judged."},
                "lastTransitionTime": time,
            },
        },
    })
}

/// A `metav1.Time`.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// The schema of a kind, as an API server takes it.
pub(crate) fn structural<K: JsonSchema>() -> Schema {
    schemars::generate::SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(WithoutNull)
        .with_transform(kube::core::schema::StructuralSchemaRewriter)
        .into_generator()
        .into_root_schema_for::<K>()
}

/// Takes `null` out of a schema: an API server drops a null where none is allowed, and fills the default.
/// A field's own description wins over that of its type. Formats that an API server does not know are replaced.
#[derive(Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(inner) = optional(schema) {
            for (key, value) in inner {
                if schema.get(&key).is_none() {
                    schema.insert(key, value);
                }
            }
            schema.remove("anyOf");
        }
        schema.remove("nullable");
        schema.remove("title");
        if schema.get("default").is_some_and(Value::is_null) {
            schema.remove("default");
        }
        if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            values.retain(|value| !value.is_null());
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("uint64" | "uint") => schema.insert("format".into(), "int64".into()),
            Some("uint8" | "uint16" | "uint32" | "int8" | "int16") => {
                schema.insert("format".into(), "int32".into())
            }
            _ => None,
        };
        transform_subschemas(self, schema);
    }
}

/// The first of `anyOf: [X, null]`.
fn optional(schema: &Schema) -> Option<serde_json::Map<String, Value>> {
    match schema.get("anyOf")?.as_array()?.as_slice() {
        [inner, null]
            if null.get("nullable") == Some(&Value::Bool(true)) && null.get("properties").is_none() =>
        {
            inner.as_object().cloned()
        }
        _ => None,
    }
}
