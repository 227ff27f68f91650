//! Decoding of one stored object at a time, with the path of what is wrong. Watching is not here.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::structure;
use crate::validate::Violation;

/// Decodes one object of a kind, if it fits the schema of the kind that it says it is.
///
/// A null in an object counts as absent, as an API server reads it. Unknown fields are ignored. What was stored as
/// status by another version and cannot be read is left out, field by field: a status is ours to write again.
///
/// # Errors
///
/// The first field that does not fit the schema or its type, by its path (such as `spec.attributes[2].type`).
pub fn decode<K: DeserializeOwned>(value: &Value) -> Result<K, Violation> {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    match structure::check(kind, value).into_iter().next() {
        Some(violation) => Err(violation),
        None => read(value),
    }
}

/// As [`decode`], whatever the schema says.
pub(crate) fn read<K: DeserializeOwned>(value: &Value) -> Result<K, Violation> {
    let mut value = value.clone();
    drop_nulls(&mut value);
    loop {
        let error = match serde_path_to_error::deserialize::<_, K>(&value) {
            Ok(object) => return Ok(object),
            Err(error) => error,
        };
        let path = error.path().to_string();
        if !leave_out_status(&mut value, &path) {
            return Err(Violation::new(path, error.into_inner().to_string()));
        }
    }
}

/// Removes the top-level field of the status that `path` leads into, or the whole status; false for another path.
fn leave_out_status(value: &mut Value, path: &str) -> bool {
    let Some(object) = value.as_object_mut() else { return false };
    let mut keys = path.split(['.', '[']);
    if keys.next() != Some("status") {
        return false;
    }
    match (keys.next(), object.get_mut("status").and_then(Value::as_object_mut)) {
        (Some(key), Some(status)) => status.remove(key).is_some(),
        _ => object.remove("status").is_some(),
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{KollectInventory, KollectProfile, KollectTarget};

    fn profile(spec: Value) -> Result<KollectProfile, Violation> {
        decode(&json!({"apiVersion": "kollect.dev/v1alpha1", "kind": "KollectProfile",
            "metadata": {"name": "p", "namespace": "n"}, "spec": spec}))
    }

    #[test]
    fn an_error_names_the_field() {
        let gvk = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
        let table = [
            (
                json!({"targetGVK": gvk, "attributes": [{"name": "a", "path": "$.a"}, {"name": "b", "path": "$.b", "type": "blob"}]}),
                "spec.attributes[1].type",
            ),
            (json!({"targetGVK": gvk, "attributes": {}}), "spec.attributes"),
            (json!({"targetGVK": {"version": "v1"}}), "spec.targetGVK.kind"),
            (json!({}), "spec.targetGVK"),
            (json!({"targetGVK": gvk, "export": {"mode": "resource"}}), "spec.export.mode"),
        ];
        for (spec, path) in table {
            assert_eq!(profile(spec.clone()).unwrap_err().path, path, "{spec}");
        }
    }

    #[test]
    fn an_error_inside_a_sink_ref_names_its_index_and_key() {
        let wrong = json!({"metadata": {}, "spec": {"eventSinkRefs": ["a", {"name": "b", "exportMinInterval": "25h"}]}});
        let violation = decode::<KollectInventory>(&wrong).unwrap_err();
        assert_eq!(violation.path, "spec.eventSinkRefs[1].exportMinInterval");
        assert!(violation.message.contains("out of range"), "{violation}");
    }

    #[test]
    fn what_no_schema_can_refuse_in_a_list_of_sinks_is_refused_here() {
        for wrong in [json!(true), Value::Null] {
            let stored = json!({"metadata": {}, "spec": {"databaseSinkRefs": ["a", wrong]}});
            let violation = decode::<KollectInventory>(&stored).unwrap_err();
            assert_eq!(violation.path, "spec.databaseSinkRefs[1]");
            assert!(violation.message.contains("expected the name of a sink"), "{violation}");
        }
    }

    #[test]
    fn nulls_are_absent_and_unknown_fields_ignored() {
        let target: KollectTarget =
            decode(&json!({"metadata": {}, "spec": {"profileRef": "p", "suspend": null, "labelSelector": null, "new": 1}}))
                .unwrap();
        assert_eq!(target.spec, crate::target::TargetSpec { profile_ref: "p".into(), ..Default::default() });
    }

    #[test]
    fn a_foreign_status_does_not_hide_the_object() {
        let target: KollectTarget = decode(&json!({"metadata": {}, "spec": {"profileRef": "p"},
            "status": {"collectedCount": "many", "observedGeneration": 3, "conditions": [{"type": "Ready"}]}}))
        .unwrap();
        let status = target.status.unwrap();
        assert_eq!((status.observed_generation, status.collected_count), (Some(3), None));
        let target: KollectTarget =
            decode(&json!({"metadata": {}, "spec": {"profileRef": "p"}, "status": "x"})).unwrap();
        assert_eq!(target.status, None);
    }
}
