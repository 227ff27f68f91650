//! What the operator's flags say about collection. It does not read flags.

use std::collections::BTreeSet;

/// Operator-wide rules of collection, the same for every target.
#[derive(Clone, Debug, Default)]
pub struct CollectionDefaults {
    /// The namespaces that the operator is limited to; empty means all.
    pub watch_namespaces: BTreeSet<String>,
    /// Namespaces that a target sees if it names none; empty means all.
    pub included_namespaces: BTreeSet<String>,
    /// Namespaces that no target sees.
    pub excluded_namespaces: BTreeSet<String>,
    /// Further keys whose values are scrubbed.
    pub scrub_keys: Vec<String>,
    /// What a namespace without a scope means.
    pub scopes: ScopeRule,
    /// What becomes of the kinds that belong to no namespace.
    pub cluster_kinds: ClusterKinds,
}

/// Whether cluster targets and cluster inventories have an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterKinds {
    /// They have.
    #[default]
    Served,
    /// They have not: the operator is its tenants' only.
    Refused,
}

impl ClusterKinds {
    /// What an object of a refused kind is told.
    pub const REFUSAL: &'static str = "an operator in tenant mode serves no KollectClusterTarget and no \
        KollectClusterInventory: nothing of them is collected or exported; use KollectTarget and KollectInventory, or \
        run the operator without --tenant-mode";
}

/// What is allowed to the targets of a namespace that has no KollectScope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScopeRule {
    /// All that a KollectClusterScope leaves.
    #[default]
    Optional,
    /// Their own namespace, as far as a KollectClusterScope leaves it.
    Required,
}
