//! Cases about the driver and a destination together. They inject no faults.

use crate::driver::{Did, Driver, Export, Outcome, Retired, Situation, State};
use crate::plan::{Cause, RoleKind, Standing};
use crate::source::View;

use super::super::rows::{changed, fleet, namespace_pattern};
use super::super::source::Source;
use super::super::subject::{Failure, Subject, at, driver, scope};

/// A step at a time, in seconds, of a source that has settled.
async fn step(subject: &Subject<'_>, driver: &mut Driver, view: &dyn View, seconds: i64) -> Outcome {
    let situation = Situation { view, standing: Standing::Settled, now: at(seconds), requested: None };
    driver.step(subject.sink.as_ref(), &situation).await
}

/// Asserts that a step exported, and returns how, with rows written and removed.
fn exported(subject: &Subject<'_>, outcome: Outcome) -> Result<(Export, u64, u64), Failure> {
    subject.same("state after an export", &outcome.state, &State::Synced)?;
    match outcome.did {
        Did::Exported(export, receipt) => Ok((export, receipt.written, receipt.removed)),
        Did::Failed(error) => Err(error.into()),
        other => Err(Failure::new(format!("nothing was exported: {other:?}"))),
    }
}

pub(super) async fn restart_writes_nothing(subject: &Subject<'_>) -> Result<(), Failure> {
    let view = Source::of(fleet(19)?).view();
    exported(subject, step(subject, &mut driver(scope()), &view, 0).await)?;
    let wanted = subject.sink.checkpoint(&scope()).await?;
    let mut restarted = driver(scope());
    let outcome = step(subject, &mut restarted, &view, 3600).await;
    subject.check(matches!(outcome.did, Did::Confirmed), || format!("a restart did {:?}", outcome.did))?;
    subject.same("state", outcome.state, State::Synced)?;
    subject.same("checkpoint", subject.sink.checkpoint(&scope()).await?, wanted)?;
    // And it goes on from there without a full pass, where the role has deltas.
    let mut source = Source::of(fleet(19)?);
    let outcome = step(subject, &mut restarted, &source.view(), 3700).await;
    subject.same("state", outcome.state, State::Synced)?;
    source.remove(fleet(1)?.first().ok_or_else(|| Failure::new("no row"))?.key());
    let (export, _, _) = exported(subject, step(subject, &mut restarted, &source.view(), 3800).await)?;
    let wanted =
        if subject.role() == RoleKind::Snapshot { Export::Full(Cause::Changed) } else { Export::Delta };
    subject.same("how a change after a restart is exported", export, wanted)?;
    subject.holds(&scope(), source.rows()).await
}

pub(super) async fn removals_while_away_are_found(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    exported(subject, step(subject, &mut driver(scope()), &Source::of(fleet(40)?).view(), 0).await)?;
    let rows = fleet(31)?;
    let away = Source::of(rows.clone()).view();
    let (export, _, removed) = exported(subject, step(subject, &mut driver(scope()), &away, 60).await)?;
    subject.same("how", export, Export::Full(Cause::FirstContact))?;
    if subject.reconciles().is_ok() {
        subject.same("rows removed", removed, 9)?;
    }
    subject.holds(&scope(), &rows).await
}

pub(super) async fn unknown_is_never_deleted(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let all = fleet(30)?;
    exported(subject, step(subject, &mut driver(scope()), &Source::of(all.clone()).view(), 0).await)?;
    // A restart that may not list one namespace of each target.
    let lost = |row: &&crate::row::Row| &**row.identity().namespace() == "ns-1";
    let mut source = Source::of(all.iter().filter(|row| !lost(row)).cloned());
    source.set_unknown(
        [namespace_pattern("t0", "ns-1"), namespace_pattern("t1", "ns-1")].into_iter().collect(),
    );
    let mut restarted = driver(scope());
    let outcome = step(subject, &mut restarted, &source.view(), 60).await;
    if subject.role() == RoleKind::Snapshot {
        subject.same("state", outcome.state, State::Held(namespace_pattern("t0", "ns-1")))?;
    } else {
        let (_, _, removed) = exported(subject, outcome)?;
        subject.same("rows removed", removed, 0)?;
    }
    subject.holds(&scope(), &all).await?;
    // It may again, and one row was deleted meanwhile.
    let mut listed = all.iter().filter(lost).cloned();
    let gone = listed.next();
    listed.for_each(|row| source.upsert(row));
    source.set_unknown(crate::partition::Unknown::none());
    exported(subject, step(subject, &mut restarted, &source.view(), 120).await)?;
    subject.check(gone.is_some(), || "no row was lost".to_owned())?;
    subject.holds(&scope(), all.iter().filter(|row| Some(*row) != gone.as_ref())).await
}

pub(super) async fn rejected_rows_are_retried_when_changed(subject: &Subject<'_>) -> Result<(), Failure> {
    let refused = subject.fixture.traits().refused?;
    let mut source = Source::of(fleet(7)?);
    source.upsert(refused.clone());
    let mut driver = driver(scope());
    exported(subject, step(subject, &mut driver, &source.view(), 0).await)?;
    subject.same("refused", driver.refused().count(), 1)?;
    // It does not count as a difference, and is not sent again while it stays as it is.
    let outcome = step(subject, &mut driver, &source.view(), 60).await;
    subject.check(matches!(outcome.did, Did::Nothing), || format!("it did {:?}", outcome.did))?;
    fleet(1)?.iter().for_each(|row| source.upsert(changed(row, "{}")));
    exported(subject, step(subject, &mut driver, &source.view(), 120).await)?;
    let count = |driver: &Driver| driver.checkpoint().map(|checkpoint| checkpoint.rejected.count);
    subject.same("refused after another change", count(&driver), Some(1))?;
    // It changed and changed back.
    source.upsert(changed(&refused, "{}"));
    source.upsert(refused.clone());
    fleet(1)?.iter().for_each(|row| source.upsert(changed(row, r#"{"once":"more"}"#)));
    exported(subject, step(subject, &mut driver, &source.view(), 150).await)?;
    subject.same("refused after it changed and changed back", count(&driver), Some(1))?;
    // It changes to something that fits.
    source.upsert(changed(&refused, r#"{"fits":true}"#));
    exported(subject, step(subject, &mut driver, &source.view(), 180).await)?;
    subject.same("refused after it changed", count(&driver), Some(0))?;
    subject.holds(&scope(), source.rows()).await?;
    // It is refused again, and then vanishes.
    source.upsert(refused.clone());
    exported(subject, step(subject, &mut driver, &source.view(), 240).await)?;
    subject.same("refused again", count(&driver), Some(1))?;
    source.remove(refused.key());
    exported(subject, step(subject, &mut driver, &source.view(), 300).await)?;
    subject.same("refused after it vanished", count(&driver), Some(0))?;
    subject.holds(&scope(), source.rows()).await
}

pub(super) async fn retired_scopes_can_start_again(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let view = Source::of(fleet(14)?).view();
    let mut first = driver(scope());
    subject.same("end of nothing", first.retire(subject.sink.as_ref(), at(0)).await?, Retired::Nothing)?;
    exported(subject, step(subject, &mut first, &view, 0).await)?;
    subject.same("end", first.retire(subject.sink.as_ref(), at(60)).await?, Retired::Removed)?;
    subject.holds(&scope(), []).await?;
    subject.same("end again", first.retire(subject.sink.as_ref(), at(60)).await?, Retired::Nothing)?;
    exported(subject, step(subject, &mut first, &view, 120).await)?;
    subject.holds(&scope(), &fleet(14)?).await?;
    // A driver that knows nothing yet can end a scope, too.
    let mut second = driver(scope());
    subject.same("end by another", second.retire(subject.sink.as_ref(), at(180)).await?, Retired::Removed)?;
    subject.holds(&scope(), []).await
}
