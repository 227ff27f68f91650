//! What the schema of a kind says about one object, in the words of an API server. Rules that relate fields to each
//! other are `validate`'s.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::crds;
use crate::validate::Violation;

/// Every field of the object's spec that breaks the schema of its kind. Empty for a kind that is not ours. Nulls count
/// as absent; fields that the schema does not know are passed over.
pub(crate) fn check(kind: &str, object: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    let Some(schema) = schemas().get(kind) else { return found };
    let spec = schema.get("properties").and_then(|fields| fields.get("spec"));
    match (spec, object.get("spec").filter(|spec| !spec.is_null())) {
        (Some(schema), Some(spec)) => Check { found: &mut found }.value("spec", schema, spec),
        (Some(_), None) if requires(schema, "spec") => {
            found.push(Violation::new("spec", "Required value"));
        }
        _ => {}
    }
    found
}

/// Every field of the object that its kind does not have, with the fields that stand in its place.
pub(crate) fn unknown_fields(kind: &str, object: &Value) -> Vec<Unknown> {
    let mut found = Vec::new();
    let Some(schema) = schemas().get(kind) else { return found };
    for (name, value) in object.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" | "metadata" | "status" => {}
            "spec" => {
                if let Some(schema) = schema.get("properties").and_then(|fields| fields.get("spec")) {
                    unknown("spec", schema, value, &mut found);
                }
            }
            other => found.push(Unknown {
                path: other.to_owned(),
                known: ["apiVersion", "kind", "metadata", "spec"].map(str::to_owned).to_vec(),
            }),
        }
    }
    found
}

/// Whether a violation keeps an API server from asking further rules, since the object may not have what they look at.
pub(crate) fn hides_rules(violation: &Violation) -> bool {
    ["Required value", "must be of type", "Unsupported value", "Too long", "Too many"]
        .iter()
        .any(|start| violation.message.starts_with(start))
}

/// A field that a kind does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// Its path.
    pub(crate) path: String,
    /// The names that it could have.
    pub(crate) known: Vec<String>,
}

fn unknown(path: &str, schema: &Value, value: &Value, found: &mut Vec<Unknown>) {
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let open = flag(schema, "x-kubernetes-preserve-unknown-fields");
            for (name, value) in fields {
                let inner = known.and_then(|known| known.get(name));
                let path = format!("{path}.{name}");
                match (inner, schema.get("additionalProperties"), known) {
                    (Some(inner), _, _) | (None, Some(inner), _) => unknown(&path, inner, value, found),
                    (None, None, Some(known)) if !open => {
                        found.push(Unknown { path, known: known.keys().cloned().collect() });
                    }
                    _ => {}
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                unknown(&format!("{path}[{index}]"), schema, item, found);
            }
        }
        _ => {}
    }
}

fn schemas() -> &'static HashMap<String, Value> {
    static SCHEMAS: OnceLock<HashMap<String, Value>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let named = crds().into_iter().filter_map(|crd| {
            let version = crd.spec.versions.into_iter().next()?;
            let schema = version.schema?.open_api_v3_schema?;
            Some((crd.spec.names.kind, serde_json::to_value(schema).ok()?))
        });
        named.collect()
    })
}

fn requires(schema: &Value, field: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|name| name == field))
}

fn flag(schema: &Value, keyword: &str) -> bool {
    schema.get(keyword) == Some(&Value::Bool(true))
}

struct Check<'f> {
    found: &'f mut Vec<Violation>,
}

impl Check<'_> {
    fn say(&mut self, path: &str, message: impl Into<String>) {
        self.found.push(Violation::new(path, message));
    }

    fn value(&mut self, path: &str, schema: &Value, value: &Value) {
        if let Some(wanted) = schema.get("type").and_then(Value::as_str)
            && !is_of(value, wanted)
        {
            self.say(path, format!("must be of type {wanted}: \"{}\"", type_of(value)));
            return;
        }
        match value {
            Value::String(text) => self.text(path, schema, text),
            Value::Number(_) => self.number(path, schema, value),
            Value::Array(items) => self.list(path, schema, items),
            Value::Object(fields) => self.object(path, schema, fields),
            Value::Bool(_) | Value::Null => {}
        }
        let Some(allowed) = schema.get("enum").and_then(Value::as_array) else { return };
        if !allowed.contains(value) {
            let words: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            self.say(path, format!("Unsupported value: {value}: supported values: {}", words.join(", ")));
        }
    }

    fn text(&mut self, path: &str, schema: &Value, text: &str) {
        let length = text.chars().count() as u64;
        let bound = |keyword| schema.get(keyword).and_then(Value::as_u64);
        if let Some(most) = bound("maxLength").filter(|most| length > *most) {
            self.say(path, format!("Too long: may not be more than {most} bytes"));
        } else if let Some(least) = bound("minLength").filter(|least| length < *least) {
            self.say(path, format!("should be at least {least} chars long"));
        } else if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
            && !matches(pattern, text)
        {
            self.say(path, format!("should match '{pattern}'"));
        }
    }

    fn number(&mut self, path: &str, schema: &Value, value: &Value) {
        // Without a type the bounds are there to refuse every number: see `schema::sink_refs`.
        if schema.get("type").is_none() {
            self.say(path, "must be the name of a sink, or an object with the field name");
            return;
        }
        let number = value.as_f64().unwrap_or_default();
        let bound = |keyword| schema.get(keyword).and_then(Value::as_f64);
        if let Some(least) = bound("minimum").filter(|least| number < *least) {
            self.say(path, format!("should be greater than or equal to {least}"));
        }
        if let Some(most) = bound("maximum").filter(|most| number > *most) {
            self.say(path, format!("should be less than or equal to {most}"));
        }
    }

    fn list(&mut self, path: &str, schema: &Value, items: &[Value]) {
        let length = items.len() as u64;
        if schema.get("type").is_none() {
            self.say(path, "must be the name of a sink, or an object with the field name");
            return;
        }
        if let Some(most) = schema.get("maxItems").and_then(Value::as_u64).filter(|most| length > *most) {
            self.say(path, format!("Too many: {length}: must have at most {most} items"));
        }
        if let Some(least) = schema.get("minItems").and_then(Value::as_u64).filter(|least| length < *least) {
            self.say(path, format!("should have at least {least} items"));
        }
        let Some(inner) = schema.get("items") else { return };
        for (index, item) in items.iter().enumerate() {
            self.value(&format!("{path}[{index}]"), inner, item);
        }
        self.duplicates(path, schema, items);
    }

    fn duplicates(&mut self, path: &str, schema: &Value, items: &[Value]) {
        let keys: Vec<Value> = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => items.to_vec(),
            Some("map") => {
                let names = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
                let key = |item: &Value| {
                    let parts =
                        names.iter().filter_map(|name| Some(((*name).to_owned(), item.get(name)?.clone())));
                    Value::Object(parts.collect::<Map<_, _>>())
                };
                items.iter().map(key).collect()
            }
            _ => return,
        };
        for (index, key) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|earlier| earlier == key) {
                self.say(&format!("{path}[{index}]"), format!("Duplicate value: {key}"));
            }
        }
    }

    fn object(&mut self, path: &str, schema: &Value, fields: &Map<String, Value>) {
        let count = fields.len() as u64;
        if let Some(most) = schema.get("maxProperties").and_then(Value::as_u64).filter(|most| count > *most) {
            self.say(path, format!("Too many: {count}: must have at most {most} items"));
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if fields.get(name).is_none_or(Value::is_null) {
                self.say(&format!("{path}.{name}"), "Required value");
            }
        }
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            let known = schema.get("properties").and_then(|known| known.get(name));
            if let Some(inner) = known.or_else(|| schema.get("additionalProperties")) {
                self.value(&format!("{path}.{name}"), inner, value);
            }
        }
    }
}

/// Patterns are ours, and few: each is compiled once. One that cannot be compiled refuses nothing.
fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: OnceLock<std::sync::Mutex<HashMap<String, Option<regex::Regex>>>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(Default::default);
    let mut compiled = compiled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let known = compiled.entry(pattern.to_owned()).or_insert_with(|| regex::Regex::new(pattern).ok());
    known.as_ref().is_none_or(|regex| regex.is_match(text))
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
