//! The Kollect objects of a cluster, listed once. It resolves nothing.

use std::collections::BTreeSet;

use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client};

use super::error::Error;
use crate::collect::cluster::{attempt, unreachable};
use crate::index::Index;
use crate::reconcile::feed::Watched;

/// Objects in one page of a list.
const PAGE: u32 = 500;

/// Lists the Kollect objects of these namespaces, or of all where none is named.
///
/// # Errors
/// A kind cannot be listed: without it nothing can be said of any inventory.
pub async fn read(client: &Client, namespaces: &BTreeSet<String>) -> Result<Index, Error> {
    let mut index = Index::default();
    for kind in Watched::ALL {
        for place in kind.places(namespaces) {
            match list(&kind.api(client.clone(), &place), kind, &mut index).await {
                // Who looks into some namespaces need not see what belongs to none.
                Err(kube::Error::Api(status))
                    if status.code == 403 && place.is_none() && !namespaces.is_empty() => {}
                listed => listed.map_err(|error| failed(kind, &error))?,
            }
        }
    }
    Ok(index)
}

async fn list(api: &Api<DynamicObject>, kind: Watched, index: &mut Index) -> Result<(), kube::Error> {
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = attempt(|| api.list(&params)).await?;
        for object in &page.items {
            index.apply(kind.names().0, object);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(()),
        }
    }
}

fn failed(kind: Watched, error: &kube::Error) -> Error {
    let (_, plural) = kind.names();
    let advice = match error {
        kube::Error::Api(status) if status.code == 404 => {
            "Kollect is not installed in this cluster; give its manifests by --config".to_owned()
        }
        kube::Error::Api(status) if status.code == 403 => format!(
            "{}; be allowed to list {plural} of {}, name namespaces by --namespace, or give manifests by --config",
            status.message,
            kollect_api::GROUP
        ),
        other => unreachable(other),
    };
    Error::Objects { plural, advice }
}
