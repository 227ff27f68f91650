//! Rows about inventories and the entries of their exports.

use crate::conditions::row::{Row, row};

pub(super) const LASTING: &[Row] = &[
    row("kollectinventory/exported", "Ready", "True", "Exported", "collected and exported"),
    row("kollectinventory/exported", "Synced", "True", "Exported", "every sink holds exactly the inventory"),
    row("kollectinventory/exported", "Degraded", "False", "Exported", "nothing blocks"),
    row(
        "kollectinventory/exported",
        "SinkReachable",
        "True",
        "Exported",
        "every sink answered at the last contact",
    ),
    row(
        "kollectinventory/exported#database/db",
        "Synced",
        "True",
        "Exported",
        "the sink holds exactly the inventory",
    ),
    row("kollectinventory/debounced", "Synced", "True", "Exported", "every sink holds exactly the inventory"),
    row(
        "kollectinventory/debounced#database/db",
        "Synced",
        "True",
        "Debounced",
        "the sink holds exactly the inventory; nothing changed",
    ),
    row("kollectinventory/unexported", "Ready", "True", "NoExport", "no sink is named; nothing is exported"),
    row("kollectinventory/unexported", "Synced", "True", "NoExport", "no sink is named; nothing is exported"),
    row("kollectinventory/unexported", "Degraded", "False", "NoExport", "nothing blocks"),
    row("kollectinventory/resting", "Ready", "False", "Suspended", "suspended; sinks stay as they are"),
    row("kollectinventory/resting", "Synced", "False", "Suspended", "suspended; sinks stay as they are"),
    row("kollectinventory/resting", "Degraded", "False", "Suspended", "suspended; sinks stay as they are"),
    row(
        "kollectinventory/twice",
        "Degraded",
        "True",
        "InvalidSpec",
        "spec.databaseSinkRefs[1]: \"db\" stands twice; remove one",
    ),
    row(
        "kollectinventory/lost",
        "Degraded",
        "True",
        "SinkNotFound",
        "database/absent: KollectDatabaseSink <platform>/absent does not exist; create it, or remove the reference. \
         What it held stays",
    ),
    row(
        "kollectinventory/lost",
        "Ready",
        "False",
        "SinkNotFound",
        "database/absent: KollectDatabaseSink <platform>/absent does not exist; create it, or remove the reference. What it held stays",
    ),
    row(
        "kollectinventory/lost",
        "Synced",
        "False",
        "PartiallySynced",
        "not in sync: database/absent; see status.sinkExports",
    ),
    row(
        "kollectinventory/refused",
        "Degraded",
        "True",
        "SinkForbidden",
        "database/refused: cannot log in: password authentication failed for user \"<word>\" (SQLSTATE 28P01) \
         (forbidden; it is tried again after a change of the sink, its Secret or the inventory, or in 10 minutes)",
    ),
    row(
        "kollectinventory/refused",
        "SinkReachable",
        "False",
        "SinkUnreachable",
        "database/refused: cannot log in: password authentication failed for user \"<word>\" (SQLSTATE 28P01) (forbidden; it is tried again after a change of the sink, its Secret or the inventory, or in 10 minutes)",
    ),
    row(
        "kollectinventory/unreachable",
        "SinkReachable",
        "False",
        "SinkUnreachable",
        "database/closed: cannot connect to 127.0.0.1:<closed>: Connection refused (os error 111) (transient; it is tried again)",
    ),
    row(
        "kollectinventory/unreachable",
        "Ready",
        "False",
        "Progressing",
        "the first complete export has not ended",
    ),
    row("kollectinventory/unreachable", "Degraded", "False", "Progressing", "nothing blocks"),
    row(
        "kollectinventory/unreachable#database/closed",
        "Synced",
        "False",
        "ExportFailed",
        "cannot connect to 127.0.0.1:<closed>: Connection refused (os error 111) (transient; it is tried again)",
    ),
    row(
        "kollectinventory/partly",
        "Synced",
        "False",
        "PartiallySynced",
        "not in sync: database/closed; see status.sinkExports",
    ),
    row(
        "kollectinventory/partly#database/db",
        "Synced",
        "True",
        "Exported",
        "the sink holds exactly the inventory",
    ),
    row(
        "kollectinventory/mismatched",
        "Degraded",
        "True",
        "ExportTerminal",
        "database/mismatched: the table \"public\".\"foreign_table\" lacks columns that no export can do without; run:\n\
         <lines>; (terminal; it is tried again after a change of the sink, its Secret or the inventory, or in 10 minutes)",
    ),
    row(
        "kollectinventory/secretless",
        "Degraded",
        "True",
        "SecretResolveFailed",
        "database/secretless: spec.postgres.databaseRef: Secret <platform>/absent does not exist; create it",
    ),
    row(
        "kollectinventory/nowhere",
        "Degraded",
        "True",
        "InvalidSpec",
        "database/nowhere: spec.postgres.databaseRef: the Secret needs one of dsn, url, connectionString, DATABASE_URL",
    ),
    row(
        "kollectinventory/bus",
        "Degraded",
        "True",
        "ExportUnavailable",
        "event/bus: sink <platform>/bus has type kafka, which this version does not have yet (it has: postgres, local)",
    ),
    row(
        "kollectinventory/orphaned",
        "Synced",
        "True",
        "Exported",
        "every sink holds exactly the inventory; what is not known of target orphan stays as it was, see its status",
    ),
    row(
        "kollectinventory/orphaned",
        "Ready",
        "True",
        "Exported",
        "collected and exported; what is not known of target orphan stays as it was, see its status",
    ),
    row(
        "kollectinventory/poisoned#database/db",
        "Synced",
        "False",
        "Rejected",
        "the sink refused 1 row, such as ConfigMap <apps>/poisoned of target poisoned; all others are there. \
         Change the object or its profile; the row is tried again when it changes",
    ),
    row(
        "kollectinventory/poisoned",
        "Synced",
        "False",
        "PartiallySynced",
        "not in sync: database/db; see status.sinkExports",
    ),
];

/// Of one that is deleted while its sink is away.
pub(in crate::conditions) const DELETED: &[Row] = &[
    row(
        "kollectinventory/unreachable",
        "Degraded",
        "True",
        "CleanupTerminal",
        "cannot be removed from database/closed: cannot connect to 127.0.0.1:<closed>: Connection refused (os error 111). \
         After 5 minutes it is given up, and an Event names what remains",
    ),
    row(
        "kollectinventory/unreachable",
        "Ready",
        "False",
        "CleanupTerminal",
        "cannot be removed from database/closed: cannot connect to 127.0.0.1:<closed>: Connection refused (os error 111). After 5 minutes it is given up, and an Event names what remains",
    ),
];
