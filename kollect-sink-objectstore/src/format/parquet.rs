//! The Parquet document: fixed columns of identity, the attributes as JSON, and typed columns. It does not
//! hold more than one row group in memory.

mod columns;
mod read;
#[cfg(test)]
mod tests;

use std::iter::repeat_n;
use std::mem;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::extension::Json;
use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};
use kollect_sink_core::Row;
use kollect_sink_core::item::SCHEMA_VERSION;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::columns::{ATTRIBUTES, EXPORTED_AT, IDENTITY, SCOPE};
use super::{Compression, Encoder, Finished, Format, Header, Out, close};
use crate::error::{Error, Result};
use columns::AttributeColumns;
pub(super) use read::read;

pub(super) const AVAILABLE: bool = true;

/// How large a row group, which stands in memory, may become.
#[derive(Clone, Copy)]
struct Limits {
    rows: usize,
    /// Of attributes; a larger single row makes a group of its own.
    bytes: usize,
}

const LIMITS: Limits = Limits { rows: 64 * 1024, bytes: 32 * 1024 * 1024 };

/// Rows that are turned into arrays at a time.
const CHUNK_ROWS: usize = 8 * 1024;

const UTC: &str = "UTC";

/// Columns that rows are sorted by within a row group.
const SORTED_BY: [&str; 3] = ["kind", "namespace", "name"];

pub(super) struct Parquet<'w> {
    writer: ArrowWriter<Out<'w>>,
    schema: SchemaRef,
    header: Header,
    columns: AttributeColumns,
    limits: Limits,
    group: Vec<Row>,
    group_bytes: usize,
}

pub(super) fn open<'w>(
    header: &Header,
    compression: Compression,
    out: Out<'w>,
) -> Result<Box<dyn Encoder + 'w>> {
    Ok(Box::new(Parquet::new(header, compression, out, LIMITS)?))
}

impl Encoder for Parquet<'_> {
    fn push(&mut self, row: &Row) -> Result<()> {
        let bytes = row.attributes().len();
        let full = self.group.len() >= self.limits.rows || self.group_bytes + bytes > self.limits.bytes;
        if full && !self.group.is_empty() {
            self.write_group()?;
        }
        self.group.push(row.clone());
        self.group_bytes += bytes;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Finished> {
        if !self.group.is_empty() {
            self.write_group()?;
        }
        let out = self.writer.into_inner().map_err(failed())?;
        let (bytes, sha256) = close(out, Format::Parquet)?;
        Ok(Finished { bytes, sha256, checksum: None })
    }
}

impl<'w> Parquet<'w> {
    fn new(header: &Header, compression: Compression, out: Out<'w>, limits: Limits) -> Result<Self> {
        let columns = AttributeColumns::new(&header.schema, &header.hot_attributes);
        let schema = schema(&columns);
        let properties = properties(header, &schema, &columns, codec(compression)?, limits)?;
        let options = ArrowWriterOptions::new().with_properties(properties);
        let writer = ArrowWriter::try_new_with_options(out, schema.clone(), options).map_err(failed())?;
        let header = header.clone();
        Ok(Self { writer, schema, header, columns, limits, group: Vec::new(), group_bytes: 0 })
    }

    fn write_group(&mut self) -> Result<()> {
        let mut rows = mem::take(&mut self.group);
        self.group_bytes = 0;
        rows.sort_unstable_by(|left, right| {
            let (one, other) = (left.identity(), right.identity());
            (one.kind().cmp(other.kind()))
                .then_with(|| one.namespace().cmp(other.namespace()))
                .then_with(|| one.name().cmp(other.name()))
                .then_with(|| one.key().cmp(&other.key()))
        });
        for chunk in rows.chunks(CHUNK_ROWS) {
            let batch = self.batch(chunk)?;
            self.writer.write(&batch).map_err(failed())?;
        }
        self.writer.flush().map_err(failed())?;
        rows.clear();
        self.group = rows;
        Ok(())
    }

    fn batch(&mut self, rows: &[Row]) -> Result<RecordBatch> {
        let scope = &self.header.scope;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for constant in [&scope.cluster, &scope.inventory_namespace, &scope.inventory_name] {
            arrays.push(Arc::new(StringArray::from_iter_values(repeat_n(constant, rows.len()))));
        }
        for (_, value) in IDENTITY {
            arrays.push(Arc::new(StringArray::from_iter_values(rows.iter().map(value))));
        }
        let exported_at = self.header.exported_at.as_millisecond();
        let exported_at = TimestampMillisecondArray::from_value(exported_at, rows.len());
        arrays.push(Arc::new(exported_at.with_timezone(UTC)));
        arrays.push(Arc::new(StringArray::from_iter_values(rows.iter().map(Row::attributes))));
        for row in rows {
            self.columns.append(row.attributes());
        }
        self.columns.finish_into(&mut arrays);
        RecordBatch::try_new(self.schema.clone(), arrays).map_err(Error::codec("arrange rows as columns"))
    }
}

fn schema(columns: &AttributeColumns) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let mut fields: Vec<Field> = SCOPE.map(text).into();
    fields.extend(IDENTITY.map(|(name, _)| text(name)));
    let instant = DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into()));
    fields.push(Field::new(EXPORTED_AT, instant, false));
    fields.push(text(ATTRIBUTES).with_extension_type(Json::default()));
    fields.extend(columns.fields());
    Arc::new(arrow_schema::Schema::new(fields))
}

fn properties(
    header: &Header,
    schema: &SchemaRef,
    columns: &AttributeColumns,
    codec: Codec,
    limits: Limits,
) -> Result<WriterProperties> {
    let uid = ColumnPath::from("uid");
    let mut builder = WriterProperties::builder()
        .set_compression(codec)
        .set_statistics_enabled(EnabledStatistics::Page)
        // Groups are cut by `push`, which also sorts them.
        .set_max_row_group_row_count(None)
        .set_max_row_group_bytes(None)
        .set_sorting_columns(Some(sorting(schema)))
        .set_key_value_metadata(Some(metadata(header)?))
        .set_column_bloom_filter_max_ndv(uid.clone(), limits.rows as u64)
        .set_column_bloom_filter_enabled(uid.clone(), true)
        .set_column_dictionary_enabled(uid, false);
    // Neither a dictionary nor bounds help with documents.
    for name in columns.json_names().chain([ATTRIBUTES.to_owned()]) {
        let path = ColumnPath::new(vec![name]);
        builder = builder
            .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
            .set_column_dictionary_enabled(path, false);
    }
    Ok(builder.build())
}

fn codec(compression: Compression) -> Result<Codec> {
    Ok(match compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Gzip => Codec::GZIP(GzipLevel::try_new(6).map_err(failed())?),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::try_new(3).map_err(failed())?),
    })
}

fn sorting(schema: &SchemaRef) -> Vec<SortingColumn> {
    SORTED_BY
        .iter()
        .filter_map(|name| schema.index_of(name).ok())
        .filter_map(|index| i32::try_from(index).ok())
        .map(|column_idx| SortingColumn { column_idx, descending: false, nulls_first: false })
        .collect()
}

/// What an envelope would say and no column does.
fn metadata(header: &Header) -> Result<Vec<KeyValue>> {
    let mut entries = vec![
        KeyValue::new("kollect.schemaVersion".to_owned(), SCHEMA_VERSION.to_owned()),
        KeyValue::new("kollect.generation".to_owned(), header.generation.to_string()),
    ];
    if !header.unknown.is_empty() {
        let unknown =
            serde_json::to_string(&header.unknown).map_err(Error::codec("write what is unknown"))?;
        entries.push(KeyValue::new("kollect.unknown".to_owned(), unknown));
    }
    Ok(entries)
}

fn failed() -> impl FnOnce(ParquetError) -> Error {
    Error::codec("write the parquet document")
}
