//! What becomes of an inventory: its members and its exports. It does not export.

use std::collections::BTreeSet;

use kollect_api::condition::Reason;
use kollect_api::validate::summary;
use kollect_api::{Violation, labels};
use kollect_sink_core::Target;
use kollect_snapshot::Contents;

use super::ceilings::Ceilings;
use super::either::{Exports, Shown};
use super::export::{ExportSpec, Interval, SinkId};
use super::name::ObjectName;
use super::objects::{Index, Stored};
use crate::engine::Namespaces;
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
    /// Targets that it names and that do not exist.
    pub missing: Vec<String>,
    /// Which of their rows it shows.
    pub shown: Shown,
    /// Its exports, in the order of its lists; those of an invalid specification are empty.
    pub exports: Vec<ExportSpec>,
    /// What is not exported, because it is denied: what is there stays.
    pub denied: Vec<DeniedExport>,
    /// Value of the annotation that asks for a full reconciliation.
    pub requested_at: Option<String>,
    /// Whether scopes of another writer may be taken over.
    pub take_over: bool,
    /// A field that it states, and that has no effect.
    pub without_effect: Option<&'static str>,
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

/// Resolves one inventory, of either kind.
pub fn resolve<K: Exports>(
    index: &Index,
    ceilings: &Ceilings,
    name: &ObjectName,
    stored: &Stored<K>,
) -> ResolvedInventory {
    let mut resolved = ResolvedInventory {
        phase: InventoryPhase::Active,
        members: BTreeSet::new(),
        missing: Vec::new(),
        shown: Shown::default(),
        exports: Vec::new(),
        denied: Vec::new(),
        requested_at: stored.annotation(labels::REQUESTED_AT).map(str::to_owned),
        take_over: stored.annotation(labels::TAKE_OVER) == Some(labels::TRUE),
        without_effect: None,
    };
    let outcome = match &stored.object {
        Ok(inventory) => fill(&mut resolved, index, ceilings, name, &**inventory),
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

fn fill<K: Exports>(
    resolved: &mut ResolvedInventory,
    index: &Index,
    ceilings: &Ceilings,
    name: &ObjectName,
    inventory: &K,
) -> Result<(), Vec<Violation>> {
    let members = inventory.members(index, name).map_err(|violation| vec![violation])?;
    (resolved.members, resolved.missing) = (members.targets, members.missing);
    resolved.without_effect = inventory.without_effect();
    resolved.shown = inventory.shown().map_err(|violation| vec![violation])?;
    let violations = inventory.validate();
    if !violations.is_empty() {
        return Err(violations);
    }
    let home = index.inventory(name).map(|stored| stored.home).unwrap_or_default();
    let least = ceilings.least_interval(&name.namespace);
    for (path, family, reference) in located(inventory.sink_refs().into_iter()) {
        let namespace = reference.namespace.as_deref().unwrap_or(home);
        let sink = SinkId { family, name: ObjectName::new(namespace, &reference.name) };
        let entry = sink.entry(home);
        let denied = ceilings
            .sink(&name.namespace, &path, family, &reference.name)
            .map(|violation| (Reason::ScopeSinkDenied, violation))
            .or_else(|| {
                let denied = inventory.foreign_sink(ceilings, &path, namespace)?;
                Some((Reason::SinkNamespaceDenied, denied))
            });
        if let Some((reason, violation)) = denied {
            let message = format!("{violation}. Nothing more is exported to it; what is there stays");
            resolved.denied.push(DeniedExport { entry, sink, reason, message });
            continue;
        }
        let interval = Interval {
            reference: reference.export_min_interval.map(Into::into),
            inventory: inventory.interval(),
            least,
        };
        resolved.exports.push(ExportSpec { entry, sink, cadence: reference.cadence, interval });
    }
    if inventory.is_suspended() {
        resolved.phase = InventoryPhase::Suspended;
    }
    Ok(())
}

impl ResolvedInventory {
    /// An inventory that is none of this operator's: nothing of it is touched, not even when it is deleted.
    pub fn refused(message: &str) -> Self {
        Self {
            phase: InventoryPhase::Invalid(message.to_owned()),
            members: BTreeSet::new(),
            missing: Vec::new(),
            shown: Shown::default(),
            exports: Vec::new(),
            denied: Vec::new(),
            requested_at: None,
            take_over: false,
            without_effect: None,
        }
    }

    /// What the store has to show of it, while the namespaces are as they are now.
    pub fn contents(&self, namespaces: &Namespaces) -> Contents {
        self.shown.contents(self.members.clone(), namespaces)
    }
}
