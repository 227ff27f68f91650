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

use crate::index::ObjectName;
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
    /// KollectScope.
    Scope,
    /// KollectClusterTarget.
    ClusterTarget,
    /// KollectClusterInventory.
    ClusterInventory,
    /// KollectClusterScope.
    ClusterScope,
}

impl Watched {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Profile,
        Self::Target,
        Self::Inventory,
        Self::SnapshotSink,
        Self::DatabaseSink,
        Self::EventSink,
        Self::Scope,
        Self::ClusterTarget,
        Self::ClusterInventory,
        Self::ClusterScope,
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
            Self::Scope => ("KollectScope", "kollectscopes"),
            Self::ClusterTarget => ("KollectClusterTarget", "kollectclustertargets"),
            Self::ClusterInventory => ("KollectClusterInventory", "kollectclusterinventories"),
            Self::ClusterScope => ("KollectClusterScope", "kollectclusterscopes"),
        }
    }

    /// The kind of a target.
    pub fn target(name: &ObjectName) -> Self {
        if name.is_cluster() { Self::ClusterTarget } else { Self::Target }
    }

    /// The kind of an inventory.
    pub fn inventory(name: &ObjectName) -> Self {
        if name.is_cluster() { Self::ClusterInventory } else { Self::Inventory }
    }

    /// Whether its objects belong to namespaces.
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::ClusterTarget | Self::ClusterInventory | Self::ClusterScope)
    }

    /// The places to look for it, for one who looks into these namespaces, or into all where none is named.
    pub fn places(self, namespaces: &BTreeSet<String>) -> Vec<Within> {
        if namespaces.is_empty() || !self.is_namespaced() {
            return vec![None];
        }
        namespaces.iter().cloned().map(Some).collect()
    }

    /// Its API in one of its places.
    pub fn api(self, client: Client, within: &Within) -> Api<DynamicObject> {
        match within {
            Some(namespace) if self.is_namespaced() => {
                Api::namespaced_with(client, namespace, &self.resource())
            }
            _ => Api::all_with(client, &self.resource()),
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
        for kind in Watched::ALL {
            for place in kind.places(namespaces) {
                let without = if kind.is_namespaced() || namespaces.is_empty() {
                    Refused::Waits
                } else {
                    Refused::CountsAsNone
                };
                let watch = watch_kind(client.clone(), kind, place, config.clone(), sender.clone(), without);
                tasks.push(AbortOnDropHandle::new(tokio::spawn(watch)));
            }
        }
        let mut places: Vec<Within> = namespaces.iter().cloned().map(Some).collect();
        if places.is_empty() {
            places.push(None);
        }
        for place in places {
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
    refused: Refused,
) {
    let api = kind.api(client, &within);
    let input = |observed| match observed {
        Observed::Listed(all) => Input::Listed(kind, within.clone(), all),
        Observed::Applied(one) => Input::Applied(kind, one),
        Observed::Deleted(one) => Input::Deleted(kind, one),
    };
    follow(api, kind.names().1, config, input, inputs, refused).await;
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
    follow(api, "namespaces", config, input, inputs, Refused::Waits).await;
}

/// What it means that objects may not be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Nothing is decided without them.
    Waits,
    /// They count as absent until they may be listed: an operator of some namespaces need not see what belongs to none.
    CountsAsNone,
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
    mut refused: Refused,
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
                if refused == Refused::Waits || !forbidden(&error) {
                    continue;
                }
                refused = Refused::Waits;
                Observed::Listed(Vec::new())
            }
        };
        if inputs.send(input(observed)).await.is_err() {
            return;
        }
    }
}

fn forbidden(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 403)
}

fn complain(plural: &str, error: &watcher::Error) {
    let message = crate::error::chain(error);
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404 => tracing::error!(
            resource = plural,
            "the resource is not installed: run `kubectl apply -f dist/install-crds.yaml`, or `kollect crds | kubectl apply -f -`"
        ),
        error if forbidden(error) => {
            tracing::error!(resource = plural, message, "not allowed to list: grant list and watch");
        }
        _ => tracing::warn!(resource = plural, message, "watch interrupted, will be resumed"),
    }
}
