//! Document formats: one streaming writer for all of them. It does not know where documents are kept.

mod columns;
mod compress;
mod csv;
mod encoding;
mod envelope;
mod fingerprint;
mod json;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "no_parquet.rs"]
mod parquet;
mod read;
#[cfg(test)]
mod tests;
pub(crate) mod yaml;

use std::fmt;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::sync::Arc;

use jiff::Timestamp;
use kollect_sink_core::{Complete, Row, Schema, Scope, ScopeDigest, Text, Unknown};

use crate::error::{Error, Result};
#[cfg(feature = "local")]
pub(crate) use columns::of_document;
pub(crate) use compress::{Compressor, reader};
pub use encoding::{Compression, Encoding, Format};
use envelope::Envelope;
pub use fingerprint::Sha256;
#[cfg(feature = "local")]
pub(crate) use fingerprint::Tally;
use json::Json;
#[cfg(feature = "local")]
pub(crate) use read::one;
pub use read::read;
pub(crate) use read::{Fields, Rebuild};
use yaml::Yaml;

/// What a document says about its rows.
#[derive(Clone, Debug)]
pub struct Header {
    /// Whose rows they are.
    pub scope: Scope,
    /// Counts material exports of the scope.
    pub generation: u64,
    /// Time of the last material change; written to the millisecond.
    pub exported_at: Timestamp,
    /// What the document does not cover.
    pub unknown: Unknown,
    /// Typed columns, for formats that have columns.
    pub schema: Arc<Schema>,
    /// Attributes that get a column of text though no type is stated for them.
    pub hot_attributes: Vec<Text>,
}

impl Header {
    /// The header of a full state.
    pub fn of(export: &Complete, hot_attributes: &[Text]) -> Self {
        let target = export.target();
        Self {
            scope: export.scope().clone(),
            generation: target.generation,
            exported_at: target.exported_at,
            unknown: target.unknown.clone(),
            schema: export.schema().clone(),
            hot_attributes: hot_attributes.to_vec(),
        }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Rows in the document.
    pub rows: u64,
    /// Length of the document.
    pub bytes: u64,
    /// SHA-256 of the document as it is stored.
    pub sha256: Sha256,
    /// SHA-256 of the items as one JSON array without white space, the same for JSON, YAML and NDJSON; absent
    /// for formats that hold columns.
    pub checksum: Option<Sha256>,
    /// Sum of the rows' digests.
    pub digest: ScopeDigest,
}

/// Writes one document, row by row. Memory is bounded: by one row group (65,536 rows or 32 MiB of attributes,
/// whichever comes first) for Parquet, by one row for the others.
///
/// All methods block: on an async runtime use [`put`](crate::put), which does this on a thread that may.
///
/// ```
/// use std::sync::Arc;
/// use kollect_sink_core::{Identity, Origin, Row, Scope, Target, Unknown};
/// use kollect_sink_objectstore::format::{Format, Header, Writer};
///
/// let header = Header {
///     scope: Scope::new("prod", "team-a", "apps"),
///     generation: 1,
///     exported_at: "2026-01-31T10:00:00Z".parse()?,
///     unknown: Unknown::none(),
///     schema: Arc::default(),
///     hot_attributes: Vec::new(),
/// };
/// let origin = Arc::new(Origin {
///     target: Target::new("team-a", "deployments"),
///     group: "apps".into(),
///     version: "v1".into(),
///     kind: "Deployment".into(),
/// });
/// let identity = Identity::new(origin, "shop".into(), "web", "0b1c")?;
///
/// let mut out = Vec::new();
/// let mut writer = Writer::new(Format::Ndjson, &header, &mut out, tempfile::tempfile)?;
/// writer.push(&Row::new(identity, r#"{"replicas":3}"#))?;
/// let written = writer.finish()?;
///
/// assert_eq!((written.rows, written.bytes), (1, out.len() as u64));
/// assert!(out.ends_with(b"\"attributes\":{\"replicas\":3}}\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<'w> {
    encoder: Box<dyn Encoder + 'w>,
    encoding: Encoding,
    rows: u64,
    digest: ScopeDigest,
}

/// Holds the items of a document until its head is known: a temporary file, or memory for few rows.
pub trait Spool: Read + Write + Seek + Send {}

impl<S: Read + Write + Seek + Send> Spool for S {}

/// Where encoders put their bytes.
type Out<'w> = BufWriter<Compressor<Box<dyn Write + Send + 'w>>>;

const OUT_BUFFER: usize = 256 * 1024;

/// What one format does with rows.
trait Encoder: Send {
    fn push(&mut self, row: &Row) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<Finished>;
}

/// What an encoder knows at its end.
struct Finished {
    bytes: u64,
    sha256: Sha256,
    checksum: Option<Sha256>,
}

impl<'w> Writer<'w> {
    /// Starts a document in `out`, which is written from its beginning to its end and never read or sought
    /// in. `spool` makes an empty file, or a cursor in memory; it is called only where the head of a document
    /// depends on what follows (JSON, YAML), and holds the items until then.
    ///
    /// # Errors
    /// Where this build lacks the format, or `out` or the spool fails.
    pub fn new<S: Spool + 'w>(
        encoding: impl Into<Encoding>,
        header: &Header,
        out: impl Write + Send + 'w,
        spool: impl FnOnce() -> io::Result<S>,
    ) -> Result<Self> {
        let encoding = encoding.into();
        let format = encoding.format();
        format.require()?;
        let out: Box<dyn Write + Send + 'w> = Box::new(out);
        // Parquet compresses inside.
        let outer = if format == Format::Parquet { Compression::None } else { encoding.compression() };
        let out = Compressor::new(outer, out).map_err(write_failed(format))?;
        let out = BufWriter::with_capacity(OUT_BUFFER, out);
        let encoder: Box<dyn Encoder + 'w> = match format {
            Format::Json => Box::new(Envelope::<Json, S>::new(header, out, spool)?),
            Format::Yaml => Box::new(Envelope::<Yaml, S>::new(header, out, spool)?),
            Format::Ndjson => Box::new(ndjson::Ndjson::new(out)),
            Format::Csv => Box::new(csv::Csv::new(header, out)?),
            Format::Parquet => parquet::open(header, encoding.compression(), out)?,
        };
        Ok(Self { encoder, encoding, rows: 0, digest: ScopeDigest::default() })
    }

    /// Adds a row; rows come ascending by key.
    ///
    /// # Errors
    /// Where writing fails; the document is lost then.
    pub fn push(&mut self, row: &Row) -> Result<()> {
        self.encoder.push(row)?;
        self.rows += 1;
        self.digest.add(row.digest());
        Ok(())
    }

    /// Ends the document and flushes `out`. Dropping a writer instead leaves a part of a document in `out`.
    ///
    /// # Errors
    /// Where writing fails.
    pub fn finish(self) -> Result<Written> {
        let Finished { bytes, sha256, checksum } = self.encoder.finish()?;
        Ok(Written { rows: self.rows, bytes, sha256, checksum, digest: self.digest })
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("encoding", &self.encoding)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

fn write_failed(format: Format) -> impl FnOnce(io::Error) -> Error {
    Error::io(format!("write the {format} document"))
}

/// Ends `out` and tells what went through it.
fn close(out: Out<'_>, format: Format) -> Result<(u64, Sha256)> {
    let compressor = out.into_inner().map_err(|error| write_failed(format)(error.into_error()))?;
    let mut tally = compressor.finish().map_err(write_failed(format))?;
    tally.flush().map_err(write_failed(format))?;
    Ok(tally.finish())
}

/// An instant as documents write it: RFC 3339, UTC, milliseconds.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
