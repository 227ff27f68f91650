//! Profiles, compiled once. It does not know which targets use them.

use kollect_api::profile::{Attribute, ExportMode, Include, MetricSpec};
use kollect_api::{KollectProfile, Validate, Violation, labels};
use kollect_snapshot::extract::{
    AttributeSpec, CompileError, Plan, PlanSpec, PruneSpec, ResourceSpec, Sections, Subject,
};
use kube::ResourceExt;

use super::defaults::CollectionDefaults;
use super::kind::Kind;

/// A profile that compiled.
#[derive(Debug)]
pub struct CompiledProfile {
    /// Namespace and name, as in metrics.
    pub name: String,
    /// The kind that the profile is about.
    pub kind: Kind,
    /// The extraction plan.
    pub plan: Plan,
    /// The gauges that are made from rows.
    pub gauges: Vec<Gauge>,
}

/// A gauge that is made from an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    /// Name of the series.
    pub series: String,
    /// The attribute with the number.
    pub attribute: String,
    /// The attributes that become labels.
    pub labels: Vec<String>,
}

impl CompiledProfile {
    /// Compiles a profile for its own kind.
    ///
    /// # Errors
    /// Every attribute that does not compile, by the path of its field.
    pub fn compile(profile: &KollectProfile, defaults: &CollectionDefaults) -> Result<Self, Vec<Violation>> {
        let kind = Kind::from(&profile.spec.target_gvk);
        Self::compile_for(profile, kind, defaults)
    }

    /// Compiles a profile's attributes for another kind, as resource rules may ask.
    ///
    /// # Errors
    /// As [`CompiledProfile::compile`].
    pub fn compile_for(
        profile: &KollectProfile,
        kind: Kind,
        defaults: &CollectionDefaults,
    ) -> Result<Self, Vec<Violation>> {
        let violations = profile.validate();
        if !violations.is_empty() {
            return Err(violations);
        }
        let annotated = |key: &str| profile.annotations().get(key).is_some_and(|value| value == labels::TRUE);
        let (attributes, export) = (&profile.spec.attributes, &profile.spec.export);
        let spec = PlanSpec {
            group: kind.group.to_string(),
            version: kind.version.to_string(),
            kind: kind.kind.to_string(),
            attributes: attributes.iter().map(attribute).collect(),
            scrub_keys: defaults.scrub_keys.iter().chain(&export.prune.scrub_keys).cloned().collect(),
            allow_secret_data: annotated(labels::ALLOW_SECRET_EXTRACTION),
            resource: (export.mode == ExportMode::Resource).then(|| ResourceSpec {
                name: export.as_.clone(),
                sections: sections(export.include),
                dedupe_identity: export.dedupe_identity,
                prune: prune(&export.prune),
                allow_secret: annotated(labels::ALLOW_FULL_RESOURCE_EXPORT),
            }),
        };
        let plan = Plan::compile(&spec).map_err(|errors| {
            let violation =
                |error: CompileError| Violation::new(field(&error.subject, attributes), error.to_string());
            errors.into_iter().map(violation).collect::<Vec<_>>()
        })?;
        let gauge = |metric: &MetricSpec| Gauge {
            series: metric.name.clone(),
            attribute: metric.path.clone(),
            labels: metric.labels.iter().cloned().collect(),
        };
        let name = format!("{}/{}", profile.namespace().unwrap_or_default(), profile.name_any());
        Ok(Self { name, kind, plan, gauges: profile.spec.metrics.iter().map(gauge).collect() })
    }
}

/// The field of a profile that a compile error is about.
fn field(subject: &Subject, attributes: &[Attribute]) -> String {
    match subject {
        Subject::Attribute(name) => {
            let index = attributes.iter().position(|one| one.name == *name).unwrap_or(0);
            format!("spec.attributes[{index}].path")
        }
        Subject::Attributes | Subject::Condition => "spec.attributes".to_owned(),
        Subject::Resource => "spec.export.mode".to_owned(),
        Subject::ResourceName => "spec.export.as".to_owned(),
        Subject::Pointer(index) => format!("spec.export.prune.jsonPointers[{index}]"),
        Subject::Path(index) => format!("spec.export.prune.jsonPaths[{index}]"),
        Subject::Expression(index) => format!("spec.export.prune.cel[{index}]"),
    }
}

fn sections(include: Include) -> Sections {
    match include {
        Include::MetadataOnly => Sections::Metadata,
        Include::SpecOnly => Sections::Spec,
        Include::StatusOnly => Sections::Status,
        Include::SpecAndStatus => Sections::SpecAndStatus,
        Include::All => Sections::All,
    }
}

fn prune(prune: &kollect_api::profile::PruneSpec) -> PruneSpec {
    PruneSpec {
        defaults: prune.defaults,
        pointers: prune.json_pointers.clone(),
        paths: prune.json_paths.clone(),
        expressions: prune.cel.clone(),
    }
}

fn attribute(attribute: &Attribute) -> AttributeSpec {
    AttributeSpec {
        name: attribute.name.clone(),
        path: attribute.path.clone(),
        column_type: attribute.type_.map(crate::convert::column_type),
        optional: attribute.optional,
        redact: attribute.redact,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn compile(spec: Value, annotations: Value) -> Result<CompiledProfile, Vec<String>> {
        let profile = json!({"metadata": {"name": "p", "annotations": annotations}, "spec": spec});
        let profile: KollectProfile = kollect_api::decode(&profile).unwrap();
        CompiledProfile::compile(&profile, &CollectionDefaults::default())
            .map_err(|violations| violations.into_iter().map(|violation| violation.path).collect())
    }

    #[test]
    fn what_does_not_compile_is_named_by_its_field() {
        let gvk = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
        let export = |export: Value| json!({"targetGVK": gvk, "export": export});
        let prune = |prune: Value| export(json!({"mode": "Resource", "prune": prune}));
        let table = [
            (
                json!({"targetGVK": gvk, "attributes": [{"name": "a", "path": "{.a}"}, {"name": "b", "path": "{.b"}]}),
                "spec.attributes[1].path",
            ),
            (prune(json!({"jsonPointers": ["/a", "b"]})), "spec.export.prune.jsonPointers[1]"),
            (prune(json!({"jsonPaths": ["$.a", "$.b["]})), "spec.export.prune.jsonPaths[1]"),
            (prune(json!({"cel": ["["]})), "spec.export.prune.cel[0]"),
            (export(json!({"mode": "Resource", "as": "token"})), "spec.export.as"),
            (
                json!({"targetGVK": {"version": "v1", "kind": "Secret"}, "export": {"mode": "Resource"}}),
                "spec.export.mode",
            ),
        ];
        for (spec, path) in table {
            assert_eq!(compile(spec.clone(), json!({})).map(|_| ()), Err(vec![path.to_owned()]), "{spec}");
        }
        // What Attributes mode does not use is not judged.
        let unused = json!({"targetGVK": gvk, "attributes": [{"name": "a", "path": "{.a}"}],
            "export": {"prune": {"jsonPointers": ["b"]}}});
        assert!(compile(unused, json!({})).is_ok());
    }

    #[test]
    fn annotations_consent_to_secrets() {
        let gvk = json!({"version": "v1", "kind": "Secret"});
        let whole = json!({"targetGVK": gvk, "export": {"mode": "Resource"}});
        let values = json!({"targetGVK": gvk, "attributes": [{"name": "a", "path": "helm:release.config"}]});
        for (spec, annotation) in
            [(whole, labels::ALLOW_FULL_RESOURCE_EXPORT), (values, labels::ALLOW_SECRET_EXTRACTION)]
        {
            assert!(compile(spec.clone(), json!({annotation: "yes"})).is_err(), "{spec}");
            assert!(compile(spec.clone(), json!({annotation: "true"})).is_ok(), "{spec}");
        }
    }
}
