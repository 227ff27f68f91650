//! The temporary folder of a server: removed with the server, or when the user presses Ctrl-C. Holds no processes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::interrupt;

/// A temporary folder below `TMPDIR`.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes one.
    ///
    /// # Errors
    /// If `TMPDIR` cannot be written.
    pub fn create(server: &str) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("kollect-{server}-"))
            .tempdir()
            .context("cannot make a temporary folder")?;
        interrupt::watch_folder(dir.path());
        Ok(Self(dir))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets it stay.
    pub fn keep(mut self) -> PathBuf {
        interrupt::forget_folder(self.path());
        self.0.disable_cleanup(true);
        self.path().to_path_buf()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        interrupt::forget_folder(self.path());
    }
}
