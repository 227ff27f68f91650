//! What exports would do before they are done: for the statuses of sinks, and for `kollect preview`. It connects to no
//! destination, reads no Secret and writes nothing.

pub mod error;
pub mod example;
pub mod report;
pub mod subject;
pub mod text;

use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use kollect_api::sink::SinkSpec;
use kollect_api::validate::summary;
use kollect_sink_core::{Batches, Preview, Row, Sample, Schema, Scope, Text, View};

use crate::collect::Done;
use crate::engine::CollectionDefaults;
use crate::index::{Index, ObjectName, Resolver};
use crate::reconcile::controller::inventory_id;
use crate::sinks;
use crate::validate;
pub use error::Error;
use report::{Export, Report, Rows};
use subject::{Choice, Chosen, Subject};

/// Rows, paths and keys that a status shows at most.
pub const SAMPLES: usize = 3;

/// What an export of the sample into a sink would do.
///
/// # Errors
/// The specification is wrong, or this build lacks the backend: nothing would be exported.
pub fn of(name: &ObjectName, spec: &SinkSpec, sample: &Sample<'_>) -> Result<Preview, String> {
    let violations = validate::sink(spec);
    if !violations.is_empty() {
        return Err(summary(&violations));
    }
    sinks::preview(name, spec, sample).map_err(|error| crate::error::chain(&error))
}

/// Says of a column that it is text for want of a common type.
pub fn conflict(column: &str) -> String {
    format!("column {column} has several types in its profiles and becomes text")
}

/// What is to be previewed.
pub struct Request {
    /// The Kollect objects.
    pub index: Index,
    /// What could not be read of them: where, and why.
    pub problems: Vec<(String, String)>,
    /// Which inventories and sinks.
    pub choice: Choice,
    /// Rules of collection.
    pub defaults: CollectionDefaults,
    /// Name of the cluster, for sinks that state none.
    pub cluster_name: String,
    /// Rows that are shown of each inventory.
    pub rows: usize,
    /// The time that documents give as that of their export.
    pub at: Timestamp,
}

impl Request {
    /// Finds what is to be previewed.
    ///
    /// # Errors
    /// A name that was asked for does not exist, or there is no sink.
    pub fn choose(&self) -> Result<Chosen, Error> {
        Chosen::of(&self.index, &self.choice, &self.defaults)
    }

    /// Makes every preview: of the inventories' own rows as far as `done` has any, else of made-up ones. What cannot
    /// be previewed is told in its place.
    pub async fn report(&self, chosen: &Chosen, done: Option<Done>) -> Report {
        let resolution = Resolver::new(self.defaults.clone()).resolve(&self.index);
        let mut exports = Vec::new();
        for subject in &chosen.subjects {
            let collected = match done.as_ref().zip(subject.inventory.as_ref()) {
                Some((done, name)) => collected(done, name, self.rows).await,
                None => Vec::new(),
            };
            let resolved = subject.inventory.as_ref().and_then(|name| resolution.inventories.get(name));
            let (schema, conflicts) = resolved.map(|one| resolution.schema(one)).unwrap_or_default();
            let (rows, from) = if collected.is_empty() {
                let scope = subject.scope_name();
                let members = resolved.map(|one| &one.members);
                (example::rows(&scope, members, &resolution, self.rows), Rows::Example)
            } else {
                (collected, Rows::Collected)
            };
            let schema = Arc::new(schema);
            exports.push(self.export(subject, &schema, &rows, from, &conflicts));
        }
        let findings = done.map(|done| done.gathered.findings).unwrap_or_default();
        Report::new(exports, &chosen.left_out, &self.problems, &findings)
    }

    fn export(
        &self,
        subject: &Subject,
        schema: &Arc<Schema>,
        rows: &[Row],
        from: Rows,
        conflicts: &[Text],
    ) -> Export {
        let name = subject.scope_name();
        let preview = subject.spec.as_ref().map_err(Clone::clone).and_then(|spec| {
            let cluster = spec.common().cluster.unwrap_or_else(|| self.cluster_name.clone());
            let scope = Scope::new(&cluster, &name.namespace, &name.name);
            let sample = Sample { scope: &scope, schema, rows, exported_at: self.at };
            let mut preview = of(&subject.sink.name, spec, &sample)?;
            preview.warnings.extend(conflicts.iter().map(|column| conflict(column)));
            Ok((cluster, preview))
        });
        Export::new(subject, &name, rows.len(), from, preview)
    }
}

/// The first rows of an inventory, in the order of their keys.
async fn collected(done: &Done, name: &ObjectName, limit: usize) -> Vec<Row> {
    let id = inventory_id(name);
    let view = done.gathered.inventories.iter().find(|(found, _)| *found == id).map(|(_, view)| view);
    let mut rows = Vec::new();
    let Some(mut batches): Option<Batches<'_, Row>> = view.map(View::rows) else { return rows };
    while let Some(Ok(batch)) = batches.next().await {
        rows.extend(batch);
        if rows.len() >= limit {
            break;
        }
    }
    rows.truncate(limit);
    rows
}
