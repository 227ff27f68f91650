//! Logs of the operator: one line per decision, to stderr. It decides nothing and knows no values.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Flags of the log.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// What is logged: error, warn, info, debug, trace, or a filter such as `info,kube=debug`
    #[arg(long, env = "KOLLECT_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// How it is written
    #[arg(long, env = "KOLLECT_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging.
///
/// # Errors
/// The filter is wrong, or something logs already.
pub fn start(args: &LogArgs) -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .parse(&args.log_level)
        .map_err(|error| anyhow::anyhow!("--log-level: `{}`: {error}", args.log_level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || !std::io::IsTerminal::is_terminal(&std::io::stderr());
    let started = match args.log_format {
        LogFormat::Text => builder.with_ansi(!plain).with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}
