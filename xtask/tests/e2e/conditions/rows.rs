//! The rows of the condition table. `<..>` are holes and names, see `pattern` and `row`.

mod inventories;
mod sinks;
mod targets;

use super::row::{Row, row};

/// All that lasts until somebody acts.
pub(super) const LASTING: &[&[Row]] = &[targets::LASTING, inventories::LASTING, sinks::LASTING];

/// What passes by itself.
pub(super) const PASSING: &[Row] = &[
    row("kollecttarget/hung", "Synced", "False", "Syncing", "listing Thing (<group>/v2)"),
    row("kollecttarget/hung", "Ready", "False", "Syncing", "listing Thing (<group>/v2)"),
    row("kollecttarget/hung", "Degraded", "False", "Syncing", "listing Thing (<group>/v2)"),
    row("kollectinventory/hung", "Synced", "False", "Progressing", "the targets are being listed"),
    row("kollectinventory/hung", "Ready", "False", "Progressing", "the first complete export has not ended"),
    row("kollectinventory/hung", "Degraded", "False", "Progressing", "nothing blocks"),
    row(
        "kollectinventory/hung",
        "SinkReachable",
        "Unknown",
        "Progressing",
        "not every sink was contacted yet",
    ),
    row(
        "kollectinventory/hung#database/db",
        "Synced",
        "False",
        "Progressing",
        "the targets are being listed",
    ),
];

/// After a person has acted.
pub(super) const MENDED: &[Row] = &[
    row("kollectprofile/broken", "Ready", "True", "Compiled", "2 attributes of ConfigMap (v1) compiled"),
    row("kollectprofile/whole", "Ready", "True", "Compiled", "1 attribute of Secret (v1) compiled"),
    row("kollecttarget/orphan", "Ready", "True", "Collecting", "following ConfigMap (v1)"),
    row("kollecttarget/orphan", "Degraded", "False", "Collecting", "following ConfigMap (v1)"),
    row("kollecttarget/misled", "Ready", "True", "Collecting", "following ConfigMap (v1)"),
    row("kollecttarget/resting", "Ready", "True", "Collecting", "following ConfigMap (v1)"),
    row("kollecttarget/typed", "Ready", "True", "Collecting", "following ConfigMap (v1)"),
    row("kollecttarget/typed", "Degraded", "False", "Collecting", "following ConfigMap (v1)"),
    row("kollectinventory/resting", "Ready", "True", "Exported", "collected and exported"),
    row("kollectinventory/twice", "Ready", "True", "Exported", "collected and exported"),
    row("kollectinventory/twice", "Degraded", "False", "Exported", "nothing blocks"),
    row("kollectinventory/lost", "Ready", "True", "Exported", "collected and exported"),
    row(
        "kollectinventory/lost",
        "SinkReachable",
        "True",
        "Exported",
        "every sink answered at the last contact",
    ),
    row("kollectinventory/refused", "Ready", "True", "Exported", "collected and exported"),
    row(
        "kollectdatabasesink/refused",
        "Degraded",
        "False",
        "ConnectionOK",
        "passed: resolve address, connect, tls, authenticate, target, authorise",
    ),
];

/// Where no file may be as large as a document.
pub(super) const TOO_LARGE: &[Row] = &[
    row(
        "kollectinventory/all",
        "Degraded",
        "True",
        "PayloadTooLarge",
        "snapshot/folder: cannot write the document's items to a temporary file: File too large (os error 27) (terminal; \
         let the inventory hold less, or the sink write a file per object; it is tried again after a change of either, \
         when kollect.dev/requestedAt changes, or in 10 minutes)",
    ),
    row("kollectinventory/all", "Ready", "False", "PayloadTooLarge", "snapshot/folder: cannot write <text>"),
];

pub(super) use inventories::DELETED;
pub(super) use targets::LIMITED;

/// Every row of every table.
pub(super) fn all() -> impl Iterator<Item = Row> {
    LASTING.iter().chain(&[PASSING, TOO_LARGE, DELETED, LIMITED]).flat_map(|rows| rows.iter().copied())
}
