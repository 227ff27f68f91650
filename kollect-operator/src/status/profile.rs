//! Statuses of profiles. Compiling is the index's.

use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::profile::{Column, ProfileStatus};
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
                let columns = stored.object.as_ref().map(|object| object.spec.attributes.len()).unwrap_or(0);
                let message = format!("{columns} attributes of {} compiled", profile.kind);
                conditions.set(ConditionType::Ready, Status::True, Reason::Compiled, message);
                status.columns = columns_of(stored.object.as_deref().ok());
            }
            Err(violations) => {
                let paths = violations.iter().any(|violation| violation.path.contains("attributes["));
                let reason = if paths { Reason::InvalidPath } else { Reason::InvalidSpec };
                conditions.set(ConditionType::Ready, Status::False, reason, summary(violations));
            }
        }
        let (list, transitions) = conditions.finish();
        status.conditions = list;
        status.observed_generation = Some(stored.generation());
        drafts.push(Draft::new(Watched::Profile, name, stored, observed.as_ref(), &status, transitions));
    }
    drafts
}

/// Every attribute with its type; one without a stated type may hold any JSON.
fn columns_of(profile: Option<&kollect_api::KollectProfile>) -> Vec<Column> {
    let attributes = profile.map(|profile| profile.spec.attributes.as_slice()).unwrap_or_default();
    let column = |attribute: &kollect_api::profile::Attribute| Column {
        name: attribute.name.clone(),
        type_: attribute.type_.map_or("json", |type_| type_.canonical().as_str()).to_owned(),
    };
    attributes.iter().map(column).collect()
}
