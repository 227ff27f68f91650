//! Watches the Kollect kinds and the namespaces, and hands over what they say in order. It interprets
//! nothing.

use std::collections::BTreeSet;
use std::fmt::Debug;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, PartialObjectMeta};
use kube::core::gvk::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::watch::backoff::Patience;

/// The Kollect kinds that the operator acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watched {
    /// KollectProfile.
    Profile,
    /// KollectTarget.
    Target,
    /// KollectInventory.
    Inventory,
    /// KollectSnapshotSink.
    SnapshotSink,
    /// KollectDatabaseSink.
    DatabaseSink,
    /// KollectEventSink.
    EventSink,
}

impl Watched {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Profile,
        Self::Target,
        Self::Inventory,
        Self::SnapshotSink,
        Self::DatabaseSink,
        Self::EventSink,
    ];

    /// Kind and plural.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Profile => ("KollectProfile", "kollectprofiles"),
            Self::Target => ("KollectTarget", "kollecttargets"),
            Self::Inventory => ("KollectInventory", "kollectinventories"),
            Self::SnapshotSink => ("KollectSnapshotSink", "kollectsnapshotsinks"),
            Self::DatabaseSink => ("KollectDatabaseSink", "kollectdatabasesinks"),
            Self::EventSink => ("KollectEventSink", "kollecteventsinks"),
        }
    }

    /// The resource, as a client needs it.
    pub fn resource(self) -> ApiResource {
        let (kind, plural) = self.names();
        let gvk = GroupVersionKind::gvk(kollect_api::GROUP, kollect_api::VERSION, kind);
        ApiResource::from_gvk_with_plural(&gvk, plural)
    }
}

/// Where it was looked: in one namespace, or in all.
pub type Within = Option<String>;

/// What was observed.
#[derive(Debug)]
pub enum Input {
    /// All objects of a kind, in one of the namespaces that are looked into.
    Listed(Watched, Within, Vec<DynamicObject>),
    /// An object exists.
    Applied(Watched, Box<DynamicObject>),
    /// An object is gone.
    Deleted(Watched, Box<DynamicObject>),
    /// All namespaces, or the one that was asked for.
    NamespacesListed(Within, Vec<PartialObjectMeta<Namespace>>),
    /// A namespace exists.
    NamespaceApplied(Box<PartialObjectMeta<Namespace>>),
    /// A namespace is gone.
    NamespaceDeleted(Box<PartialObjectMeta<Namespace>>),
}

/// The watches; dropping it ends them.
pub struct Feed {
    /// What they observe.
    pub inputs: mpsc::Receiver<Input>,
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// How many observations may wait for the controller.
const QUEUE: usize = 256;

impl Feed {
    /// Starts watching: in these namespaces, or in all where none is named. The API server ends each watch after so many
    /// seconds, and a new one starts.
    pub fn start(client: &Client, watch_timeout: u32, namespaces: &BTreeSet<String>) -> Self {
        let config = watcher::Config::default().timeout(watch_timeout);
        let (sender, inputs) = mpsc::channel(QUEUE);
        let mut tasks = Vec::new();
        let mut places: Vec<Within> = namespaces.iter().cloned().map(Some).collect();
        if places.is_empty() {
            places.push(None);
        }
        for place in places {
            for kind in Watched::ALL {
                let watch = watch_kind(client.clone(), kind, place.clone(), config.clone(), sender.clone());
                tasks.push(AbortOnDropHandle::new(tokio::spawn(watch)));
            }
            let watch = watch_namespaces(client.clone(), place, config.clone(), sender.clone());
            tasks.push(AbortOnDropHandle::new(tokio::spawn(watch)));
        }
        Self { inputs, _tasks: tasks }
    }
}

async fn watch_kind(
    client: Client,
    kind: Watched,
    within: Within,
    config: watcher::Config,
    inputs: mpsc::Sender<Input>,
) {
    let resource = kind.resource();
    let api: Api<DynamicObject> = match &within {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    };
    let input = |observed| match observed {
        Observed::Listed(all) => Input::Listed(kind, within.clone(), all),
        Observed::Applied(one) => Input::Applied(kind, one),
        Observed::Deleted(one) => Input::Deleted(kind, one),
    };
    follow(api, kind.names().1, config, input, inputs).await;
}

async fn watch_namespaces(
    client: Client,
    within: Within,
    config: watcher::Config,
    inputs: mpsc::Sender<Input>,
) {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
    let config = match &within {
        Some(namespace) => config.fields(&format!("metadata.name={namespace}")),
        None => config,
    };
    let input = |observed| match observed {
        Observed::Listed(all) => Input::NamespacesListed(within.clone(), all),
        Observed::Applied(one) => Input::NamespaceApplied(one),
        Observed::Deleted(one) => Input::NamespaceDeleted(one),
    };
    follow(api, "namespaces", config, input, inputs).await;
}

/// What a watch observes, once its lists are whole.
enum Observed<K> {
    Listed(Vec<K>),
    Applied(Box<K>),
    Deleted(Box<K>),
}

async fn follow<K>(
    api: Api<K>,
    plural: &str,
    config: watcher::Config,
    input: impl Fn(Observed<K>) -> Input,
    inputs: mpsc::Sender<Input>,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut events = watcher::watcher(api, config).backoff(Patience::default()).boxed();
    let mut listed = Vec::new();
    while let Some(event) = events.next().await {
        let observed = match event {
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed.push(object);
                continue;
            }
            Ok(Event::InitDone) => Observed::Listed(std::mem::take(&mut listed)),
            Ok(Event::Apply(object)) => Observed::Applied(Box::new(object)),
            Ok(Event::Delete(object)) => Observed::Deleted(Box::new(object)),
            Err(error) => {
                complain(plural, &error);
                continue;
            }
        };
        if inputs.send(input(observed)).await.is_err() {
            return;
        }
    }
}

fn complain(plural: &str, error: &watcher::Error) {
    let message = crate::error::chain(error);
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404 => tracing::error!(
            resource = plural,
            "the resource is not installed: run `kubectl apply -f dist/install-crds.yaml`, or `kollect crds | kubectl apply -f -`"
        ),
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 403 => {
            tracing::error!(resource = plural, message, "not allowed to list: grant list and watch");
        }
        _ => tracing::warn!(resource = plural, message, "watch interrupted, will be resumed"),
    }
}
