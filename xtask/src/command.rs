//! The list of commands. What they do is in the files below.

mod bench;
mod chaos;
mod crdgen;
mod demo;
mod doctor;
mod fuzz;
mod servers;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run all checks and tests, on real servers
    Test(test::Args),
    /// Install, start and stop real servers for tests
    Servers(servers::Args),
    /// Show the whole path on real servers: objects, rows, and how fast these follow
    Demo(demo::Args),
    /// Measure, each figure beside a raw floor taken in the same run
    Bench(bench::Args),
    /// Kill, cut, silence and starve under load, and compare every sink with the cluster after each
    Chaos(chaos::Args),
    /// Look for inputs that break a parser or an evaluation
    Fuzz(fuzz::Args),
    /// Write the CRDs to dist/install-crds.yaml
    Crdgen(crdgen::Args),
    /// Say which tools are missing, and how to install each
    Doctor,
    /// Check what no compiler checks: allowed edges, file sizes, words that do not belong
    Tidy,
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Test(args) => return test::run(&args),
            Self::Bench(args) => return bench::run(&args),
            Self::Chaos(args) => return chaos::run(&args),
            Self::Fuzz(args) => return fuzz::run(&args),
            Self::Servers(args) => servers::run(args)?,
            Self::Crdgen(args) => crdgen::run(&args)?,
            Self::Demo(args) => demo::run(&args)?,
            Self::Doctor => return doctor::run(),
            Self::Tidy => tidy::run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
