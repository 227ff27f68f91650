//! Between the driver's words and those of specifications and statuses. It steps nothing.

use std::time::Duration;

use jiff::Timestamp;
use kollect_api::reference::Cadence as StatedCadence;
use kollect_sink_core::driver::{Did, Outcome, State};
use kollect_sink_core::pace::Cadence;
use kollect_sink_core::plan::Standing;
use kollect_sink_core::{ErrorClass, ErrorKind, KeyRef, Rejected, View};
use kollect_snapshot::view::InventoryView;

use super::connection::ReadySink;
use super::report::{ExportReport, Phase};
use super::worker::{Task, WorkerSpec};
use crate::index::ObjectName;

/// The second look after a surprising loss of rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirmation {
    /// None was needed.
    None,
    /// Another list was asked for.
    Asked,
    /// The other list ended.
    Done,
}

/// Cadence and interval as the driver takes them.
pub(super) fn pace(spec: &WorkerSpec, ready: &ReadySink) -> (Cadence, Option<Duration>) {
    let Task::Export { cadence, interval } = spec.task else { return (Cadence::OnChange, None) };
    let interval = interval.effective(ready.interval, cadence);
    let confirm = (!interval.is_zero()).then_some(interval);
    match cadence {
        StatedCadence::OnChange => (Cadence::OnChange, confirm),
        StatedCadence::Interval => (Cadence::Interval(interval.max(Duration::from_secs(1))), confirm),
    }
}

/// How far the inventory is, as the driver is told.
pub(super) fn standing(view: &InventoryView, confirmation: &mut Confirmation) -> Standing {
    match (view.settled(), *confirmation) {
        (false, Confirmation::Asked) => {
            *confirmation = Confirmation::Done;
            Standing::Gathering
        }
        (false, _) => Standing::Gathering,
        (true, Confirmation::Done) => Standing::Confirmed,
        (true, _) => Standing::Settled,
    }
}

/// What a step's outcome means for the status.
pub(super) fn phase(outcome: &Outcome, report: &ExportReport) -> Phase {
    match (&outcome.did, &outcome.state) {
        (Did::Failed(error), State::Fenced) => Phase::Failed {
            kind: error.kind(),
            class: error.class(),
            message: "a later instance of this operator took over; this one writes no more".to_owned(),
        },
        (Did::Failed(error), _) => {
            let advice = match (error.class(), error.kind()) {
                (ErrorClass::Transient, _) => "it is tried again",
                (_, ErrorKind::ForeignWriter) => {
                    "nothing is written until that writer retires it, or the inventory is annotated with \
                     kollect.dev/take-over: \"true\""
                }
                (_, ErrorKind::TooLarge) => {
                    "let the inventory hold less, or the sink write a file per object; it is tried again after a \
                     change of either, when kollect.dev/requestedAt changes, or in 10 minutes"
                }
                (ErrorClass::Terminal | ErrorClass::Forbidden, _) => {
                    "it is tried again after a change of the sink, its Secret or the inventory, or in 10 minutes"
                }
            };
            let message = format!("{} ({}; {advice})", error.chain(), error.class().as_str());
            Phase::Failed { kind: error.kind(), class: error.class(), message }
        }
        (Did::Nothing | Did::Confirmed, State::Synced) => Phase::Debounced,
        (Did::Exported(..), State::Synced) => Phase::Synced,
        (_, State::Gathering) if report.was_synced => {
            Phase::Behind("targets are being listed again".to_owned())
        }
        (_, State::Gathering) => Phase::Progressing("the targets are being listed".to_owned()),
        (_, State::Pacing) => Phase::Behind("a change waits for its cadence".to_owned()),
        (_, State::Held(pattern)) => Phase::Behind(format!(
            "the document is held back: target {} is not known now, and was in the last document",
            ObjectName::from(&pattern.target)
        )),
        (_, State::Braked { stored, found }) => Phase::Behind(format!(
            "the sink holds {stored} rows and only {found} were found after the start; another list must confirm it"
        )),
        (_, State::Failing | State::Fenced) => report.phase.clone(),
    }
}

/// Refused rows with the example by its object's name, where the inventory still holds it: a key names nothing
/// that a person could open.
pub(super) fn named(rejected: &Rejected, view: &InventoryView) -> Rejected {
    let example = rejected.example.as_ref().map(|key| {
        let mut parts = key.splitn(3, '/');
        let (Some(target_namespace), Some(target_name), Some(uid)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return key.clone();
        };
        let Some(row) = view.row(KeyRef { target_namespace, target_name, uid }) else { return key.clone() };
        let identity = row.identity();
        match (&**identity.namespace(), identity.name()) {
            ("", name) => format!("{} {name} of target {target_name}", identity.kind()),
            (namespace, name) => format!("{} {namespace}/{name} of target {target_name}", identity.kind()),
        }
    });
    Rejected { count: rejected.count, example }
}

/// How long it is until then.
pub(super) fn until(at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default()
}
