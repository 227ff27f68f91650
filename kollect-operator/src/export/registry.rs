//! Starts and stops connections and workers, so that exactly the needed ones run. It does not decide which
//! are needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, SinkObject, SinkState};
use super::notice::Notice;
use super::report::{ExportReport, Reports, SinkReport};
use super::secrets::Secrets;
use super::settings::ExportSettings;
use super::worker::{Task, Worker, WorkerSpec};
use crate::engine::Engine;
use crate::index::{ExportId, SinkId};
use crate::metrics::Metrics;
use kollect_api::condition::Reason;

/// All connections and workers.
pub struct Registry {
    engine: Arc<Engine>,
    secrets: Secrets,
    settings: Arc<ExportSettings>,
    connections: HashMap<SinkId, Connection>,
    workers: HashMap<ExportId, Running>,
    notices: mpsc::UnboundedSender<Notice>,
    metrics: Arc<Metrics>,
    /// What the workers tell.
    pub exports: Arc<Reports<ExportId, ExportReport>>,
    /// What the connections tell.
    pub sinks: Arc<Reports<SinkId, SinkReport>>,
}

struct Running {
    spec: watch::Sender<WorkerSpec>,
    /// Whether it was started with a connection; one that was not is started again when there is one.
    connected: bool,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Registry {
    /// A registry that runs nothing; `changed` is notified when a report changes, and `notices` is told what
    /// a person should know at once.
    pub fn new(
        engine: Arc<Engine>,
        secrets: Secrets,
        settings: ExportSettings,
        changed: &Arc<Notify>,
        notices: mpsc::UnboundedSender<Notice>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            engine,
            notices,
            metrics,
            secrets,
            settings: Arc::new(settings),
            connections: HashMap::new(),
            workers: HashMap::new(),
            exports: Arc::new(Reports::new(changed.clone())),
            sinks: Arc::new(Reports::new(changed.clone())),
        }
    }

    /// Name of the cluster, for sinks that state none.
    pub fn cluster_name(&self) -> &str {
        &self.settings.cluster_name
    }

    /// Makes connections and workers fit.
    pub fn set(&mut self, sinks: BTreeMap<SinkId, SinkObject>, exports: &BTreeMap<ExportId, WorkerSpec>) {
        self.connections.retain(|id, _| sinks.contains_key(id) || gone(&self.sinks, id));
        for (id, object) in sinks {
            match self.connections.get(&id) {
                Some(connection) => connection.update(object),
                None => {
                    let connection = Connection::start(
                        id.clone(),
                        object,
                        self.secrets.clone(),
                        self.settings.clone(),
                        self.sinks.clone(),
                        self.metrics.clone(),
                    );
                    self.connections.insert(id, connection);
                }
            }
        }
        self.workers.retain(|id, running| {
            let retired = || self.exports.get(id).is_some_and(|report| report.over());
            let keep = exports.get(id).is_some_and(|spec| {
                running.connected == self.connections.contains_key(&id.sink)
                    && (!running.task.is_finished() || (spec.task == Task::Retire && retired()))
            });
            if !keep {
                running.task.abort();
            }
            if !exports.contains_key(id) {
                self.exports.remove(id);
            }
            keep
        });
        for (id, spec) in exports {
            match self.workers.get(id) {
                Some(running) => {
                    running.spec.send_if_modified(|current| {
                        let changed = current != spec;
                        current.clone_from(spec);
                        changed
                    });
                }
                None => self.start(id, spec),
            }
        }
    }

    fn start(&mut self, id: &ExportId, spec: &WorkerSpec) {
        let connection = self.connections.get(&id.sink);
        let state = connection.map_or_else(|| missing(&id.sink), Connection::state);
        let (sender, specs) = watch::channel(spec.clone());
        let stop = CancellationToken::new();
        let worker = Worker {
            id: id.clone(),
            engine: self.engine.clone(),
            settings: self.settings.clone(),
            specs,
            sink: state,
            reports: self.exports.clone(),
            notices: self.notices.clone(),
            metrics: self.metrics.clone(),
            stop: stop.clone(),
        };
        let running =
            Running { spec: sender, connected: connection.is_some(), stop, task: tokio::spawn(worker.run()) };
        self.workers.insert(id.clone(), running);
    }

    /// Lets every worker finish the step in flight, for `limit` at most; what takes longer is dropped.
    pub async fn shutdown(&mut self, limit: Duration) {
        for running in self.workers.values() {
            running.stop.cancel();
        }
        let deadline = tokio::time::Instant::now() + limit;
        for (_, mut running) in self.workers.drain() {
            if tokio::time::timeout_at(deadline, &mut running.task).await.is_err() {
                running.task.abort();
            }
        }
        self.connections.clear();
    }
}

/// Forgets the report of a sink object that is gone; its connection goes.
fn gone(reports: &Reports<SinkId, SinkReport>, id: &SinkId) -> bool {
    reports.remove(id);
    false
}

/// The state of a sink that does not exist.
fn missing(id: &SinkId) -> watch::Receiver<SinkState> {
    let message = format!("{id} does not exist; create it, or remove the reference. What it held stays");
    watch::channel(SinkState::Blocked(Reason::SinkNotFound, message)).1
}
