//! Profiles, compiled once. It does not know which targets use them.

use std::collections::BTreeMap;

use kollect_api::profile::Attribute;
use kollect_api::{KollectProfile, Validate, Violation, labels};
use kollect_snapshot::extract::{AttributeSpec, Plan, PlanSpec};
use kube::ResourceExt;

use super::defaults::CollectionDefaults;
use super::kind::Kind;

/// A profile that compiled.
#[derive(Debug)]
pub struct CompiledProfile {
    /// The kind that the profile is about.
    pub kind: Kind,
    /// The extraction plan.
    pub plan: Plan,
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
        let mut violations = profile.validate();
        if !violations.is_empty() {
            return Err(violations);
        }
        let annotations: &BTreeMap<String, String> = profile.annotations();
        let allow_secret_data = annotations.get(labels::ALLOW_SECRET_EXTRACTION).is_some_and(|v| v == "true");
        let spec = PlanSpec {
            group: kind.group.to_string(),
            version: kind.version.to_string(),
            kind: kind.kind.to_string(),
            attributes: profile.spec.attributes.iter().map(attribute).collect(),
            scrub_keys: defaults.scrub_keys.clone(),
            allow_secret_data,
        };
        match Plan::compile(&spec) {
            Ok(plan) => Ok(Self { kind, plan }),
            Err(errors) => {
                violations.extend(errors.into_iter().map(|error| {
                    let index =
                        spec.attributes.iter().position(|one| one.name == error.attribute).unwrap_or(0);
                    Violation::new(format!("spec.attributes[{index}].path"), error.to_string())
                }));
                Err(violations)
            }
        }
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
