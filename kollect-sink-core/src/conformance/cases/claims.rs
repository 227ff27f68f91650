//! Cases about checkpoints, claims and who may write. They know no driver.

use crate::capability::Fencing;
use crate::error::ErrorKind::{Fenced, ForeignWriter};
use crate::header::Checkpoint;
use crate::header::ClaimMode::{Own, TakeOver};
use crate::row::Row;

use super::super::fixture::NotApplicable;
use super::super::rows::{changed, fleet, namespace_pattern};
use super::super::source::Source;
use super::super::subject::{Failure, Subject, WRITER, scope};

const OTHER: &str = "cluster-2/kollect";

fn fences(subject: &Subject<'_>) -> Result<(), NotApplicable> {
    match subject.sink.capabilities().fencing {
        Fencing::Enforced => Ok(()),
        Fencing::None => Err(NotApplicable("it says that it cannot fence")),
    }
}

/// A source one change after `rows`, and the revision before it.
fn moved(rows: &[Row]) -> (Source, u64) {
    let mut source = Source::of(rows.iter().cloned());
    let since = source.head().revision;
    rows.first().into_iter().for_each(|row| source.upsert(changed(row, r#"{"moved":true}"#)));
    (source, since)
}

/// Asserts that whoever reached `base` may write neither a full state nor a delta any more.
async fn locked_out(
    subject: &Subject<'_>,
    base: &Checkpoint,
    rows: &[Row],
    kind: crate::error::ErrorKind,
) -> Result<(), Failure> {
    let (source, since) = moved(rows);
    if subject.takes_changes().is_ok() {
        let delta = subject.delta(&scope(), base, &source.view(), since).await;
        subject.refuses("a delta of the former owner", delta, &[kind])?;
    }
    let full = subject.full(&scope(), base, &source.view()).await;
    subject.refuses("a full pass of the former owner", full, &[kind])?;
    if subject.takes_full_states().is_ok() {
        let end = subject.end(&scope(), base).await;
        subject.refuses("the end of the scope by the former owner", end, &[kind])?;
    }
    subject.holds(&scope(), rows).await
}

pub(super) async fn claim_writes_no_row(subject: &Subject<'_>) -> Result<(), Failure> {
    let rows = fleet(8)?;
    let fresh = subject.claim(&scope(), WRITER).await?;
    subject.same("epoch and revision of a first claim", (fresh.epoch, fresh.revision), (1, 0))?;
    subject.same("writer", fresh.writer.as_str(), WRITER)?;
    subject.check(fresh.digest.is_none(), || "a claim alone looks like a complete state".to_owned())?;
    subject.holds(&scope(), []).await?;
    let reached = subject.full(&scope(), &fresh, &Source::of(rows.clone()).view()).await?.reached;
    let again = subject.claim(&scope(), WRITER).await?;
    let wanted = Checkpoint { epoch: reached.epoch + 1, revision: 0, ..reached };
    subject.same("a second claim", again, wanted)?;
    subject.holds(&scope(), &rows).await
}

pub(super) async fn checkpoint_is_read_back_exactly(subject: &Subject<'_>) -> Result<(), Failure> {
    let mut source = Source::of(fleet(10)?);
    source.set_unknown(
        [namespace_pattern("t9", "ünknown \"ns\""), namespace_pattern("t8", "")].into_iter().collect(),
    );
    let reached = subject.fill(&scope(), &source.view()).await?;
    subject.same("digest reached", reached.digest, Some(source.head().digest))?;
    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, Some(reached.clone()))?;
    let restarted = subject.destination.open()?;
    subject.same("checkpoint after a restart", restarted.checkpoint(&scope()).await?, Some(reached))?;
    subject.same("shape after a restart", restarted.shape(), subject.sink.shape())
}

pub(super) async fn epoch_fences(subject: &Subject<'_>) -> Result<(), Failure> {
    fences(subject)?;
    let rows = fleet(10)?;
    let old = subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
    let late = subject.claim_from(&scope(), WRITER, old.epoch - 1, Own).await;
    subject.refuses("a claim by one who has seen less", late, &[Fenced])?;
    let new = subject.claim_from(&scope(), WRITER, old.epoch, Own).await?;
    subject.same("epoch of the new owner", new.epoch, old.epoch + 1)?;
    let again = subject.claim_from(&scope(), WRITER, old.epoch, Own).await;
    subject.refuses("a second claim from the same epoch", again, &[Fenced])?;
    locked_out(subject, &old, &rows, Fenced).await?;
    let (source, _) = moved(&rows);
    subject.full(&scope(), &new, &source.view()).await?;
    subject.holds(&scope(), source.rows()).await
}

pub(super) async fn foreign_writer_is_refused(subject: &Subject<'_>) -> Result<(), Failure> {
    fences(subject)?;
    let rows = fleet(10)?;
    let mine = subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
    for seen in [0, mine.epoch, mine.epoch + 7] {
        let claim = subject.claim_from(&scope(), OTHER, seen, Own).await;
        subject.refuses("a claim by another writer", claim, &[ForeignWriter])?;
    }
    let forged = Checkpoint { writer: crate::header::Writer::new(OTHER), ..mine.clone() };
    locked_out(subject, &forged, &rows, ForeignWriter).await?;
    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, Some(mine))
}

pub(super) async fn takeover_locks_the_former_writer_out(subject: &Subject<'_>) -> Result<(), Failure> {
    fences(subject)?;
    let rows = fleet(10)?;
    let mine = subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
    let taken = subject.claim_from(&scope(), OTHER, mine.epoch, TakeOver).await?;
    let writer = taken.writer.as_str();
    subject.same("writer and epoch", (writer, taken.epoch, taken.revision), (OTHER, mine.epoch + 1, 0))?;
    locked_out(subject, &mine, &rows, ForeignWriter).await?;
    let (source, _) = moved(&rows);
    let reached = subject.full(&scope(), &taken, &source.view()).await?.reached;
    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, Some(reached))?;
    subject.holds(&scope(), source.rows()).await
}

pub(super) async fn retire_keeps_the_epoch(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let held = subject.fill(&scope(), &Source::of(fleet(10)?).view()).await?;
    for _ in 0..2 {
        subject.end(&scope(), &held).await?;
        subject.holds(&scope(), []).await?;
        let left = subject.sink.checkpoint(&scope()).await?;
        let left = left.map(|left| (left.writer.as_str().to_owned(), left.epoch, left.rows));
        subject.same("what stays", left, Some((String::new(), held.epoch, 0)))?;
    }
    let never = crate::scope::Scope::new("cluster-1", "team-a", "never");
    subject.end(&never, &held).await?;
    subject.holds(&never, []).await?;
    // Whoever comes next may claim, also as another writer, and the epoch goes on.
    let next = subject.claim_from(&scope(), OTHER, held.epoch, Own).await?;
    subject.same("epoch after the end", next.epoch, held.epoch + 1)?;
    let rows = fleet(4)?;
    subject.full(&scope(), &next, &Source::of(rows.clone()).view()).await?;
    subject.holds(&scope(), &rows).await
}
