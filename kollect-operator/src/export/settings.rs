//! What the operator's flags say about exports. It does not read flags.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kollect_sink_core::address::AddressPolicy;
use kollect_sink_core::{ClaimMode, Writer};

/// Operator-wide rules of exports, the same for every sink.
#[derive(Clone, Debug)]
pub struct ExportSettings {
    /// Who writes.
    pub writer: Writer,
    /// Name of the source, for sinks that state none.
    pub cluster_name: String,
    /// Whether scopes of another writer may be taken over.
    pub claim_mode: ClaimMode,
    /// Which addresses may be dialled.
    pub addresses: AddressPolicy,
    /// Below which folder local sinks write; none without it.
    pub local_root: Option<PathBuf>,
    /// Namespaces whose Secrets a `databaseRef` of any namespace may name.
    pub shared_secret_namespaces: BTreeSet<String>,
    /// Namespaces whose sinks may use the operator's own identity with a provider.
    pub ambient_identity_namespaces: BTreeSet<String>,
    /// Whether any reference may name a Secret of any namespace.
    pub cross_namespace_secrets: CrossNamespaceSecrets,
}

/// Whether references may leave their namespace without the Secret's consent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrossNamespaceSecrets {
    /// Only into shared namespaces and to Secrets that allow it.
    #[default]
    ByConsent,
    /// Always.
    Allowed,
}
