//! Cases about changes between two checkpoints. They know no driver.

use crate::error::ErrorKind;
use crate::header::Checkpoint;
use crate::row::Row;
use crate::scope::Scope;

use super::super::rows::{changed, fleet, namespace_pattern};
use super::super::source::Source;
use super::super::subject::{Failure, Subject, scope};

/// A source that changed in every way since `since`.
fn changing(rows: &[Row]) -> Result<(Source, u64), Failure> {
    let mut source = Source::of(rows.iter().cloned());
    let since = source.head().revision;
    for (index, row) in rows.iter().enumerate() {
        match index % 6 {
            0 => source.upsert(changed(row, &format!("{{\"changed\":{index}}}"))),
            1 => source.remove(row.key()),
            _ => {}
        }
    }
    let more = fleet(rows.len() + 8)?;
    more.iter().skip(rows.len()).cloned().for_each(|row| source.upsert(row));
    // A row that came and went, and one that changed and changed back.
    if let (Some(last), Some(third)) = (more.last(), rows.get(2)) {
        source.remove(last.key());
        source.upsert(changed(third, "{}"));
        source.upsert(third.clone());
    }
    Ok((source, since))
}

pub(super) async fn delta_equals_full(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_changes()?;
    let rows = fleet(40)?;
    let (source, since) = changing(&rows)?;
    let reached = subject.fill(&scope(), &Source::of(rows).view()).await?;
    let receipt = subject.delta(&scope(), &reached, &source.view(), since).await?;
    subject.same("rows removed", receipt.removed, 7)?;
    subject.holds(&scope(), source.rows()).await?;
    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, Some(receipt.reached.clone()))?;
    if subject.takes_full_states().is_ok() {
        let full = subject.full(&scope(), &receipt.reached, &source.view()).await?;
        subject.same("what a full pass still finds", (full.written, full.removed), (0, 0))?;
    }
    Ok(())
}

pub(super) async fn delta_of_nothing_moves_the_checkpoint(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_changes()?;
    let mut source = Source::of(fleet(5)?);
    let reached = subject.fill(&scope(), &source.view()).await?;
    let since = source.head().revision;
    source.set_unknown([namespace_pattern("t0", "ns-9")].into_iter().collect());
    let receipt = subject.delta(&scope(), &reached, &source.view(), since).await?;
    subject.same("rows written and removed", (receipt.written, receipt.removed), (0, 0))?;
    let found = subject.sink.checkpoint(&scope()).await?;
    let unknown = found.as_ref().map(|found| found.unknown.clone());
    subject.same("what is remembered as unknown", unknown, Some(source.head().unknown.clone()))?;
    subject.same("checkpoint", found, Some(receipt.reached))?;
    subject.holds(&scope(), source.rows()).await
}

pub(super) async fn replay_is_a_no_op(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_changes()?;
    let rows = fleet(18)?;
    let (source, since) = changing(&rows)?;
    let base = subject.fill(&scope(), &Source::of(rows).view()).await?;
    let first = subject.delta(&scope(), &base, &source.view(), since).await?;
    subject.check(first.written > 0, || "the first delta wrote nothing".to_owned())?;
    let second = subject.delta(&scope(), &base, &source.view(), since).await?;
    subject.same("rows written and removed by a replay", (second.written, second.removed), (0, 0))?;
    subject.same("what a replay reached", second.reached, first.reached.clone())?;
    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, Some(first.reached))?;
    subject.holds(&scope(), source.rows()).await
}

pub(super) async fn stale_base_is_refused(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_changes()?;
    let rows = fleet(12)?;
    let (mut source, since) = changing(&rows)?;
    let base = subject.fill(&scope(), &Source::of(rows).view()).await?;
    let reached = subject.delta(&scope(), &base, &source.view(), since).await?.reached;
    let held: Vec<Row> = source.rows().cloned().collect();

    let later = source.head().revision;
    held.first().into_iter().for_each(|row| source.upsert(changed(row, r#"{"late":true}"#)));
    let view = source.view();
    let older = subject.delta(&scope(), &base, &view, since).await;
    subject.refuses("a delta from an older base", older, &[ErrorKind::StaleBase])?;
    let never = Checkpoint { revision: reached.revision + 5, ..reached.clone() };
    let never = subject.delta(&scope(), &never, &view, later).await;
    subject.refuses("a delta from a base that never was", never, &[ErrorKind::StaleBase])?;
    let unclaimed = Scope::new("cluster-1", "team-a", "unclaimed");
    let nowhere = subject.delta(&unclaimed, &reached, &view, later).await;
    subject.refuses("a delta to a scope that was never claimed", nowhere, &[ErrorKind::StaleBase])?;
    subject.holds(&unclaimed, []).await?;

    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, Some(reached))?;
    subject.holds(&scope(), &held).await
}
