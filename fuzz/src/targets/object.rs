//! Whole objects: the input is one, and is read in every way there is. It checks them against one another.

use kollect_snapshot::canonical;
use kollect_snapshot::extract::{
    AttributeSpec, ObjectContext, Plan, PlanSpec, PruneSpec, ResourceSpec, Sections,
};
use kollect_snapshot::object::ObjectHead;
use serde_json::Value;

const PATHS: [&str; 8] = [
    "{.metadata.name}",
    "{.spec.containers[*].image}",
    "{.spec.containers[?(@.name==\"app\")].ports[0].port}",
    "$..name",
    "$.metadata.labels['a.b/c']",
    "{.metadata.namespace}/{.metadata.name}",
    "cel:object.metadata.?labels.orValue({})",
    "cel:has(object.spec.replicas) && object.spec.replicas > 1",
];

/// Whatever the object: no panic, JSON, the same each time and however it is written.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let attribute = |(index, path): (usize, &&str)| AttributeSpec {
        name: format!("a{index}"),
        path: (*path).to_owned(),
        column_type: None,
        optional: false,
        redact: false,
    };
    let resource = ResourceSpec {
        name: "resource".to_owned(),
        sections: Sections::All,
        dedupe_identity: true,
        prune: PruneSpec { defaults: true, ..PruneSpec::default() },
        allow_secret: false,
    };
    let spec = PlanSpec {
        attributes: PATHS.iter().enumerate().map(attribute).collect(),
        resource: Some(resource),
        ..PlanSpec::default()
    };
    let plan = Plan::compile(&spec);
    assert!(plan.is_ok(), "{plan:?}");
    let Ok(plan) = plan else { return };
    for context in [
        ObjectContext { api_version: "v1", kind: "Pod" },
        ObjectContext { api_version: "v1", kind: "Secret" },
    ] {
        let extraction = plan.extract(text, context);
        let row = serde_json::from_str::<Value>(&extraction.attributes).unwrap_or_default();
        assert_eq!(
            row.as_object().map(serde_json::Map::len),
            Some(PATHS.len() + 1),
            "no JSON, or an attribute is missing"
        );
        assert_eq!(
            canonical::from_str(&extraction.attributes).as_ref(),
            Ok(&extraction.attributes),
            "not canonical"
        );
        // The canonical text of the object is the same object.
        if let Ok(canonical) = canonical::from_str(text) {
            assert_eq!(
                extraction,
                plan.extract(&canonical, context),
                "written differently, it reads differently"
            );
        }
    }
    let head = ObjectHead::parse(text);
    if let Ok(canonical) = canonical::from_str(text) {
        assert_eq!(head, ObjectHead::parse(&canonical), "the head reads differently");
    }
}
