//! KollectClusterScope: what no namespace may go beyond, and where cluster kinds may refer to. Its ceiling's form is that of
//! `crate::scope`.

use std::collections::BTreeSet;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::schema;
use crate::scope::{AllowedKind, Ceiling};

/// What targets and inventories may do, wherever they are.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectClusterScope",
    plural = "kollectclusterscopes",
    shortname = "kcscope",
    category = "kollect",
    status = "crate::scope::ScopeStatus",
    derive = "PartialEq",
    doc = "Limits what all targets and inventories may collect, and where to.",
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
pub struct ClusterScopeSpec {
    /// Kinds that may be collected; empty is any.
    #[serde(rename = "allowedGVKs", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "atomic"))]
    pub allowed_gvks: Vec<AllowedKind>,
    /// Namespaces that may be collected from; empty is any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 1024),
        inner(length(min = 1, max = 63), regex(pattern = schema::LABEL)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub allowed_namespaces: BTreeSet<String>,
    /// Namespaces that may not be collected from.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 1024),
        inner(length(min = 1, max = 63), regex(pattern = schema::LABEL)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub denied_namespaces: BTreeSet<String>,
    /// The least exportMinInterval; smaller ones are raised to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_export_interval: Option<Duration>,
    /// Snapshot sinks that may be used; empty is any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub snapshot_sink_refs: BTreeSet<String>,
    /// Database sinks that may be used; empty is any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub database_sink_refs: BTreeSet<String>,
    /// Event sinks that may be used; empty is any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub event_sink_refs: BTreeSet<String>,
    /// Namespaces that cluster kinds may refer into; empty is any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(
        length(max = 1024),
        inner(length(min = 1, max = 63), regex(pattern = schema::LABEL)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub allowed_static_ref_namespaces: BTreeSet<String>,
}

impl ClusterScopeSpec {
    /// The limits, in the form that they share with namespaced scopes.
    #[must_use]
    pub fn ceiling(&self) -> Ceiling<'_> {
        Ceiling {
            allowed_gvks: &self.allowed_gvks,
            allowed_namespaces: &self.allowed_namespaces,
            denied_namespaces: &self.denied_namespaces,
            min_export_interval: self.min_export_interval,
            sinks: [&self.snapshot_sink_refs, &self.database_sink_refs, &self.event_sink_refs],
        }
    }
}
