//! The entries of `status.sinkExports`, and how one export counts for its inventory. It exports nothing.

use kollect_api::condition::{ConditionType, Reason, Status};
use kollect_api::inventory::SinkExportStatus;
use kollect_sink_core::{ErrorClass, ErrorKind};

use super::draft::{Conditions, time};
use crate::export::{ExportReport, Phase};

/// One entry, drafted from the last report.
pub fn entry(
    name: &str,
    namespace: &str,
    report: &ExportReport,
    observed: Option<&SinkExportStatus>,
    generation: i64,
    now: jiff::Timestamp,
) -> SinkExportStatus {
    let before = observed.map(|entry| entry.conditions.as_slice()).unwrap_or_default();
    let mut conditions = Conditions::new(before, generation, now);
    let (status, reason, message) = synced(report);
    conditions.set(ConditionType::Synced, status, reason, message);
    let known = |new: Option<String>, old: fn(&SinkExportStatus) -> Option<String>| {
        new.or_else(|| observed.and_then(old))
    };
    SinkExportStatus {
        name: name.to_owned(),
        namespace: Some(namespace.to_owned()),
        sink_uid: known(report.sink_uid.clone(), |entry| entry.sink_uid.clone()),
        cluster: known(report.cluster.clone(), |entry| entry.cluster.clone()),
        destination: known(report.destination.clone(), |entry| entry.destination.clone()),
        last_export_time: report
            .last_export
            .map(time)
            .or_else(|| observed.and_then(|entry| entry.last_export_time.clone())),
        last_checksum: known(report.checksum.map(|sum| sum.to_string()), |entry| entry.last_checksum.clone()),
        item_count: report.rows.or_else(|| observed.and_then(|entry| entry.item_count)),
        lag: Some(report.lag),
        next_attempt_time: report.next_attempt.map(time),
        conditions: conditions.finish().0,
    }
}

/// One entry whose sink is not written any more: it tells what stays there.
pub fn unwritten(
    known: &SinkExportStatus,
    reason: Reason,
    message: &str,
    generation: i64,
    now: jiff::Timestamp,
) -> SinkExportStatus {
    let mut conditions = Conditions::new(&known.conditions, generation, now);
    conditions.set(ConditionType::Synced, Status::False, reason, message);
    SinkExportStatus {
        conditions: conditions.finish().0,
        lag: None,
        next_attempt_time: None,
        ..known.clone()
    }
}

fn synced(report: &ExportReport) -> (Status, Reason, String) {
    let rejected = &report.rejected;
    if rejected.count > 0 && matches!(report.phase, Phase::Synced | Phase::Debounced) {
        let example = rejected.example.as_deref().unwrap_or("unknown");
        let message = format!(
            "the sink refused {}, such as {example}; all others are there. Change the object or its \
             profile; the row is tried again when it changes",
            if rejected.count == 1 { "1 row".to_owned() } else { format!("{} rows", rejected.count) }
        );
        return (Status::False, Reason::Rejected, message);
    }
    match &report.phase {
        Phase::Synced => (Status::True, Reason::Exported, "the sink holds exactly the inventory".to_owned()),
        Phase::Debounced => (
            Status::True,
            Reason::Debounced,
            "the sink holds exactly the inventory; nothing changed".to_owned(),
        ),
        Phase::Progressing(message) | Phase::Behind(message) => {
            (Status::False, Reason::Progressing, message.clone())
        }
        Phase::Retired => (Status::False, Reason::Progressing, "removed from the sink".to_owned()),
        Phase::Unavailable { message, .. } | Phase::Failed { message, .. } | Phase::Abandoned(message) => {
            (Status::False, Reason::ExportFailed, message.clone())
        }
    }
}

/// Why an export blocks its inventory, if it does: only what waits for a person.
pub fn blocking(report: &ExportReport) -> Option<(Reason, String)> {
    match &report.phase {
        Phase::Unavailable { reason, message } => Some((*reason, message.clone())),
        Phase::Failed { kind, class, message } => {
            let reason = match (class, kind) {
                (ErrorClass::Transient, _) => return None,
                (ErrorClass::Forbidden, _) => Reason::SinkForbidden,
                (ErrorClass::Terminal, ErrorKind::TooLarge) => Reason::PayloadTooLarge,
                (ErrorClass::Terminal, _) => Reason::ExportTerminal,
            };
            Some((reason, message.clone()))
        }
        Phase::Abandoned(message) => Some((Reason::CleanupTerminal, message.clone())),
        Phase::Progressing(_) | Phase::Synced | Phase::Debounced | Phase::Behind(_) | Phase::Retired => None,
    }
}

/// Why what the sink holds cannot be removed.
pub fn stuck(report: &ExportReport) -> Option<&str> {
    match &report.phase {
        Phase::Unavailable { message, .. } | Phase::Failed { message, .. } | Phase::Abandoned(message) => {
            Some(message)
        }
        Phase::Progressing(_) | Phase::Synced | Phase::Debounced | Phase::Behind(_) | Phase::Retired => None,
    }
}

/// Whether the last contact failed, and how.
pub fn unreachable(report: &ExportReport) -> Option<&str> {
    match &report.phase {
        Phase::Failed { message, class: ErrorClass::Transient | ErrorClass::Forbidden, .. } => Some(message),
        _ => None,
    }
}

/// Whether the sink holds what it should, refused rows aside.
pub fn in_sync(report: &ExportReport) -> bool {
    matches!(report.phase, Phase::Synced | Phase::Debounced) && report.rejected.count == 0
}
