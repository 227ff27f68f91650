//! cargo-deny in a pinned version, built once into the cache. Its rules are in deny.toml.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask::cache;
use xtask::workspace::{cargo, root};

const VERSION: &str = "0.20.2";

/// The program, built first if it is not there.
pub(super) fn install() -> Result<PathBuf> {
    let home = cache::install("tools", "cargo-deny", VERSION, |staging| {
        eprintln!("tools: building cargo-deny {VERSION}");
        let build = staging.join("build");
        let cargo = cargo();
        // Without optimisation: it runs for a second, and builds for one minute instead of four.
        let output = Command::new("nice")
            .arg(cargo.get_program())
            .args(["install", "--quiet", "--locked", "--debug", "cargo-deny", "--version", VERSION, "--root"])
            .arg(staging)
            .env("CARGO_TARGET_DIR", &build)
            .output()
            .context("cannot start cargo install")?;
        ensure!(
            output.status.success(),
            "cargo install cargo-deny: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        fs::remove_dir_all(&build).context("cannot remove what the build left")
    })?;
    Ok(home.join("bin/cargo-deny"))
}

pub(super) fn check() -> Result<()> {
    let status = Command::new(install()?)
        .args(["--log-level", "error", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"])
        .current_dir(root())
        .status()
        .context("cannot start cargo-deny")?;
    ensure!(status.success(), "cargo-deny: {status}");
    Ok(())
}
