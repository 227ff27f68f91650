//! Statuses of targets. Collecting is the engine's.

use std::collections::{BTreeMap, BTreeSet};

use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::target::TargetStatus;
use kollect_sink_core::{Pattern, Target, Text};
use kollect_snapshot::knowledge::Why;

use super::Facts;
use super::draft::{Conditions, Draft, time};
use crate::engine::{CompiledTarget, Failing, Kind};
use crate::index::{InventoryPhase, ObjectName, ResolvedTarget};
use crate::reconcile::feed::Watched;
use crate::watch::{Refusal, WatchState};

/// Lists of namespaces in a status are cut here; the count beside them is whole.
const NAMESPACES_SHOWN: usize = 100;

/// Namespaces that a message names.
const NAMESPACES_NAMED: usize = 10;

/// Where a target stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// How well it does.
    pub health: Health,
    /// Why.
    pub reason: Reason,
    /// Why, for a reader.
    pub message: String,
    /// What cannot be extracted from objects that are collected.
    pub failing: Option<String>,
}

/// How well a target does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is collected as its specification says.
    Ready,
    /// It is not yet, or not meant to be.
    Waiting,
    /// Something blocks it.
    Degraded,
}

impl Standing {
    fn new(health: Health, reason: Reason, message: impl Into<String>) -> Self {
        Self { health, reason, message: message.into(), failing: None }
    }
}

/// Where each target stands.
pub fn standings(facts: &Facts<'_>) -> BTreeMap<ObjectName, Standing> {
    let standing = |(name, resolved): (&ObjectName, &ResolvedTarget)| {
        let standing = match resolved {
            ResolvedTarget::Collecting(compiled) => {
                let standing = collecting(facts, compiled, &compiled.target);
                let ready = standing.health == Health::Ready;
                Standing { failing: ready.then(|| failing(facts, compiled)).flatten(), ..standing }
            }
            ResolvedTarget::Suspended => {
                Standing::new(Health::Waiting, Reason::Suspended, "suspended; rows collected earlier stay")
            }
            ResolvedTarget::Blocked { reason, message } => Standing::new(Health::Degraded, *reason, message),
        };
        (name.clone(), standing)
    };
    facts.resolution.targets.iter().map(standing).collect()
}

/// Drafts for all targets, which stand like this.
pub fn drafts(facts: &Facts<'_>, standings: &BTreeMap<ObjectName, Standing>) -> Vec<Draft> {
    let served = served(facts);
    let mut drafts = Vec::new();
    for (name, resolved) in &facts.resolution.targets {
        let Some((stored, standing)) = facts.index.target(name).zip(standings.get(name)) else { continue };
        let generation = stored.meta.generation.unwrap_or_default();
        let target = name.to_target();
        let mut status = TargetStatus { observed_generation: Some(generation), ..TargetStatus::default() };
        let before = stored.status.map(|status| status.conditions.as_slice()).unwrap_or_default();
        let mut conditions = Conditions::new(before, generation, facts.now);
        set_conditions(standing, &mut conditions);
        let (reason, message) = match (served.contains(&target), name.is_cluster()) {
            (true, _) => (Reason::SinksReachable, "an inventory exports this target"),
            (false, false) => (
                Reason::NoSinksInNamespace,
                "no inventory of this namespace exports this target; rows are collected and kept in memory",
            ),
            (false, true) => (
                Reason::NoSinksInNamespace,
                "no cluster inventory exports this target; rows are collected and kept in memory",
            ),
        };
        conditions.set(ConditionType::SinkReachable, Status::True, reason, message);
        let (list, transitions) = conditions.finish();
        status.conditions = list;
        counts(facts, resolved, &target, stored.status, &mut status);
        let kind = Watched::target(name);
        drafts.push(Draft::new(kind, name, stored.meta, stored.status, &status, transitions));
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

fn set_conditions(standing: &Standing, conditions: &mut Conditions) {
    let Standing { health, reason, message, failing } = standing;
    let status = |holds: bool| if holds { Status::True } else { Status::False };
    // Its rows are all there, and a person has to see to some of their values.
    let (ready, degraded, why, said) = match failing {
        Some(failing) => (false, true, Reason::ExtractionFailed, failing),
        None => (*health == Health::Ready, *health == Health::Degraded, *reason, message),
    };
    conditions.set(ConditionType::Ready, status(ready), why, said);
    conditions.set(ConditionType::Synced, status(*health == Health::Ready), *reason, message);
    conditions.set(ConditionType::Degraded, status(degraded), why, said);
}

/// Of how many objects not every value could be extracted, and what to do about it.
fn failing(facts: &Facts<'_>, compiled: &CompiledTarget) -> Option<String> {
    let store = facts.engine.store();
    let target = &compiled.target;
    let Failing { known, more, example } = compiled.stats.failing(|uid| store.holds(target, uid))?;
    let over = if more { "over " } else { "" };
    let objects = if known == 1 && !more { "object" } else { "objects" };
    Some(format!(
        "values of {over}{known} {objects} could not be extracted and are null, such as of {example}. Correct the path or \
         the type in profile {}, or the objects",
        compiled.profile
    ))
}

/// Where a target stands that is collected.
fn collecting(facts: &Facts<'_>, compiled: &CompiledTarget, target: &Target) -> Standing {
    let namespaces = &facts.engine.namespaces;
    let covers = |name: &Text| compiled.selection.selects_namespace(name, &namespaces.get(name));
    let mut partly = Vec::new();
    for kind in compiled.watched() {
        match facts.watches.get(kind, target, covers) {
            WatchState::Missing => {
                let message = format!("the API server does not serve {kind}; collection starts when it does");
                return Standing::new(Health::Degraded, Reason::KindNotFound, message);
            }
            WatchState::ClusterScoped => {
                let message = format!(
                    "objects of {kind} belong to no namespace, and a KollectTarget collects from namespaces; \
                     use a KollectClusterTarget. Rows collected earlier stay"
                );
                return Standing::new(Health::Degraded, Reason::InvalidSpec, message);
            }
            WatchState::Forbidden(refusal) => {
                let message = format!("listing {kind} is forbidden: {}", granting(kind, &refusal));
                return Standing::new(Health::Degraded, Reason::AccessDenied, message);
            }
            WatchState::Failing(said) => {
                let message = format!("the watch of {kind} is interrupted and will be resumed: {said}");
                return Standing::new(Health::Waiting, Reason::Syncing, message);
            }
            WatchState::Starting => {
                return Standing::new(Health::Waiting, Reason::Syncing, format!("listing {kind}"));
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
        return Standing::new(
            Health::Waiting,
            Reason::Syncing,
            "listing the objects of this target".to_owned(),
        );
    }
    if !partly.is_empty() {
        return Standing::new(Health::Ready, Reason::ScopeForbidden, partly.join("; "));
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
    Standing::new(Health::Ready, Reason::Collecting, message)
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
