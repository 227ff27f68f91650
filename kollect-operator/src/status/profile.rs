//! Statuses of profiles. Compiling is the index's.

use kollect_api::KollectProfile;
use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::profile::{Attribute, AttributeType, Column, ExportMode, ProfileStatus};
use kollect_api::validate::summary;

use super::Facts;
use super::draft::{Conditions, Draft};
use crate::reconcile::feed::Watched;

/// Drafts for all profiles.
pub fn drafts(facts: &Facts<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, outcome) in &facts.resolution.profiles {
        let Some(stored) = facts.index.profiles.get(name) else { continue };
        let observed = stored.object.as_ref().ok().and_then(|profile| profile.status.clone());
        let mut status = ProfileStatus::default();
        let before = observed.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let mut conditions = Conditions::new(before, stored.generation(), facts.now);
        match outcome {
            Ok(profile) => {
                status.columns = columns_of(stored.object.as_deref().ok());
                let count = status.columns.len();
                let attributes = if count == 1 { "attribute" } else { "attributes" };
                let message = format!("{count} {attributes} of {} compiled", profile.kind);
                conditions.set(ConditionType::Ready, Status::True, Reason::Compiled, message);
            }
            Err(violations) => {
                let compiled = ["spec.attributes[", "spec.export.prune."];
                let paths = violations
                    .iter()
                    .any(|violation| compiled.iter().any(|start| violation.path.starts_with(start)));
                let reason = if paths { Reason::InvalidPath } else { Reason::InvalidSpec };
                conditions.set(ConditionType::Ready, Status::False, reason, summary(violations));
            }
        }
        let (list, transitions) = conditions.finish();
        status.conditions = list;
        status.observed_generation = Some(stored.generation());
        drafts.push(Draft::new(
            Watched::Profile,
            name,
            &stored.meta,
            observed.as_ref(),
            &status,
            transitions,
        ));
    }
    drafts
}

/// Every attribute with its type, and the object where rows hold it. One without a stated type may hold any JSON.
fn columns_of(profile: Option<&KollectProfile>) -> Vec<Column> {
    let Some(KollectProfile { spec, .. }) = profile else { return Vec::new() };
    let column = |attribute: &Attribute| Column {
        name: attribute.name.clone(),
        type_: attribute.type_.map_or("json", |type_| type_.canonical().as_str()).to_owned(),
    };
    let resource = (spec.export.mode == ExportMode::Resource)
        .then(|| Column { name: spec.export.as_.clone(), type_: AttributeType::Map.as_str().to_owned() });
    spec.attributes.iter().map(column).chain(resource).collect()
}
