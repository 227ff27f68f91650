//! Objects of Kollect's own kinds, as JSON: decoded, judged and written again. It reads no YAML.

use kollect_api::{
    KollectClusterInventory, KollectClusterScope, KollectClusterTarget, KollectConnectionTest,
    KollectDatabaseSink, KollectEventSink, KollectInventory, KollectProfile, KollectScope,
    KollectSnapshotSink, KollectTarget, Validate, decode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Whatever the object: no panic, and what is read is written so that it reads the same.
pub(crate) fn run(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    if value.get("apiVersion").and_then(Value::as_str) != Some("kollect.dev/v1alpha1") {
        return;
    }
    // The schema is that of the kind which the object names.
    match value.get("kind").and_then(Value::as_str) {
        Some("KollectProfile") => both::<KollectProfile>(&value),
        Some("KollectTarget") => both::<KollectTarget>(&value),
        Some("KollectClusterTarget") => both::<KollectClusterTarget>(&value),
        Some("KollectInventory") => both::<KollectInventory>(&value),
        Some("KollectClusterInventory") => both::<KollectClusterInventory>(&value),
        Some("KollectSnapshotSink") => both::<KollectSnapshotSink>(&value),
        Some("KollectDatabaseSink") => both::<KollectDatabaseSink>(&value),
        Some("KollectEventSink") => both::<KollectEventSink>(&value),
        Some("KollectScope") => both::<KollectScope>(&value),
        Some("KollectClusterScope") => both::<KollectClusterScope>(&value),
        Some("KollectConnectionTest") => both::<KollectConnectionTest>(&value),
        _ => {}
    }
}

fn both<K: DeserializeOwned + Serialize + Validate>(value: &Value) {
    let Ok(object) = decode::<K>(value) else { return };
    let violations = object.validate();
    let written = serde_json::to_value(&object).unwrap_or_default();
    let again = decode::<K>(&written);
    assert!(again.is_ok(), "does not read again: {:?}", again.err());
    let Ok(again) = again else { return };
    // Unknown keys of a sink's reference are judged and not written.
    assert!(again.validate().iter().all(|found| violations.contains(found)), "judged differently");
    assert_eq!(serde_json::to_value(&again).ok(), Some(written), "written differently");
}
