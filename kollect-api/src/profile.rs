//! KollectProfile: which kind of objects, and what of them. Paths are compiled elsewhere.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{GroupVersionKind, is_default, is_false, yes};
use crate::schema;

/// What to take from the objects of one kind.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectProfile",
    plural = "kollectprofiles",
    shortname = "kprof",
    category = "kollect",
    namespaced,
    status = "ProfileStatus",
    derive = "PartialEq",
    doc = "Names a kind and the attributes of its objects that matter.",
    printcolumn(name = "GVK", type_ = "string", json_path = ".spec.targetGVK.kind"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ProfileSpec {
    /// The kind that the profile is about.
    #[serde(rename = "targetGVK")]
    pub target_gvk: GroupVersionKind,
    /// The attributes of a row. At least one in Attributes mode.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub attributes: Vec<Attribute>,
    /// What a row holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub export: ExportSpec,
    /// Prometheus gauges made from attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub metrics: Vec<MetricSpec>,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Name of the value, unique in the profile.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Where the value is: `cel:<expression>`, JSONPath as `{.a.b}` or `$.a.b`, or `helm:release.<field>`.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// The type that the value is coerced to. A value that cannot be is an extraction failure.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<AttributeType>,
    /// Leave the attribute out where the path finds nothing, instead of null.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// Replace the value before it leaves.
    #[serde(default, skip_serializing_if = "is_false")]
    pub redact: bool,
}

/// The types that values are coerced to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributeType {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// A whole number; another word for int.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// True or false; another word for bool.
    Boolean,
    /// A point in time, RFC 3339.
    Timestamp,
    /// A list.
    List,
    /// A map.
    Map,
    /// Any JSON value.
    Json,
}

impl AttributeType {
    /// The same type under its first name: `integer` is `int`, `boolean` is `bool`.
    #[must_use]
    pub const fn canonical(self) -> Self {
        match self {
            Self::Integer => Self::Int,
            Self::Boolean => Self::Bool,
            other => other,
        }
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::List => "list",
            Self::Map => "map",
            Self::Json => "json",
        }
    }
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportSpec {
    /// Attributes alone, or sections of the object too.
    #[serde(default)]
    pub mode: ExportMode,
    /// Resource mode: the attribute that holds the object.
    #[serde(rename = "as", default = "resource")]
    #[schemars(length(min = 1, max = 253))]
    pub as_: String,
    /// Resource mode: the sections of the object.
    #[serde(default)]
    pub include: Include,
    /// Resource mode: leave out of the object what identifies the row already.
    #[serde(default = "yes")]
    pub dedupe_identity: bool,
    /// Resource mode: what is taken out of the object.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prune: PruneSpec,
}

impl Default for ExportSpec {
    fn default() -> Self {
        Self {
            mode: ExportMode::default(),
            as_: resource(),
            include: Include::default(),
            dedupe_identity: true,
            prune: PruneSpec::default(),
        }
    }
}

fn resource() -> String {
    "resource".to_owned()
}

/// What a row is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ExportMode {
    /// The profile's attributes.
    #[default]
    Attributes,
    /// The profile's attributes and the object.
    Resource,
}

/// Sections of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Include {
    /// The metadata alone.
    MetadataOnly,
    /// Metadata and spec.
    SpecOnly,
    /// Metadata and status.
    StatusOnly,
    /// Metadata, spec and status.
    #[default]
    SpecAndStatus,
    /// Everything.
    All,
}

/// What is taken out of an exported object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneSpec {
    /// Take out what changes without meaning: managedFields, resourceVersion, generation and the like.
    #[serde(default = "yes")]
    pub defaults: bool,
    /// RFC 6901 pointers to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "atomic"))]
    pub json_pointers: Vec<String>,
    /// JSONPaths to remove; `[*]` and filters work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "atomic"))]
    pub json_paths: Vec<String>,
    /// More keys whose values are redacted, in any letter case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "atomic"))]
    pub scrub_keys: Vec<String>,
    /// CEL expressions over object, each giving a list of JSON pointers to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 4096)), extend("x-kubernetes-list-type" = "atomic"))]
    pub cel: Vec<String>,
}

impl Default for PruneSpec {
    fn default() -> Self {
        Self {
            defaults: true,
            json_pointers: Vec::new(),
            json_paths: Vec::new(),
            scrub_keys: Vec::new(),
            cel: Vec::new(),
        }
    }
}

/// A gauge made from an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricSpec {
    /// Name of the series, unique in the profile.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Name of the attribute with the number.
    #[schemars(length(min = 1, max = 253))]
    pub path: String,
    /// Names of attributes that become labels.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = 5), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub labels: BTreeSet<String>,
}

/// What became of a profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileStatus {
    /// Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Generation that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The compiled schema of rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 257), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub columns: Vec<Column>,
}

/// A column of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Name of the attribute.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
}
