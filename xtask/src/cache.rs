//! The folder outside the work tree that keeps what is costly to make. Knows no server: see `servers`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// The cache's folder `below`, made if it is not there: in `KOLLECT_CACHE`, else in the user's cache folder.
///
/// # Errors
/// If there is neither `KOLLECT_CACHE` nor `HOME`, or the folder cannot be made.
pub fn folder(below: &str) -> Result<PathBuf> {
    let base = match env::var_os("KOLLECT_CACHE").filter(|v| !v.is_empty()) {
        Some(dir) => std::path::absolute(dir)?,
        None => PathBuf::from(env::var_os("HOME").context("neither KOLLECT_CACHE nor HOME is set")?)
            .join(".cache/kollect"),
    };
    let dir = base.join(below);
    fs::create_dir_all(&dir).with_context(|| format!("cannot make the cache folder {}", dir.display()))?;
    Ok(dir)
}

/// A short hash of all that decides what an installation will be.
pub fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut text = hex::encode(hash.finalize());
    text.truncate(12);
    text
}

/// Where `name` with `key` is or would be installed on a `shelf` (a folder of the cache). What exists is complete.
///
/// # Errors
/// If the cache folder cannot be made.
pub fn place(shelf: &str, name: &str, key: &str) -> Result<PathBuf> {
    Ok(folder(shelf)?.join(format!("{name}-{key}")))
}

/// Installs once: `make` fills an empty folder, which then gets its name in one step, so that an interrupted
/// installation is never taken for one. Processes that want the same wait for the first.
///
/// # Errors
/// Whatever `make` reports, or a failure of the file system.
pub fn install(
    shelf: &str,
    name: &str,
    key: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let home = place(shelf, name, key)?;
    if home.is_dir() {
        return Ok(home);
    }
    let parent = folder(shelf)?;
    let lock = File::create(parent.join(format!(".{name}-{key}.lock")))?;
    lock.lock().context("cannot lock the cache")?;
    if home.is_dir() {
        return Ok(home);
    }
    // One name for all attempts: what an interrupted one left is in the way of the next, and goes.
    let staging = parent.join(format!(".making-{name}-{key}"));
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    fs::create_dir(&staging)?;
    make(&staging).with_context(|| format!("cannot install {name}"))?;
    fs::rename(&staging, &home).with_context(|| format!("cannot move {name} to {}", home.display()))?;
    Ok(home)
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn a_key_follows_every_part() {
        let base = key([b"go.mod".as_slice(), b"flags"]);
        assert_eq!(base.len(), 12);
        assert_eq!(base, key([b"go.mod".as_slice(), b"flags"]));
        assert_ne!(base, key([b"go.mod".as_slice(), b"other"]));
    }
}
