//! How a sink's documents are encoded, named and laid out, as the sinks' specs say it. Encoding is the sinks'.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{is_default, yes};

/// How documents and events are encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SerializationSpec {
    /// The format; absent is the default of the sink's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The compression; absent is the default of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
}

/// A format of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// One JSON value per line.
    Ndjson,
    /// Comma-separated values.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// A compression of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As it is.
    None,
    /// gzip.
    Gzip,
    /// Snappy.
    Snappy,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        }
    }
}

/// Which documents there are, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LayoutSpec {
    /// One document, one per object, or one per object and an index; absent is the default of the sink and profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<LayoutMode>,
    /// What a document of one object holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Path of each object's document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub path_template: Option<String>,
    /// The index of the split mode.
    #[serde(default, skip_serializing_if = "is_default")]
    pub index: IndexSpec,
    /// How segments of paths are made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filename: FilenameSpec,
}

/// Which documents there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LayoutMode {
    /// One document with all rows.
    Document,
    /// One document per object.
    PerResource,
    /// One document per object, and an index.
    Split,
}

/// What a document of one object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// The whole item.
    Item,
    /// Its attributes.
    Attributes,
    /// The object's manifest, of Resource mode.
    Manifest,
}

/// The index of the split mode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IndexSpec {
    /// Whether there is one; absent is yes in split mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Path of the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub path_template: Option<String>,
}

/// How segments of paths are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilenameSpec {
    /// Whether {group} leaves out the core group.
    #[serde(default)]
    pub group_in_path: GroupInPath,
    /// Whether {kind} is in lower case.
    #[serde(default = "yes")]
    pub lowercase_kind: bool,
    /// Characters of a segment; longer ones are cut and end in a hash.
    #[serde(default = "label_length")]
    #[schemars(range(min = 1, max = 255))]
    pub max_segment_length: u16,
}

impl Default for FilenameSpec {
    fn default() -> Self {
        Self {
            group_in_path: GroupInPath::default(),
            lowercase_kind: true,
            max_segment_length: label_length(),
        }
    }
}

fn label_length() -> u16 {
    63
}

/// Whether paths hold the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GroupInPath {
    /// Unless it is the core group.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Who makes the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningSpec {
    /// Make what is missing, or work with what exists.
    #[serde(default)]
    pub mode: ProvisioningMode,
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "is_default")]
    pub naming: NamingSpec,
}

/// Whether a destination is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningMode {
    /// Make what is missing.
    #[default]
    Ensure,
    /// Work with what exists.
    Existing,
}

impl ProvisioningMode {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ensure => "ensure",
            Self::Existing => "existing",
        }
    }
}

/// A name for the destination. Accepted, without effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamingSpec {
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub template: Option<String>,
}
