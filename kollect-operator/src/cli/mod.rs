//! The command line: which command runs, on which runtime, and with what exit code.

pub mod collect;
pub mod completion;
pub mod crds;
pub mod interruption;
pub mod preview;
pub mod printed;
pub mod rules;
pub mod run;
pub mod subject;
pub mod validate;
pub mod verify;
pub mod version;
pub mod webhook;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime;

use crate::error::chain;

/// Nothing usable came of it, or the command line is wrong.
const UNUSABLE: u8 = 2;
/// Threads that still block when a command has ended are left behind after this time.
const LEAVE_AFTER: Duration = Duration::from_millis(500);

/// Turn live Kubernetes state into durable inventory.
#[derive(Parser, Debug)]
#[command(
    name = "kollect",
    version,
    disable_help_subcommand = true,
    after_help = "Examples:
  kollect collect --sample                      see what it does, without a cluster
  kollect collect deployments ingresses         a table from the current context
  kollect collect images --context 'prod-*' --output out
                                                Parquet and NDJSON of several clusters
  kubectl get deploy -A -o json | kollect collect deployments --from -
  kollect run                                   the operator
  kollect validate config/                      what is wrong with manifests, before they are applied
  kollect preview --config config/ --example    what sinks would do, before they do it
  kollect verify                                whether every sink equals the cluster

Exit codes: 0 success; 1 something was skipped or failed, the rest is there; 2 nothing usable."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Collect once from clusters or files, into a table and files
    Collect(Box<collect::CollectArgs>),
    /// Show what sinks would do: DDL, paths, keys, documents
    Preview(Box<preview::PreviewArgs>),
    /// Run the operator
    Run(Box<run::RunArgs>),
    /// Say what is wrong with manifests, with file, line and field
    Validate(validate::ValidateArgs),
    /// Compare inventories with what their sinks hold
    Verify(Box<verify::VerifyArgs>),
    /// Print the CustomResourceDefinitions as YAML
    Crds,
    /// Print the completion script of a shell
    Completion(completion::CompletionArgs),
    /// Print the version and what this build can do
    Version,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    match dispatch(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", chain(error.as_ref()));
            ExitCode::from(UNUSABLE)
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    // Fails only where a provider is installed already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match command {
        Command::Collect(args) => block_on(collect::run(*args)),
        Command::Preview(args) => block_on(preview::run(*args)),
        Command::Run(args) => block_on(run::run(*args)),
        Command::Validate(args) => validate::run(&args),
        Command::Verify(args) => block_on(verify::run(*args)),
        Command::Crds => crds::run(),
        Command::Completion(args) => completion::run(&args),
        Command::Version => version::run(),
    }
}

fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(LEAVE_AFTER);
    outcome
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_a_help_text() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }
}
