//! The tables of a whole run: one for each target, over all sources. It does not lay out lines.

use std::collections::BTreeMap;
use std::io::{self, Write};

use futures::TryStreamExt;
use kollect_sink_core::{Row, SourceError, Target, View};

use super::attributes;
use super::pass::Gathered;
use super::printable::counted;
use super::table::{Extent, Table};
use crate::index::Index;

/// The rows of one target, each with the name of its cluster. A row costs a pointer.
type Rows<'a> = Vec<(&'a str, Row)>;

/// Writes a table for each target that has one, and a line for each that has no rows.
///
/// # Errors
/// Those of `out`.
pub async fn write(all: &[&Gathered], index: &Index, extent: Extent, out: &mut dyn Write) -> io::Result<()> {
    let targets = gather(all).await.map_err(io::Error::other)?;
    let several = targets.len() > 1;
    for (at, (target, rows)) in targets.into_iter().enumerate() {
        if several || rows.is_empty() {
            let gap = if at > 0 { "\n" } else { "" };
            writeln!(out, "{gap}{} ({})", title(&target), counted(rows.len() as u64, "row"))?;
        }
        if !rows.is_empty() {
            let attributes = attributes(index, &target);
            Table { attributes: &attributes, rows }.write(extent, out)?;
        }
    }
    out.flush()
}

fn title(target: &Target) -> String {
    match &*target.namespace {
        "default" => target.name.to_string(),
        "" => format!("_cluster/{}", target.name),
        namespace => format!("{namespace}/{}", target.name),
    }
}

async fn gather<'a>(all: &[&'a Gathered]) -> Result<BTreeMap<Target, Rows<'a>>, SourceError> {
    let mut targets: BTreeMap<Target, Rows<'a>> = BTreeMap::new();
    for gathered in all {
        // A target may be in several inventories.
        let mut shown = Vec::new();
        for (_, view) in &gathered.inventories {
            let members: Vec<Target> = view.counts().map(|(target, _)| target.clone()).collect();
            for target in &members {
                targets.entry(target.clone()).or_default();
            }
            let mut batches = view.rows();
            while let Some(batch) = batches.try_next().await? {
                for row in batch {
                    let target = row.identity().target();
                    if !shown.contains(target) {
                        targets.entry(target.clone()).or_default().push((&gathered.cluster, row));
                    }
                }
            }
            shown.extend(members);
        }
    }
    Ok(targets)
}
