//! What the status of a cluster inventory says beyond that of an inventory: its targets, its namespaces, and whether it was
//! exported. What both kinds say is in `inventory`.

use std::collections::BTreeMap;

use kollect_api::cluster::{ClusterInventoryStatus, NamespaceShard};
use kollect_api::condition::{self, ConditionType, Reason, Status};
use kollect_api::inventory::InventoryStatus;
use kollect_snapshot::{InventoryView, Shard, Shards};

use super::Facts;
use super::draft::Conditions;
use super::export::{blocking, in_sync};
use super::inventory::Exports;
use super::target::{Health, Standing};
use crate::export::{ExportReport, Phase};
use crate::index::{InventoryPhase, ObjectName, ResolvedInventory, StoredInventory};

/// Namespaces that a status holds; the count beside them is whole.
const SHARDS: usize = 100;

/// Targets that a message names.
const NAMED: usize = 10;

/// What an inventory lacks of its targets.
#[derive(Debug, Default)]
pub(super) struct Lacks {
    /// What it waits for, and does without for a while.
    pub(super) awaited: Option<String>,
    /// Of what it does not know all, to be added to what a message says.
    pub(super) unknown: String,
    /// What degrades it.
    pub(super) blockers: Vec<(Reason, String)>,
}

/// What a cluster inventory lacks of its targets. What is there is exported all the same.
pub(super) fn lacks(
    facts: &Facts<'_>,
    targets: &BTreeMap<ObjectName, Standing>,
    name: &ObjectName,
    resolved: &ResolvedInventory,
    stored: &StoredInventory<'_>,
) -> Lacks {
    let mut lacks = Lacks::default();
    if resolved.members.is_empty() {
        let message = format!("no cluster target contributes: {}", whom(resolved));
        if is_overdue(facts, name, stored) {
            lacks.blockers.push((Reason::NoTargets, message));
        } else {
            lacks.awaited = Some(message);
        }
        return lacks;
    }
    if !resolved.missing.is_empty() {
        let message = format!("spec.targetRefs names {}, and there is none", some(&resolved.missing));
        lacks.awaited = Some(format!("{message}; the others are exported"));
    }
    let degraded: Vec<(&str, &Standing)> = resolved
        .members
        .iter()
        .filter_map(|target| Some((&*target.name, targets.get(&ObjectName::from(target))?)))
        .filter(|(_, standing)| standing.health == Health::Degraded)
        .collect();
    if let Some((first, standing)) = degraded.first() {
        let names: Vec<String> = degraded.iter().map(|(name, _)| (*name).to_owned()).collect();
        let whose = if names.len() == 1 { "" } else { &format!("{first}: ") };
        let message = format!(
            "degraded: {} ({whose}{}: {}); what is known of the targets is exported",
            some(&names),
            standing.reason,
            standing.message
        );
        lacks.blockers.push((Reason::TargetDegraded, message));
    }
    lacks
}

fn whom(resolved: &ResolvedInventory) -> String {
    if resolved.missing.is_empty() {
        return "create a KollectClusterTarget, or correct spec.targetSelector".to_owned();
    }
    format!("spec.targetRefs names {}; create it, or correct the name", some(&resolved.missing))
}

/// Whether it has been without targets for too long. Once told, a restart does not take it back.
fn is_overdue(facts: &Facts<'_>, name: &ObjectName, stored: &StoredInventory<'_>) -> bool {
    let told = condition::find(stored.status.conditions(), ConditionType::Degraded)
        .is_some_and(|degraded| degraded.reason == Reason::NoTargets.as_str());
    let since = facts.history.without_targets_since(name);
    let elapsed = since.and_then(|since| facts.now.duration_since(since).try_into().ok());
    told || elapsed.is_some_and(|elapsed: std::time::Duration| elapsed >= facts.no_targets_after)
}

/// Some names; of many, the first and how many more.
fn some(names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(NAMED));
    let shown = shown.join(", ");
    if more.is_empty() { shown } else { format!("{shown} and {} more", more.len()) }
}

/// Says whether every sink took what the specification asks for. Once true it holds while later changes are on their way, and
/// over restarts, so that who waits for it waits once; it ends with a failure or another specification.
pub(super) fn export_succeeded(
    facts: &Facts<'_>,
    name: &ObjectName,
    resolved: &ResolvedInventory,
    stored: &StoredInventory<'_>,
    exports: &Exports,
    conditions: &mut Conditions,
) {
    let (status, reason, message) = match &resolved.phase {
        InventoryPhase::Suspended => (Status::False, Reason::Suspended, "suspended".to_owned()),
        InventoryPhase::Invalid(message) => (Status::False, Reason::InvalidSpec, message.clone()),
        InventoryPhase::Deleting { .. } => {
            (Status::False, Reason::Progressing, "being removed from its sinks".to_owned())
        }
        InventoryPhase::Active => outcome(facts, name, resolved, stored, exports),
    };
    conditions.set(ConditionType::ExportSucceeded, status, reason, message);
}

fn outcome(
    facts: &Facts<'_>,
    name: &ObjectName,
    resolved: &ResolvedInventory,
    stored: &StoredInventory<'_>,
    exports: &Exports,
) -> (Status, Reason, String) {
    if let Some(denied) = resolved.denied.first() {
        return (Status::False, denied.reason, denied.message.clone());
    }
    if exports.is_empty() {
        return (Status::False, Reason::NoExport, "no sink is named; nothing is exported".to_owned());
    }
    let failures = exports.iter().filter_map(|(entry, _, report)| Some((entry, failure(report)?)));
    if let Some((entry, (reason, message))) = failures.into_iter().next() {
        return (Status::False, reason, format!("{entry}: {message}"));
    }
    if resolved.members.is_empty() {
        return (Status::False, Reason::NoTargets, "there is no target yet".to_owned());
    }
    let since = facts.history.effective_since(name);
    let done = |report: &ExportReport| report.was_synced && report.revision >= since;
    let behind: Vec<String> =
        exports.iter().filter(|(_, _, report)| !done(report)).map(|(entry, ..)| entry.clone()).collect();
    let told =
        condition::find(stored.status.conditions(), ConditionType::ExportSucceeded).is_some_and(|told| {
            told.status == Status::True.as_str() && told.observed_generation == Some(stored.generation())
        });
    if behind.is_empty() || told {
        return (Status::True, Reason::Exported, "every sink took what the inventory holds".to_owned());
    }
    (Status::False, Reason::Progressing, format!("not exported yet to {}", some(&behind)))
}

/// Why the last export failed, if it did.
fn failure(report: &ExportReport) -> Option<(Reason, String)> {
    if let Some(blocking) = blocking(report) {
        return Some(blocking);
    }
    match &report.phase {
        Phase::Failed { message, .. } => Some((Reason::ExportFailed, message.clone())),
        Phase::Synced | Phase::Debounced if !in_sync(report) => {
            Some((Reason::Rejected, format!("the sink refused {} of the rows", report.rejected.count)))
        }
        _ => None,
    }
}

/// The status of a cluster inventory from that of an inventory; `view` is its contents, once they are known.
pub(super) fn status(
    resolved: &ResolvedInventory,
    view: Option<&InventoryView>,
    status: InventoryStatus,
) -> ClusterInventoryStatus {
    let Shards { count, largest } = view.and_then(|view| view.shards(SHARDS)).unwrap_or_default();
    ClusterInventoryStatus {
        conditions: status.conditions,
        observed_generation: status.observed_generation,
        item_count: status.item_count,
        checksum: status.checksum,
        last_export_time: status.last_export_time,
        sink_exports: status.sink_exports,
        target_count: Some(resolved.members.len() as u64),
        namespace_shard_count: view.map(|_| count),
        namespace_shards: largest.into_iter().map(shard).collect(),
    }
}

fn shard(shard: Shard) -> NamespaceShard {
    NamespaceShard {
        namespace: shard.namespace.to_string(),
        item_count: shard.rows,
        target_count: shard.targets,
        checksum: shard.digest.to_string(),
    }
}
