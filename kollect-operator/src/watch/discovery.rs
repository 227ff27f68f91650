//! From a kind to its resource, by asking the API server; never by guessing a plural.

use kube::Client;
use kube::core::gvk::GroupVersionKind;
use kube::discovery::{ApiResource, Scope, pinned_kind};
use kube::error::DiscoveryError;

use crate::engine::Kind;

/// What discovery knows of a kind.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// It is served.
    Found(ServedKind),
    /// No such group, version or kind is served.
    Missing,
}

/// Whether objects of a kind live in namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Each in one.
    #[default]
    Namespaced,
    /// In none.
    Cluster,
}

/// A served kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedKind {
    /// Group, version, kind and plural.
    pub resource: ApiResource,
    /// Whether its objects live in namespaces.
    pub extent: Extent,
}

/// Asks the API server for `kind`.
///
/// # Errors
/// The API server could not be asked; a kind that it does not serve is no error.
pub async fn resolve(client: &Client, kind: &Kind) -> Result<Resolved, kube::Error> {
    let gvk = GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind);
    match pinned_kind(client, &gvk).await {
        Ok((resource, capabilities)) => {
            let extent = match capabilities.scope {
                Scope::Namespaced => Extent::Namespaced,
                Scope::Cluster => Extent::Cluster,
            };
            Ok(Resolved::Found(ServedKind { resource, extent }))
        }
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Resolved::Missing),
        Err(kube::Error::Discovery(
            DiscoveryError::MissingKind(_)
            | DiscoveryError::MissingApiGroup(_)
            | DiscoveryError::EmptyApiGroup(_),
        )) => Ok(Resolved::Missing),
        Err(error) => Err(error),
    }
}
