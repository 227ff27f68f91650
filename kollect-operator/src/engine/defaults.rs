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
