//! Cases about calls that fail, stop or lose their answers. They do not end the process.

use crate::capability::Atomicity;
use crate::driver::{Did, Driver, Outcome, Situation, State};
use crate::error::ErrorKind;
use crate::header::Checkpoint;
use crate::plan::Standing;
use crate::scope::Scope;
use crate::sink::Sink;
use crate::source::View;

use super::super::faults::{Fault, Faulty};
use super::super::fixture::Damage;
use super::super::history::History;
use super::super::patience::at_most;
use super::super::rows::{changed, fleet};
use super::super::source::Source;
use super::super::subject::{Failure, Subject, at, driver, scope};
use super::super::world::World;

async fn step(driver: &mut Driver, sink: &dyn Sink, view: &dyn View, seconds: i64) -> Outcome {
    let situation = Situation { view, standing: Standing::Settled, now: at(seconds), requested: None };
    driver.step(sink, &situation).await
}

/// Steps until the destination is in sync, or a few times in vain.
async fn settle(
    subject: &Subject<'_>,
    driver: &mut Driver,
    view: &dyn View,
    start: i64,
) -> Result<(), Failure> {
    let mut last = None;
    for attempt in 0..6 {
        let outcome = step(driver, subject.sink.as_ref(), view, start + 700 * attempt).await;
        if outcome.state == State::Synced {
            return subject.same("state", outcome.state, State::Synced);
        }
        last = Some(outcome);
    }
    Err(Failure::new(format!("it does not come into sync: {last:?}")))
}

/// A source that changed after `revision`, which the second driver of the case has exported.
fn story() -> Result<(Source, Source), Failure> {
    let before = Source::of(fleet(12)?);
    let mut after = before.clone();
    for (index, row) in fleet(12)?.iter().enumerate() {
        match index % 3 {
            0 => after.upsert(changed(row, "{\"after\":true}")),
            1 => after.remove(row.key()),
            _ => {}
        }
    }
    fleet(15)?.into_iter().skip(12).for_each(|row| after.upsert(row));
    Ok((before, after))
}

/// Drops a first export, a change and an end after each number of polls, and repeats: with the same driver, and
/// with a new one, as after a restart.
pub(super) async fn cancel_at_every_poll_then_repeat(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let (before, after) = story()?;
    let (before_view, after_view) = (before.view(), after.view());
    let mut polls = 1;
    let mut completed = 0;
    while completed < 2 {
        let scope = Scope::new("cluster-1", "team-a", &format!("cancel-{polls}"));
        let mut all_done = true;
        let mut current = driver(scope.clone());
        for (index, view) in [&before_view, &after_view].into_iter().enumerate() {
            let start = 10_000 * (index as i64 + 1);
            let cancelled = at_most(polls, step(&mut current, subject.sink.as_ref(), view, start)).await;
            all_done &= cancelled.is_some();
            if polls % 2 == 0 {
                current = driver(scope.clone());
            }
            settle(subject, &mut current, view, start + 1000).await?;
            let source = if index == 0 { &before } else { &after };
            subject.holds(&scope, source.rows()).await?;
        }
        let ended = at_most(polls, current.retire(subject.sink.as_ref(), at(40_000))).await;
        all_done &= ended.is_some();
        current.retire(subject.sink.as_ref(), at(50_000)).await?;
        subject.holds(&scope, []).await?;
        completed += usize::from(all_done);
        // Every number up to 64, then wider steps: real clients wait for their servers many times.
        polls += 1 + polls / 64;
    }
    Ok(())
}

pub(super) async fn cut_between_batches_then_reconcile(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let (before, after) = story()?;
    for batches in 0..4 {
        let scope = Scope::new("cluster-1", "team-a", &format!("cut-{batches}"));
        let mut first = driver(scope.clone());
        settle(subject, &mut first, &before.view(), 0).await?;
        let held = subject.sink.checkpoint(&scope).await?;

        // Checkpoint and claim are known to this driver: the next call is the write.
        let faulty = Faulty::new(subject.sink.clone(), [Fault::CutAfter(batches)]);
        let outcome = step(&mut first, &faulty, &after.view(), 10_000).await;
        let kind = match &outcome.did {
            Did::Failed(error) => Some(error.kind()),
            _ => None,
        };
        subject.same("a cut export", kind, Some(ErrorKind::Source))?;
        let found = subject.sink.checkpoint(&scope).await?;
        let whole = subject.sink.capabilities().atomicity == Atomicity::Export;
        // Where a write can stop in the middle, a destination may know that one did.
        let doubts = !whole && found.as_ref().is_some_and(|found| found.digest.is_none());
        let held = held.map(|held| Checkpoint { digest: held.digest.filter(|_| !doubts), ..held });
        subject.same("checkpoint after a cut", found, held)?;
        if whole {
            subject.holds(&scope, before.rows()).await?;
        }
        // The process ends here: a new one knows nothing of the attempt.
        settle(subject, &mut driver(scope.clone()), &after.view(), 20_000).await?;
        subject.holds(&scope, after.rows()).await?;
    }
    Ok(())
}

/// The source takes back what an interrupted write was about, so that its digest is that of the checkpoint again:
/// the rows that were written must go all the same.
pub(super) async fn cut_between_batches_then_taken_back(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let (before, after) = story()?;
    for batches in 0..4 {
        for restarts in 0..3 {
            let scope = Scope::new("cluster-1", "team-a", &format!("back-{batches}-{restarts}"));
            let mut current = driver(scope.clone());
            settle(subject, &mut current, &before.view(), 0).await?;
            let mut calls = vec![Fault::CutAfter(batches)];
            if restarts > 0 {
                // The interrupted write is the first of its process, after checkpoint and claim.
                current = driver(scope.clone());
                calls = vec![Fault::Pass, Fault::Pass, Fault::CutAfter(batches)];
            }
            let faulty = Faulty::new(subject.sink.clone(), calls);
            let outcome = step(&mut current, &faulty, &after.view(), 10_000).await;
            subject.same("state after a cut", outcome.state, State::Failing)?;
            let mut back = after.clone();
            after.rows().for_each(|row| back.remove(row.key()));
            before.rows().for_each(|row| back.upsert(row.clone()));
            subject.same("digest taken back", back.head().digest, before.head().digest)?;
            if restarts > 1 {
                current = driver(scope.clone());
            }
            settle(subject, &mut current, &back.view(), 20_000).await?;
            subject.holds(&scope, before.rows()).await?;
        }
    }
    Ok(())
}

pub(super) async fn lost_answers_are_found_out(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let (before, after) = story()?;
    // Checkpoint, claim, write: each in turn is done and not answered, or not done.
    for (index, fault) in [Fault::FailAfter, Fault::FailBefore].into_iter().enumerate() {
        for call in 0..3 {
            let scope = Scope::new("cluster-1", "team-a", &format!("lost-{index}-{call}"));
            let mut current = driver(scope.clone());
            for (round, source) in [&before, &after].into_iter().enumerate() {
                // The second round needs no checkpoint and no claim.
                let passes = if round == 0 { call } else { 0 };
                let faults = std::iter::repeat_n(Fault::Pass, passes).chain([fault]);
                let faulty = Faulty::new(subject.sink.clone(), faults);
                let start = 10_000 * (round as i64 + 1);
                let outcome = step(&mut current, &faulty, &source.view(), start).await;
                subject.same("state after a fault", outcome.state, State::Failing)?;
                settle(subject, &mut current, &source.view(), start + 1000).await?;
                subject.holds(&scope, source.rows()).await?;
            }
        }
    }
    Ok(())
}

pub(super) async fn lost_checkpoint_is_rebuilt(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let rows = fleet(13)?;
    subject.fill(&scope(), &Source::of(rows.clone()).view()).await?;
    subject.destination.inflict(&scope(), Damage::LoseCheckpoint).await??;
    let found = subject.sink.checkpoint(&scope()).await?;
    let complete = found.and_then(|found| found.digest);
    subject.same("a digest where the checkpoint is gone", complete, None)?;
    let fewer = Source::of(rows.into_iter().skip(2));
    settle(subject, &mut driver(scope()), &fewer.view(), 0).await?;
    subject.holds(&scope(), fewer.rows()).await
}

/// A checkpoint that cannot be read is an error that names it, or as good as none; it is never taken for one.
pub(super) async fn garbled_checkpoint_is_never_equal(subject: &Subject<'_>) -> Result<(), Failure> {
    subject.takes_full_states()?;
    let source = Source::of(fleet(13)?);
    subject.fill(&scope(), &source.view()).await?;
    subject.destination.inflict(&scope(), Damage::GarbleCheckpoint).await??;
    match subject.sink.checkpoint(&scope()).await {
        Err(error) => {
            subject.same("kind", error.kind(), ErrorKind::Corrupt)?;
            let outcome = step(&mut driver(scope()), subject.sink.as_ref(), &source.view(), 0).await;
            subject.same("state of an export", outcome.state, State::Failing)?;
            subject.holds(&scope(), source.rows()).await
        }
        Ok(found) => {
            subject.same("a digest", found.and_then(|found| found.digest), None)?;
            settle(subject, &mut driver(scope()), &source.view(), 0).await?;
            subject.holds(&scope(), source.rows()).await
        }
    }
}

pub(super) async fn random_histories_converge(subject: &Subject<'_>) -> Result<(), Failure> {
    for seed in 0..10 {
        let scope = Scope::new("cluster-1", "team-a", &format!("history-{seed}"));
        let lived = World::new(subject, scope)?.live(&History::random(seed, 60)).await;
        lived.map_err(|failure| match failure {
            Failure::Broken(reason) => Failure::Broken(format!("seed {seed}: {reason}")),
            excused => excused,
        })?;
    }
    Ok(())
}
