//! One scope's part of the folder: its manifest, its lock, its temporary and published files. It makes no
//! decisions about what to write.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cap_std::fs::{Dir, MetadataExt, OpenOptions};
use kollect_sink_core::{Error as SinkError, ErrorKind, Result as SinkResult, Scope};

use super::config::Config;
use super::connect::{self, Missing, make_dirs, parent_of, sync};
use crate::error::{Error, Result};
use crate::format::{Sha256, Tally};
use crate::layout::document::{manifest_folder, sibling_manifests};
use crate::manifest::{FILE_NAME, FileEntry, Manifest};

/// A manifest longer than this was not written by us.
const MANIFEST_LIMIT: u64 = 16 * 1024 * 1024;

/// How long and how often another writer's lock is waited for. It is held for commits only.
const LOCK_TRIES: u32 = 400;
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// One scope's part of the folder.
pub(super) struct Place {
    pub(super) dir: Dir,
    pub(super) scope: Scope,
    pub(super) folder: String,
}

/// The scope's lock; released when dropped, or by the system when the process ends.
pub(super) struct Lock {
    _file: File,
}

impl Place {
    /// Opens the scope's part; `None` where the folder does not exist and is not to be made.
    pub(super) fn open(config: &Config, scope: &Scope, missing: Missing) -> Result<Option<Self>> {
        let Some(dir) = connect::open(config, missing)? else { return Ok(None) };
        Ok(Some(Self { dir, scope: scope.clone(), folder: manifest_folder(scope) }))
    }

    /// Opens the scope's part for writing.
    pub(super) fn for_writing(config: &Config, scope: &Scope) -> Result<Self> {
        let place = Self::open(config, scope, Missing::Make)?;
        place.ok_or_else(|| Error::io(format!("open the folder {config}"))(io::ErrorKind::NotFound.into()))
    }

    fn manifest_path(&self) -> String {
        format!("{}/{FILE_NAME}", self.folder)
    }

    /// The manifest; `None` where there is none.
    pub(super) fn manifest(&self) -> Result<Option<Manifest>> {
        let path = self.manifest_path();
        read_small(&self.dir, &path)?.map(|bytes| Manifest::parse(&bytes, &self.scope, &path)).transpose()
    }

    /// Waits for the scope's lock.
    ///
    /// # Errors
    /// `Conflict` where somebody else holds it for 10 s.
    pub(super) fn lock(&self) -> SinkResult<Lock> {
        make_dirs(&self.dir, &self.folder).map_err(Error::io(format!("make {}", self.folder)))?;
        let mut options = OpenOptions::new();
        options.write(true).create(true);
        self.wait_for_lock(&options, File::try_lock)
    }

    /// Waits until no writer holds the lock; `None` where nobody ever wrote. Readers do not exclude each other.
    ///
    /// # Errors
    /// `Conflict` where a writer holds it for 10 s.
    pub(super) fn lock_for_reading(&self) -> SinkResult<Option<Lock>> {
        let mut options = OpenOptions::new();
        options.read(true);
        match self.dir.try_exists(self.lock_path()) {
            Ok(false) => Ok(None),
            _ => self.wait_for_lock(&options, File::try_lock_shared).map(Some),
        }
    }

    fn lock_path(&self) -> String {
        format!("{}/lock", self.folder)
    }

    fn wait_for_lock(
        &self,
        options: &OpenOptions,
        try_lock: fn(&File) -> Result<(), TryLockError>,
    ) -> SinkResult<Lock> {
        let path = self.lock_path();
        let doing = || Error::io(format!("lock {path}"));
        for _ in 0..LOCK_TRIES {
            let file = self.dir.open_with(&path, options).map_err(doing())?;
            let ours = file.metadata().map_err(doing())?;
            let file = file.into_std();
            match try_lock(&file) {
                // Somebody may have deleted the file, and somebody else made another, before we had the lock.
                Ok(()) => match self.dir.metadata(&path) {
                    Ok(found) if (found.dev(), found.ino()) == (ours.dev(), ours.ino()) => {
                        return Ok(Lock { _file: file });
                    }
                    _ => {}
                },
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(doing()(error).into()),
            }
        }
        Err(SinkError::new(ErrorKind::Conflict, format!("somebody else holds {path}")))
    }

    /// Puts the manifest: synced, renamed, and the rename synced.
    pub(super) fn put_manifest(&self, lock: &Lock, manifest: &Manifest) -> Result<()> {
        let path = self.manifest_path();
        let temporary = self.temporary(lock)?;
        let mut file = &temporary.file;
        file.write_all(&manifest.to_bytes()?).map_err(Error::io(format!("write {path}")))?;
        self.publish(lock, temporary, &path)
    }

    /// A new temporary file, locked for as long as this process holds it, so that nobody takes it for a
    /// left-over.
    pub(super) fn temporary(&self, _lock: &Lock) -> Result<Temporary> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = format!("{}/{}-{count}{TEMPORARY}", self.folder, std::process::id());
            let failed = || Error::io(format!("write {path}"));
            let file = match self.dir.open_with(&path, &options) {
                // Of a process elsewhere that has our number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(failed())?.into_std(),
            };
            file.lock().map_err(failed())?;
            let dir = self.dir.try_clone().map_err(failed())?;
            return Ok(Temporary { dir, path, file });
        }
    }

    /// Deletes temporary files whose process is gone.
    pub(super) fn sweep(&self, _lock: &Lock) -> Result<()> {
        let failed = || Error::io(format!("look for left-overs in {}", self.folder));
        for entry in self.dir.read_dir(&self.folder).map_err(failed())? {
            let name = entry.map_err(failed())?.file_name();
            let Some(name) = name.to_str().filter(|name| name.ends_with(TEMPORARY)) else { continue };
            let path = format!("{}/{name}", self.folder);
            let Ok(file) = self.dir.open(&path) else { continue };
            if file.into_std().try_lock().is_ok() {
                self.dir.remove_file(&path).map_err(failed())?;
            }
        }
        Ok(())
    }

    /// Syncs a temporary file and gives it the name `path`; an older file of that name is replaced.
    pub(super) fn publish(&self, lock: &Lock, temporary: Temporary, path: &str) -> Result<()> {
        let failed = || Error::io(format!("put {path} into place"));
        temporary.file.sync_all().map_err(failed())?;
        self.rename(lock, &temporary, path)?;
        sync(&self.dir, parent_of(path)).map_err(failed())
    }

    /// Gives a temporary file the name `path`, without waiting until that is durable.
    pub(super) fn rename(&self, _lock: &Lock, temporary: &Temporary, path: &str) -> Result<()> {
        let failed = || Error::io(format!("put {path} into place"));
        let folder = parent_of(path);
        for last_try in [false, false, true] {
            make_dirs(&self.dir, folder).map_err(failed())?;
            match self.dir.rename(&temporary.path, &self.dir, path) {
                // Another scope's writer removes folders that it has emptied.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !last_try => {}
                renamed => {
                    return renamed.map_err(failed());
                }
            }
        }
        Ok(())
    }

    /// Refuses `path` where another cluster's manifest names it.
    pub(super) fn check_owner(&self, path: &str) -> SinkResult<()> {
        let exists = self.dir.try_exists(path).map_err(Error::io(format!("look at {path}")))?;
        if !exists {
            return Ok(());
        }
        let (clusters, rest) = sibling_manifests(&self.scope);
        let failed = || Error::io(format!("look for other owners of {path}"));
        for entry in self.dir.read_dir(clusters).map_err(failed())? {
            let cluster = entry.map_err(failed())?.file_name();
            let Some(cluster) = cluster.to_str() else { continue };
            let folder = format!("{clusters}/{cluster}/{rest}");
            if folder == self.folder {
                continue;
            }
            let Some(bytes) = read_small(&self.dir, &format!("{folder}/{FILE_NAME}"))? else { continue };
            // A garbled manifest claims nothing; its own export reports it.
            let Ok(other) = serde_json::from_slice::<Manifest>(&bytes) else { continue };
            if other.files().any(|file| file.path == path) {
                let owner = other.scope();
                let message = format!(
                    "{path} belongs to {owner}; add {{cluster}} to pathTemplate, so that each \
                                       cluster has a path of its own"
                );
                return Err(SinkError::new(ErrorKind::ForeignWriter, message));
            }
        }
        Ok(())
    }

    /// Whether a file is there with its length.
    pub(super) fn has(&self, entry: &FileEntry) -> bool {
        self.dir.metadata(&entry.path).is_ok_and(|found| found.is_file() && found.len() == entry.bytes)
    }

    /// Whether a file is there with its contents.
    pub(super) fn has_whole(&self, entry: &FileEntry) -> Result<bool> {
        if !self.has(entry) {
            return Ok(false);
        }
        let failed = || Error::io(format!("read {}", entry.path));
        let mut file = self.read(entry)?;
        let mut tally = Tally::new(io::sink());
        io::copy(&mut file, &mut tally).map_err(failed())?;
        let (bytes, sha256): (u64, Sha256) = tally.finish();
        Ok((bytes, sha256) == (entry.bytes, entry.sha256))
    }

    /// Opens a file of ours.
    pub(super) fn read(&self, entry: &FileEntry) -> Result<File> {
        let path = &entry.path;
        match self.dir.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::garbled(path, "the manifest names this file, and it does not exist"))
            }
            opened => opened.map(cap_std::fs::File::into_std).map_err(Error::io(format!("read {path}"))),
        }
    }

    /// Deletes files of ours and folders that got empty by that. What cannot be deleted stays for the next
    /// write, which finds it in the manifest.
    pub(super) fn remove(&self, lock: &Lock, entries: &[FileEntry]) {
        entries.iter().for_each(|entry| drop(self.remove_file(lock, &entry.path)));
    }

    /// Deletes a file of ours, which may be gone already, and folders that got empty by that.
    pub(super) fn remove_file(&self, _lock: &Lock, path: &str) -> Result<()> {
        match self.dir.remove_file(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            removed => removed.map_err(Error::io(format!("remove {path}")))?,
        }
        let mut folder = parent_of(path);
        // Fails, as it shall, on the first one that holds anything.
        while !folder.is_empty() && self.dir.remove_dir(folder).is_ok() {
            folder = parent_of(folder);
        }
        Ok(())
    }

    /// Deletes what an interrupted write left; by now somebody else may use the path, so contents decide.
    pub(super) fn remove_left_overs(&self, lock: &Lock, manifest: &Manifest) {
        for entry in &manifest.obsolete {
            let live = manifest.files().any(|file| file.path == entry.path);
            if !live && self.has_whole(entry).unwrap_or(false) {
                self.remove(lock, std::slice::from_ref(entry));
            }
        }
    }
}

const TEMPORARY: &str = ".tmp";

/// A file that vanishes unless it is published.
pub(super) struct Temporary {
    dir: Dir,
    path: String,
    /// Locked while it is open.
    pub(super) file: File,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After publishing there is nothing of this name.
        let _ = self.dir.remove_file(&self.path);
    }
}

fn read_small(dir: &Dir, path: &str) -> Result<Option<Vec<u8>>> {
    let file = match dir.open(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        opened => opened.map_err(Error::io(format!("read {path}")))?,
    };
    let mut bytes = Vec::new();
    file.take(MANIFEST_LIMIT).read_to_end(&mut bytes).map_err(Error::io(format!("read {path}")))?;
    Ok(Some(bytes))
}
