//! `kollect crds`: the CustomResourceDefinitions as YAML. It applies nothing.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

/// Prints them, one document each.
///
/// # Errors
/// Standard output cannot be written.
pub fn run() -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for crd in kollect_api::crds() {
        let yaml = serde_saphyr::to_string(&crd).context("cannot write a definition as YAML")?;
        write!(out, "---\n{yaml}")?;
    }
    Ok(ExitCode::SUCCESS)
}
