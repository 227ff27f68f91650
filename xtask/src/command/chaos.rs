//! `cargo xtask chaos`: reads which faults, how many and by which seed, and builds the operator. The harness itself is
//! `xtask::chaos`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use xtask::chaos::plan::{self, Fault, Round, Rounds};
use xtask::chaos::{self, Run};
use xtask::workspace;

/// Rounds where neither a number nor a time is given.
const ROUNDS: usize = 10;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Play so many rounds
    #[arg(long, conflicts_with_all = ["minutes", "full_plan"])]
    rounds: Option<usize>,
    /// Begin no round after so many minutes
    #[arg(long, conflicts_with = "full_plan")]
    minutes: Option<u64>,
    /// Play what a release must survive: 20 kills of the operator, 5 restarts of each server, all else 3 times
    #[arg(long)]
    full_plan: bool,
    /// Play only this round of the plan (repeatable)
    #[arg(long, value_name = "NUMBER")]
    round: Vec<usize>,
    /// Decides faults, lengths and changes: the same again for the same seed [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// Only these faults (repeatable)
    #[arg(long, value_enum, value_name = "FAULT", num_args = 1..)]
    only: Vec<Fault>,
    /// Changes per second
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Build the operator with --release
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let seed = match args.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    let mut rounds: Vec<Round> = if args.full_plan {
        plan::full(seed, &args.only)
    } else {
        let most = match (args.rounds, args.minutes) {
            (Some(rounds), _) => rounds,
            // No round is shorter than a second.
            (None, Some(minutes)) => usize::try_from(minutes)?.saturating_mul(60),
            (None, None) => ROUNDS,
        };
        Rounds::drawn(seed, &args.only).take(most).collect()
    };
    if !args.round.is_empty() {
        rounds.retain(|round| args.round.contains(&round.number));
    }
    let limit = args.minutes.map(|minutes| Duration::from_secs(minutes * 60));
    let run = Run { seed, rounds, limit, rate: args.rate, program: program(args.release)? };
    chaos::run(&run)?;
    Ok(ExitCode::SUCCESS)
}

/// The operator's program: what `KOLLECT_BIN` names, else what cargo builds now.
fn program(release: bool) -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("KOLLECT_BIN") {
        return Ok(program.into());
    }
    let (profile, folder) = if release { ("release", "release") } else { ("dev", "debug") };
    let status = workspace::cargo()
        .args(["build", "--quiet", "--package", "kollect-operator", "--bin", "kollect", "--profile", profile])
        .status()?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(workspace::target_dir()?.join(folder).join("kollect"))
}
