//! KollectInventory: which rows belong together, and which sinks hold them; and what it shares with
//! KollectClusterInventory. Exporting is the workers'.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::reference::{Family, SinkRef, is_false};
use crate::schema;

/// Which rows belong together, and which sinks hold them.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectInventory",
    plural = "kollectinventories",
    shortname = "kinv",
    category = "kollect",
    namespaced,
    status = "InventoryStatus",
    derive = "PartialEq",
    doc = "Makes sinks equal to what the targets of its namespace collect.",
    printcolumn(name = "Items", type_ = "integer", json_path = ".status.itemCount"),
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
pub struct InventorySpec {
    /// Names of targets in the inventory's namespace. Without targetRefs and targetSelector: all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub target_refs: BTreeSet<String>,
    /// Targets by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub target_selector: Option<LabelSelector>,
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
    /// How often an unchanged payload is confirmed; 0s is never. A changed one is exported at once.
    #[serde(default = "half_a_minute")]
    pub export_min_interval: Duration,
    /// Bytes after which documents of snapshot sinks are split; data is never dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_export_bytes: Option<NonZeroU64>,
    /// Stop exporting.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_endpoint: Option<HttpEndpoint>,
}

pub(crate) fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

impl Default for InventorySpec {
    fn default() -> Self {
        Self {
            target_refs: BTreeSet::new(),
            target_selector: None,
            snapshot_sink_refs: Vec::new(),
            database_sink_refs: Vec::new(),
            event_sink_refs: Vec::new(),
            export_min_interval: half_a_minute(),
            max_export_bytes: None,
            suspend: false,
            http_endpoint: None,
        }
    }
}

impl InventorySpec {
    /// All sink references with their families, in the order of the lists.
    pub fn sink_refs(&self) -> impl Iterator<Item = (Family, &SinkRef)> {
        in_order([&self.snapshot_sink_refs, &self.database_sink_refs, &self.event_sink_refs])
    }
}

/// The references of three lists, which stand in the order of [`Family::ALL`].
pub(crate) fn in_order(lists: [&[SinkRef]; 3]) -> impl Iterator<Item = (Family, &SinkRef)> {
    Family::ALL.into_iter().zip(lists).flat_map(|(family, refs)| refs.iter().map(move |sink| (family, sink)))
}

/// An HTTP endpoint of one inventory. Accepted, without effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpEndpoint {
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "is_false")]
    pub enabled: bool,
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
}

/// What became of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InventoryStatus {
    /// Ready, Synced, SinkReachable, Degraded.
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
}

/// What became of one sink reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SinkExportStatus {
    /// `<family>/<sink>`, or `<family>/<namespace>/<sink>` outside of sinkNamespace.
    #[schemars(length(min = 1, max = 384))]
    pub name: String,
    /// Namespace of the sink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Uid of the sink object that was written to.
    #[serde(rename = "sinkUID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub sink_uid: Option<String>,
    /// Name of the source cluster that was written under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub cluster: Option<String>,
    /// Where it went, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub destination: Option<String>,
    /// When the sink was last written or confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub last_export_time: Option<Time>,
    /// Digest of what the sink holds, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub last_checksum: Option<String>,
    /// Rows that the sink holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_count: Option<u64>,
    /// Revisions that the sink is behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<u64>,
    /// When a failed export is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub next_attempt_time: Option<Time>,
    /// Synced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}
