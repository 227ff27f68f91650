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

/// A served kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedKind {
    /// Group, version, kind and plural.
    pub resource: ApiResource,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// Asks the API server for `kind`.
///
/// # Errors
/// The API server could not be asked; a kind that it does not serve is no error.
pub async fn resolve(client: &Client, kind: &Kind) -> Result<Resolved, kube::Error> {
    let gvk = GroupVersionKind::gvk(&kind.group, &kind.version, &kind.kind);
    match pinned_kind(client, &gvk).await {
        Ok((resource, capabilities)) => {
            let namespaced = capabilities.scope == Scope::Namespaced;
            Ok(Resolved::Found(ServedKind { resource, namespaced }))
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
