//! What becomes of an inventory: its members and its exports. It does not export.

use std::collections::BTreeSet;

use kollect_api::condition::Reason;
use kollect_api::validate::summary;
use kollect_api::{KollectInventory, Validate, Violation, labels};
use kollect_sink_core::Target;
use kube::core::{Selector, SelectorExt};

use super::ceilings::Ceilings;
use super::export::{ExportSpec, Interval, SinkId};
use super::name::ObjectName;
use super::objects::{Index, Stored};
use crate::validate::ceiling::located;

/// Where an inventory stands in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InventoryPhase {
    /// It is exported.
    Active,
    /// It is suspended: sinks stay as they are.
    Suspended,
    /// Its own fields are wrong; sinks stay as they are.
    Invalid(String),
    /// It is being deleted; its data goes, unless `retain`.
    Deleting {
        /// Whether the data stays in the sinks.
        retain: bool,
    },
}

/// What becomes of an inventory.
#[derive(Clone, Debug)]
pub struct ResolvedInventory {
    /// Where it stands.
    pub phase: InventoryPhase,
    /// The targets whose rows it holds.
    pub members: BTreeSet<Target>,
    /// Its exports, in the order of its lists; those of an invalid specification are empty.
    pub exports: Vec<ExportSpec>,
    /// What is not exported, because it is denied: what is there stays.
    pub denied: Vec<DeniedExport>,
    /// Value of the annotation that asks for a full reconciliation.
    pub requested_at: Option<String>,
    /// Whether scopes of another writer may be taken over.
    pub take_over: bool,
}

/// A reference to a sink that may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedExport {
    /// The entry's name in `status.sinkExports`.
    pub entry: String,
    /// The sink.
    pub sink: SinkId,
    /// Why.
    pub reason: Reason,
    /// Who denies it, and what to do.
    pub message: String,
}

/// Resolves one inventory.
pub fn resolve(
    index: &Index,
    ceilings: &Ceilings,
    name: &ObjectName,
    stored: &Stored<KollectInventory>,
) -> ResolvedInventory {
    let requested_at = stored.annotation(labels::REQUESTED_AT).map(str::to_owned);
    let take_over = stored.annotation(labels::TAKE_OVER) == Some(labels::TRUE);
    let mut resolved = ResolvedInventory {
        phase: InventoryPhase::Active,
        members: BTreeSet::new(),
        exports: Vec::new(),
        denied: Vec::new(),
        requested_at,
        take_over,
    };
    let outcome = match &stored.object {
        Ok(inventory) => fill(&mut resolved, index, ceilings, name, inventory),
        Err(violation) => Err(vec![violation.clone()]),
    };
    if let Err(violations) = outcome {
        resolved.phase = InventoryPhase::Invalid(summary(&violations));
    }
    if stored.deleting() {
        let retain = stored.annotation(labels::ON_DELETE) == Some(labels::RETAIN);
        resolved.phase = InventoryPhase::Deleting { retain };
    }
    resolved
}

fn fill(
    resolved: &mut ResolvedInventory,
    index: &Index,
    ceilings: &Ceilings,
    name: &ObjectName,
    inventory: &KollectInventory,
) -> Result<(), Vec<Violation>> {
    let spec = &inventory.spec;
    resolved.members = members(index, name, inventory).map_err(|violation| vec![violation])?;
    let violations = inventory.validate();
    if !violations.is_empty() {
        return Err(violations);
    }
    let least = ceilings.least_interval(&name.namespace);
    for (path, family, reference) in located(spec.sink_refs()) {
        let entry = reference.export_name(family, &name.namespace);
        let sink = SinkId { family, name: ObjectName::new(&name.namespace, &reference.name) };
        if let Some(violation) = ceilings.sink(&name.namespace, &path, family, &reference.name) {
            let message = format!("{violation}. Nothing more is exported to it; what is there stays");
            resolved.denied.push(DeniedExport { entry, sink, reason: Reason::ScopeSinkDenied, message });
            continue;
        }
        let interval = Interval {
            reference: reference.export_min_interval.map(Into::into),
            inventory: spec.export_min_interval.into(),
            least,
        };
        resolved.exports.push(ExportSpec { entry, sink, cadence: reference.cadence, interval });
    }
    if spec.suspend {
        resolved.phase = InventoryPhase::Suspended;
    }
    Ok(())
}

/// The targets of an inventory: those it names or selects, else all of its namespace. A target that is being
/// deleted no longer counts.
fn members(
    index: &Index,
    name: &ObjectName,
    inventory: &KollectInventory,
) -> Result<BTreeSet<Target>, Violation> {
    let spec = &inventory.spec;
    let selector = match &spec.target_selector {
        None => None,
        Some(selector) => Some(
            Selector::try_from(selector.clone())
                .map_err(|error| Violation::new("spec.targetSelector", error.to_string()))?,
        ),
    };
    let empty = std::collections::BTreeMap::new();
    let is_member = |target: &ObjectName, labels| {
        let named = spec.target_refs.contains(&target.name);
        match &selector {
            None => spec.target_refs.is_empty() || named,
            Some(selector) => named || selector.matches(labels),
        }
    };
    Ok(index
        .targets
        .in_namespace(&name.namespace)
        .filter(|(_, stored)| !stored.deleting())
        .filter(|(target, stored)| is_member(target, stored.meta.labels.as_ref().unwrap_or(&empty)))
        .map(|(target, _)| target.to_target())
        .collect())
}
