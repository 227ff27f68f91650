//! Statuses of targets. Collecting is the engine's.

use std::collections::BTreeSet;

use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::target::TargetStatus;
use kollect_sink_core::{Pattern, Target, Text};
use kollect_snapshot::knowledge::Why;

use super::Facts;
use super::draft::{Conditions, Draft, time};
use crate::engine::{CompiledTarget, Kind};
use crate::index::{InventoryPhase, ResolvedTarget};
use crate::reconcile::feed::Watched;
use crate::watch::{Refusal, WatchState};

/// Lists of namespaces in a status are cut here; the count beside them is whole.
const NAMESPACES_SHOWN: usize = 100;

/// Namespaces that a message names.
const NAMESPACES_NAMED: usize = 10;

/// Drafts for all targets.
pub fn drafts(facts: &Facts<'_>) -> Vec<Draft> {
    let served = served(facts);
    let mut drafts = Vec::new();
    for (name, resolved) in &facts.resolution.targets {
        let Some(stored) = facts.index.targets.get(name) else { continue };
        let observed = stored.object.as_ref().ok().and_then(|target| target.status.clone());
        let target = name.to_target();
        let mut status =
            TargetStatus { observed_generation: Some(stored.generation()), ..TargetStatus::default() };
        let before = observed.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let mut conditions = Conditions::new(before, stored.generation(), facts.now);
        set_conditions(facts, resolved, &target, &mut conditions);
        let reason =
            if served.contains(&target) { Reason::SinksReachable } else { Reason::NoSinksInNamespace };
        let message = match reason {
            Reason::SinksReachable => "an inventory exports this target",
            _ => "no inventory of this namespace exports this target; rows are collected and kept in memory",
        };
        conditions.set(ConditionType::SinkReachable, Status::True, reason, message);
        let (list, transitions) = conditions.finish();
        status.conditions = list;
        counts(facts, resolved, &target, observed.as_ref(), &mut status);
        drafts.push(Draft::new(Watched::Target, name, stored, observed.as_ref(), &status, transitions));
    }
    drafts
}

/// The targets that some active inventory exports.
fn served(facts: &Facts<'_>) -> BTreeSet<Target> {
    let active = facts
        .resolution
        .inventories
        .values()
        .filter(|inventory| inventory.phase == InventoryPhase::Active && !inventory.exports.is_empty());
    active.flat_map(|inventory| inventory.members.iter().cloned()).collect()
}

fn set_conditions(
    facts: &Facts<'_>,
    resolved: &ResolvedTarget,
    target: &Target,
    conditions: &mut Conditions,
) {
    let (ready, degraded, reason, message) = match resolved {
        ResolvedTarget::Collecting(compiled) => collecting(facts, compiled, target),
        ResolvedTarget::Suspended => {
            (false, false, Reason::Suspended, "suspended; rows collected earlier stay".to_owned())
        }
        ResolvedTarget::Blocked { reason, message } => (false, true, *reason, message.clone()),
    };
    let status = |holds: bool| if holds { Status::True } else { Status::False };
    conditions.set(ConditionType::Ready, status(ready), reason, message.clone());
    conditions.set(ConditionType::Synced, status(ready), reason, message.clone());
    conditions.set(ConditionType::Degraded, status(degraded), reason, message);
}

/// Ready, degraded, reason and message of a target that is collected.
fn collecting(facts: &Facts<'_>, compiled: &CompiledTarget, target: &Target) -> (bool, bool, Reason, String) {
    let namespaces = &facts.engine.namespaces;
    let covers = |name: &Text| compiled.selection.selects_namespace(name, &namespaces.get(name));
    let mut partly = Vec::new();
    for kind in compiled.watched() {
        match facts.watches.get(kind, target, covers) {
            WatchState::Missing => {
                let message = format!("the API server does not serve {kind}; collection starts when it does");
                return (false, true, Reason::KindNotFound, message);
            }
            WatchState::ClusterScoped => {
                let message = format!(
                    "objects of {kind} belong to no namespace, and a KollectTarget collects from namespaces; \
                     use a KollectClusterTarget. Rows collected earlier stay"
                );
                return (false, true, Reason::InvalidSpec, message);
            }
            WatchState::Forbidden(refusal) => {
                let message = format!("listing {kind} is forbidden: {}", granting(kind, &refusal));
                return (false, true, Reason::AccessDenied, message);
            }
            WatchState::Failing(said) => {
                let message = format!("the watch of {kind} is interrupted and will be resumed: {said}");
                return (false, false, Reason::Syncing, message);
            }
            WatchState::Starting => {
                return (false, false, Reason::Syncing, format!("listing {kind}"));
            }
            WatchState::Partly(refusal, denied) => partly.push(format!(
                "listing {kind} is forbidden in {}, whose rows stay as they are; the other namespaces are collected: {}",
                some(&denied),
                granting(kind, &refusal)
            )),
            WatchState::Live => {}
        }
    }
    let pending = |gap: &(Pattern, Why)| gap.1 == Why::Pending;
    if facts.engine.store().gaps(target).iter().any(pending) {
        return (false, false, Reason::Syncing, "listing the objects of this target".to_owned());
    }
    if !partly.is_empty() {
        return (true, false, Reason::ScopeForbidden, partly.join("; "));
    }
    let kinds: Vec<String> = compiled.watched().map(ToString::to_string).collect();
    let mut message = format!("following {}", kinds.join(", "));
    if !compiled.selection.withheld().is_empty() {
        let scopes = facts.resolution.ceilings.names(&target.namespace);
        message.push_str(&format!(
            " where {scopes} allows it; rows that were exported from elsewhere stay until this target no longer \
             asks for them (by includedNamespaces or excludedNamespaces)"
        ));
    }
    (true, false, Reason::Collecting, message)
}

/// The names of some namespaces; of many, the first and how many more.
fn some(names: &[Text]) -> String {
    let (shown, more) = names.split_at(names.len().min(NAMESPACES_NAMED));
    let shown = shown.join(", ");
    if more.is_empty() { shown } else { format!("{shown} and {} more", more.len()) }
}

/// What to grant, as YAML that can be pasted into the rules of a ClusterRole or a Role.
fn granting(kind: &Kind, refusal: &Refusal) -> String {
    format!(
        "{}. To grant it, add to a role's rules:\n- apiGroups: [\"{}\"]\n  resources: [\"{}\"]\n  verbs: [\"list\", \"watch\"]",
        refusal.said, kind.group, refusal.resource
    )
}

fn counts(
    facts: &Facts<'_>,
    resolved: &ResolvedTarget,
    target: &Target,
    observed: Option<&TargetStatus>,
    status: &mut TargetStatus,
) {
    let rows = facts.engine.store().counts(target).rows;
    status.collected_count = Some(rows);
    status.collected_count_updated_at = match observed {
        Some(before) if before.collected_count == Some(rows) => before.collected_count_updated_at.clone(),
        _ => Some(time(facts.now)),
    };
    let ResolvedTarget::Collecting(compiled) = resolved else { return };
    status.extraction_failures = Some(compiled.stats.failures());
    status.last_extraction_error = compiled.stats.last();
    status.active_resource_rules = Some(compiled.selection.rule_kinds().count() as u64);
    let namespaces = &facts.engine.namespaces;
    let mut matched = namespaces.names();
    matched.retain(|name| compiled.selection.matches_namespace(&namespaces.get(name)));
    let mut effective = matched.clone();
    effective.retain(|name| compiled.selection.selects_namespace(name, &namespaces.get(name)));
    status.matched_namespaces_count = Some(matched.len() as u64);
    status.effective_namespaces_count = Some(effective.len() as u64);
    status.matched_namespaces = matched.into_iter().take(NAMESPACES_SHOWN).collect();
    status.effective_namespaces = effective.into_iter().take(NAMESPACES_SHOWN).collect();
}
