//! `cargo xtask bench`: figures beside raw floors. An unoptimised build would measure itself, so the command runs
//! again as a release build.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use xtask::bench::{self, report::Report};
use xtask::workspace;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure: a name or a part of one, with `*` for anything (such as `extract` or `operator/*/10k`); all
    /// without it
    patterns: Vec<String>,
    /// Write the figures as JSON into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if cfg!(debug_assertions) {
        return again();
    }
    let mut report = Report::default();
    bench::run(&args.patterns, &mut report)?;
    print!("{}", report.table());
    if let Some(file) = &args.json {
        let text = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn again() -> Result<ExitCode> {
    let status = workspace::cargo()
        .args(["run", "--release", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .status()?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
