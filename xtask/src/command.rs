//! The list of commands. What they do is in the files below.

mod servers;
mod tidy;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Install, start and stop real servers for tests
    Servers(servers::Args),
    /// Check what no compiler checks: allowed edges, file sizes, words that do not belong
    Tidy,
}

impl Command {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Servers(args) => servers::run(args),
            Self::Tidy => tidy::run(),
        }
    }
}
