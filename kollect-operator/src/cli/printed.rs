//! How a report reaches people and programs: the report on standard output, what was found on the way beside it. It makes
//! no report.

use std::io::{self, Write};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;

use crate::collect::finding::Weight;
use crate::collect::printable::printable;
use crate::verify::report::Told;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs, as the book documents it
    Json,
}

/// Writes a report, of which `text` is the form for people.
///
/// # Errors
/// Standard output cannot be written, except for a reader who has seen enough.
pub fn print<R: Serialize>(report: &R, text: impl Fn(&R) -> String, format: Format) -> anyhow::Result<()> {
    let written = match format {
        Format::Text => text(report),
        Format::Json => serde_json::to_string_pretty(report).context("cannot write the report")? + "\n",
    };
    match io::stdout().lock().write_all(written.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.context("cannot write to standard output"),
    }
}

/// Tells what was found on the way, notes only where nobody asked for quiet.
pub fn complain(findings: &[Told], quiet: bool) {
    let mut err = io::stderr().lock();
    let note = Weight::Note.to_string();
    for told in findings.iter().filter(|told| !quiet || told.weight != note) {
        // Without standard error there is nobody to tell.
        let _ = writeln!(err, "{:<8} {}: {}", told.weight, printable(&told.what), printable(&told.why));
    }
}
