//! KollectScope: the ceiling of what targets and inventories of a namespace may do. Enforcing it is the reconcilers'.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::reference::{Family, GroupVersionKind};
use crate::schema;

/// What targets and inventories of a namespace may do.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectScope",
    plural = "kollectscopes",
    shortname = "kscope",
    category = "kollect",
    namespaced,
    status = "ScopeStatus",
    derive = "PartialEq",
    doc = "Limits what the targets and inventories of its namespace may collect, and where to.",
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
pub struct ScopeSpec {
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
}

/// A kind, or all kinds of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedKind {
    /// API group; empty is the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253), regex(pattern = schema::GROUP))]
    pub group: String,
    /// API version.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::VERSION))]
    pub version: String,
    /// Kind, or * for every kind of the group and version.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::KIND_OR_ANY))]
    pub kind: String,
}

impl AllowedKind {
    /// Whether the entry covers a kind.
    #[must_use]
    pub fn covers(&self, gvk: &GroupVersionKind) -> bool {
        self.group == gvk.group && self.version == gvk.version && (self.kind == "*" || self.kind == gvk.kind)
    }
}

/// The part of a scope that cluster scopes have too.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling<'a> {
    /// Kinds that may be collected; empty is any.
    pub allowed_gvks: &'a [AllowedKind],
    /// Namespaces that may be collected from; empty is any.
    pub allowed_namespaces: &'a BTreeSet<String>,
    /// Namespaces that may not be collected from.
    pub denied_namespaces: &'a BTreeSet<String>,
    /// The least interval.
    pub min_export_interval: Option<Duration>,
    /// Sinks that may be used, by family in the order of [`Family::ALL`]; empty is any.
    pub sinks: [&'a BTreeSet<String>; 3],
}

impl Ceiling<'_> {
    /// Whether a sink may be used.
    #[must_use]
    pub fn allows_sink(&self, family: Family, name: &str) -> bool {
        let [snapshot, database, event] = self.sinks;
        let names = match family {
            Family::Snapshot => snapshot,
            Family::Database => database,
            Family::Event => event,
        };
        names.is_empty() || names.contains(name)
    }

    /// Whether a kind may be collected.
    #[must_use]
    pub fn allows_kind(&self, gvk: &GroupVersionKind) -> bool {
        self.allowed_gvks.is_empty() || self.allowed_gvks.iter().any(|allowed| allowed.covers(gvk))
    }

    /// Whether a namespace may be collected from.
    #[must_use]
    pub fn allows_namespace(&self, namespace: &str) -> bool {
        (self.allowed_namespaces.is_empty() || self.allowed_namespaces.contains(namespace))
            && !self.denied_namespaces.contains(namespace)
    }
}

impl ScopeSpec {
    /// The limits, in the form that they share with cluster scopes.
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

/// What became of a scope or a cluster scope.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScopeStatus {
    /// Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Generation that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_ceiling_allows_and_a_denied_namespace_wins() {
        let deployment =
            GroupVersionKind { group: "apps".into(), version: "v1".into(), kind: "Deployment".into() };
        let mut spec = ScopeSpec::default();
        assert!(spec.ceiling().allows_kind(&deployment));
        assert!(spec.ceiling().allows_namespace("a") && spec.ceiling().allows_sink(Family::Event, "x"));

        spec.allowed_gvks =
            vec![AllowedKind { group: "apps".into(), version: "v1".into(), kind: "*".into() }];
        spec.allowed_namespaces = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        spec.denied_namespaces = BTreeSet::from(["b".to_owned()]);
        spec.database_sink_refs = BTreeSet::from(["pg".to_owned()]);
        let ceiling = spec.ceiling();
        assert!(ceiling.allows_kind(&deployment));
        assert!(!ceiling.allows_kind(&GroupVersionKind { group: String::new(), ..deployment }));
        assert_eq!(
            ["a", "b", "c"].map(|namespace| ceiling.allows_namespace(namespace)),
            [true, false, false]
        );
        assert!(
            ceiling.allows_sink(Family::Database, "pg") && !ceiling.allows_sink(Family::Database, "other")
        );
        assert!(ceiling.allows_sink(Family::Snapshot, "other"));
    }
}
