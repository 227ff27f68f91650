//! The finalizer of inventories: held while a sink holds data of theirs, released when it no longer does.
//! Retiring is the workers'.

use kollect_api::labels;
use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::exports::registered;
use super::feed::Watched;
use crate::export::{ExportReport, Reports};
use crate::index::{ExportId, Index, InventoryPhase, ObjectName, Resolution, Stored};
use kollect_api::KollectInventory;

/// Sets the finalizer on inventories that export, and takes it from deleted ones that are cleaned up.
pub async fn hold_and_release(
    client: &Client,
    index: &Index,
    resolution: &Resolution,
    reports: &Reports<ExportId, ExportReport>,
) {
    for (name, inventory) in &resolution.inventories {
        let Some(stored) = index.inventories.get(name) else { continue };
        let held = stored.meta.finalizers.iter().flatten().any(|one| one == labels::INVENTORY_CLEANUP);
        let hold = match &inventory.phase {
            InventoryPhase::Active => held || !inventory.exports.is_empty(),
            InventoryPhase::Suspended | InventoryPhase::Invalid(_) => held,
            InventoryPhase::Deleting { retain } => held && !retain && !cleaned(name, stored, reports),
        };
        if hold != held {
            patch(client, name, stored, hold).await;
        }
    }
}

/// Whether every sink that the status names was retired, or given up.
fn cleaned(
    name: &ObjectName,
    stored: &Stored<KollectInventory>,
    reports: &Reports<ExportId, ExportReport>,
) -> bool {
    registered(stored).into_iter().all(|(sink, _)| {
        let id = ExportId { inventory: name.clone(), sink };
        reports.get(&id).is_some_and(|report| report.over())
    })
}

async fn patch(client: &Client, name: &ObjectName, stored: &Stored<KollectInventory>, hold: bool) {
    let mut finalizers: Vec<&str> = stored.meta.finalizers.iter().flatten().map(String::as_str).collect();
    finalizers.retain(|one| *one != labels::INVENTORY_CLEANUP);
    if hold {
        finalizers.push(labels::INVENTORY_CLEANUP);
    }
    // With the version that was observed, so that a finalizer set by somebody else meanwhile is not lost.
    let patch = json!({"metadata": {
        "resourceVersion": stored.meta.resource_version,
        "finalizers": finalizers,
    }});
    let api = Watched::Inventory.api(client.clone(), &name.place());
    match api.patch(&name.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(_) => tracing::info!(inventory = %name, hold, "finalizer changed"),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
        Err(error) => {
            tracing::warn!(inventory = %name, error = crate::error::chain(&error), "cannot change the finalizer");
        }
    }
}
