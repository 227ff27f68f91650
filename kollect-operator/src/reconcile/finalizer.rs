//! The finalizer of inventories: held while a sink holds data of theirs, released when it no longer does; and those of
//! targets, which need none. Retiring is the workers'.

use kollect_api::labels::OBSOLETE_FINALIZERS;
use kube::Client;
use kube::api::{ObjectMeta, Patch, PatchParams};
use serde_json::json;

use super::exports::registered;
use super::feed::Watched;
use crate::export::{ExportReport, Reports};
use crate::index::{ExportId, Index, InventoryPhase, ObjectName, Resolution, StoredInventory};

/// Sets the finalizer on inventories that export, takes it from deleted ones that are cleaned up, and takes those of
/// earlier versions from targets.
pub async fn hold_and_release(
    client: &Client,
    index: &Index,
    resolution: &Resolution,
    reports: &Reports<ExportId, ExportReport>,
) {
    for (name, inventory) in &resolution.inventories {
        let Some(stored) = index.inventory(name) else { continue };
        let held = stored.is_held();
        let hold = match &inventory.phase {
            InventoryPhase::Active => held || !inventory.exports.is_empty(),
            InventoryPhase::Suspended | InventoryPhase::Invalid(_) => held,
            InventoryPhase::Deleting { retain } => held && !retain && !cleaned(name, &stored, reports),
        };
        if hold != held {
            let mut finalizers = others(stored.meta, &[stored.finalizer()]);
            finalizers.extend(hold.then_some(stored.finalizer()));
            patch(client, Watched::inventory(name), name, stored.meta, &finalizers).await;
        }
    }
    for (name, meta) in index.all_targets() {
        let finalizers = others(meta, &OBSOLETE_FINALIZERS);
        if finalizers.len() < meta.finalizers.iter().flatten().count() {
            patch(client, Watched::target(name), name, meta, &finalizers).await;
        }
    }
}

/// Whether every sink that the status names was retired, or given up.
fn cleaned(
    name: &ObjectName,
    stored: &StoredInventory<'_>,
    reports: &Reports<ExportId, ExportReport>,
) -> bool {
    registered(stored).into_iter().all(|(sink, _)| {
        let id = ExportId { inventory: name.clone(), sink };
        reports.get(&id).is_some_and(|report| report.over())
    })
}

/// The finalizers that are none of ours.
fn others<'a>(meta: &'a ObjectMeta, ours: &[&str]) -> Vec<&'a str> {
    let all = meta.finalizers.iter().flatten().map(String::as_str);
    all.filter(|one| !ours.contains(one)).collect()
}

async fn patch(client: &Client, kind: Watched, name: &ObjectName, meta: &ObjectMeta, finalizers: &[&str]) {
    // With the version that was observed, so that a finalizer set by somebody else meanwhile is not lost.
    let patch = json!({"metadata": {"resourceVersion": meta.resource_version, "finalizers": finalizers}});
    let api = kind.api(client.clone(), &name.place());
    let (kind, _) = kind.names();
    match api.patch(&name.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => tracing::info!(kind, object = %name, ?finalizers, "finalizers changed"),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
        Err(error) => {
            let error = crate::error::chain(&error);
            tracing::warn!(kind, object = %name, error, "cannot change the finalizers");
        }
    }
}
