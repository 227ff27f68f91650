//! Releases of Helm: the first byte says how far the rest is packed already. It checks no values.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use kollect_snapshot::extract::{AttributeSpec, ObjectContext, Plan, PlanSpec};
use serde_json::{Value, json};

const FIELDS: [&str; 9] = [
    "releaseName",
    "namespace",
    "revision",
    "status",
    "lastDeployed",
    "chartName",
    "chartVersion",
    "appVersion",
    "config",
];

/// Whatever is stored as a release: no panic, a row with every field, and the same each time.
pub(crate) fn run(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    let stored = match how % 4 {
        // The text of the Secret itself.
        0 => String::from_utf8_lossy(rest).into_owned(),
        1 => BASE64_STANDARD.encode(rest),
        2 => BASE64_STANDARD.encode(BASE64_STANDARD.encode(rest)),
        _ => BASE64_STANDARD.encode(BASE64_STANDARD.encode(zipped(rest))),
    };
    let (kind, object) = if how & 4 == 0 {
        ("Secret", json!({"type": "helm.sh/release.v1", "data": {"release": stored}}))
    } else {
        ("ConfigMap", json!({"metadata": {"labels": {"owner": "helm"}}, "data": {"release": stored}}))
    };
    let attribute = |field: &&str| AttributeSpec {
        name: (*field).to_owned(),
        path: format!("helm:release.{field}"),
        column_type: None,
        optional: false,
        redact: false,
    };
    let spec = PlanSpec {
        kind: kind.to_owned(),
        attributes: FIELDS.iter().map(attribute).collect(),
        allow_secret_data: true,
        ..PlanSpec::default()
    };
    let plan = Plan::compile(&spec);
    assert!(plan.is_ok(), "{plan:?}");
    let Ok(plan) = plan else { return };
    let context = ObjectContext { api_version: "v1", kind };
    let object = object.to_string();
    let extraction = plan.extract(&object, context);
    assert_eq!(extraction, plan.extract(&object, context), "not the same twice");
    let row = serde_json::from_str::<Value>(&extraction.attributes).unwrap_or_default();
    assert_eq!(
        row.as_object().map(serde_json::Map::len),
        Some(FIELDS.len()),
        "no JSON, or a field is missing"
    );
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // What is written to memory is always written.
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}
