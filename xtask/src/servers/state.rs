//! What `up` leaves behind so that a later `down` ends exactly the processes that it started. Starts nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Env;
use crate::cache;
use crate::process::Pinned;

/// A server that outlives the command that started it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Detached {
    /// Its processes in the order of their start.
    pub processes: Vec<Pinned>,
    /// Its temporary folder; none where it lives in another server's.
    pub dir: Option<PathBuf>,
    /// Where to find it.
    pub env: Env,
}

impl Detached {
    /// What is written down for a server.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn load(server: &str) -> Result<Option<Self>> {
        let file = file(server)?;
        match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("{} is damaged: remove it", file.display())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// Writes it down.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, server: &str) -> Result<()> {
        let file = file(server)?;
        fs::write(&file, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Whether all of its processes run.
    pub fn is_running(&self) -> bool {
        self.processes.iter().all(Pinned::is_running)
    }

    /// Ends its processes, the last started first, and removes its folder and what was written down.
    ///
    /// # Errors
    /// If a process does not end.
    pub fn stop(&self, server: &str) -> Result<()> {
        for process in self.processes.iter().rev() {
            process.stop()?;
        }
        if let Some(dir) = &self.dir
            && dir.exists()
        {
            fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        }
        fs::remove_file(file(server)?)?;
        Ok(())
    }
}

fn file(server: &str) -> Result<PathBuf> {
    Ok(cache::folder("run")?.join(format!("{server}.json")))
}
