//! `cargo xtask`: the developer's commands. Only reads the command line; each command is a file of `command`.

mod command;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of Kollect")]
struct Cli {
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> ExitCode {
    Cli::parse().command.run().unwrap_or_else(|error| {
        // The chain in one line: a backtrace says nothing to the developer of the product.
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
