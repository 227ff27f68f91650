//! `kollect completion`: the completion script of a shell. It installs nothing.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// Arguments of `kollect completion`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  kollect completion bash > /etc/bash_completion.d/kollect
  kollect completion zsh > \"${fpath[1]}/_kollect\"
  kollect completion fish > ~/.config/fish/completions/kollect.fish")]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &CompletionArgs) -> anyhow::Result<ExitCode> {
    // Into memory first: the generator panics where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kollect", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
