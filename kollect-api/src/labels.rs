//! Names of the labels, annotations and finalizers that Kollect reads or writes. What they cause is decided by the
//! reconcilers, not here.

/// Label on a namespace or any resource: [`ENABLED`] or [`DISABLED`]; the resource's beats the namespace's.
pub const WATCH: &str = "kollect.dev/watch";

/// Annotation on a namespace with the effect of [`WATCH`].
pub const NAMESPACE_WATCH: &str = "kollect.dev/namespace-watch";

/// Value of [`WATCH`] and [`NAMESPACE_WATCH`] that opts in.
pub const ENABLED: &str = "enabled";

/// Value of [`WATCH`] and [`NAMESPACE_WATCH`] that opts out.
pub const DISABLED: &str = "disabled";

/// Value of the annotations that are switches.
pub const TRUE: &str = "true";

/// Annotation on a sink, [`TRUE`]: one probe now.
pub const TEST_CONNECTION: &str = "kollect.dev/test-connection";

/// Annotation on a sink, [`TRUE`]: fill `status.preview` without side effects.
pub const PREVIEW: &str = "kollect.dev/preview";

/// Annotation on targets and inventories: a changed value forces a full collection or reconciliation.
pub const REQUESTED_AT: &str = "kollect.dev/requestedAt";

/// Annotation on inventories, [`TRUE`]: claim a scope that another writer owns.
pub const TAKE_OVER: &str = "kollect.dev/take-over";

/// Annotation on inventories: [`RETAIN`] keeps the data in the sinks when the inventory is deleted.
pub const ON_DELETE: &str = "kollect.dev/on-delete";

/// The one value of [`ON_DELETE`] that has an effect.
pub const RETAIN: &str = "Retain";

/// Annotation on a Secret: the namespaces (comma-separated, or `*`) whose objects may refer to it.
pub const ALLOW_NAMESPACES: &str = "kollect.dev/allow-namespaces";

/// Annotation on a profile, [`TRUE`]: its paths may reach `data` and `stringData` of a core Secret.
pub const ALLOW_SECRET_EXTRACTION: &str = "kollect.dev/allow-secret-extraction";

/// Annotation on a profile, [`TRUE`]: Resource mode may export core Secrets.
pub const ALLOW_FULL_RESOURCE_EXPORT: &str = "kollect.dev/allow-full-resource-export";

/// Finalizer of a namespaced inventory.
pub const INVENTORY_CLEANUP: &str = "kollect.dev/inventory-cleanup";

/// Finalizer of a cluster inventory.
pub const CLUSTER_INVENTORY_CLEANUP: &str = "kollect.dev/cluster-inventory-cleanup";

/// Finalizers of earlier versions, removed on sight: targets need none.
pub const OBSOLETE_FINALIZERS: [&str; 2] =
    ["kollect.dev/target-cleanup", "kollect.dev/cluster-target-cleanup"];
