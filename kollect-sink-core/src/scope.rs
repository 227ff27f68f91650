//! What one export owns in a destination. It does not say where that destination is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A string that many rows share. Cloning it copies a pointer.
pub type Text = Arc<str>;

/// What one export owns in a destination: a write never touches the rows of another scope.
///
/// An empty `cluster` means that the source has no name; an empty `inventory_namespace` means that the
/// inventory is cluster-scoped. Paths and keys that need a segment there use [`Scope::cluster_segment`] and
/// [`Scope::namespace_segment`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// Name of the source, so that several clusters can share one destination.
    pub cluster: Text,
    /// Namespace of the inventory, empty for a cluster-scoped one.
    pub inventory_namespace: Text,
    /// Name of the inventory.
    pub inventory_name: Text,
}

impl Scope {
    /// The scope of an inventory as seen from one source.
    pub fn new(cluster: &str, inventory_namespace: &str, inventory_name: &str) -> Self {
        Self {
            cluster: cluster.into(),
            inventory_namespace: inventory_namespace.into(),
            inventory_name: inventory_name.into(),
        }
    }

    /// The cluster as a path or subject segment: `_` where it is empty.
    pub fn cluster_segment(&self) -> &str {
        if self.cluster.is_empty() { "_" } else { &self.cluster }
    }

    /// The namespace as a path or subject segment: `_cluster` where it is empty.
    pub fn namespace_segment(&self) -> &str {
        if self.inventory_namespace.is_empty() { "_cluster" } else { &self.inventory_namespace }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.cluster_segment(), self.namespace_segment(), self.inventory_name)
    }
}
