//! Reads identities and attributes back from a Parquet document. It does not read the typed columns: they
//! follow from the attributes.

use std::fs::File;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch, StringArray};
use kollect_sink_core::Held;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use crate::error::{Error, Result};
use crate::format::columns::{ATTRIBUTES, IDENTITY};
use crate::format::read::{Fields, Rebuild};

const DOING: &str = "read the parquet document";

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1024;

/// Calls `each` for each row, ascending by key. Row groups hold ascending ranges of keys, each sorted
/// otherwise within, so that one group's keys and digests are in memory at a time.
pub(in crate::format) fn read(file: File, each: &mut dyn FnMut(Held) -> Result<()>) -> Result<()> {
    let file = Arc::new(file);
    let metadata =
        ArrowReaderMetadata::load(&*file, ArrowReaderOptions::new()).map_err(Error::codec(DOING))?;
    let mut rebuild = Rebuild::default();
    for group in 0..metadata.metadata().num_row_groups() {
        let copy = file.try_clone().map_err(Error::io(DOING))?;
        let wanted = IDENTITY.iter().map(|(name, _)| *name).chain([ATTRIBUTES]);
        let mask = ProjectionMask::columns(metadata.parquet_schema(), wanted);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(copy, metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(Error::codec(DOING))?;
        let mut held = Vec::new();
        for batch in reader {
            let batch = batch.map_err(Error::codec(DOING))?;
            collect(&batch, &mut rebuild, &mut held)?;
        }
        held.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        held.into_iter().try_for_each(&mut *each)?;
    }
    Ok(())
}

fn collect(batch: &RecordBatch, rebuild: &mut Rebuild, held: &mut Vec<Held>) -> Result<()> {
    let column = |name: &'static str| {
        batch
            .column_by_name(name)
            .and_then(|array| array.as_any().downcast_ref::<StringArray>())
            .filter(|array| array.null_count() == 0)
            .ok_or_else(|| Error::garbled("document", format!("column {name} is not text without nulls")))
    };
    let (target_namespace, target_name) = (column("target_namespace")?, column("target_name")?);
    let (namespace, name, uid) = (column("namespace")?, column("name")?, column("uid")?);
    let (group, version, kind) = (column("group")?, column("version")?, column("kind")?);
    let attributes = column(ATTRIBUTES)?;
    for index in 0..batch.num_rows() {
        held.push(rebuild.held(&Fields {
            target_namespace: target_namespace.value(index),
            target_name: target_name.value(index),
            namespace: namespace.value(index),
            name: name.value(index),
            group: group.value(index),
            version: version.value(index),
            kind: kind.value(index),
            uid: uid.value(index),
            attributes: attributes.value(index),
        })?);
    }
    Ok(())
}
