//! Two operators on one scope: one is frozen, the other takes over, and the first one wakes up. It must write nothing, and
//! say that it is fenced off.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::churn::Churn;
use super::fault::Over;
use super::oracle;
use super::plan::Round;
use super::setup::NAMESPACE;
use super::world::World;
use crate::e2e::Operator;
use crate::process::Signal;
use crate::wait;

/// How long the second one may take to take over, and the first one to notice.
const LIMIT: Duration = Duration::from_secs(60);

/// How long both run beside each other while objects change.
const TOGETHER: Duration = Duration::from_secs(3);

/// Exports of the inventory: each is fenced by itself.
const EXPORTS: usize = 2;

/// Freezes the operator, lets another one take over, wakes the first one and looks whether it writes.
///
/// # Errors
/// If the other one does not take over, or the first one writes or does not notice.
pub fn pause(world: &mut World, churn: &Churn, round: &Round) -> Result<Over> {
    world.operator()?.process().signal(Signal::STOP)?;
    thread::sleep(round.length / 2);
    let mut first = world.take_operator()?;
    let taken = take_over(world, churn, round, &mut first);
    // However it went, nobody is left frozen.
    let _ = first.process().signal(Signal::CONT);
    let before = taken?;
    churn.resume();
    thread::sleep(TOGETHER);
    let wrote = exports(&first.log()?).saturating_sub(before);
    ensure!(wrote == 0, "the first operator wrote {wrote} times after it was fenced off");
    let ended = first.stop()?;
    ensure!(ended.success(), "the first operator ended with {ended}");
    Ok(Over::now("taken over; the first one wrote nothing and is fenced"))
}

/// Up to where the first one has been woken and has noticed; returns how often it has exported until then: what was
/// under way when it was frozen may have been told only now.
fn take_over(world: &mut World, churn: &Churn, round: &Round, first: &mut Operator) -> Result<usize> {
    world.start_ready_operator()?;
    thread::sleep(round.length / 2);
    let wanted = churn.pause()?.rows();
    let since = oracle::settled(world, &wanted)?;
    if let Err(wrong) = oracle::equal(world, &wanted, since, LIMIT) {
        anyhow::bail!("the second operator did not take over: {wrong}");
    }
    let before = written(world)?;
    first.process().signal(Signal::CONT)?;
    let woken = Instant::now();
    wait::until("the first operator notices that it is fenced off", LIMIT, || {
        Ok((fenced(&first.log()?) >= EXPORTS).then_some(()))
    })
    .with_context(|| format!("{:?} after it woke its log ends so:\n{}", woken.elapsed(), first.tail(20)))?;
    let after = written(world)?;
    ensure!(before == after, "something was written while only the first operator woke: {before} {after}");
    Ok(exports(&first.log()?))
}

fn exports(log: &str) -> usize {
    log.lines().filter(|line| line.contains(" exported export=")).count()
}

fn fenced(log: &str) -> usize {
    log.lines().filter(|line| line.contains("export failed") && line.contains("fenced")).count()
}

/// Changes when any row, checkpoint or manifest is written, even with the same contents.
fn written(world: &World) -> Result<String> {
    let table = world.database.psql().run(
        "SELECT md5(string_agg(ctid::text || xmin::text, ',' ORDER BY ctid)) FROM inventory
         UNION ALL SELECT md5(string_agg(c::text || ctid::text || xmin::text, ',')) FROM kollect_checkpoints c",
    )?;
    let manifest = oracle::manifest(&world.folder().join(NAMESPACE))?;
    let changed = fs::metadata(&manifest)?.modified()?;
    Ok(format!("{table} {changed:?} {}", fs::read_to_string(&manifest)?.len()))
}
