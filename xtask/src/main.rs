//! `cargo xtask`: the developer's commands. Only reads the command line; each command is a file of `command`.

mod command;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of Kollect")]
struct Cli {
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> Result<ExitCode> {
    Cli::parse().command.run()
}
