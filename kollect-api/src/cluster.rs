//! The cluster-scoped kinds: KollectClusterTarget, KollectClusterInventory, KollectClusterScope. What they share with the
//! namespaced kinds lives with those.

mod scope;

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::inventory::{SinkExportStatus, half_a_minute, in_order};
use crate::reference::{Family, NamespacedName, SinkRef, is_false};
use crate::schema;
use crate::target::{ResourceRule, Selection, WatchMode};

pub use self::scope::{ClusterScopeSpec, KollectClusterScope};

/// Where to look for the objects of a profile, in any namespace and beside them.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectClusterTarget",
    plural = "kollectclustertargets",
    shortname = "kctgt",
    category = "kollect",
    status = "crate::target::TargetStatus",
    derive = "PartialEq",
    doc = "Selects objects of the whole cluster whose attributes are collected.",
    printcolumn(name = "Profile", type_ = "string", json_path = ".spec.profileRef.name"),
    printcolumn(name = "Collected", type_ = "integer", json_path = ".status.collectedCount"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Synced")].status"#
    ),
    printcolumn(name = "Updated", type_ = "date", json_path = ".status.collectedCountUpdatedAt"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTargetSpec {
    /// The profile.
    pub profile_ref: NamespacedName,
    /// Namespaces by their labels; must not be empty.
    #[schemars(schema_with = "schema::label_selector")]
    pub namespace_selector: LabelSelector,
    /// Only these namespaces; empty is all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63), regex(pattern = schema::LABEL)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub included_namespaces: BTreeSet<String>,
    /// None of these namespaces.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 63), regex(pattern = schema::LABEL)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub excluded_namespaces: BTreeSet<String>,
    /// No namespace with these labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub namespace_exclude_selector: Option<LabelSelector>,
    /// Rules of which any may match; each may name another kind than the profile's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub resource_rules: Vec<ResourceRule>,
    /// Objects by their labels. Excludes resourceRules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub label_selector: Option<LabelSelector>,
    /// Objects by their names. Excludes resourceRules.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub names: BTreeSet<String>,
    /// Stop collecting, and keep what was collected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Whether objects are collected unless they opt out, or only in namespaces that opt in.
    #[serde(default)]
    pub watch_mode: WatchMode,
}

impl ClusterTargetSpec {
    /// What the target selects by, in the form that it shares with namespaced targets.
    #[must_use]
    pub fn selection(&self) -> Selection<'_> {
        Selection {
            namespace_selector: Some(&self.namespace_selector),
            included_namespaces: &self.included_namespaces,
            excluded_namespaces: &self.excluded_namespaces,
            namespace_exclude_selector: self.namespace_exclude_selector.as_ref(),
            resource_rules: &self.resource_rules,
            label_selector: self.label_selector.as_ref(),
            names: &self.names,
            watch_mode: self.watch_mode,
            suspend: self.suspend,
        }
    }
}

/// Which rows of cluster targets belong together, and which sinks hold them.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectClusterInventory",
    plural = "kollectclusterinventories",
    shortname = "kcinv",
    category = "kollect",
    status = "ClusterInventoryStatus",
    derive = "PartialEq",
    doc = "Makes sinks equal to what cluster targets collect.",
    printcolumn(name = "Items", type_ = "integer", json_path = ".status.itemCount"),
    printcolumn(name = "Targets", type_ = "integer", json_path = ".status.targetCount"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Synced")].status"#
    ),
    printcolumn(name = "Last export", type_ = "date", json_path = ".status.lastExportTime"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInventorySpec {
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub profile_ref: Option<String>,
    /// Names of cluster targets. Without targetRefs and targetSelector: all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub target_refs: BTreeSet<String>,
    /// Cluster targets by their labels; ignored with targetRefs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub target_selector: Option<LabelSelector>,
    /// Only rows of these namespaces; empty is all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 1024),
        inner(length(min = 1, max = 63), regex(pattern = schema::LABEL)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub namespaces: BTreeSet<String>,
    /// Only rows of namespaces with these labels; with namespaces, of those that both name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub namespace_selector: Option<LabelSelector>,
    /// Snapshot sinks; at most 20 references in the three lists together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::sink_refs")]
    pub snapshot_sink_refs: Vec<SinkRef>,
    /// Database sinks; at most 20 references in the three lists together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::sink_refs")]
    pub database_sink_refs: Vec<SinkRef>,
    /// Event sinks; at most 20 references in the three lists together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::sink_refs")]
    pub event_sink_refs: Vec<SinkRef>,
    /// Namespace of the sinks whose references name none.
    #[serde(default = "system_namespace")]
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::LABEL))]
    pub sink_namespace: String,
    /// How often an unchanged payload is confirmed; 0s is never. A changed one is exported at once.
    #[serde(default = "half_a_minute")]
    pub export_min_interval: Duration,
    /// Whether an object that several targets collect is one row or several.
    #[serde(default)]
    pub dedupe: Dedupe,
    /// Stop exporting.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

fn system_namespace() -> String {
    "kollect-system".to_owned()
}

impl Default for ClusterInventorySpec {
    fn default() -> Self {
        Self {
            profile_ref: None,
            target_refs: BTreeSet::new(),
            target_selector: None,
            namespaces: BTreeSet::new(),
            namespace_selector: None,
            snapshot_sink_refs: Vec::new(),
            database_sink_refs: Vec::new(),
            event_sink_refs: Vec::new(),
            sink_namespace: system_namespace(),
            export_min_interval: half_a_minute(),
            dedupe: Dedupe::default(),
            suspend: false,
        }
    }
}

impl ClusterInventorySpec {
    /// All sink references with their families, in the order of the lists.
    pub fn sink_refs(&self) -> impl Iterator<Item = (Family, &SinkRef)> {
        in_order([&self.snapshot_sink_refs, &self.database_sink_refs, &self.event_sink_refs])
    }
}

/// Whether an object that several targets collect is one row or several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Dedupe {
    /// One row for each target.
    #[default]
    #[serde(rename = "keepAll")]
    KeepAll,
    /// One row: that of the target whose name sorts first.
    #[serde(rename = "byResourceUID")]
    ByResourceUid,
}

/// What became of a cluster inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterInventoryStatus {
    /// Ready, Synced, SinkReachable, Degraded, ExportSucceeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Generation that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Rows in the inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_count: Option<u64>,
    /// Digest of the inventory, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub checksum: Option<String>,
    /// When a sink was written last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub last_export_time: Option<Time>,
    /// Each sink reference by its name; an entry outlives its reference until the sink is cleaned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub sink_exports: Vec<SinkExportStatus>,
    /// Cluster targets that contribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_count: Option<u64>,
    /// Namespaces with rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_shard_count: Option<u64>,
    /// The 100 namespaces with the most rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace"])
    )]
    pub namespace_shards: Vec<NamespaceShard>,
}

/// The rows of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceShard {
    /// The namespace.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Its rows.
    #[serde(default)]
    pub item_count: u64,
    /// Cluster targets that have rows in it.
    #[serde(default)]
    pub target_count: u64,
    /// Digest of its rows, hexadecimal.
    #[serde(default)]
    #[schemars(length(max = 128))]
    pub checksum: String,
}
