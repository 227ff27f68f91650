//! Flags that decide which rows there are and how sinks are reached: the same for every command that opens
//! sinks, so that they see what the operator sees. They open none.

use std::path::{self, PathBuf};

use anyhow::bail;
use clap::Args;
use ipnet::IpNet;
use kollect_sink_core::address::{AddressPolicy, PrivateRanges, RefusedAddresses};
use kollect_sink_core::{ClaimMode, Writer};

use crate::engine::{ClusterKinds, CollectionDefaults, ScopeRule};
use crate::export::ExportSettings;
use crate::export::settings::CrossNamespaceSecrets;

/// Flags about what is collected.
#[derive(Args, Clone, Debug)]
pub struct CollectionArgs {
    /// The only namespaces whose Kollect objects count, and in which anything is collected [default: all]
    #[arg(long, env = "KOLLECT_WATCH_NAMESPACES", value_delimiter = ',', help_heading = "Collection")]
    pub watch_namespaces: Vec<String>,
    /// Namespaces that targets see if they name none
    #[arg(
        long,
        env = "KOLLECT_DEFAULT_INCLUDED_NAMESPACES",
        value_delimiter = ',',
        help_heading = "Collection"
    )]
    pub default_included_namespaces: Vec<String>,
    /// Namespaces that no target sees
    #[arg(
        long,
        env = "KOLLECT_DEFAULT_EXCLUDED_NAMESPACES",
        value_delimiter = ',',
        help_heading = "Collection"
    )]
    pub default_excluded_namespaces: Vec<String>,
    /// Further keys whose values are scrubbed
    #[arg(long, env = "KOLLECT_SCRUB_KEYS", value_delimiter = ',', help_heading = "Collection")]
    pub scrub_keys: Vec<String>,
    /// Let targets of a namespace without KollectScope see that namespace only
    #[arg(long, env = "KOLLECT_REQUIRE_SCOPE", help_heading = "Collection")]
    pub require_scope: bool,
    /// Serve tenants only: needs --watch-namespaces, implies --require-scope, and refuses the cluster kinds
    #[arg(long, env = "KOLLECT_TENANT_MODE", help_heading = "Collection")]
    pub tenant_mode: bool,
}

impl CollectionArgs {
    /// The rules as the engine takes them.
    ///
    /// # Errors
    /// Tenant mode without its namespaces.
    pub fn defaults(&self) -> anyhow::Result<CollectionDefaults> {
        if self.tenant_mode && self.watch_namespaces.is_empty() {
            bail!("--tenant-mode: name the tenants' namespaces by --watch-namespaces");
        }
        let required = self.require_scope || self.tenant_mode;
        Ok(CollectionDefaults {
            watch_namespaces: self.watch_namespaces.iter().cloned().collect(),
            included_namespaces: self.default_included_namespaces.iter().cloned().collect(),
            excluded_namespaces: self.default_excluded_namespaces.iter().cloned().collect(),
            scrub_keys: self.scrub_keys.clone(),
            scopes: if required { ScopeRule::Required } else { ScopeRule::Optional },
            cluster_kinds: if self.tenant_mode { ClusterKinds::Refused } else { ClusterKinds::Served },
        })
    }
}

/// Flags about sinks.
#[derive(Args, Clone, Debug)]
pub struct SinkArgs {
    /// Let sinks be in private address ranges
    #[arg(long, env = "KOLLECT_ALLOW_PRIVATE_SINKS", help_heading = "Sinks")]
    pub allow_private_sinks: bool,
    /// Let sinks be in this range, whatever else is refused (repeatable)
    #[arg(long, env = "KOLLECT_ALLOW_SINK_CIDR", value_delimiter = ',', help_heading = "Sinks")]
    pub allow_sink_cidr: Vec<IpNet>,
    /// Folder below which local sinks write, each below its namespace
    #[arg(long, env = "KOLLECT_LOCAL_ROOT", help_heading = "Sinks")]
    pub local_root: Option<PathBuf>,
    /// Namespaces whose Secrets any databaseRef may name
    #[arg(
        long,
        env = "KOLLECT_SHARED_SECRET_NAMESPACES",
        value_delimiter = ',',
        default_value = "kollect-system",
        help_heading = "Sinks"
    )]
    pub shared_secret_namespaces: Vec<String>,
    /// Namespaces whose sinks may go without credentials, under the operator's own identity with their provider
    #[arg(
        long,
        env = "KOLLECT_AMBIENT_IDENTITY_NAMESPACES",
        value_delimiter = ',',
        default_value = "kollect-system",
        help_heading = "Sinks"
    )]
    pub ambient_identity_namespaces: Vec<String>,
    /// Let every reference name Secrets of any namespace
    #[arg(long, env = "KOLLECT_ALLOW_CROSS_NAMESPACE_SECRETS", help_heading = "Sinks")]
    pub allow_cross_namespace_secrets: bool,
}

impl SinkArgs {
    /// The rules as exports take them.
    pub fn settings(
        &self,
        writer: Writer,
        cluster_name: &str,
        claim_mode: ClaimMode,
        addresses: AddressPolicy,
    ) -> ExportSettings {
        ExportSettings {
            writer,
            cluster_name: cluster_name.to_owned(),
            claim_mode,
            addresses,
            // What cannot be made absolute is refused by the sinks that need it.
            local_root: self.local_root.as_ref().map(|root| path::absolute(root).unwrap_or(root.clone())),
            shared_secret_namespaces: self.shared_secret_namespaces.iter().cloned().collect(),
            ambient_identity_namespaces: self.ambient_identity_namespaces.iter().cloned().collect(),
            cross_namespace_secrets: if self.allow_cross_namespace_secrets {
                CrossNamespaceSecrets::Allowed
            } else {
                CrossNamespaceSecrets::ByConsent
            },
        }
    }

    /// The rules for addresses: what the flags allow, and never `own`, the machinery of the cluster.
    pub fn addresses(&self, own: RefusedAddresses) -> AddressPolicy {
        let private = if self.allow_private_sinks { PrivateRanges::Allowed } else { PrivateRanges::Refused };
        let policy = AddressPolicy::guarded(private).refuse(own);
        self.allow_sink_cidr.iter().fold(policy, |policy, net| policy.allow(*net))
    }
}

/// Refuses a name of the cluster that could not be told from none.
///
/// # Errors
/// It is `_`.
pub fn check_cluster_name(name: &str) -> anyhow::Result<()> {
    if name == "_" {
        bail!("--cluster-name: `_` stands for an empty name in paths; choose another");
    }
    Ok(())
}
