//! KollectTarget: where to look for the objects of a profile; and what it shares with KollectClusterTarget. Which objects
//! match is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition, LabelSelector, LabelSelectorRequirement, Time,
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{GroupVersionKind, is_false};
use crate::schema;

/// Where to look for the objects of a profile.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kollect.dev",
    version = "v1alpha1",
    kind = "KollectTarget",
    plural = "kollecttargets",
    shortname = "ktgt",
    category = "kollect",
    namespaced,
    status = "TargetStatus",
    derive = "PartialEq",
    doc = "Selects the objects whose attributes are collected.",
    printcolumn(name = "Profile", type_ = "string", json_path = ".spec.profileRef"),
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
pub struct TargetSpec {
    /// Name of the profile, in the target's namespace.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::SUBDOMAIN))]
    pub profile_ref: String,
    /// Namespaces by their labels; absent is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub namespace_selector: Option<LabelSelector>,
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

/// A rule of which all parts must match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRule {
    /// The kind of the objects.
    pub gvk: GroupVersionKind,
    /// Namespaces by their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub namespace_selector: Option<LabelSelector>,
    /// Labels of the object that must be equal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::match_labels")]
    pub match_labels: BTreeMap<String, String>,
    /// Expressions over the object's labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::match_expressions")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
    /// A CEL condition over object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub match_policy: Option<String>,
}

impl ResourceRule {
    /// The rule's conditions on labels as one selector.
    #[must_use]
    pub fn label_selector(&self) -> LabelSelector {
        LabelSelector {
            match_labels: (!self.match_labels.is_empty()).then(|| self.match_labels.clone()),
            match_expressions: (!self.match_expressions.is_empty()).then(|| self.match_expressions.clone()),
        }
    }
}

/// Whether objects must opt in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum WatchMode {
    /// Collected unless it opts out.
    #[default]
    All,
    /// Collected if it or its namespace opts in.
    OptIn,
}

/// What targets and cluster targets select by.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// Namespaces by their labels; `None` is all.
    pub namespace_selector: Option<&'a LabelSelector>,
    /// Only these namespaces; empty is all.
    pub included_namespaces: &'a BTreeSet<String>,
    /// None of these namespaces.
    pub excluded_namespaces: &'a BTreeSet<String>,
    /// No namespace with these labels.
    pub namespace_exclude_selector: Option<&'a LabelSelector>,
    /// Rules of which any may match.
    pub resource_rules: &'a [ResourceRule],
    /// Objects by their labels.
    pub label_selector: Option<&'a LabelSelector>,
    /// Objects by their names; empty is all.
    pub names: &'a BTreeSet<String>,
    /// Whether objects must opt in.
    pub watch_mode: WatchMode,
    /// Stop collecting.
    pub suspend: bool,
}

impl TargetSpec {
    /// What the target selects by, in the form that it shares with cluster targets.
    #[must_use]
    pub fn selection(&self) -> Selection<'_> {
        Selection {
            namespace_selector: self.namespace_selector.as_ref(),
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

/// What became of a target or a cluster target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetStatus {
    /// Ready, Synced, Degraded, SinkReachable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Generation that the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Rows that the target holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected_count: Option<u64>,
    /// When collectedCount changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub collected_count_updated_at: Option<Time>,
    /// Extractions that failed since the last full collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extraction_failures: Option<u64>,
    /// The last of them: path, attribute and the object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub last_extraction_error: Option<String>,
    /// Namespaces that the selectors match, cut at 100.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub matched_namespaces: BTreeSet<String>,
    /// How many namespaces the selectors match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched_namespaces_count: Option<u64>,
    /// Namespaces that remain after exclusions and the scope, cut at 100.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = 100), inner(length(max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub effective_namespaces: BTreeSet<String>,
    /// How many namespaces remain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_namespaces_count: Option<u64>,
    /// Resource rules that are in effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_resource_rules: Option<u64>,
}
