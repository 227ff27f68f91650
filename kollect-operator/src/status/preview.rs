//! `status.preview` of sinks, while the annotation asks for it. It is made of objects alone: of what profiles, targets
//! and inventories say, never of what was collected or what a Secret holds.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kollect_api::profile::Column;
use kollect_api::sink::{PreviewStatus, SinkSpec};
use kollect_sink_core::{Preview, Sample, Schema, Scope};

use super::Facts;
use super::draft::time;
use crate::export::SinkReport;
use crate::index::{InventoryPhase, ObjectName, ResolvedInventory, SinkId};
use crate::preview::{self, SAMPLES, example};

/// The preview of one sink. The time at which it was made stays while it says the same as `before`.
pub(super) fn preview(
    facts: &Facts<'_>,
    id: &SinkId,
    spec: Option<&SinkSpec>,
    report: &SinkReport,
    before: Option<&PreviewStatus>,
) -> PreviewStatus {
    let mut made = PreviewStatus::default();
    if let Some(spec) = spec {
        made.provisioning_mode = Some(spec.common().provisioning.mode.as_str().to_owned());
        let error = fill(facts, id, spec, &mut made).err();
        // What blocks the sink says it in other words.
        made.warnings.extend(error.filter(|_| report.blocked.is_none()));
    }
    made.warnings.extend(report.blocked.as_ref().map(|(_, message)| message.clone()));
    made.rendered_at = Some(rendered_at(&made, before, facts.now));
    made
}

fn rendered_at(made: &PreviewStatus, before: Option<&PreviewStatus>, now: Timestamp) -> Time {
    let same = |before: &&PreviewStatus| PreviewStatus { rendered_at: None, ..(*before).clone() } == *made;
    before.filter(same).and_then(|before| before.rendered_at.clone()).unwrap_or_else(|| time(now))
}

/// Adds what the first inventories that name the sink would bring; without any, what one would.
fn fill(facts: &Facts<'_>, id: &SinkId, spec: &SinkSpec, made: &mut PreviewStatus) -> Result<(), String> {
    let cluster = spec.common().cluster.unwrap_or_else(|| facts.cluster_name.to_owned());
    let names = |inventory: &ResolvedInventory| {
        let deleting = matches!(inventory.phase, InventoryPhase::Deleting { .. });
        !deleting && inventory.exports.iter().any(|export| export.sink == *id)
    };
    let naming = facts.resolution.inventories.iter().filter(|(_, inventory)| names(inventory));
    let mut naming = naming.take(SAMPLES).peekable();
    if naming.peek().is_none() {
        return add(facts, id, spec, &cluster, &example::inventory(&id.name), None, made);
    }
    naming.try_for_each(|(name, inventory)| add(facts, id, spec, &cluster, name, Some(inventory), made))
}

fn add(
    facts: &Facts<'_>,
    id: &SinkId,
    spec: &SinkSpec,
    cluster: &str,
    name: &ObjectName,
    inventory: Option<&ResolvedInventory>,
    made: &mut PreviewStatus,
) -> Result<(), String> {
    let (schema, conflicts): (Schema, Vec<_>) =
        inventory.map(|inventory| facts.resolution.schema(inventory)).unwrap_or_default();
    let rows = example::rows(name, inventory.map(|one| &one.members), facts.resolution, SAMPLES);
    let sample = Sample {
        scope: &Scope::new(cluster, &name.namespace, &name.name),
        schema: &Arc::new(schema),
        rows: &rows,
        // Only documents have it, and none is shown.
        exported_at: Timestamp::UNIX_EPOCH,
    };
    let mut preview = preview::of(&id.name, spec, &sample)?;
    preview.warnings.extend(conflicts.iter().map(|column| preview::conflict(column)));
    merge(preview, made);
    Ok(())
}

/// Adds what is new. A document of made-up values would tell nothing that the book does not.
fn merge(preview: Preview, made: &mut PreviewStatus) {
    let column = |column: kollect_sink_core::Column| Column {
        type_: serde_json::to_value(column.column_type)
            .ok()
            .and_then(|type_| type_.as_str().map(str::to_owned))
            .unwrap_or_default(),
        name: column.name.to_string(),
    };
    made.provisioning_mode = preview.provisioning_mode.map(str::to_owned);
    made.serialization_format = preview.serialization_format.map(str::to_owned);
    made.ddl = preview.ddl;
    made.index_path = made.index_path.take().or(preview.index_path);
    extend(&mut made.columns, preview.columns.into_iter().map(column), usize::MAX);
    extend(&mut made.sample_paths, preview.sample_paths, SAMPLES);
    extend(&mut made.sample_keys, preview.sample_keys, SAMPLES);
    extend(&mut made.warnings, preview.warnings, usize::MAX);
}

fn extend<T: PartialEq>(list: &mut Vec<T>, more: impl IntoIterator<Item = T>, limit: usize) {
    for one in more {
        if list.len() < limit && !list.contains(&one) {
            list.push(one);
        }
    }
}

#[cfg(test)]
mod tests;
