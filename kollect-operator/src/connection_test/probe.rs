//! Probes the sink that a KollectConnectionTest names, as an export would reach it. It stores nothing.

use std::time::{Duration, Instant};

use kollect_api::reference::Family;
use kollect_api::sink::SinkSpec;
use kollect_api::{KollectDatabaseSink, KollectEventSink, KollectSnapshotSink, Violation, decode};
use kollect_sink_core::{ProbeDepth, ProbeReport, ProbeStep};
use kube::api::DynamicObject;
use kube::{Api, Client, ResourceExt};

use super::outcome::{Found, SinkObject};
use super::sinks;
use crate::export::secrets::SecretError;
use crate::export::{ExportSettings, Secrets};
use crate::index::ObjectName;
use crate::sinks::{Description, build};

/// Objects that are applied together arrive in any order: a sink or a Secret that is missing may come within this time.
const ARRIVAL: Duration = Duration::from_secs(15);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// What probing needs.
pub(super) struct Prober<'a> {
    pub(super) client: &'a Client,
    pub(super) secrets: &'a Secrets,
    pub(super) settings: &'a ExportSettings,
}

impl Prober<'_> {
    /// Probes one sink. What is missing is waited for, 15 s at most.
    pub(super) async fn probe(&self, family: Family, name: &ObjectName) -> Found {
        let until = Instant::now() + ARRIVAL;
        loop {
            let found = self.attempt(family, name).await;
            if !found.may_come() || Instant::now() > until {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn attempt(&self, family: Family, name: &ObjectName) -> Found {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &name.namespace, &sinks(family));
        let object = match api.get_opt(&name.name).await {
            Ok(Some(object)) => object,
            Ok(None) => return Found::NoSink(format!("{} {name} does not exist; create it", family.kind())),
            Err(error) => return Found::Unread(crate::error::chain(&error)),
        };
        let (uid, api_name) = (object.uid().unwrap_or_default(), object.name_any());
        let spec = match spec(family, &object) {
            Ok(spec) => spec,
            Err(wrong) => return Found::InvalidSinkRef(format!("{} {name}: {wrong}", family.kind())),
        };
        let sink = SinkObject { name: api_name, uid, type_name: spec.type_name() };
        let begun = Instant::now();
        let references = spec.secrets();
        let named = references.len();
        let secrets = match self.secrets.resolve(&name.namespace, references).await {
            Ok(secrets) => secrets,
            Err(error) => {
                let missing = matches!(error, SecretError::NotFound { .. });
                let step = step("resolve secret", false, crate::error::chain(&error), begun);
                return Found::NoSecret { sink, step, missing };
            }
        };
        let mut steps = Vec::new();
        if named > 0 {
            steps.push(step("resolve secret", true, format!("{named} found"), begun));
        }
        let begun = Instant::now();
        let built = build(Description { name, spec: &spec, secrets: &secrets, settings: self.settings });
        match built {
            Ok(built) => steps.extend(built.probe(ProbeDepth::Write).await.steps),
            Err(error) => steps.push(step("read the sink's specification", false, error.to_string(), begun)),
        }
        Found::Probed { sink, report: ProbeReport { steps } }
    }
}

fn step(name: &'static str, ok: bool, message: String, begun: Instant) -> ProbeStep {
    ProbeStep { name, ok, message, duration: begun.elapsed() }
}

fn spec(family: Family, object: &DynamicObject) -> Result<SinkSpec, Violation> {
    let value = serde_json::to_value(object).map_err(|error| Violation::new("", error.to_string()))?;
    Ok(match family {
        Family::Snapshot => SinkSpec::Snapshot(Box::new(decode::<KollectSnapshotSink>(&value)?.spec)),
        Family::Database => SinkSpec::Database(Box::new(decode::<KollectDatabaseSink>(&value)?.spec)),
        Family::Event => SinkSpec::Event(Box::new(decode::<KollectEventSink>(&value)?.spec)),
    })
}
