//! Statuses of inventories. Exporting is the workers'.

use std::collections::BTreeMap;
use std::sync::Arc;

use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::inventory::{InventoryStatus, SinkExportStatus};
use kollect_api::labels;
use kollect_sink_core::View;
use kollect_snapshot::view::InventoryView;

use super::Facts;
use super::draft::{Conditions, Draft, Transition};
use super::export::{blocking, entry, in_sync, stuck, unreachable, unwritten};
use super::rollup::{self, Lacks};
use super::target::{Health, Standing};
use crate::export::{ExportReport, Phase};
use crate::index::inventory::DeniedExport;
use crate::index::{
    ExportId, InventoryPhase, ObjectName, ResolvedInventory, SinkId, StoredInventory, StoredStatus,
};
use crate::reconcile::controller::inventory_id;
use crate::reconcile::exports::registered;
use crate::reconcile::feed::Watched;

/// Blocking reasons in the order in which one is shown.
const ORDER: [Reason; 13] = [
    Reason::InvalidSpec,
    Reason::ScopeSinkDenied,
    Reason::SinkNotFound,
    Reason::SinkForbidden,
    Reason::SinkUnreachable,
    Reason::SinkNamespaceDenied,
    Reason::SecretResolveFailed,
    Reason::ExportTerminal,
    Reason::ExportUnavailable,
    Reason::PayloadTooLarge,
    Reason::NoTargets,
    Reason::TargetDegraded,
    Reason::CleanupTerminal,
];

/// Targets that a message names.
const TARGETS_NAMED: usize = 5;

/// What becomes of the documents of a sink that was taken out of the lists.
const UNNAMED: &str = "not named any more; its documents stay as they are until the inventory is deleted";

/// An inventory's exports: the entry's name, the sink, and what its worker tells.
pub(super) type Exports = Vec<(String, SinkId, Arc<ExportReport>)>;

/// Drafts for all inventories.
pub fn drafts(facts: &Facts<'_>, targets: &BTreeMap<ObjectName, Standing>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, resolved) in &facts.resolution.inventories {
        let Some(stored) = facts.index.inventory(name) else { continue };
        drafts.push(draft(facts, targets, name, resolved, &stored));
    }
    drafts
}

fn draft(
    facts: &Facts<'_>,
    targets: &BTreeMap<ObjectName, Standing>,
    name: &ObjectName,
    resolved: &ResolvedInventory,
    stored: &StoredInventory<'_>,
) -> Draft {
    let view = facts.engine.store().view(&inventory_id(name));
    let exports: Exports = resolved
        .exports
        .iter()
        .map(|export| {
            let id = ExportId { inventory: name.clone(), sink: export.sink.clone() };
            (export.entry.clone(), export.sink.clone(), facts.exports.get(&id).unwrap_or_default())
        })
        .collect();
    let mut conditions = Conditions::new(stored.status.conditions(), stored.generation(), facts.now);
    let settled = view.as_ref().is_some_and(InventoryView::settled);
    let lacks = match stored.status {
        StoredStatus::Own(_) => Lacks { unknown: unknown(targets, resolved), ..Lacks::default() },
        StoredStatus::Cluster(_) => rollup::lacks(facts, targets, name, resolved, stored),
    };
    set_conditions(resolved, &exports, &lacks, settled, &mut conditions);
    if let StoredStatus::Cluster(_) = stored.status {
        rollup::export_succeeded(facts, name, resolved, stored, &exports, &mut conditions);
    }
    let (list, mut transitions) = conditions.finish();
    let entries = entries(facts, name, resolved, stored, &exports);
    transitions.extend(moved(facts, name, stored));
    let status = InventoryStatus {
        conditions: list,
        observed_generation: Some(stored.generation()),
        item_count: view.as_ref().filter(|_| settled).map(|view| view.head().rows),
        checksum: view.as_ref().filter(|_| settled).map(|view| view.head().digest.to_string()),
        last_export_time: entries.iter().filter_map(|entry| entry.last_export_time.clone()).max(),
        sink_exports: entries,
    };
    let kind = Watched::inventory(name);
    let mut draft = match stored.status {
        StoredStatus::Own(observed) => Draft::new(kind, name, stored.meta, observed, &status, transitions),
        StoredStatus::Cluster(observed) => {
            let status = rollup::status(resolved, view.as_ref().filter(|_| settled), status);
            Draft::new(kind, name, stored.meta, observed, &status, transitions)
        }
    };
    // It was one answer to one question: kept, it would be a quarrel at the next start.
    let taken =
        resolved.take_over && !exports.is_empty() && exports.iter().all(|(_, _, report)| in_sync(report));
    draft.spent_annotation = taken.then_some(labels::TAKE_OVER);
    draft
}

/// The entries of the specification, then those that are still being retired.
fn entries(
    facts: &Facts<'_>,
    name: &ObjectName,
    resolved: &ResolvedInventory,
    stored: &StoredInventory<'_>,
    exports: &Exports,
) -> Vec<SinkExportStatus> {
    let registered = registered(stored);
    let observed = |sink: &SinkId| registered.iter().find(|(id, _)| id == sink).map(|(_, entry)| entry);
    let draft = |entry_name: &str, sink: &SinkId, report: &ExportReport| {
        let namespace = &sink.name.namespace;
        entry(entry_name, namespace, report, observed(sink), stored.generation(), facts.now)
    };
    let mut all: Vec<SinkExportStatus> =
        exports.iter().map(|(entry, sink, report)| draft(entry, sink, report)).collect();
    for (sink, known) in &registered {
        let id = ExportId { inventory: name.clone(), sink: sink.clone() };
        let report = facts.exports.get(&id);
        let over = report.as_ref().is_some_and(|report| report.over());
        // Its documents go with the inventory, which needs to know of them then.
        let kept = sink.family == kollect_api::reference::Family::Snapshot && !stored.deleting();
        if exports.iter().any(|(_, wanted, _)| wanted == sink) || over {
            continue;
        }
        // The name that it has may be another's by now, whose namespace is not stated either.
        let name = sink.entry(stored.home);
        let denied = resolved.denied.iter().find(|denied| denied.sink == *sink);
        let stays = |reason, message: &str| unwritten(known, reason, message, stored.generation(), facts.now);
        let entry = match (denied, report) {
            (Some(denied), _) => stays(Reason::ExportFailed, &denied.message),
            (None, _) if kept => stays(Reason::NoExport, UNNAMED),
            (None, Some(report)) => draft(&name, sink, &report),
            (None, None) => known.clone(),
        };
        all.push(SinkExportStatus { name, ..entry });
    }
    all
}

/// What stays behind where a sink now leads somewhere else, or writes under another cluster's name: nothing is
/// retired there, since it may be gone, or another's by now.
fn moved(facts: &Facts<'_>, name: &ObjectName, stored: &StoredInventory<'_>) -> Vec<Transition> {
    // Also of one that was retired meanwhile, and has no entry any more.
    let places = |(sink, entry): (SinkId, SinkExportStatus)| {
        let entry_name = sink.entry(stored.home);
        let report = facts.exports.get(&ExportId { inventory: name.clone(), sink })?;
        let now = (report.destination.clone()?, report.cluster.clone()?);
        Some((entry_name, (entry.destination?, entry.cluster?), now))
    };
    registered(stored)
        .into_iter()
        .filter_map(places)
        .filter(|(_, old, new)| old != new)
        .map(|(name, (destination, cluster), _)| Transition {
            warning: true,
            reason: "DestinationChanged",
            message: format!(
                "{name} leads elsewhere now; what was exported to {destination} as cluster {cluster:?} stays \
                 there until a person removes it"
            ),
        })
        .collect()
}

fn set_conditions(
    resolved: &ResolvedInventory,
    exports: &Exports,
    lacks: &Lacks,
    settled: bool,
    conditions: &mut Conditions,
) {
    let calm = match &resolved.phase {
        InventoryPhase::Active => None,
        InventoryPhase::Suspended => {
            Some((Status::False, Reason::Suspended, "suspended; sinks stay as they are".to_owned()))
        }
        InventoryPhase::Invalid(message) => Some((Status::True, Reason::InvalidSpec, message.clone())),
        InventoryPhase::Deleting { .. } => Some(deleting(exports)),
    };
    if let Some((degraded, reason, message)) = calm {
        conditions.set(ConditionType::SinkReachable, Status::Unknown, reason, message.clone());
        conditions.set(ConditionType::Ready, Status::False, reason, message.clone());
        conditions.set(ConditionType::Synced, Status::False, reason, message.clone());
        conditions.set(ConditionType::Degraded, degraded, reason, message);
        return;
    }
    let (synced, reason, message) = overall(exports, &resolved.denied, settled);
    conditions.set(ConditionType::Synced, synced, reason, message + &lacks.unknown);
    reachable(exports, conditions);
    let blockers = exports.iter().filter_map(|(entry, _, report)| {
        blocking(report).map(|(reason, message)| (reason, format!("{entry}: {message}")))
    });
    let denied = resolved.denied.iter().map(|denied| (denied.reason, denied.message.clone()));
    let rank = |reason: &Reason| ORDER.iter().position(|one| one == reason).unwrap_or(ORDER.len());
    let lacking = lacks.blockers.iter().cloned();
    match blockers.chain(denied).chain(lacking).min_by_key(|(reason, _)| rank(reason)) {
        Some((reason, message)) => {
            conditions.set(ConditionType::Ready, Status::False, reason, message.clone());
            conditions.set(ConditionType::Degraded, Status::True, reason, message);
        }
        None => {
            let ready = settled && exports.iter().all(|(_, _, report)| report.was_synced);
            let (status, reason, message) = match (&lacks.awaited, ready, exports.is_empty()) {
                (Some(awaited), ..) => (Status::False, Reason::Progressing, awaited.as_str()),
                (None, true, true) => {
                    (Status::True, Reason::NoExport, "no sink is named; nothing is exported")
                }
                (None, true, false) => (Status::True, Reason::Exported, "collected and exported"),
                (None, false, _) => {
                    (Status::False, Reason::Progressing, "the first complete export has not ended")
                }
            };
            let note = resolved.without_effect.map(|field| format!("; {field} has no effect"));
            let message = format!("{message}{}{}", lacks.unknown, note.unwrap_or_default());
            conditions.set(ConditionType::Ready, status, reason, message);
            conditions.set(ConditionType::Degraded, Status::False, reason, "nothing blocks");
        }
    }
}

/// Names the targets that cannot be collected; sinks keep what they have of them.
fn unknown(targets: &BTreeMap<ObjectName, Standing>, resolved: &ResolvedInventory) -> String {
    let degraded: Vec<&str> = resolved
        .members
        .iter()
        .filter(|member| {
            let standing = targets.get(&ObjectName::from(*member));
            standing.is_some_and(|standing| standing.health == Health::Degraded)
        })
        .map(|member| &*member.name)
        .collect();
    let named = degraded.iter().copied().take(TARGETS_NAMED).collect::<Vec<_>>().join(", ");
    match degraded.len() {
        0 => String::new(),
        1 => format!("; what is not known of target {named} stays as it was, see its status"),
        count => {
            let more = count.saturating_sub(TARGETS_NAMED);
            let others = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("; what is not known of targets {named}{others} stays as it was, see their statuses")
        }
    }
}

/// What holds up the end of an inventory, if anything does.
fn deleting(exports: &Exports) -> (Status, Reason, String) {
    let stuck = exports.iter().find_map(|(entry, _, report)| Some((entry, stuck(report)?)));
    match stuck {
        None => (Status::False, Reason::Progressing, "being removed from its sinks".to_owned()),
        Some((entry, why)) => {
            let message = format!(
                "cannot be removed from {entry}: {why}. After 5 minutes it is given up, and an Event names what remains"
            );
            (Status::True, Reason::CleanupTerminal, message)
        }
    }
}

fn overall(exports: &Exports, denied: &[DeniedExport], settled: bool) -> (Status, Reason, String) {
    if exports.is_empty() && denied.is_empty() {
        return (Status::True, Reason::NoExport, "no sink is named; nothing is exported".to_owned());
    }
    if denied.is_empty() && exports.iter().all(|(_, _, report)| in_sync(report)) {
        return (Status::True, Reason::Exported, "every sink holds exactly the inventory".to_owned());
    }
    if !settled {
        return (Status::False, Reason::Progressing, "the targets are being listed".to_owned());
    }
    let behind: Vec<&str> = exports
        .iter()
        .filter(|(_, _, report)| !in_sync(report))
        .map(|(entry, _, _)| entry.as_str())
        .chain(denied.iter().map(|denied| denied.entry.as_str()))
        .collect();
    let started = !denied.is_empty()
        || exports
            .iter()
            .any(|(_, _, report)| report.was_synced || !matches!(report.phase, Phase::Progressing(_)));
    let reason = if started { Reason::PartiallySynced } else { Reason::Progressing };
    (Status::False, reason, format!("not in sync: {}; see status.sinkExports", behind.join(", ")))
}

fn reachable(exports: &Exports, conditions: &mut Conditions) {
    let failed = exports.iter().find_map(|(entry, _, report)| Some((entry, unreachable(report)?)));
    match failed {
        Some((entry, message)) => {
            let message = format!("{entry}: {message}");
            conditions.set(ConditionType::SinkReachable, Status::False, Reason::SinkUnreachable, message);
        }
        None if exports.iter().all(|(_, _, report)| report.was_synced) => {
            let message = "every sink answered at the last contact";
            conditions.set(ConditionType::SinkReachable, Status::True, Reason::Exported, message);
        }
        None => {
            let message = "not every sink was contacted yet";
            conditions.set(ConditionType::SinkReachable, Status::Unknown, Reason::Progressing, message);
        }
    }
}
