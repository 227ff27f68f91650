//! KollectConnectionTest: one audited probe of a sink. Probing is the sinks'.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{Family, yes};
use crate::schema;

/// A probe of one sink. A new generation probes again.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectConnectionTest",
    plural = "kollectconnectiontests",
    shortname = "kconntest",
    category = "kollect",
    namespaced,
    status = "ConnectionTestStatus",
    derive = "PartialEq",
    doc = "Probes a sink once, and keeps the outcome for a while.",
    printcolumn(name = "Sink", type_ = "string", json_path = ".spec.sinkRef.*"),
    printcolumn(
        name = "Verified",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ConnectionVerified")].status"#
    ),
    printcolumn(name = "Latency ms", type_ = "integer", json_path = ".status.latencyMs"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionTestSpec {
    /// The sink, in the same namespace: exactly one of the three.
    pub sink_ref: ConnectionTestSinkRef,
    /// Accepted, without effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub profile_ref: Option<String>,
    /// Make the sink the owner, so that this object goes with it.
    #[serde(default = "yes")]
    pub owner_sink: bool,
    /// Seconds after completion until the object is deleted.
    #[serde(default = "five_minutes")]
    #[schemars(range(max = 2_592_000))]
    pub ttl_seconds_after_finished: u32,
}

fn five_minutes() -> u32 {
    300
}

/// A sink of one of the three families.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionTestSinkRef {
    /// Name of a KollectSnapshotSink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN))]
    pub snapshot_sink_ref: Option<String>,
    /// Name of a KollectDatabaseSink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN))]
    pub database_sink_ref: Option<String>,
    /// Name of a KollectEventSink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN))]
    pub event_sink_ref: Option<String>,
}

impl ConnectionTestSinkRef {
    /// The one sink that is named; `None` if there is none, or more than one.
    #[must_use]
    pub fn one(&self) -> Option<(Family, &str)> {
        match (&self.snapshot_sink_ref, &self.database_sink_ref, &self.event_sink_ref) {
            (Some(name), None, None) => Some((Family::Snapshot, name)),
            (None, Some(name), None) => Some((Family::Database, name)),
            (None, None, Some(name)) => Some((Family::Event, name)),
            _ => None,
        }
    }
}

/// What a probe found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionTestStatus {
    /// ConnectionVerified, Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Generation that was probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Milliseconds that the probe took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Whether the probe has ended, well or not.
    #[serde(default)]
    pub completed: bool,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub completed_at: Option<Time>,
    /// The steps that were taken, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub steps: Vec<ProbeStep>,
}

/// One step of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProbeStep {
    /// What was tried.
    pub name: String,
    /// Whether it worked.
    pub ok: bool,
    /// What was found, without secrets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Milliseconds that it took.
    #[serde(default)]
    pub duration_ms: u64,
}
