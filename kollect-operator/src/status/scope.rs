//! Statuses of scopes. What they deny is told by those whom they deny it.

use std::collections::BTreeSet;

use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::scope::{Ceiling, ScopeStatus};
use kollect_api::{KollectClusterScope, KollectScope};

use super::Facts;
use super::draft::{Conditions, Draft};
use crate::index::Objects;
use crate::reconcile::feed::Watched;

/// Drafts for all scopes.
pub fn drafts(facts: &Facts<'_>) -> Vec<Draft> {
    let mut drafts = of_kind(facts, Watched::Scope, &facts.index.scopes, |scope: &KollectScope| {
        (scope.status.clone(), said(&scope.spec.ceiling(), "of this namespace"))
    });
    let cluster = &facts.index.cluster_scopes;
    drafts.extend(of_kind(facts, Watched::ClusterScope, cluster, |scope: &KollectClusterScope| {
        (scope.status.clone(), said(&scope.spec.ceiling(), "of all namespaces"))
    }));
    drafts
}

fn of_kind<K: serde::de::DeserializeOwned>(
    facts: &Facts<'_>,
    kind: Watched,
    objects: &Objects<K>,
    see: impl Fn(&K) -> (Option<ScopeStatus>, String),
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, stored) in objects.iter() {
        let (observed, limits) = match &stored.object {
            Ok(scope) => {
                let (observed, limits) = see(scope);
                (observed, Ok(limits))
            }
            Err(violation) => (None, Err(violation)),
        };
        let before = observed.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let mut conditions = Conditions::new(before, stored.generation(), facts.now);
        let (status, reason, message) = match (limits, facts.resolution.ceilings.shadowing(name)) {
            (Err(violation), _) => {
                let message =
                    format!("{violation}; until it is mended, everything under this scope is denied");
                (Status::False, Reason::InvalidSpec, message)
            }
            (Ok(_), Some(other)) => {
                let message = format!(
                    "has no effect: {other} rules here, the first by name; put both into one, and delete the other"
                );
                (Status::False, Reason::Shadowed, message)
            }
            (Ok(limits), None) => (Status::True, Reason::Compiled, limits),
        };
        conditions.set(ConditionType::Ready, status, reason, message);
        let (list, transitions) = conditions.finish();
        let status = ScopeStatus { conditions: list, observed_generation: Some(stored.generation()) };
        drafts.push(Draft::new(kind, name, &stored.meta, observed.as_ref(), &status, transitions));
    }
    drafts
}

/// What a scope limits, in a few words.
fn said(ceiling: &Ceiling<'_>, whose: &str) -> String {
    let [snapshot, database, event] = ceiling.sinks.map(BTreeSet::len);
    let limits = [
        ("to", ceiling.allowed_gvks.len(), "kind"),
        ("to", ceiling.allowed_namespaces.len(), "namespace"),
        ("away from", ceiling.denied_namespaces.len(), "namespace"),
        ("to", snapshot, "snapshot sink"),
        ("to", database, "database sink"),
        ("to", event, "event sink"),
    ];
    let mut parts: Vec<String> = limits
        .iter()
        .filter(|(_, count, _)| *count > 0)
        .map(|(to, count, what)| format!("{to} {count} {what}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if let Some(least) = ceiling.min_export_interval {
        parts.push(format!("to an interval of {least} or more"));
    }
    if parts.is_empty() {
        return format!("rules targets and inventories {whose}, and limits nothing");
    }
    format!("limits targets and inventories {whose} {}", parts.join(", "))
}
