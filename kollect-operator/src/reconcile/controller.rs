//! The main loop: takes what was observed, resolves it, and makes watches, workers and statuses fit. Each
//! step is in a module of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kollect_sink_core::Pattern;
use kollect_snapshot::inventory::InventoryId;
use kollect_snapshot::knowledge::Why;
use kube::Client;
use kube::api::DynamicObject;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc, watch as watch_channel};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::exports;
use super::feed::{Feed, Input, Watched, Within};
use super::finalizer;
use super::history::History;
use super::namespaces;
use crate::engine::{CollectionDefaults, Engine};
use crate::export::{ExportSettings, News, Notice, Registry, Secrets};
use crate::index::{Ceilings, Index, ObjectName, Objects, Resolution, ResolvedTarget, Resolver};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::status;
use crate::status::draft::Transition;
use crate::watch::{self, Hub};

/// Observations that come together are resolved together.
const GATHER: Duration = Duration::from_millis(20);

/// How often statuses are compared although nobody said that something changed.
const STATUS_TICK: Duration = Duration::from_secs(1);

/// How long statuses rest after they were compared: a busy inventory has news a hundred times a second, and nobody
/// reads that fast.
const STATUS_REST: Duration = Duration::from_millis(250);

/// How long writing statuses may hold up everything else. What was not written by then is written at the next tick.
const STATUS_LIMIT: Duration = Duration::from_secs(10);

/// How long a step in flight may take at shutdown.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// What the controller is started with.
pub struct Settings {
    /// Rules of collection.
    pub collection: CollectionDefaults,
    /// Rules of exports.
    pub exports: ExportSettings,
    /// Rules of watches.
    pub watches: watch::Settings,
    /// How long a cluster inventory may be without any target before that is a fault.
    pub no_targets_after: Duration,
}

/// The operator.
pub struct Controller {
    client: Client,
    engine: Arc<Engine>,
    index: Index,
    /// The namespaces that it looks into; empty = all.
    within: BTreeSet<String>,
    listed: BTreeSet<(Watched, Within)>,
    namespaces_listed: BTreeSet<Within>,
    resolver: Resolver,
    resolution: Resolution,
    history: History,
    no_targets_after: Duration,
    hub: Hub,
    registry: Registry,
    statuses: status::Writer,
    changed: Arc<Notify>,
    notices: mpsc::UnboundedReceiver<Notice>,
    readiness: Arc<Readiness>,
    ceilings: watch_channel::Sender<Arc<Ceilings>>,
}

impl Controller {
    /// Prepares everything; starts nothing. The scopes that rule are told to `ceilings`.
    pub fn new(
        client: Client,
        engine: Arc<Engine>,
        settings: Settings,
        readiness: Arc<Readiness>,
        metrics: Arc<Metrics>,
        ceilings: watch_channel::Sender<Arc<Ceilings>>,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        let (notice, notices) = mpsc::unbounded_channel();
        let secrets = Secrets::new(client.clone(), settings.exports.clone());
        Self {
            hub: Hub::new(engine.clone(), client.clone(), settings.watches),
            registry: Registry::new(engine.clone(), secrets, settings.exports, &changed, notice, metrics),
            within: settings.collection.watch_namespaces.clone(),
            resolver: Resolver::new(settings.collection),
            statuses: status::Writer::new(client.clone()),
            index: Index::default(),
            listed: BTreeSet::new(),
            namespaces_listed: BTreeSet::new(),
            resolution: Resolution::default(),
            history: History::default(),
            no_targets_after: settings.no_targets_after,
            client,
            engine,
            changed,
            notices,
            readiness,
            ceilings,
        }
    }

    /// Runs until `stop`, then lets steps in flight finish.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut feed = Feed::start(&self.client, self.hub.watch_timeout(), &self.within);
        let states = self.hub.states();
        let changed = self.changed.clone();
        let mut rested = Instant::now();
        let mut compare_at = rested;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                input = feed.inputs.recv() => match input {
                    Some(input) => self.gather(input, &mut feed.inputs).await,
                    None => break,
                },
                Some(notice) = self.notices.recv() => self.heed(&notice).await,
                () = states.changed() => {}
                () = changed.notified() => {}
                () = sleep_until(compare_at) => {}
            }
            compare_at = compare_at.min(rested);
            // Before a finalizer goes, and the object that it would be about.
            while let Ok(notice) = self.notices.try_recv() {
                self.heed(&notice).await;
            }
            if Instant::now() < compare_at {
                continue;
            }
            if self.synced() && timeout(STATUS_LIMIT, self.write_statuses()).await.is_err() {
                tracing::warn!("the API server was too slow to store statuses, which are written again");
            }
            rested = Instant::now() + STATUS_REST;
            compare_at = Instant::now() + STATUS_TICK;
        }
        tracing::info!("stopping: steps in flight may finish");
        self.registry.shutdown(SHUTDOWN).await;
    }

    /// Takes one observation and those that come right after it, then acts on all.
    async fn gather(&mut self, first: Input, inputs: &mut mpsc::Receiver<Input>) {
        self.take(first);
        let until = Instant::now() + GATHER;
        while let Ok(Some(next)) = timeout_at(until, inputs.recv()).await {
            self.take(next);
        }
        if self.synced() {
            self.readiness.caches_synced();
            self.act();
        }
    }

    /// Nothing is decided before every kind was listed once: an inventory whose targets were not seen yet
    /// must not look empty.
    fn synced(&self) -> bool {
        let kinds: usize = Watched::ALL.iter().map(|kind| kind.places(&self.within).len()).sum();
        self.namespaces_listed.len() == self.within.len().max(1) && self.listed.len() == kinds
    }

    fn take(&mut self, input: Input) {
        let hub = self.synced().then_some(&self.hub);
        match input {
            Input::Listed(kind, within, objects) => {
                self.on_kind(kind, Listed(within.clone(), objects));
                self.listed.insert((kind, within));
            }
            Input::Applied(kind, object) => self.on_kind(kind, Applied(object)),
            Input::Deleted(kind, object) => self.on_kind(kind, Deleted(object)),
            Input::NamespacesListed(within, all) => {
                namespaces::listed(&self.engine, hub, within.as_deref(), &all);
                self.namespaces_listed.insert(within);
                if self.namespaces_listed.len() == self.within.len().max(1) {
                    self.engine.namespaces.watched();
                }
            }
            Input::NamespaceApplied(namespace) => namespaces::applied(&self.engine, hub, &namespace),
            Input::NamespaceDeleted(namespace) => namespaces::deleted(&self.engine, hub, &namespace),
        }
    }

    fn on_kind(&mut self, kind: Watched, change: impl ChangeObjects) {
        let index = &mut self.index;
        match kind {
            Watched::Profile => change.on(&mut index.profiles),
            Watched::Target => change.on(&mut index.targets),
            Watched::Inventory => change.on(&mut index.inventories),
            Watched::SnapshotSink => change.on(&mut index.snapshot_sinks),
            Watched::DatabaseSink => change.on(&mut index.database_sinks),
            Watched::EventSink => change.on(&mut index.event_sinks),
            Watched::Scope => change.on(&mut index.scopes),
            Watched::ClusterTarget => change.on(&mut index.cluster_targets),
            Watched::ClusterInventory => change.on(&mut index.cluster_inventories),
            Watched::ClusterScope => change.on(&mut index.cluster_scopes),
        }
    }

    /// Makes watches, store and workers fit what was observed.
    fn act(&mut self) {
        let resolution = self.resolver.resolve(&self.index);
        let store = self.engine.store();
        for (name, target) in &resolution.targets {
            self.stop_collecting(name, target);
        }
        self.hub.set(resolution.collected());
        for name in self.resolution.targets.keys().filter(|name| !resolution.targets.contains_key(name)) {
            store.forget_target(&name.to_target());
        }
        for (name, inventory) in &resolution.inventories {
            let (schema, _) = resolution.schema(inventory);
            let contents = inventory.contents(&self.engine.namespaces);
            store.set_inventory(&inventory_id(name), contents, Arc::new(schema));
        }
        for name in self.resolution.inventories.keys() {
            if !resolution.inventories.contains_key(name) {
                store.remove_inventory(&inventory_id(name));
            }
        }
        self.history.note(&self.index, &resolution, store, jiff::Timestamp::now());
        let workers = exports::workers(&self.index, &resolution);
        self.registry.set(exports::sinks(&self.index), &workers);
        self.ceilings.send_replace(resolution.ceilings.clone());
        self.resolution = resolution;
    }

    /// Says what is known of a target that is not collected: nothing, and its rows stay. One that is suspended after it was
    /// collected is known as it was then.
    fn stop_collecting(&self, name: &ObjectName, now: &ResolvedTarget) {
        let before = self.resolution.targets.get(name);
        let target = name.to_target();
        let store = self.engine.store();
        match (before, now) {
            (_, ResolvedTarget::Collecting(_))
            | (Some(ResolvedTarget::Suspended | ResolvedTarget::Blocked { .. }), _) => return,
            (Some(ResolvedTarget::Collecting(compiled)), ResolvedTarget::Suspended) => {
                store.amend(&target, |gaps| compiled.kinds.keys().for_each(|kind| gaps.give_up(kind, None)));
            }
            (None, ResolvedTarget::Suspended) | (_, ResolvedTarget::Blocked { .. }) => {
                let everything = Pattern::new(target.clone(), None, None);
                store.declare(&target, [(everything, Why::Failed)]);
            }
        }
        tracing::info!(target = %name, state = ?now, "target is not collected");
    }

    /// Makes an Event of what a worker says, and does what it asks for.
    async fn heed(&self, notice: &Notice) {
        let (reason, message) = (notice.reason(), notice.message());
        tracing::warn!(inventory = %notice.inventory, reason, "{message}");
        if let Some(stored) = self.index.inventory(&notice.inventory) {
            let event = Transition { warning: true, reason, message };
            let (kind, uid) = (Watched::inventory(&notice.inventory), stored.meta.uid.as_deref());
            self.statuses.publish(kind, &notice.inventory, uid.unwrap_or_default(), &event).await;
        }
        if let News::Braked { .. } = notice.news {
            self.relist(&notice.inventory);
        }
    }

    /// Lists the targets of an inventory once more.
    fn relist(&self, inventory: &ObjectName) {
        let Some(resolved) = self.resolution.inventories.get(inventory) else { return };
        for member in &resolved.members {
            self.hub.list_again(member);
        }
    }

    async fn write_statuses(&mut self) {
        let facts = status::Facts {
            index: &self.index,
            resolution: &self.resolution,
            engine: &self.engine,
            watches: &self.hub.states(),
            exports: &self.registry.exports,
            sinks: &self.registry.sinks,
            history: &self.history,
            no_targets_after: self.no_targets_after,
            cluster_name: self.registry.cluster_name(),
            now: jiff::Timestamp::now(),
        };
        self.statuses.write(&facts).await;
        finalizer::hold_and_release(&self.client, &self.index, &self.resolution, &self.registry.exports)
            .await;
    }
}

/// The store's name of an inventory.
pub fn inventory_id(name: &ObjectName) -> InventoryId {
    InventoryId::new(&name.namespace, &name.name)
}

/// A change of the objects of one kind, whichever it is.
trait ChangeObjects {
    fn on<K: DeserializeOwned>(self, objects: &mut Objects<K>);
}

struct Listed(Within, Vec<DynamicObject>);
struct Applied(Box<DynamicObject>);
struct Deleted(Box<DynamicObject>);

impl ChangeObjects for Listed {
    fn on<K: DeserializeOwned>(self, objects: &mut Objects<K>) {
        let names = self.1.iter().map(|object| ObjectName::of(&object.metadata)).collect();
        objects.relisted(self.0.as_deref(), &names);
        self.1.iter().for_each(|object| objects.apply(object));
    }
}

impl ChangeObjects for Applied {
    fn on<K: DeserializeOwned>(self, objects: &mut Objects<K>) {
        objects.apply(&self.0);
    }
}

impl ChangeObjects for Deleted {
    fn on<K: DeserializeOwned>(self, objects: &mut Objects<K>) {
        objects.remove(&self.0);
    }
}
