//! Which connections and workers follow from a resolution, retirements included. It starts none.

use std::collections::BTreeMap;

use kollect_api::inventory::SinkExportStatus;
use kollect_api::reference::Family;
use kollect_api::sink::SinkSpec;

use crate::export::connection::{SinkObject, test_requested};
use crate::export::worker::{Task, WorkerSpec};
use crate::index::{
    ExportId, Index, InventoryPhase, ObjectName, Objects, Resolution, ResolvedInventory, SinkId,
    StoredInventory, StoredStatus,
};

/// Every sink object.
pub fn sinks(index: &Index) -> BTreeMap<SinkId, SinkObject> {
    let mut all = BTreeMap::new();
    collect(&mut all, Family::Snapshot, &index.snapshot_sinks, |sink| {
        SinkSpec::Snapshot(Box::new(sink.spec.clone()))
    });
    collect(&mut all, Family::Database, &index.database_sinks, |sink| {
        SinkSpec::Database(Box::new(sink.spec.clone()))
    });
    collect(&mut all, Family::Event, &index.event_sinks, |sink| SinkSpec::Event(Box::new(sink.spec.clone())));
    all
}

fn collect<K: serde::de::DeserializeOwned>(
    all: &mut BTreeMap<SinkId, SinkObject>,
    family: Family,
    objects: &Objects<K>,
    spec: impl Fn(&K) -> SinkSpec,
) {
    for (name, stored) in objects.iter().filter(|(_, stored)| !stored.deleting()) {
        let object = SinkObject {
            uid: stored.uid().to_owned(),
            generation: stored.generation(),
            spec: stored.object.as_ref().map(|object| spec(object)).map_err(ToString::to_string),
            test_requested: stored.meta.annotations.as_ref().is_some_and(test_requested),
        };
        all.insert(SinkId { family, name: name.clone() }, object);
    }
}

/// Every worker that shall run. An export runs once its finalizer and its entry in the status are stored, so
/// that what it writes is always found again.
pub fn workers(index: &Index, resolution: &Resolution) -> BTreeMap<ExportId, WorkerSpec> {
    let mut all = BTreeMap::new();
    for (name, inventory) in &resolution.inventories {
        let Some(stored) = index.inventory(name) else { continue };
        let registered = registered(&stored);
        match &inventory.phase {
            InventoryPhase::Suspended | InventoryPhase::Invalid(_) => {}
            InventoryPhase::Deleting { retain: true } => {}
            InventoryPhase::Deleting { retain: false } => {
                for (id, _) in &registered {
                    let id = ExportId { inventory: name.clone(), sink: id.clone() };
                    all.insert(id, WorkerSpec { task: Task::Retire, ..base(inventory) });
                }
            }
            InventoryPhase::Active => active(&mut all, name, inventory, &stored, &registered),
        }
    }
    all
}

fn active(
    all: &mut BTreeMap<ExportId, WorkerSpec>,
    name: &ObjectName,
    inventory: &ResolvedInventory,
    stored: &StoredInventory<'_>,
    registered: &[(SinkId, SinkExportStatus)],
) {
    for export in &inventory.exports {
        if !stored.is_held() || !registered.iter().any(|(id, _)| *id == export.sink) {
            continue;
        }
        let task = Task::Export { cadence: export.cadence, interval: export.interval };
        all.insert(
            ExportId { inventory: name.clone(), sink: export.sink.clone() },
            WorkerSpec { task, ..base(inventory) },
        );
    }
    for (sink, _) in registered {
        let wanted = inventory.exports.iter().any(|export| export.sink == *sink)
            || inventory.denied.iter().any(|denied| denied.sink == *sink);
        // Snapshot sinks keep the files of a removed reference: they are history.
        if !wanted && sink.family != Family::Snapshot {
            let id = ExportId { inventory: name.clone(), sink: sink.clone() };
            all.insert(id, WorkerSpec { task: Task::Retire, ..base(inventory) });
        }
    }
}

fn base(inventory: &ResolvedInventory) -> WorkerSpec {
    WorkerSpec {
        task: Task::Retire,
        requested_at: inventory.requested_at.clone(),
        take_over: inventory.take_over,
    }
}

/// The entries of an inventory's stored status, by sink. An inventory of a namespace has none elsewhere, whatever somebody
/// wrote into its status.
pub fn registered(stored: &StoredInventory<'_>) -> Vec<(SinkId, SinkExportStatus)> {
    let entries = stored.status.sink_exports().iter();
    let read = |entry: &SinkExportStatus| {
        let sink = sink_of(entry, stored.home)?;
        let reaches = match stored.status {
            StoredStatus::Own(_) => sink.name.namespace == stored.home,
            StoredStatus::Cluster(_) => true,
        };
        reaches.then(|| (sink, entry.clone()))
    };
    entries.filter_map(read).collect()
}

/// Reads `<family>/<sink>` and `<family>/<namespace>/<sink>`. Which namespace the shorter form means was written beside
/// it: `home` may have been another then.
fn sink_of(entry: &SinkExportStatus, home: &str) -> Option<SinkId> {
    let mut parts = entry.name.split('/');
    let word = parts.next()?;
    let family = Family::ALL.into_iter().find(|family| family.as_str() == word)?;
    let (namespace, name) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, None) => (entry.namespace.as_deref().unwrap_or(home), name),
        (Some(namespace), Some(name), None) => (namespace, name),
        _ => return None,
    };
    Some(SinkId { family, name: ObjectName::new(namespace, name) })
}
