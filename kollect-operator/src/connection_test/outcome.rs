//! What came of a probe, and the status that says so. It stores nothing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::connection_test::{ConnectionTestSpec, ConnectionTestStatus, ProbeStep};
use kollect_api::reference::Family;
use kollect_sink_core::ProbeReport;
use serde_json::{Value, json};

use super::sinks;
use crate::status::draft::{Conditions, time};

/// Seconds that an object without a readable specification stays.
pub(super) const TTL: u32 = 300;

/// The sink that was probed.
#[derive(Debug)]
pub(super) struct SinkObject {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) type_name: &'static str,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Found {
    /// The reference, or the sink that it leads to, cannot be read.
    InvalidSinkRef(String),
    /// There is no such sink.
    NoSink(String),
    /// The API server refused or failed.
    Unread(String),
    /// A Secret of the sink cannot be used.
    NoSecret { sink: SinkObject, step: kollect_sink_core::ProbeStep, missing: bool },
    /// The sink answered, or did not.
    Probed { sink: SinkObject, report: ProbeReport },
}

impl Found {
    /// Whether what is missing may come by itself.
    pub(super) fn may_come(&self) -> bool {
        matches!(self, Self::NoSink(_) | Self::Unread(_) | Self::NoSecret { missing: true, .. })
    }

    /// Whether the sink can be written.
    pub(super) fn ok(&self) -> bool {
        matches!(self, Self::Probed { report, .. } if report.ok())
    }

    /// The sink's type, for metrics.
    pub(super) fn sink_type(&self) -> &'static str {
        self.sink().map_or("unknown", |sink| sink.type_name)
    }

    fn sink(&self) -> Option<&SinkObject> {
        match self {
            Self::NoSecret { sink, .. } | Self::Probed { sink, .. } => Some(sink),
            Self::InvalidSinkRef(_) | Self::NoSink(_) | Self::Unread(_) => None,
        }
    }

    fn steps(&self) -> &[kollect_sink_core::ProbeStep] {
        match self {
            Self::NoSecret { step, .. } => std::slice::from_ref(step),
            Self::Probed { report, .. } => &report.steps,
            Self::InvalidSinkRef(_) | Self::NoSink(_) | Self::Unread(_) => &[],
        }
    }

    /// Why it went wrong.
    fn failure(&self) -> Option<(Reason, String)> {
        match self {
            Self::InvalidSinkRef(message) => Some((Reason::InvalidSinkRef, message.clone())),
            Self::NoSink(message) => Some((Reason::SinkNotFound, message.clone())),
            Self::Unread(message) => {
                Some((Reason::ConnectionTestFailed, format!("cannot read the sink: {message}")))
            }
            Self::NoSecret { step, .. } => Some((Reason::SecretResolveFailed, step.message.clone())),
            Self::Probed { report, .. } => report
                .failure()
                .map(|step| (Reason::ConnectionTestFailed, format!("{}: {}", step.name, step.message))),
        }
    }
}

/// A finished test.
pub(super) struct Outcome<'a> {
    pub(super) found: Found,
    pub(super) spec: Option<&'a ConnectionTestSpec>,
    pub(super) generation: i64,
    pub(super) now: Timestamp,
}

impl Outcome<'_> {
    /// The status, given the one that is stored.
    pub(super) fn status(&self, before: &ConnectionTestStatus) -> ConnectionTestStatus {
        let mut conditions = Conditions::new(&before.conditions, self.generation, self.now);
        match self.found.failure() {
            Some((reason, message)) => {
                conditions.set(ConditionType::ConnectionVerified, Status::False, reason, message.clone());
                conditions.set(ConditionType::Ready, Status::False, reason, message);
            }
            None => {
                let passed: Vec<&str> = self.found.steps().iter().map(|step| step.name).collect();
                let mut message = format!("passed: {}", passed.join(", "));
                if self.spec.is_some_and(|spec| spec.profile_ref.is_some()) {
                    message += "; spec.profileRef has no effect";
                }
                conditions.set(
                    ConditionType::ConnectionVerified,
                    Status::True,
                    Reason::ConnectionOk,
                    message.clone(),
                );
                conditions.set(ConditionType::Ready, Status::True, Reason::ProbeSucceeded, message);
            }
        }
        let steps: Vec<ProbeStep> = self.found.steps().iter().map(step).collect();
        ConnectionTestStatus {
            conditions: conditions.finish().0,
            observed_generation: Some(self.generation),
            latency_ms: (!steps.is_empty()).then(|| steps.iter().map(|step| step.duration_ms).sum()),
            completed: true,
            completed_at: Some(time(self.now)),
            steps,
        }
    }

    /// The owner reference to the sink, where it was found.
    pub(super) fn owner(&self, family: Family) -> Option<Value> {
        let SinkObject { name, uid, .. } = self.found.sink()?;
        let api_version = sinks(family).api_version;
        Some(json!({"apiVersion": api_version, "kind": family.kind(), "name": name, "uid": uid}))
    }
}

fn step(step: &kollect_sink_core::ProbeStep) -> ProbeStep {
    ProbeStep {
        name: step.name.to_owned(),
        ok: step.ok,
        message: step.message.clone(),
        duration_ms: u64::try_from(step.duration.as_millis()).unwrap_or(u64::MAX),
    }
}

/// When this generation was told to have ended.
pub(super) fn ended(status: &ConnectionTestStatus, generation: i64) -> Option<Timestamp> {
    let at = status.completed_at.as_ref()?.0;
    (status.completed && status.observed_generation == Some(generation)).then_some(at)
}

/// How long the object stays. A clock that was set back does not keep it longer than its time.
pub(super) fn remaining(ended: Timestamp, ttl: u32, now: Timestamp) -> Duration {
    let ttl = SignedDuration::from_secs(ttl.into());
    let left = (ttl - now.duration_since(ended)).min(ttl);
    Duration::try_from(left).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probed(ok: bool) -> Found {
        let step = |name, ok| kollect_sink_core::ProbeStep {
            name,
            ok,
            message: "why".to_owned(),
            duration: Duration::from_millis(20),
        };
        let sink = SinkObject { name: "db".to_owned(), uid: "u".to_owned(), type_name: "postgres" };
        Found::Probed {
            sink,
            report: ProbeReport { steps: vec![step("connect", true), step("authorise", ok)] },
        }
    }

    fn status(found: Found) -> ConnectionTestStatus {
        let now = Timestamp::from_second(1_000).unwrap();
        Outcome { found, spec: None, generation: 3, now }.status(&ConnectionTestStatus::default())
    }

    #[test]
    fn a_status_tells_steps_time_and_reason() {
        let good = status(probed(true));
        let told: Vec<_> =
            good.conditions.iter().map(|one| (&*one.type_, &*one.status, &*one.reason)).collect();
        assert_eq!(
            told,
            [("Ready", "True", "ProbeSucceeded"), ("ConnectionVerified", "True", "ConnectionOK")]
        );
        assert_eq!((good.latency_ms, good.completed, good.steps.len()), (Some(40), true, 2));
        assert_eq!(ended(&good, 3), Timestamp::from_second(1_000).ok());
        assert_eq!(ended(&good, 4), None, "another generation is probed again");

        let bad = status(probed(false));
        assert!(
            bad.conditions.iter().all(|one| one.reason == "ConnectionTestFailed" && one.status == "False")
        );
        assert_eq!(bad.conditions[0].message, "authorise: why");
        let gone = status(Found::NoSink("there is none".to_owned()));
        assert_eq!((gone.conditions[0].reason.as_str(), gone.latency_ms), ("SinkNotFound", None));
    }

    #[test]
    fn an_object_stays_for_its_time_whatever_the_clock_does() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let cases = [(1_000, 300), (1_100, 200), (1_300, 0), (9_000, 0), (500, 300)];
        for (now, left) in cases {
            assert_eq!(remaining(at(1_000), 300, at(now)), Duration::from_secs(left), "{now}");
        }
    }
}
