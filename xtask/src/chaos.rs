//! The fault harness: objects change at the API server, something goes wrong, and afterwards every sink must equal the
//! cluster. This file owns a run's rounds and what is said of each; what it is made of is in the files below.
//!
//! A seed decides the faults, their lengths and moments, and the changes; not how fast the machine is.

pub mod change;
pub mod churn;
pub mod dice;
pub mod disk;
pub mod fault;
pub mod loss;
pub mod model;
pub mod oracle;
pub mod plan;
pub mod setup;
pub mod twins;
pub mod world;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::cache;
use churn::Churn;
use plan::{Fault, Round};
use world::{Place, World};

/// How much longer a sink that is late is looked at: late and never are told apart.
const LATE: Duration = Duration::from_secs(120);

/// How long all must stay equal at the end, with nothing changing.
const REST: Duration = Duration::from_secs(5);

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Run {
    /// Decides it.
    pub seed: u64,
    /// Its rounds.
    pub rounds: Vec<Round>,
    /// After this time no round begins.
    pub limit: Option<Duration>,
    /// Changes per second.
    pub rate: u32,
    /// The operator's program.
    pub program: PathBuf,
}

/// Runs it, telling each round on standard output.
///
/// # Errors
/// If a sink differed after a fault, or something that must not end did, with the folder of the logs.
pub fn run(run: &Run) -> Result<()> {
    let dir = cache::folder("chaos")?.join(format!("{}-{}", run.seed, std::process::id()));
    fs::create_dir_all(&dir)?;
    let place = match run.rounds.iter().any(|round| round.fault == Fault::DiskFull) {
        true => Place::Disk,
        false => Place::Logs,
    };
    println!("chaos: seed {}, {} changes/s, logs in {}", run.seed, run.rate, dir.display());
    let done = play(run, &dir, place);
    if done.is_ok() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    done.with_context(|| format!("seed {}, logs in {}", run.seed, dir.display()))
}

fn play(run: &Run, dir: &Path, place: Place) -> Result<()> {
    let mut world = World::start(&run.program, dir, place)?;
    if place == Place::Disk {
        println!("chaos: the folder is on a tmpfs in a mount namespace of its own");
    }
    let done = rounds(run, &mut world);
    if done.is_err() {
        world.keep_logs();
    }
    done
}

fn rounds(run: &Run, world: &mut World) -> Result<()> {
    let churn = Churn::start(world.proxy()?, run.seed, run.rate)?;
    world.start_ready_operator()?;
    let first = churn.pause()?.rows();
    if let Err(wrong) = oracle::equal(world, &first, Instant::now(), LATE) {
        bail!("before any fault: {wrong}");
    }
    println!("chaos: {} rows in the table and in the folder", first.count());
    let begun = Instant::now();
    let (mut played, mut failed) = (0, Vec::new());
    for round in &run.rounds {
        if run.limit.is_some_and(|limit| begun.elapsed() > limit) {
            break;
        }
        played += 1;
        if let Err(error) = self::round(world, &churn, run.seed, round).and_then(|wrong| told(round, wrong)) {
            println!("\n  FAILED: {error:#}");
            failed.push(round.number);
            // What comes after a round that never ended well would only repeat it.
            settle(world, &churn, LATE).context("it was still so two minutes later")?;
        }
    }
    thread::sleep(REST);
    if failed.is_empty() {
        settle(world, &churn, Duration::ZERO).context("after the last round, at rest")?;
    }
    let changes = churn.made();
    println!("chaos: {played} rounds, {changes} changes, {} rounds with differences", failed.len());
    ensure!(failed.is_empty(), "differences after rounds {failed:?}");
    ensure!(played > 0, "no round was played");
    Ok(())
}

/// One fault and what came of it: an error ends the round early, differences are returned.
fn round(world: &mut World, churn: &Churn, seed: u64, round: &Round) -> Result<Option<String>> {
    print!("seed {seed} round {:>3}  {:<18}", round.number, round.fault.name());
    // The rest of the line follows when the round is over.
    std::io::stdout().flush()?;
    let (begun, made) = (Instant::now(), churn.made());
    churn.resume();
    thread::sleep(round.before);
    let from = Instant::now();
    let over = fault::inject(world, churn, round)?;
    let lasted = over.at.saturating_duration_since(from).as_secs_f64();
    churn.resume();
    thread::sleep(round.after);
    let wanted = churn.pause()?.rows();
    let changes = churn.made() - made;
    let rate = changes as f64 / begun.elapsed().as_secs_f64();
    print!("{lasted:>5.1} s, {changes:>5} changes ({rate:>3.0}/s)");
    // Time counts from when all was right again, or from the last change, which may be that of a slow namespace.
    let since = over.at.max(oracle::settled(world, &wanted)?);
    let outcome = oracle::equal(world, &wanted, since, round.fault.within());
    world.check()?;
    Ok(match outcome {
        Ok(time) => {
            over.check(world)?;
            world.verify()?;
            let (time, rows) = (time.as_secs_f64(), wanted.count());
            println!(", equal after {time:.1} s: {rows} rows  [{}]", over.what);
            None
        }
        Err(wrong) => Some(wrong),
    })
}

fn told(round: &Round, wrong: Option<String>) -> Result<()> {
    match wrong {
        None => Ok(()),
        Some(wrong) => bail!("round {} ({}): {wrong}", round.number, round.fault.name()),
    }
}

fn settle(world: &mut World, churn: &Churn, within: Duration) -> Result<()> {
    world.check()?;
    let wanted = churn.pause()?.rows();
    let since = oracle::settled(world, &wanted)?;
    match oracle::equal(world, &wanted, since, within) {
        Ok(time) => {
            world.verify()?;
            println!("  all is equal, {:.1} s later", time.as_secs_f64());
            Ok(())
        }
        Err(wrong) => bail!("{wrong}"),
    }
}
