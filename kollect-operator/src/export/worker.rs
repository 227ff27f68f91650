//! One inventory and one sink: looks when the driver says so, and tells what came of it. What to write, and
//! when, is the driver's to decide.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kollect_api::condition::Reason;
use kollect_api::reference::Cadence;
use kollect_sink_core::driver::{Again, Did, Driver, Outcome, Settings, Situation, State};
use kollect_sink_core::{ClaimMode, ErrorClass, Scope, View};
use kollect_snapshot::store::Reader;
use kollect_snapshot::view::InventoryView;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connection::{ReadySink, SinkState};
use super::notice::{News, Notice};
use super::outlook::{Confirmation, named, pace, phase, standing, until};
use super::report::{ExportReport, Phase, Reports};
use super::settings::ExportSettings;
use crate::engine::Engine;
use crate::index::ExportId;
use crate::index::export::Interval;
use crate::metrics::Metrics;
use crate::reconcile::controller::inventory_id;

/// How long a retirement is tried before what remains is left behind.
const RETIRE_LIMIT: Duration = Duration::from_secs(300);

/// How long a failed retirement waits.
const RETIRE_RETRY: Duration = Duration::from_secs(5);

/// How long a worker waits before it starts anew.
const ANEW: Duration = Duration::from_millis(200);

/// What a worker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Keep the sink equal to the inventory.
    Export {
        /// When to write.
        cadence: Cadence,
        /// How often an unchanged payload is confirmed, or the minimum between writes.
        interval: Interval,
    },
    /// Remove what the sink holds of the inventory.
    Retire,
}

/// What a worker is told; may change while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSpec {
    /// What it is for.
    pub task: Task,
    /// A token that asks for one full pass when it changes.
    pub requested_at: Option<String>,
    /// Whether a scope of another writer may be taken over.
    pub take_over: bool,
}

/// A worker; [`Worker::run`] is its life.
pub struct Worker {
    /// Who it is.
    pub id: ExportId,
    /// Where the rows are.
    pub engine: Arc<Engine>,
    /// The operator's rules.
    pub settings: Arc<ExportSettings>,
    /// What it is told.
    pub specs: watch::Receiver<WorkerSpec>,
    /// Whether its sink can be used.
    pub sink: watch::Receiver<SinkState>,
    /// Where it tells how it stands.
    pub reports: Arc<Reports<ExportId, ExportReport>>,
    /// Where it says what a person should know at once.
    pub notices: mpsc::UnboundedSender<Notice>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// Ends it between two steps.
    pub stop: CancellationToken,
}

/// Why a session with one connection ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The worker ends.
    Stop,
    /// The sink changed.
    Sink,
    /// The task changed, or the inventory did: what is known of the sink is forgotten.
    Anew,
}

/// How long a step took, and with which type of sink.
#[derive(Clone, Copy)]
struct Took {
    sink_type: &'static str,
    time: Duration,
}

/// What lasts over connections.
struct Life {
    driver: Option<(Scope, Driver)>,
    report: ExportReport,
    confirmation: Confirmation,
}

impl Worker {
    /// Works until it is stopped or its task is done.
    pub async fn run(mut self) {
        let mut life =
            Life { driver: None, report: ExportReport::default(), confirmation: Confirmation::None };
        let started = Instant::now();
        loop {
            let state = self.sink.borrow_and_update().clone();
            let retiring = self.specs.borrow().task == Task::Retire;
            match state {
                SinkState::Ready(ready) => {
                    match self.session(&mut life, &ready).await {
                        End::Stop => return,
                        End::Sink => {}
                        End::Anew => {
                            life.driver = None;
                            tokio::time::sleep(ANEW).await;
                        }
                    }
                    continue;
                }
                SinkState::Pending => {
                    self.tell(&mut life, Phase::Progressing("reading the sink's Secrets".to_owned()));
                }
                SinkState::Blocked(Reason::SinkNotFound, message) if retiring => {
                    self.abandon(&mut life, message);
                    return;
                }
                SinkState::Blocked(_, message) if retiring && started.elapsed() > RETIRE_LIMIT => {
                    self.abandon(&mut life, message);
                    return;
                }
                SinkState::Blocked(reason, message) => {
                    self.tell(&mut life, Phase::Unavailable { reason, message });
                }
            }
            let limit = async {
                if retiring {
                    tokio::time::sleep_until(started + RETIRE_LIMIT).await
                } else {
                    pending().await
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return,
                changed = self.sink.changed() => if changed.is_err() { return },
                changed = self.specs.changed() => if changed.is_err() { return },
                () = limit => {}
            }
        }
    }

    fn tell(&self, life: &mut Life, phase: Phase) {
        life.report.phase = phase;
        self.reports.set(&self.id, life.report.clone());
    }

    fn say(&self, news: News) {
        let Self { id: ExportId { inventory, sink }, notices, .. } = self;
        // Without a controller the process ends anyway.
        let _ = notices.send(Notice { inventory: inventory.clone(), sink: sink.clone(), news });
    }

    fn abandon(&self, life: &mut Life, left: String) {
        self.say(News::Abandoned(left.clone()));
        self.tell(life, Phase::Abandoned(left));
    }

    async fn session(&mut self, life: &mut Life, ready: &ReadySink) -> End {
        let name = &self.id.inventory;
        let scope = Scope::new(&ready.cluster, &name.namespace, &name.name);
        life.report.sink_uid = Some(ready.uid.clone());
        life.report.cluster = Some(ready.cluster.clone());
        life.report.destination = Some(ready.sink.to_string());
        let known = life.driver.take().filter(|(of, _)| *of == scope);
        let mut driver = match known {
            Some((_, mut driver)) => {
                driver.reconnected();
                driver
            }
            None => self.new_driver(&scope, ready),
        };
        let task = self.specs.borrow().task;
        let end = match task {
            Task::Retire => self.retire(life, &mut driver, ready).await,
            Task::Export { .. } => self.export(life, &mut driver, ready).await,
        };
        life.driver = Some((scope, driver));
        end
    }

    fn new_driver(&self, scope: &Scope, ready: &ReadySink) -> Driver {
        let spec = self.specs.borrow();
        let (cadence, confirm_after) = pace(&spec, ready);
        let mode = if spec.take_over { ClaimMode::TakeOver } else { self.settings.claim_mode };
        let settings = Settings {
            scope: scope.clone(),
            writer: self.settings.writer.clone(),
            mode,
            cadence,
            confirm_after,
            fulfilled: None,
        };
        Driver::new(settings, rand::random::<u64>)
    }

    async fn export(&mut self, life: &mut Life, driver: &mut Driver, ready: &ReadySink) -> End {
        let store = self.engine.store().clone();
        let inventory = inventory_id(&self.id.inventory);
        let (Some(mut changes), Some(reader)) = (store.subscribe(&inventory), store.reader(&inventory))
        else {
            self.tell(life, Phase::Progressing("the inventory is not known yet".to_owned()));
            return End::Anew;
        };
        let take_over = self.specs.borrow().take_over;
        let mut current = None;
        loop {
            let spec = self.specs.borrow_and_update().clone();
            if spec.task == Task::Retire || spec.take_over != take_over {
                return End::Anew;
            }
            let wanted = pace(&spec, ready);
            if current.replace(wanted) != Some(wanted) {
                driver.set_pace(wanted.0, wanted.1);
            }
            changes.borrow_and_update();
            let Some(view) = store.view(&inventory) else { return End::Anew };
            let situation = Situation {
                view: &view,
                standing: standing(&view, &mut life.confirmation),
                now: Timestamp::now(),
                requested: spec.requested_at.as_deref(),
            };
            let begun = Instant::now();
            let outcome = driver.step(&*ready.sink, &situation).await;
            let took = Took { sink_type: ready.type_name, time: begun.elapsed() };
            self.after_step(life, driver, &view, &outcome, &reader, took);
            if let Some(end) = self.wait(outcome.again, &mut changes, driver).await {
                return end;
            }
        }
    }

    fn after_step(
        &self,
        life: &mut Life,
        driver: &Driver,
        view: &InventoryView,
        outcome: &Outcome,
        reader: &Reader,
        took: Took,
    ) {
        let head = view.head();
        match &outcome.did {
            Did::Exported(export, receipt) => {
                tracing::info!(
                    export = %self.id, ?export, revision = head.revision, written = receipt.written,
                    removed = receipt.removed, rejected = receipt.rejected.count, ms = took.time.as_millis(),
                    "exported"
                );
                self.metrics.exported(took.sink_type, export, receipt, took.time);
                life.report.last_export = Some(Timestamp::now());
            }
            Did::Failed(error) => {
                tracing::warn!(
                    export = %self.id, kind = error.kind().as_str(), class = error.class().as_str(),
                    error = error.chain(), "export failed"
                );
                self.metrics.export_failed(error.kind());
            }
            Did::Nothing | Did::Confirmed => {}
        }
        if let State::Braked { stored, found } = outcome.state
            && life.confirmation == Confirmation::None
        {
            life.confirmation = Confirmation::Asked;
            self.say(News::Braked { stored, found });
        }
        if outcome.state == State::Synced {
            reader.acknowledge(head.revision);
            life.report.was_synced = true;
            life.report.revision = Some(head.revision);
            life.report.lag = 0;
            life.report.last_export = life.report.last_export.or_else(|| Some(Timestamp::now()));
        } else {
            life.report.lag = life.report.lag.max(1);
        }
        if let Some(checkpoint) = driver.checkpoint() {
            life.report.checksum = checkpoint.digest;
            life.report.rows = checkpoint.digest.map(|_| checkpoint.rows);
            life.report.rejected = named(&checkpoint.rejected, view);
        }
        let attempt = matches!(outcome.state, State::Failing).then_some(match outcome.again {
            Again::At(at) => Some(at),
            Again::OnChange | Again::OnChangeOrAt(_) | Again::Never => None,
        });
        life.report.next_attempt = attempt.flatten();
        let phase = phase(outcome, &life.report);
        self.tell(life, phase);
    }

    /// Waits for what `again` names, or for what ends or changes this session.
    async fn wait(
        &mut self,
        again: Again,
        changes: &mut watch::Receiver<()>,
        driver: &mut Driver,
    ) -> Option<End> {
        let (on_change, at) = match again {
            Again::At(at) => (false, Some(at)),
            Again::OnChange => (true, None),
            Again::OnChangeOrAt(at) => (true, Some(at)),
            Again::Never => (false, None),
        };
        let timer = async {
            match at {
                Some(at) => tokio::time::sleep(until(at)).await,
                None => pending().await,
            }
        };
        let change = async { if on_change { changes.changed().await } else { pending().await } };
        tokio::select! {
            () = self.stop.cancelled() => Some(End::Stop),
            changed = self.sink.changed() => Some(if changed.is_err() { End::Stop } else { End::Sink }),
            changed = self.specs.changed() => {
                driver.wake();
                changed.is_err().then_some(End::Stop)
            }
            changed = change => changed.is_err().then_some(End::Anew),
            () = timer => None,
        }
    }

    async fn retire(&mut self, life: &mut Life, driver: &mut Driver, ready: &ReadySink) -> End {
        let deadline = Instant::now() + RETIRE_LIMIT;
        loop {
            if self.specs.borrow_and_update().task != Task::Retire {
                return End::Anew;
            }
            self.tell(life, Phase::Behind("being removed from the sink".to_owned()));
            match driver.retire(&*ready.sink, Timestamp::now()).await {
                Ok(retired) => {
                    tracing::info!(export = %self.id, ?retired, "retired");
                    self.tell(life, Phase::Retired);
                    return End::Stop;
                }
                Err(error) => {
                    let message = error.chain();
                    tracing::warn!(export = %self.id, error = message, "retirement failed");
                    let left = format!("rows of {} stay in {}: {message}", self.id.inventory, ready.sink);
                    if error.class() == ErrorClass::Forbidden || Instant::now() > deadline {
                        self.abandon(life, left);
                        return End::Stop;
                    }
                    let (kind, class) = (error.kind(), error.class());
                    self.tell(life, Phase::Failed { kind, class, message });
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return End::Stop,
                changed = self.sink.changed() => return if changed.is_err() { End::Stop } else { End::Sink },
                _ = self.specs.changed() => {}
                () = tokio::time::sleep(RETIRE_RETRY) => {}
            }
        }
    }
}
