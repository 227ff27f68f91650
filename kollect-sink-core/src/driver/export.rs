//! The writing half of a step: claim, header, rows, receipt. It does not decide whether to write.

use futures::StreamExt;

use crate::change::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::header::{Checkpoint, Claim, ClaimMode, Complete, Delta};
use crate::pace::Timer;
use crate::plan::{self, Cause, Progress, RoleKind, Step};
use crate::rebatch::{Limits, rebatch};
use crate::receipt::Receipt;
use crate::retry::part_of;
use crate::sink::{Role, Sink};
use crate::source::Batches;

use super::refused::Refused;
use super::{Again, Did, Driver, Export, FULL_PASS_EVERY, Outcome, Situation, State, unfinished};

impl Driver {
    pub(super) async fn export(
        &mut self,
        sink: &dyn Sink,
        situation: &Situation<'_>,
        step: &Step,
    ) -> Result<Outcome> {
        let now = situation.now;
        let before = self.checkpoint().cloned();
        let base = self.own(sink, situation.now).await?;
        if before.is_some_and(|before| !same_contents(&before, &base)) {
            // Somebody wrote between our reading and our claim: the plan was made for other contents.
            return Ok(Outcome { did: Did::Confirmed, state: State::Pacing, again: Again::At(now) });
        }
        let (export, changes) = match *step {
            Step::Delta { since } => match situation.view.changes_since(since) {
                Some(changes) => (Export::Delta, Some(changes)),
                None => (Export::Full(Cause::JournalGap), None),
            },
            Step::Full(cause) => (Export::Full(cause), None),
            _ => return Err(Error::new(ErrorKind::Protocol, "a step without a write was to be written")),
        };
        let head = situation.view.head();
        let mut refused = match &changes {
            Some(_) => self.refused.still_in(situation.view),
            None => Refused::default(),
        };
        let receipt = self.write(sink, situation, base, changes, &refused).await?;
        refused.add(&receipt.rejected);
        self.refused = refused;
        self.contact = Some(now);
        self.known.wrote(receipt.reached.clone(), head.revision);
        self.progress = Progress::Running;
        self.backoff.succeed();
        self.pace.wrote(now);
        if let Export::Full(_) = export {
            self.unswept = head.unknown.clone();
            self.owed = None;
            if let Some(token) = situation.requested {
                self.settings.fulfilled = Some(token.to_owned());
            }
            let early = part_of(FULL_PASS_EVERY / 10, self.jitter.as_mut());
            self.full_pass = Some(Timer::after(now, FULL_PASS_EVERY - early));
        }
        Ok(Outcome { did: Did::Exported(export, receipt), state: State::Synced, again: self.next_look(sink) })
    }

    /// The stored checkpoint with an epoch of our own, claimed now where this process has none.
    pub(super) async fn own(&mut self, sink: &dyn Sink, now: jiff::Timestamp) -> Result<Checkpoint> {
        if let Some(owned) = self.known.owned() {
            return Ok(owned.clone());
        }
        let before = self.checkpoint().cloned();
        let settings = &self.settings;
        let claim = Claim {
            writer: settings.writer.clone(),
            seen_epoch: self.known.seen_epoch(),
            mode: settings.mode,
            at: now,
        };
        let unanswered = self.known.unanswered_claim();
        self.known.claim_starts();
        let granted = match sink.claim(&settings.scope, claim).await {
            Err(error) if error.kind() == ErrorKind::Fenced && unanswered => {
                let message = "an earlier claim of this process landed late";
                return Err(Error::caused_by(ErrorKind::Conflict, message, error));
            }
            answer => answer?,
        };
        self.known.claimed(before.as_ref(), granted.clone())?;
        // Taking over is an answer to one question. Doing it again would be a quarrel of two writers.
        self.settings.mode = ClaimMode::Own;
        Ok(granted)
    }

    async fn write<'a>(
        &mut self,
        sink: &dyn Sink,
        situation: &Situation<'a>,
        base: Checkpoint,
        changes: Option<Batches<'a, Change>>,
        refused: &Refused,
    ) -> Result<Receipt> {
        let view = situation.view;
        let head = view.head();
        let role = sink.role();
        let kind = RoleKind::from(&role);
        let shape = plan::shape(kind, sink.shape(), head);
        let mut target = plan::target(&base, &self.settings.writer, head, shape, situation.now);
        target.rejected = refused.summary();
        let scope = self.settings.scope.clone();
        let limits = Limits::from(sink.capabilities());
        self.known.write_starts(&target, head.revision, unfinished(sink));
        let changes = changes.map(|changes| unrefused(changes, refused));
        match (role, changes) {
            (Role::Snapshot(snapshot), _) => {
                let complete = Complete::declare(scope, target, head.schema.clone());
                snapshot.replace(&complete, rebatch(view.rows(), limits)).await
            }
            (Role::Reconciled(reconciled), None) => {
                let complete = Complete::declare(scope, target, head.schema.clone());
                reconciled.reconcile(&complete, rebatch(view.rows(), limits)).await
            }
            (Role::Reconciled(reconciled), Some(changes)) => {
                reconciled.apply(&Delta { scope, base, target }, rebatch(changes, limits)).await
            }
            (Role::Projection(projection), changes) => {
                let changes = changes.unwrap_or_else(|| upserts(view.rows()));
                projection.apply(&Delta { scope, base, target }, rebatch(changes, limits)).await
            }
        }
    }
}

/// Leaves out changes to a state that the destination refused before, which are counted already.
fn unrefused<'a>(changes: Batches<'a, Change>, refused: &Refused) -> Batches<'a, Change> {
    let refused = refused.rows().clone();
    if refused.is_empty() {
        return changes;
    }
    let keep = move |change: &Change| match change {
        Change::Upsert(row) => refused.get(&row.identity().to_key()) != Some(&row.digest()),
        Change::Remove(_) => true,
    };
    changes.map(move |batch| batch.map(|batch| batch.into_iter().filter(&keep).collect())).boxed()
}

/// All rows as changes: what a destination gets as a full state that cannot tell what it holds.
fn upserts(rows: Batches<'_, crate::row::Row>) -> Batches<'_, Change> {
    rows.map(|batch| batch.map(|rows| rows.into_iter().map(Change::Upsert).collect())).boxed()
}

fn same_contents(before: &Checkpoint, now: &Checkpoint) -> bool {
    before.digest == now.digest
        && before.rows == now.rows
        && before.unknown == now.unknown
        && before.shape == now.shape
}
