//! A Python with packages that read what we wrote without sharing code with us: DuckDB and pyarrow for Parquet, PyYAML
//! and zstandard for texts. No process runs: it is a row of the table because tests need its path, and it is installed
//! as servers are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::state::Detached;
use super::{Env, Running, Server};
use crate::{cache, workspace};

/// Name in the table, of the pin's folder and of the installation.
const NAME: &str = "python";

/// The row of the table.
#[derive(Debug)]
pub struct Row;

/// An installed one.
#[derive(Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// Installs the packages into an environment of their own, once.
    ///
    /// # Errors
    /// If `python3` lacks its `venv` module, or a package cannot be had.
    pub fn install() -> Result<Self> {
        let pins = pins();
        let key = cache::key([fs::read(&pins)?.as_slice()]);
        let home = cache::install("servers", NAME, &key, |staging| make(staging, &pins))?;
        Ok(Self { program: home.join("bin/python") })
    }
}

fn pins() -> PathBuf {
    workspace::root().join("xtask/servers/python/requirements.txt")
}

fn make(staging: &Path, pins: &Path) -> Result<()> {
    run(Command::new("python3").args(["-m", "venv"]).arg(staging))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(staging.join("bin/python")).args(pip).arg(pins))
}

fn run(command: &mut Command) -> Result<()> {
    let status =
        command.stdout(Stdio::null()).status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

impl Server for Row {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Python with DuckDB 2.0.0, pyarrow 26.0.1, PyYAML and zstandard"
    }

    fn after(&self) -> &'static [&'static str] {
        &[]
    }

    fn installed(&self) -> bool {
        let key = fs::read(pins()).map(|pins| cache::key([pins.as_slice()]));
        key.is_ok_and(|key| cache::place("servers", NAME, &key).is_ok_and(|home| home.is_dir()))
    }

    fn install(&self) -> Result<()> {
        Python::install().map(drop)
    }

    fn start(&self, _: &Env) -> Result<Box<dyn Running>> {
        Ok(Box::new(Python::install()?))
    }
}

impl Running for Python {
    fn env(&self) -> Env {
        Env::from([("KOLLECT_TEST_PYTHON".into(), self.program.display().to_string())])
    }

    fn detach(self: Box<Self>) -> Result<Detached> {
        Ok(Detached { processes: Vec::new(), dir: None, env: self.env() })
    }
}
