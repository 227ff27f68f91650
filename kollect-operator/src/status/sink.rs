//! Statuses of sinks. Connecting is the connections'.

use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::labels;
use kollect_api::reference::{Family, TlsSpec};
use kollect_api::sink::{SinkSpec, SinkStatus};

use super::draft::{Conditions, Draft};
use super::{Facts, preview};
use crate::export::SinkReport;
use crate::index::{Objects, SinkId};
use crate::reconcile::feed::Watched;

/// The stored status and the specification of a sink, whichever its family.
type Seen = (Option<SinkStatus>, Option<SinkSpec>);

/// Drafts for all sinks.
pub fn drafts(facts: &Facts<'_>) -> Vec<Draft> {
    let index = facts.index;
    let mut drafts = family(facts, Family::Snapshot, Watched::SnapshotSink, &index.snapshot_sinks, |sink| {
        (sink.status.clone(), Some(SinkSpec::Snapshot(Box::new(sink.spec.clone()))))
    });
    drafts.extend(family(facts, Family::Database, Watched::DatabaseSink, &index.database_sinks, |sink| {
        (sink.status.clone(), Some(SinkSpec::Database(Box::new(sink.spec.clone()))))
    }));
    drafts.extend(family(facts, Family::Event, Watched::EventSink, &index.event_sinks, |sink| {
        (sink.status.clone(), Some(SinkSpec::Event(Box::new(sink.spec.clone()))))
    }));
    drafts
}

fn family<K: serde::de::DeserializeOwned>(
    facts: &Facts<'_>,
    family: Family,
    kind: Watched,
    objects: &Objects<K>,
    see: impl Fn(&K) -> Seen,
) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, stored) in objects.iter() {
        let id = SinkId { family, name: name.clone() };
        // Without a report of this generation nothing can be said yet.
        let Some(report) = facts.sinks.get(&id).filter(|report| report.generation == stored.generation())
        else {
            continue;
        };
        let (seen, spec) = stored.object.as_ref().map_or((None, None), |object| see(object));
        let before = seen.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let mut conditions = Conditions::new(before, stored.generation(), facts.now);
        set_conditions(&report, &mut conditions);
        let common = spec.as_ref().map(SinkSpec::common);
        set_tls(common.as_ref().and_then(|common| common.tls.as_ref()), &mut conditions);
        let (list, transitions) = conditions.finish();
        let status = SinkStatus {
            conditions: list,
            observed_generation: Some(stored.generation()),
            endpoint: report.endpoint.clone(),
            preview: (stored.annotation(labels::PREVIEW) == Some(labels::TRUE)).then(|| {
                let before = seen.as_ref().and_then(|status| status.preview.as_ref());
                preview::preview(facts, &id, spec.as_ref(), &report, before)
            }),
        };
        let mut draft = Draft::new(kind, name, &stored.meta, seen.as_ref(), &status, transitions);
        draft.spent_annotation = (report.answered_annotation
            && common.is_some_and(|common| !common.connection_test))
        .then_some(labels::TEST_CONNECTION);
        drafts.push(draft);
    }
    drafts
}

fn set_conditions(report: &SinkReport, conditions: &mut Conditions) {
    let (ready, verified, degraded, reason, message) = match (&report.blocked, &report.probe) {
        (Some((reason, message)), _) => {
            (Status::False, Status::Unknown, Status::True, *reason, message.clone())
        }
        (None, Some(probe)) => match probe.failure() {
            None => {
                let steps: Vec<&str> = probe.steps.iter().map(|step| step.name).collect();
                let message = format!("passed: {}", steps.join(", "));
                (Status::True, Status::True, Status::False, Reason::ConnectionOk, message)
            }
            Some(step) => {
                let message = format!("{}: {}", step.name, step.message);
                (Status::False, Status::False, Status::True, Reason::ConnectionTestFailed, message)
            }
        },
        (None, None) => {
            let message = "not tested: spec.connectionTest is false".to_owned();
            (Status::True, Status::Unknown, Status::False, Reason::NotTested, message)
        }
    };
    conditions.set(ConditionType::Ready, ready, reason, message.clone());
    conditions.set(ConditionType::ConnectionVerified, verified, reason, message.clone());
    conditions.set(ConditionType::Degraded, degraded, reason, message);
}

fn set_tls(tls: Option<&TlsSpec>, conditions: &mut Conditions) {
    if tls.is_some_and(|tls| tls.insecure_skip_verify) {
        let message =
            "spec.tls.insecureSkipVerify accepts any certificate; set caBundle or caSecretRef instead";
        conditions.set(ConditionType::TlsInsecure, Status::True, Reason::InsecureSkipVerify, message);
    } else {
        conditions.clear(ConditionType::TlsInsecure);
    }
}
