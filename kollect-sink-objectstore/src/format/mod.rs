//! Document formats: one streaming writer for all of them. It does not know where documents are kept.

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

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use jiff::Timestamp;
use kollect_sink_core::{Complete, Row, Schema, Scope, ScopeDigest, Text, Unknown};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use fingerprint::Sha256;
pub(crate) use fingerprint::Tally;
pub use read::read;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON document: an envelope around the items, one item per line.
    Json,
    /// One item per line, no envelope.
    Ndjson,
    /// Apache Parquet with typed columns; needs the crate feature `parquet`.
    Parquet,
}

impl Format {
    /// All formats, those that this build lacks included.
    pub const ALL: [Self; 3] = [Self::Json, Self::Ndjson, Self::Parquet];

    /// The name, as configurations write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }

    /// The file name extension, with its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => ".json",
            Self::Ndjson => ".ndjson",
            Self::Parquet => ".parquet",
        }
    }

    /// The format of that name.
    ///
    /// # Errors
    /// [`Error::Config`] where there is none, or where this build lacks it: then the message names the
    /// feature that brings it.
    pub fn parse(name: &str) -> Result<Self> {
        let format = Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
            Error::config("serialization.format", format!("`{name}` is none of json, ndjson, parquet"))
        })?;
        format.require()?;
        Ok(format)
    }

    /// Checks that this build can write the format.
    ///
    /// # Errors
    /// [`Error::Config`], naming the feature.
    pub fn require(self) -> Result<()> {
        if self == Self::Parquet && !parquet::AVAILABLE {
            let problem = "parquet is not in this build; build it with the feature `parquet`, or use json or \
                           ndjson";
            return Err(Error::config("serialization.format", problem));
        }
        Ok(())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
    /// SHA-256 of the items as one JSON array without white space, the same for JSON and NDJSON; absent for
    /// formats that do not hold items as JSON text.
    pub checksum: Option<Sha256>,
    /// Sum of the rows' digests.
    pub digest: ScopeDigest,
}

/// Writes one document, row by row. Memory is bounded: by one row for JSON and NDJSON, by one row group
/// (65,536 rows or 32 MiB of attributes, whichever comes first) for Parquet.
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
    format: Format,
    rows: u64,
    digest: ScopeDigest,
}

/// Where encoders put their bytes.
type Out<'w> = BufWriter<Tally<Box<dyn Write + Send + 'w>>>;

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
    /// in. `spool` makes an empty file for reading and writing; it is called only where the head of a
    /// document depends on what follows (JSON), and holds the items until then.
    ///
    /// # Errors
    /// Where this build lacks the format, or `out` or the spool fails.
    pub fn new(
        format: Format,
        header: &Header,
        out: impl Write + Send + 'w,
        spool: impl FnOnce() -> io::Result<File>,
    ) -> Result<Self> {
        format.require()?;
        let out: Box<dyn Write + Send + 'w> = Box::new(out);
        let out = BufWriter::with_capacity(OUT_BUFFER, Tally::new(out));
        let encoder: Box<dyn Encoder + 'w> = match format {
            Format::Json => Box::new(json::Json::new(header, out, spool)?),
            Format::Ndjson => Box::new(ndjson::Ndjson::new(out)),
            Format::Parquet => parquet::open(header, out)?,
        };
        Ok(Self { encoder, format, rows: 0, digest: ScopeDigest::default() })
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
            .field("format", &self.format)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

fn write_failed(format: Format) -> impl FnOnce(io::Error) -> Error {
    Error::io(format!("write the {format} document"))
}

/// Ends `out` and tells what went through it.
fn close(out: Out<'_>, format: Format) -> Result<(u64, Sha256)> {
    let mut tally = out.into_inner().map_err(|error| write_failed(format)(error.into_error()))?;
    tally.flush().map_err(write_failed(format))?;
    Ok(tally.finish())
}

/// An instant as documents write it: RFC 3339, UTC, milliseconds.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
