//! Notices that CustomResourceDefinitions come, change and go, by their metadata alone. It resolves no kind.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::broadcast;

use super::backoff::Patience;

/// How long it waits where it is not allowed: kinds are then found by asking for them now and then.
const FORBIDDEN: Duration = Duration::from_secs(60);

/// Something may have changed: the definitions of one API group, or of any.
pub(super) type Changed = Option<String>;

/// Runs until it is dropped.
pub(super) async fn follow(client: Client, watch_timeout: u32, changed: broadcast::Sender<Changed>) {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(client);
    let config = watcher::Config::default().timeout(watch_timeout);
    let mut events = watcher(api, config).backoff(Patience::default()).boxed();
    let mut told = false;
    while let Some(event) = events.next().await {
        let what = match event {
            Ok(Event::Init | Event::InitApply(_)) => continue,
            // What went while nobody looked is not in the list.
            Ok(Event::InitDone) => None,
            Ok(Event::Apply(one) | Event::Delete(one)) => group(&one.name_any()),
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    let error = crate::error::chain(&error);
                    tracing::warn!(
                        error,
                        "cannot watch CustomResourceDefinitions; kinds are found a little later"
                    );
                }
                if is_forbidden(&error) {
                    tokio::time::sleep(FORBIDDEN).await;
                }
                continue;
            }
        };
        told = false;
        // Without a receiver no kind is waited for.
        let _ = changed.send(what);
    }
}

/// The API group in a definition's name, `<plural>.<group>`.
fn group(name: &str) -> Changed {
    name.split_once('.').map(|(_, group)| group.to_owned())
}

fn is_forbidden(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 403,
        _ => false,
    }
}
