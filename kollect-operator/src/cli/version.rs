//! `kollect version`: the version, and what this build can do. It asks no server.

use std::io::{self, Write};
use std::process::ExitCode;

use kollect_sink_objectstore::format::Format;

use crate::sinks::BACKENDS;

/// Prints them, one fact a line.
///
/// # Errors
/// Standard output cannot be written.
pub fn run() -> anyhow::Result<ExitCode> {
    let formats: Vec<&str> =
        Format::ALL.into_iter().filter(|format| format.require().is_ok()).map(Format::as_str).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "kollect {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "api     {}/{}", kollect_api::GROUP, kollect_api::VERSION)?;
    writeln!(out, "sinks   {}", BACKENDS.join(", "))?;
    writeln!(out, "formats {}", formats.join(", "))?;
    Ok(ExitCode::SUCCESS)
}
