//! Names of formats and compressions, and which of them go together. It writes nothing.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::parquet;
use crate::error::{Error, Result};

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON document: an envelope around the items, one item per line.
    Json,
    /// One YAML document: the same envelope, for people to read and compare.
    Yaml,
    /// One item per line, no envelope.
    Ndjson,
    /// Comma-separated values as RFC 4180 has them: the columns of Parquet, attributes as JSON text.
    Csv,
    /// Apache Parquet with typed columns; needs the crate feature `parquet`.
    Parquet,
}

impl Format {
    /// All formats, those that this build lacks included.
    pub const ALL: [Self; 5] = [Self::Json, Self::Yaml, Self::Ndjson, Self::Csv, Self::Parquet];

    /// The name, as configurations write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The file name extension, with its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => ".json",
            Self::Yaml => ".yaml",
            Self::Ndjson => ".ndjson",
            Self::Csv => ".csv",
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
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::config("serialization.format", format!("`{name}` is none of {known}"))
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
            let problem = "parquet is not in this build; build it with the feature `parquet`, or use json, \
                           yaml, ndjson or csv";
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

/// How a document is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, without a time stamp.
    Gzip,
    /// Snappy, within Parquet only: as a file of its own it has several forms that few programs read.
    Snappy,
    /// Zstandard.
    Zstd,
}

impl Compression {
    const ALL: [Self; 4] = [Self::None, Self::Gzip, Self::Snappy, Self::Zstd];

    /// The name, as configurations write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        }
    }

    /// The compression of that name.
    ///
    /// # Errors
    /// [`Error::Config`] where there is none.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|compression| compression.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::config("serialization.compression", format!("`{name}` is none of {known}"))
        })
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A format and a compression that go together. Equal rows and headers make equal bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Encoding {
    format: Format,
    compression: Compression,
}

impl Encoding {
    /// `format` compressed as asked for; by default Parquet by zstd, and the others not.
    ///
    /// # Errors
    /// [`Error::Config`] for snappy with any format but Parquet.
    pub fn new(format: Format, compression: Option<Compression>) -> Result<Self> {
        match compression {
            None => Ok(format.into()),
            Some(Compression::Snappy) if format != Format::Parquet => {
                let problem = format!(
                    "`snappy` is for parquet; use gzip or zstd with {format}, which programs can open"
                );
                Err(Error::config("serialization.compression", problem))
            }
            Some(compression) => Ok(Self { format, compression }),
        }
    }

    /// The format.
    pub fn format(self) -> Format {
        self.format
    }

    /// The compression.
    pub fn compression(self) -> Compression {
        self.compression
    }

    /// The file name extension, with its dots. Parquet is compressed inside, and keeps its name.
    pub fn extension(self) -> String {
        let outer = match (self.format, self.compression) {
            (Format::Parquet, _) | (_, Compression::None | Compression::Snappy) => "",
            (_, Compression::Gzip) => ".gz",
            (_, Compression::Zstd) => ".zst",
        };
        format!("{}{outer}", self.format.extension())
    }
}

impl From<Format> for Encoding {
    fn from(format: Format) -> Self {
        let compression = if format == Format::Parquet { Compression::Zstd } else { Compression::None };
        Self { format, compression }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.format)?;
        if self.compression.is_none() { Ok(()) } else { write!(f, " ({})", self.compression.as_str()) }
    }
}
