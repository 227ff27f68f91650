//! Lists beside a running watch: for targets that joined later, and for namespaces that entered a selection.
//! They do not watch.

use std::sync::Arc;

use kollect_sink_core::{Target, Text};
use kollect_snapshot::listing::ListScope;
use kube::api::ListParams;
use kube::{Api, Client};

use super::discovery::ServedKind;
use super::page;
use crate::engine::{Engine, Kind, RawObject, Via};

/// What to list again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relist {
    /// For whom.
    pub targets: Vec<Target>,
    /// Where; all namespaces where absent.
    pub namespace: Option<Text>,
}

/// Lists `kind` for some of its targets and sweeps what those no longer have. A failure sweeps nothing.
///
/// # Errors
/// The API server's. Dropping the future sweeps nothing either.
pub async fn side_list(
    engine: Arc<Engine>,
    client: Client,
    kind: Kind,
    served: ServedKind,
    relist: Relist,
) -> Result<(), kube::Error> {
    let api: Api<RawObject> = match &relist.namespace {
        Some(namespace) if served.namespaced => Api::namespaced_with(client, namespace, &served.resource),
        Some(_) => return Ok(()),
        None => Api::all_with(client, &served.resource),
    };
    let store = engine.store();
    let list = store.begin_list(ListScope {
        kind: kind.group_kind(),
        targets: relist.targets.clone(),
        namespace: relist.namespace.clone(),
    });
    let result = pages(&engine, &api, &kind, Via::List(&list, &relist.targets)).await;
    match result {
        Ok(()) => {
            store.end_list(list);
        }
        Err(_) => store.abort_list(list),
    }
    result
}

async fn pages(engine: &Engine, api: &Api<RawObject>, kind: &Kind, via: Via<'_>) -> Result<(), kube::Error> {
    let mut params = ListParams::default().limit(page::SAMPLE);
    let mut size = None;
    loop {
        let page = api.list(&params).await?;
        for object in &page.items {
            engine.observe(kind, object, via);
        }
        match page.metadata.continue_.as_deref().filter(|token| !token.is_empty()) {
            Some(token) => {
                let size = *size.get_or_insert_with(|| page::after(&page));
                params = params.limit(size).continue_token(token);
            }
            None => return Ok(()),
        }
    }
}
