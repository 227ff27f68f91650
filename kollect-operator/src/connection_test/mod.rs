//! KollectConnectionTests: each generation is probed once and told in its status, and the object goes when its time is
//! over. How a sink is probed is in `probe`, what a status says in `outcome`; sinks' own tests are `export::connection`'s.

mod outcome;
mod probe;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kollect_api::reference::Family;
use kollect_api::{KollectConnectionTest, decode};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::core::gvk::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::export::{ExportSettings, Secrets};
use crate::index::ObjectName;
use crate::metrics::Metrics;
use crate::reconcile::feed::Watched;
use crate::status::write::MANAGER;
use crate::watch::backoff::Patience;

use self::outcome::{Found, Outcome};

/// Sinks that are probed at once.
const AT_ONCE: usize = 4;

/// How soon a deletion that met another write is tried again.
const CONFLICT: Duration = Duration::from_millis(500);

/// How soon an object whose deletion was refused is tried again.
const DELETE_AGAIN: Duration = Duration::from_secs(60);

/// Probes what KollectConnectionTests ask for. Cheap to clone.
#[derive(Clone)]
pub struct ConnectionTests {
    client: Client,
    secrets: Secrets,
    settings: Arc<ExportSettings>,
    metrics: Arc<Metrics>,
    turns: Arc<Semaphore>,
}

/// One version of an object that is seen through to its end.
struct Running {
    uid: String,
    generation: i64,
    _task: AbortOnDropHandle<()>,
}

/// What runs, by object.
type All = HashMap<ObjectName, Running>;

impl ConnectionTests {
    /// Prepares; nothing is read yet.
    pub fn new(client: Client, settings: ExportSettings, metrics: Arc<Metrics>) -> Self {
        Self {
            secrets: Secrets::new(client.clone(), settings.clone()),
            client,
            settings: Arc::new(settings),
            metrics,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Follows the objects until `stop`; each watch ends after `watch_timeout` seconds, and a new one starts. A probe
    /// under way is dropped at the end, and made anew at the next start.
    pub async fn run(self, watch_timeout: u32, stop: CancellationToken) {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource());
        let config = watcher::Config::default().timeout(watch_timeout);
        let mut events = watcher(api, config).backoff(Patience::default()).boxed();
        let mut running = All::new();
        let mut listed = All::new();
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                Some(event) = events.next() => event,
                else => return,
            };
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => self.take(object, &mut running, Some(&mut listed)),
                Ok(Event::InitDone) => running = std::mem::take(&mut listed),
                Ok(Event::Apply(object)) => self.take(object, &mut running, None),
                Ok(Event::Delete(object)) => drop(running.remove(&ObjectName::of(&object.metadata))),
                Err(error) => {
                    let error = crate::error::chain(&error);
                    tracing::warn!(
                        resource = "kollectconnectiontests",
                        error,
                        "watch interrupted, will be resumed"
                    );
                }
            }
        }
    }

    /// Begins with an object, or goes on where this version of it runs already.
    fn take(&self, object: DynamicObject, running: &mut All, listed: Option<&mut All>) {
        let name = ObjectName::of(&object.metadata);
        let uid = object.uid().unwrap_or_default();
        let generation = object.metadata.generation.unwrap_or_default();
        let known = running.remove(&name).filter(|known| known.uid == uid && known.generation == generation);
        if object.metadata.deletion_timestamp.is_some() {
            return;
        }
        let one = known.unwrap_or_else(|| {
            let task = tokio::spawn(self.clone().see_through(name.clone(), object));
            Running { uid, generation, _task: AbortOnDropHandle::new(task) }
        });
        listed.unwrap_or(running).insert(name, one);
    }

    /// Probes, tells, waits and deletes.
    async fn see_through(self, name: ObjectName, object: DynamicObject) {
        let generation = object.metadata.generation.unwrap_or_default();
        let decoded = serde_json::to_value(&object)
            .map_err(|error| error.to_string())
            .and_then(|value| decode::<KollectConnectionTest>(&value).map_err(|wrong| wrong.to_string()));
        let status = decoded.as_ref().ok().and_then(|test| test.status.clone()).unwrap_or_default();
        let ended = match outcome::ended(&status, generation) {
            Some(at) => at,
            None => {
                let (family, found) = match &decoded {
                    Ok(test) => {
                        (test.spec.sink_ref.one().map(|(family, _)| family), self.probe(&name, test).await)
                    }
                    Err(wrong) => (None, Found::InvalidSinkRef(wrong.clone())),
                };
                let spec = decoded.as_ref().ok().map(|test| &test.spec);
                let outcome = Outcome { found, spec, generation, now: jiff::Timestamp::now() };
                let owner =
                    spec.filter(|spec| spec.owner_sink).and(family).and_then(|family| outcome.owner(family));
                let sink = outcome.found.sink_type();
                tracing::info!(test = %name, ok = outcome.found.ok(), sink, "connection tested");
                self.metrics.connection_tested(sink, outcome.found.ok());
                self.tell(&name, &outcome.status(&status), owner).await;
                outcome.now
            }
        };
        let ttl = decoded.map_or(outcome::TTL, |test| test.spec.ttl_seconds_after_finished);
        tokio::time::sleep(outcome::remaining(ended, ttl, jiff::Timestamp::now())).await;
        self.delete(&name, &object).await;
    }

    async fn probe(&self, name: &ObjectName, test: &KollectConnectionTest) -> Found {
        let Some((family, sink)) = test.spec.sink_ref.one() else {
            return Found::InvalidSinkRef(kollect_api::validate::summary(&kollect_api::Validate::validate(
                test,
            )));
        };
        let Ok(_turn) = self.turns.acquire().await else { return Found::InvalidSinkRef(String::new()) };
        let prober = probe::Prober { client: &self.client, secrets: &self.secrets, settings: &self.settings };
        prober.probe(family, &ObjectName::new(&name.namespace, sink)).await
    }

    /// Stores the status, and the owner where there is one, however long the API server is away.
    async fn tell(
        &self,
        name: &ObjectName,
        status: &impl serde::Serialize,
        owner: Option<serde_json::Value>,
    ) {
        let resource = resource();
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &name.namespace, &resource);
        let params = PatchParams::apply(MANAGER).force();
        let ObjectName { namespace, name: own } = name;
        let (version, kind) = (&resource.api_version, &resource.kind);
        let status = Patch::Apply(json!({"apiVersion": version, "kind": kind,
            "metadata": {"name": own, "namespace": namespace}, "status": status}));
        let owned = owner.map(|owner| {
            let metadata = json!({"name": own, "namespace": namespace, "ownerReferences": [owner]});
            Patch::Apply(json!({"apiVersion": version, "kind": kind, "metadata": metadata}))
        });
        for wait in Patience::default() {
            let told = async {
                api.patch_status(own, &params, &status).await?;
                if let Some(owned) = &owned {
                    api.patch(own, &params, owned).await?;
                }
                Ok(())
            };
            match told.await {
                Ok(()) => return,
                // Deleted meanwhile.
                Err(kube::Error::Api(status)) if status.code == 404 => return,
                Err(error) => {
                    tracing::warn!(test = %name, error = crate::error::chain(&error), "cannot write the status");
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn delete(&self, name: &ObjectName, object: &DynamicObject) {
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &name.namespace, &resource());
        let preconditions = Preconditions { uid: object.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        // The watch may tell of the end first, which ends this task as well.
        tracing::info!(test = %name, "its time is over: deleting it");
        loop {
            let Err(error) = api.delete(&name.name, &params).await else { return };
            // A conflict may be with another object of its name, or with a write that came between.
            let conflict = matches!(&error, kube::Error::Api(status) if status.code == 409);
            match api.get_opt(&name.name).await {
                Ok(Some(found)) if found.uid() == object.uid() => {}
                Ok(_) => return,
                Err(_) => {}
            }
            tracing::warn!(test = %name, error = crate::error::chain(&error), "cannot be deleted");
            tokio::time::sleep(if conflict { CONFLICT } else { DELETE_AGAIN }).await;
        }
    }
}

fn resource() -> ApiResource {
    let gvk = GroupVersionKind::gvk(kollect_api::GROUP, kollect_api::VERSION, "KollectConnectionTest");
    ApiResource::from_gvk_with_plural(&gvk, "kollectconnectiontests")
}

/// The resource of the sinks of a family.
fn sinks(family: Family) -> ApiResource {
    match family {
        Family::Snapshot => Watched::SnapshotSink,
        Family::Database => Watched::DatabaseSink,
        Family::Event => Watched::EventSink,
    }
    .resource()
}
