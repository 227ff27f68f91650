//! What one scope needs next, as a pure function of what is known. It neither asks nor writes anything, and
//! does not say when: see `driver`.

use jiff::Timestamp;

use crate::digest::Digest;
use crate::header::{Checkpoint, ClaimMode, Rejected, Writer};
use crate::partition::{Pattern, Unknown};
use crate::sink::Role;
use crate::source::Head;

/// A [`Role`] without the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleKind {
    /// Whole documents.
    Snapshot,
    /// Changes only.
    Projection,
    /// Changes and full passes.
    Reconciled,
}

impl From<&Role<'_>> for RoleKind {
    fn from(role: &Role<'_>) -> Self {
        match role {
            Role::Snapshot(_) => Self::Snapshot,
            Role::Projection(_) => Self::Projection,
            Role::Reconciled(_) => Self::Reconciled,
        }
    }
}

/// How far the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Some part has neither been listed to its end nor failed: nothing may be exported.
    Gathering,
    /// Each part is known, or has failed and is named unknown.
    Settled,
    /// As `Settled`, and everything was listed once more since: a surprising loss of rows is real.
    Confirmed,
}

/// Why a full pass is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The destination holds nothing complete of ours, or this process knows no base for a delta yet.
    FirstContact,
    /// Rows changed, and the destination takes whole documents only.
    Changed,
    /// What decides bytes or places changed.
    Shape,
    /// Something became known that was unknown at the last full pass: what vanished meanwhile must go.
    Learned,
    /// The destination moved without us.
    Moved,
    /// The journal does not reach back to the base.
    JournalGap,
    /// The destination refused the base of a delta.
    StaleBase,
    /// Somebody asked for it.
    Requested,
    /// It is time to look for what others changed.
    Daily,
    /// The connection to the destination is new, to this process or at all, and rows had been refused.
    Reconnected,
}

impl Cause {
    /// The cause as a metric label and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstContact => "first_contact",
            Self::Changed => "changed",
            Self::Shape => "shape",
            Self::Learned => "learned",
            Self::Moved => "moved",
            Self::JournalGap => "journal_gap",
            Self::StaleBase => "stale_base",
            Self::Requested => "requested",
            Self::Daily => "daily",
            Self::Reconnected => "reconnected",
        }
    }
}

/// How much the stored checkpoint says about the rows that are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The rows are those of the checkpoint.
    Whole,
    /// A write that is not atomic was interrupted: some rows may be newer.
    Interrupted,
}

/// Whether this process has seen the destination hold its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not yet: a great loss of rows may be a blunder.
    Starting,
    /// At least once.
    Running,
}

/// All that the next step depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// How the destination takes rows.
    pub role: RoleKind,
    /// Who we are.
    pub writer: &'a Writer,
    /// Whether another writer's scope may be taken.
    pub mode: ClaimMode,
    /// The destination's checkpoint.
    pub stored: Option<&'a Checkpoint>,
    /// The source's revision whose rows the destination holds, where this process knows it.
    pub synced: Option<u64>,
    /// What the checkpoint says about the stored rows.
    pub trust: Trust,
    /// What was unknown at the last full pass: the destination may hold rows there that the source never had.
    pub unswept: &'a Unknown,
    /// Where the source stands.
    pub head: &'a Head,
    /// How far the source is.
    pub standing: Standing,
    /// Hash of all that decides bytes or places, by [`shape`].
    pub shape: Digest,
    /// A full pass that is due for itself.
    pub full: Option<Cause>,
    /// How far the export is.
    pub progress: Progress,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The destination holds the rows.
    Nothing,
    /// Wait until the source has settled.
    Gather,
    /// Another writer owns the scope: wait until that ends.
    Foreign,
    /// Send what changed after this revision of the source.
    Delta {
        /// The revision of the base.
        since: u64,
    },
    /// Make the destination equal to all rows.
    Full(Cause),
    /// A document cannot leave out what was known in the last one: wait until this is known again.
    Hold(Pattern),
    /// Too many rows are missing for a start: wait until the source is confirmed.
    Brake {
        /// Rows that the destination holds.
        stored: u64,
        /// Rows that the source has.
        found: u64,
    },
}

/// Decides the next step.
///
/// - Nothing is written before the source has settled, and nothing where contents, writer and shape are equal
///   and no full pass is due.
/// - A start with less than half of the stored rows and over 100 fewer waits for confirmation.
/// - A whole document is replaced only if what is unknown now was unknown in the stored one too.
/// - A delta needs a base that this process knows, of our writer and shape, and that nothing which was unknown
///   at the last full pass became known.
pub fn plan(facts: &Facts<'_>) -> Step {
    let Facts { role, stored, head, .. } = *facts;
    let owner = stored.map(|stored| &stored.writer).filter(|writer| !writer.as_str().is_empty());
    if facts.mode == ClaimMode::Own && owner.is_some_and(|owner| owner != facts.writer) {
        return Step::Foreign;
    }
    if facts.standing == Standing::Gathering {
        return Step::Gather;
    }
    let whole = facts.trust == Trust::Whole;
    if whole && facts.full.is_none() && stored.is_some_and(|stored| equal(stored, facts)) {
        return Step::Nothing;
    }
    // What the destination holds completely; nothing, where there is no digest.
    let held = stored.filter(|stored| stored.digest.is_some());
    if let Some(held) = held {
        let surprising = head.rows < held.rows / 2 && held.rows - head.rows > 100;
        if surprising && facts.progress == Progress::Starting && facts.standing != Standing::Confirmed {
            return Step::Brake { stored: held.rows, found: head.rows };
        }
        if let (RoleKind::Snapshot, Some(pattern)) = (role, head.unknown.beyond(&held.unknown)) {
            return Step::Hold(pattern.clone());
        }
    }
    match full_pass(facts, held) {
        Ok(since) => Step::Delta { since },
        Err(cause) => Step::Full(facts.full.unwrap_or(cause)),
    }
}

/// The base of a delta, or why there is none.
fn full_pass(facts: &Facts<'_>, held: Option<&Checkpoint>) -> Result<u64, Cause> {
    let held = held.ok_or(Cause::FirstContact)?;
    if held.writer != *facts.writer {
        return Err(Cause::FirstContact);
    }
    if held.shape != facts.shape {
        return Err(Cause::Shape);
    }
    let since = match (facts.synced, facts.progress) {
        (Some(since), _) => since,
        (None, Progress::Starting) => return Err(Cause::FirstContact),
        (None, Progress::Running) => return Err(Cause::Moved),
    };
    if facts.role != RoleKind::Projection && facts.unswept.beyond(&facts.head.unknown).is_some() {
        return Err(Cause::Learned);
    }
    if facts.role == RoleKind::Snapshot {
        return Err(Cause::Changed);
    }
    facts.full.map_or(Ok(since), Err)
}

fn equal(stored: &Checkpoint, facts: &Facts<'_>) -> bool {
    stored.holds_the_same_as(&target(stored, facts.writer, facts.head, facts.shape, stored.exported_at))
}

/// The checkpoint of `head` as the successor of `base`: `generation` and `exported_at` move only where rows or
/// shape differ from what `base` holds; the revision always grows. Rows refused before are not counted.
pub fn target(base: &Checkpoint, writer: &Writer, head: &Head, shape: Digest, now: Timestamp) -> Checkpoint {
    let material = base.digest != Some(head.digest) || base.shape != shape;
    let millisecond = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    Checkpoint {
        writer: writer.clone(),
        epoch: base.epoch,
        revision: head.revision.max(base.revision + 1),
        digest: Some(head.digest),
        rows: head.rows,
        rejected: Rejected::default(),
        unknown: head.unknown.clone(),
        shape,
        generation: base.generation + u64::from(material),
        exported_at: if material { millisecond } else { base.exported_at },
    }
}

/// The shape of an export: the destination's own hash, and for whole documents, which have typed columns,
/// the schema. Tables and events keep attributes as JSON, which no schema changes.
pub fn shape(role: RoleKind, sink: Digest, head: &Head) -> Digest {
    if role != RoleKind::Snapshot {
        return sink;
    }
    let mut schema = Vec::new();
    for column in head.schema.columns() {
        schema.extend_from_slice(format!("{:?} {:?};", column.name, column.column_type).as_bytes());
    }
    Digest::of(&[&sink.0, &schema])
}

#[cfg(test)]
mod tests;
