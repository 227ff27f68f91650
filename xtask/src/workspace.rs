//! Where the work tree is and what `cargo metadata` says about it. Judges nothing: the rules are in `tidy`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The folder that holds the workspace's Cargo.toml.
///
/// Cargo says at run time where the package is (one target directory may serve several clones); the place of the
/// build stands in where the binary was started by hand.
pub fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .filter(|dir| dir.join("../Cargo.lock").exists() && dir.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// A `cargo` command in the workspace's root: the cargo that runs us, where there is one.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What `cargo run` sets for us must not reach the builds that we start: it would change their fingerprints.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Where cargo puts what it builds.
///
/// # Errors
/// If `cargo metadata` fails.
pub fn target_dir() -> Result<PathBuf> {
    Ok(Metadata::members()?.target_directory)
}

/// The part of `cargo metadata` that the commands read.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// The workspace's packages, or with the resolve graph all of them.
    pub packages: Vec<Package>,
    /// The resolved graph, where it was asked for.
    pub resolve: Option<Resolve>,
    /// Where cargo puts what it builds.
    pub target_directory: PathBuf,
}

/// A package.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its unique id, as the resolve graph names it.
    pub id: String,
    /// Where its Cargo.toml is.
    pub manifest_path: PathBuf,
    /// What it declares to depend on.
    pub dependencies: Vec<Dependency>,
    /// Its features.
    pub features: std::collections::BTreeMap<String, Vec<String>>,
    /// Its libraries, binaries and tests.
    pub targets: Vec<Target>,
    /// `package.metadata` of its Cargo.toml.
    pub metadata: Option<serde_json::Value>,
}

/// A declared dependency.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// The name of the package that is depended on.
    pub name: String,
    /// Its folder, for one inside the workspace.
    pub path: Option<PathBuf>,
}

/// A library, binary or test of a package.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// `lib`, `bin`, `test` and others.
    pub kind: Vec<String>,
}

/// The resolved graph.
#[derive(Debug, Deserialize)]
pub struct Resolve {
    /// One node per package.
    pub nodes: Vec<Node>,
}

/// A package in the graph.
#[derive(Debug, Deserialize)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// The ids of what it uses, of every kind.
    pub dependencies: Vec<String>,
}

impl Metadata {
    /// The workspace's own packages.
    ///
    /// # Errors
    /// If `cargo metadata` fails or its answer cannot be read.
    pub fn members() -> Result<Self> {
        Self::load(&["--no-deps"])
    }

    /// All packages with the graph between them, every feature on.
    ///
    /// # Errors
    /// As [`Metadata::members`].
    pub fn resolved() -> Result<Self> {
        Self::load(&["--all-features"])
    }

    fn load(args: &[&str]) -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--format-version=1"])
            .args(args)
            .output()
            .context("cargo metadata does not start")?;
        ensure!(
            output.status.success(),
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        serde_json::from_slice(&output.stdout).context("cargo metadata answers something else than expected")
    }
}

impl Package {
    /// Whether it has a test target of that name.
    pub fn has_test(&self, name: &str) -> bool {
        self.targets.iter().any(|t| t.name == name && t.kind.iter().any(|k| k == "test"))
    }

    /// Whether others can link it.
    pub fn is_library(&self) -> bool {
        self.targets.iter().any(|t| t.kind.iter().any(|k| k == "lib"))
    }

    /// The servers that its tests need: `package.metadata.kollect.servers`; none if it does not say.
    pub fn servers(&self) -> Option<Vec<String>> {
        let names = self.metadata.as_ref()?.pointer("/kollect/servers")?.as_array()?;
        Some(names.iter().filter_map(|n| n.as_str().map(String::from)).collect())
    }
}
