//! The list of commands. What they do is in the files below.

mod servers;

use anyhow::Result;
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Install, start and stop real servers for tests
    Servers(servers::Args),
}

impl Command {
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Servers(args) => servers::run(args),
        }
    }
}
