//! One sink object: its Secrets read again while in use, its sink opened, its connection tested. It exports
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use kollect_api::condition::Reason;
use kollect_api::labels;
use kollect_api::sink::SinkSpec;
use kollect_api::validate::summary;
use kollect_sink_core::{ProbeDepth, Sink};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::report::{Reports, SinkReport};
use super::secrets::{SecretError, Secrets, SinkSecrets};
use super::settings::ExportSettings;
use crate::index::SinkId;
use crate::metrics::Metrics;
use crate::sinks::{self, BuildError, Description};
use crate::validate;

/// How often the Secrets of a sink in use are read again.
const SECRETS_EVERY: Duration = Duration::from_secs(30);

/// How soon a failed connection test is repeated: doubled from the first to the last.
const RETEST: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// What a sink object says.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkObject {
    /// The object's uid.
    pub uid: String,
    /// The object's generation.
    pub generation: i64,
    /// The specification, or why it cannot be read.
    pub spec: Result<SinkSpec, String>,
    /// Whether the annotation asks for a connection test.
    pub test_requested: bool,
}

/// Whether a sink can be used.
#[derive(Clone, Debug)]
pub enum SinkState {
    /// Its Secrets are being read.
    Pending,
    /// It can be used; the first call dials.
    Ready(ReadySink),
    /// It cannot be used.
    Blocked(Reason, String),
}

/// A sink that can be used.
#[derive(Clone, Debug)]
pub struct ReadySink {
    /// The sink.
    pub sink: Arc<dyn Sink>,
    /// The sink's type, such as `postgres`.
    pub type_name: &'static str,
    /// Uid of the sink object.
    pub uid: String,
    /// Name of the source cluster under which it is written.
    pub cluster: String,
    /// The interval that the sink states.
    pub interval: Option<Duration>,
}

/// A connection; dropping it ends its task.
pub struct Connection {
    object: watch::Sender<SinkObject>,
    state: watch::Receiver<SinkState>,
    _task: AbortOnDropHandle<()>,
}

impl Connection {
    /// Starts the task of one sink object.
    pub fn start(
        id: SinkId,
        object: SinkObject,
        secrets: Secrets,
        settings: Arc<ExportSettings>,
        reports: Arc<Reports<SinkId, SinkReport>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (object, objects) = watch::channel(object);
        let (states, state) = watch::channel(SinkState::Pending);
        let task =
            Task { id, objects, states, secrets, settings, reports, metrics, opened: None, failures: 0 };
        Self { object, state, _task: AbortOnDropHandle::new(tokio::spawn(task.run())) }
    }

    /// Tells what the object says now.
    pub fn update(&self, object: SinkObject) {
        self.object.send_if_modified(|current| {
            let changed = *current != object;
            *current = object;
            changed
        });
    }

    /// Whether the sink can be used.
    pub fn state(&self) -> watch::Receiver<SinkState> {
        self.state.clone()
    }
}

struct Task {
    id: SinkId,
    objects: watch::Receiver<SinkObject>,
    states: watch::Sender<SinkState>,
    secrets: Secrets,
    settings: Arc<ExportSettings>,
    reports: Arc<Reports<SinkId, SinkReport>>,
    metrics: Arc<Metrics>,
    opened: Option<Opened>,
    failures: u32,
}

/// What the sink in use was opened from.
struct Opened {
    generation: i64,
    secrets: SinkSecrets,
    sink: Arc<dyn Sink>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let object = self.objects.borrow_and_update().clone();
            let wait = self.refresh(&object).await;
            tokio::select! {
                changed = self.objects.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Reads the Secrets, opens the sink again where something changed, tests it where that is due; answers
    /// when to look again.
    async fn refresh(&mut self, object: &SinkObject) -> Duration {
        let spec = match &object.spec {
            Ok(spec) => spec,
            Err(message) => return self.block(object, Reason::InvalidSpec, message.clone()),
        };
        let violations = validate::sink(spec);
        if !violations.is_empty() {
            return self.block(object, Reason::InvalidSpec, summary(&violations));
        }
        if let Some(message) = sinks::ambient::denied(&self.id.name, spec, &self.settings) {
            return self.block(object, Reason::InvalidSpec, message);
        }
        if let Some(message) = sinks::unavailable(&self.id.name, spec) {
            return self.block(object, Reason::ExportUnavailable, message);
        }
        let secrets = match self.secrets.resolve(&self.id.name.namespace, spec.secrets()).await {
            Ok(secrets) => secrets,
            // The API server is away: the sink goes on with what it has.
            Err(SecretError::Api { .. }) if self.current(object) => return SECRETS_EVERY,
            Err(error) => {
                let message = crate::error::chain(&error);
                return self.block(object, Reason::SecretResolveFailed, message);
            }
        };
        let same =
            self.current(object) && self.opened.as_ref().is_some_and(|opened| opened.secrets == secrets);
        if !same && let Err(wait) = self.open(object, spec, secrets) {
            return wait;
        }
        self.test(object, spec, same).await
    }

    /// Whether the sink in use was opened for this version of the object.
    fn current(&self, object: &SinkObject) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.generation == object.generation)
    }

    fn open(&mut self, object: &SinkObject, spec: &SinkSpec, secrets: SinkSecrets) -> Result<(), Duration> {
        let description =
            Description { name: &self.id.name, spec, secrets: &secrets, settings: &self.settings };
        let sink = match sinks::build(description) {
            Ok(sink) => sink,
            Err(BuildError::Unavailable(message)) => {
                return Err(self.block(object, Reason::ExportUnavailable, message));
            }
            Err(BuildError::Invalid(message)) => {
                return Err(self.block(object, Reason::InvalidSpec, message));
            }
        };
        let common = spec.common();
        self.states.send_replace(SinkState::Ready(ReadySink {
            sink: sink.clone(),
            type_name: spec.type_name(),
            uid: object.uid.clone(),
            cluster: common.cluster.unwrap_or_else(|| self.settings.cluster_name.clone()),
            interval: common.export_min_interval.map(Into::into),
        }));
        tracing::info!(sink = %self.id, endpoint = %sink, "sink opened");
        self.opened = Some(Opened { generation: object.generation, secrets, sink });
        self.failures = 0;
        Ok(())
    }

    async fn test(&mut self, object: &SinkObject, spec: &SinkSpec, same: bool) -> Duration {
        let Some(opened) = &self.opened else { return SECRETS_EVERY };
        let known = self.reports.get(&self.id);
        let asked = object.test_requested && !known.as_ref().is_some_and(|report| report.answered_annotation);
        let due = spec.common().connection_test && (!same || self.failures > 0);
        let mut report = SinkReport {
            generation: object.generation,
            endpoint: Some(opened.sink.to_string()),
            blocked: None,
            probe: known.filter(|_| same).and_then(|report| report.probe.clone()),
            answered_annotation: false,
        };
        if asked || due {
            let probe = opened.sink.probe(ProbeDepth::Write).await;
            let ok = probe.ok();
            tracing::info!(sink = %self.id, ok, failure = ?probe.failure(), "connection tested");
            self.metrics.connection_tested(spec.type_name(), ok);
            self.failures = if ok { 0 } else { self.failures.saturating_add(1) };
            report.answered_annotation = object.test_requested && ok;
            report.probe = Some(probe);
        }
        self.reports.set(&self.id, report);
        match self.failures {
            0 => SECRETS_EVERY,
            failures => {
                let (first, last) = RETEST;
                first.saturating_mul(1 << failures.min(6)).min(last)
            }
        }
    }

    fn block(&mut self, object: &SinkObject, reason: Reason, message: String) -> Duration {
        self.opened = None;
        self.states.send_replace(SinkState::Blocked(reason, message.clone()));
        let report = SinkReport {
            generation: object.generation,
            blocked: Some((reason, message)),
            ..SinkReport::default()
        };
        self.reports.set(&self.id, report);
        SECRETS_EVERY
    }
}

/// Whether the annotations of a sink object ask for a test.
pub fn test_requested(annotations: &std::collections::BTreeMap<String, String>) -> bool {
    annotations.get(labels::TEST_CONNECTION).is_some_and(|value| value == labels::TRUE)
}
