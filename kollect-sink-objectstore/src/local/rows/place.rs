//! The parts of a scope's manifest that name the documents of rows, and those documents as files. It does not
//! decide which.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::error::{Error, Result};
use crate::local::connect::{parent_of, sync};
use crate::local::place::{Lock, Place};
use crate::manifest::{FileEntry, Manifest};
use crate::rows::{Entry, read_entries};

impl Place {
    /// The path of a part of the manifest by its name.
    pub(super) fn part(&self, name: &str) -> String {
        format!("{}/rows/{name}", self.folder)
    }

    /// Parts that are there and that `manifest` does not name: of a step under way, or of one that did not end.
    pub(in crate::local) fn unnamed(&self, manifest: &Manifest) -> Result<BTreeSet<String>> {
        let failed = || Error::io(format!("look at {}/rows", self.folder));
        let entries = match self.dir.read_dir(format!("{}/rows", self.folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
            entries => entries.map_err(failed())?,
        };
        let named: BTreeSet<&str> = manifest.shards().iter().map(|part| part.path.as_str()).collect();
        let mut unnamed = BTreeSet::new();
        for entry in entries {
            let name = entry.map_err(failed())?.file_name();
            // Ours are ASCII and have one ending; a person's notes stay where they are.
            let Some(path) = name.to_str().filter(|name| name.ends_with(ENDING)).map(|name| self.part(name))
            else {
                continue;
            };
            if !named.contains(path.as_str()) {
                unnamed.insert(path);
            }
        }
        Ok(unnamed)
    }

    /// The rows that a part names; none where it is gone.
    pub(super) fn entries(&self, path: &str) -> Result<Vec<Entry>> {
        match self.dir.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            file => read_entries(file.map_err(Error::io(format!("read {path}")))?.into_std(), path),
        }
    }

    pub(super) fn exists(&self, path: &str) -> Result<bool> {
        match self.dir.symlink_metadata(path) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(false)
            }
            Err(error) => Err(Error::io(format!("look at {path}"))(error)),
        }
    }

    /// Puts a file that is durable when this returns.
    pub(super) fn put_durably(&self, lock: &Lock, path: &str, bytes: &[u8]) -> Result<()> {
        let temporary = self.temporary(lock)?;
        (&temporary.file).write_all(bytes).map_err(Error::io(format!("write {path}")))?;
        self.publish(lock, temporary, path)
    }

    /// Deletes a file of ours, and waits until that is durable.
    pub(super) fn remove_durably(&self, lock: &Lock, path: &str) -> Result<()> {
        self.remove_file(lock, path)?;
        let mut folder = parent_of(path);
        while !folder.is_empty() && !self.dir.is_dir(folder) {
            folder = parent_of(folder);
        }
        match sync(&self.dir, folder) {
            // Another scope's writer removes folders that it has emptied.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced.map_err(Error::io(format!("remove {path}"))),
        }
    }

    /// Puts a file that [`Place::settle`] makes durable.
    pub(super) fn put(&self, lock: &Lock, path: &str, bytes: &[u8]) -> Result<()> {
        let temporary = self.temporary(lock)?;
        (&temporary.file).write_all(bytes).map_err(Error::io(format!("write {path}")))?;
        self.rename(lock, &temporary, path)
    }

    /// Makes durable what was put and removed: one call for thousands of files.
    pub(super) fn settle(&self) -> Result<()> {
        #[cfg(target_os = "linux")]
        {
            let failed = || Error::io("make the documents of rows durable");
            // A file descriptor that is good for more than paths.
            let folder = self.dir.open(".").map_err(failed())?;
            rustix::fs::syncfs(&folder).map_err(|error| failed()(error.into()))?;
        }
        #[cfg(not(target_os = "linux"))]
        rustix::fs::sync();
        Ok(())
    }

    /// Deletes parts that `manifest` does not name, and before each the documents that only it names, as far as
    /// they are as it says: by now something else may stand there.
    pub(in crate::local) fn remove_unnamed_rows(&self, lock: &Lock, manifest: &Manifest) -> Result<()> {
        for path in self.unnamed(manifest)? {
            for entry in self.entries(&path).unwrap_or_default() {
                let file = file_entry(&entry);
                let live = manifest.files().any(|live| live.path == file.path);
                if !live && self.has_whole(&file)? {
                    self.remove_file(lock, &file.path)?;
                }
            }
            self.remove_file(lock, &path)?;
        }
        Ok(())
    }
}

/// What all parts end in.
pub(super) const ENDING: &str = ".ndjson";

pub(super) fn file_entry(entry: &Entry) -> FileEntry {
    FileEntry { path: entry.path.to_string(), bytes: entry.bytes, sha256: entry.sha256, rows: 1 }
}
