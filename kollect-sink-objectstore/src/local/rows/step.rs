//! One step under way: which rows it has come to, and what it has put. It is the same for changes and for full
//! passes; those are in `write`.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};

use kollect_sink_core::{
    Checkpoint, Error as SinkError, ErrorKind, Receipt, Result as SinkResult, Row, Scope, fence,
};

use super::place::{ENDING, file_entry};
use crate::error::{Error, Result};
use crate::format::Sha256;
use crate::local::config::{Config, Rows};
use crate::local::place::{Lock, Place};
use crate::manifest::{Export, FileEntry, Manifest};
use crate::put::Caller;
use crate::rows::{self, Entry, Form, Ledger, SHARDS, index, shard_of, write_entries};

/// Whether documents are believed to be as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// Yes: changes only look at what changes.
    Recorded,
    /// No: each is read, and mended where it differs.
    Verified,
}

/// Files that are made durable one by one. For more, the whole file system is told to be, which also waits for
/// what others have written.
const FEW: usize = 64;

pub(super) struct Step<'s> {
    config: &'s Config,
    rows: &'s Rows,
    scope: &'s Scope,
    belief: Belief,
    pub(super) place: Place,
    pub(super) before: Manifest,
    /// How the documents of `before` are written.
    former: Option<Form>,
    /// Parts that others left, as found at the start.
    pub(super) left_overs: BTreeSet<String>,
    /// Parts that say what this step is about to do.
    intents: BTreeSet<String>,
    /// What stands where a step did not end: ours, and in doubt.
    suspects: BTreeMap<Box<str>, BTreeSet<Sha256>>,
    pub(super) ledger: Ledger,
    batch: Vec<(Entry, Vec<u8>)>,
    later: Vec<Row>,
    /// Files that are not durable yet.
    loose: bool,
    pub(super) receipt: Receipt,
}

impl<'s> Step<'s> {
    pub(super) fn begin(
        config: &'s Config,
        rows: &'s Rows,
        scope: &'s Scope,
        target: &Checkpoint,
        belief: Belief,
    ) -> SinkResult<Self> {
        let place = Place::for_writing(config, scope)?;
        let lock = place.lock()?;
        let before = place.manifest()?;
        fence::write(before.as_ref().map(|before| &before.checkpoint), target)?;
        place.sweep(&lock)?;
        let lost = || SinkError::new(ErrorKind::StaleBase, "the folder lost its manifest");
        let before = before.ok_or_else(lost)?;
        let left_overs = place.unnamed(&before)?;
        drop(lock);
        let form = |export: &Export| Some(Form::new(export.encoding().ok()?, export.content?));
        Ok(Self {
            former: before.current.as_ref().and_then(form),
            config,
            rows,
            scope,
            belief,
            place,
            before,
            left_overs,
            intents: BTreeSet::new(),
            suspects: BTreeMap::new(),
            ledger: Ledger::default(),
            batch: Vec::new(),
            later: Vec::new(),
            loose: false,
            receipt: Receipt::starting_at(target),
        })
    }

    fn form(&self) -> Form {
        Form::new(self.config.encoding, self.rows.content)
    }

    /// Reads what an interrupted step has left.
    pub(super) fn read_left_overs(&mut self) -> Result<()> {
        for path in &self.left_overs {
            // One that cannot be read names nothing.
            for entry in self.place.entries(path).unwrap_or_default() {
                self.suspects.entry(entry.path).or_default().insert(entry.sha256);
            }
        }
        Ok(())
    }

    /// Reads the part of the manifest that a key belongs to.
    pub(super) fn load(&mut self, number: u8) -> Result<()> {
        if self.ledger.has(number) {
            return Ok(());
        }
        let part = self.before.shards().iter().find(|part| number_of(&part.path) == Some(number));
        let mut entries = match part {
            Some(part) => {
                if !self.place.has(part) {
                    let problem = "this part of the manifest is missing or damaged; restore it from a backup, or \
                                   delete latest.json and the folder of the parts: the next export then starts \
                                   anew, and takes over documents that are as they shall be";
                    return Err(Error::garbled(&part.path, problem));
                }
                self.place.entries(&part.path)?
            }
            None => Vec::new(),
        };
        let former = self.former.filter(|former| *former != self.form());
        for entry in &mut entries {
            entry.form = entry.form.or(former).filter(|form| *form != self.form());
        }
        self.ledger.load(number, entries);
        Ok(())
    }

    pub(super) fn load_all(&mut self) -> Result<()> {
        (0..SHARDS).filter_map(|number| u8::try_from(number).ok()).try_for_each(|number| self.load(number))
    }

    /// Comes to a row that shall be there.
    pub(super) fn consider(&mut self, row: Row) -> SinkResult<()> {
        self.load(shard_of(row.key()))?;
        let path = self.rows.layout.path(self.scope, row.identity())?;
        let mut found = self.ledger.place(&row, &path)?;
        let ours = self.suspects.contains_key(&*path) || self.before.files().any(|file| file.path == path);
        if found == rows::Place::Fresh && !ours && self.place.exists(&path)? {
            self.load_all()?;
            found = self.ledger.place(&row, &path)?;
            if found == rows::Place::Fresh && !self.stands_as_it_shall(&row, &path)? {
                let message = format!(
                    "{path} stands there already, and is not of this inventory; move it away, or change \
                     layout.pathTemplate"
                );
                return Err(SinkError::new(ErrorKind::Mismatch, message));
            }
        }
        match found {
            rows::Place::Later => self.later.push(row),
            rows::Place::Kept if self.is_as_recorded(&row)? => self.ledger.keep(row.key()),
            rows::Place::Kept | rows::Place::Ours | rows::Place::Fresh => self.add(&row, &path)?,
        }
        Ok(())
    }

    /// Whether a file that nothing names is what would be written, as after the loss of a manifest.
    fn stands_as_it_shall(&self, row: &Row, path: &str) -> Result<bool> {
        let (bytes, sha256) = rows::document(row, self.form())?;
        let file = FileEntry { path: path.to_owned(), bytes: bytes.len() as u64, sha256, rows: 1 };
        self.place.has_whole(&file)
    }

    fn is_as_recorded(&self, row: &Row) -> Result<bool> {
        match (self.belief, self.ledger.entry(row.key())) {
            (Belief::Verified, Some(entry)) => self.place.has_whole(&file_entry(entry)),
            (_, entry) => Ok(entry.is_some()),
        }
    }

    fn add(&mut self, row: &Row, path: &str) -> Result<()> {
        let (entry, bytes) = Entry::of(row, path, self.form())?;
        self.ledger.put(entry.clone());
        self.receipt.written += 1;
        self.receipt.bytes += entry.bytes;
        self.batch.push((entry, bytes));
        Ok(())
    }

    /// Writes the documents of the rows that were added since the last call.
    pub(super) fn flush(&mut self, caller: &Caller) -> SinkResult<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let lock = self.place.lock()?;
        self.guard(caller)?;
        let batch = mem::take(&mut self.batch);
        self.intend(&lock, batch.iter().map(|(entry, _)| entry))?;
        if batch.len() > FEW {
            self.loose = true;
            return Ok(batch
                .iter()
                .try_for_each(|(entry, bytes)| self.place.put(&lock, &entry.path, bytes))?);
        }
        Ok(batch.iter().try_for_each(|(entry, bytes)| self.place.put_durably(&lock, &entry.path, bytes))?)
    }

    /// Says what will be written.
    fn intend<'e>(&mut self, lock: &Lock, entries: impl Iterator<Item = &'e Entry>) -> Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let epoch = self.receipt.reached.epoch;
        let path = self.place.part(&format!("intent-{epoch}-{}-{number}{ENDING}", std::process::id()));
        self.place.put_durably(lock, &path, &write_entries(entries)?)?;
        self.intents.insert(path);
        Ok(())
    }

    /// Checks that nobody else has written, or begun to, since this step began. Called under the lock.
    fn guard(&self, caller: &Caller) -> SinkResult<()> {
        let now = self.place.manifest()?;
        if now.as_ref() != Some(&self.before) {
            fence::write(now.as_ref().map(|now| &now.checkpoint), &self.receipt.reached)?;
            return Err(SinkError::new(ErrorKind::Conflict, "another write of this scope came in between"));
        }
        let expected: BTreeSet<&String> = self.left_overs.union(&self.intents).collect();
        if self.place.unnamed(&self.before)?.iter().ne(expected) {
            return Err(SinkError::new(ErrorKind::Conflict, "another write of this scope is under way"));
        }
        Ok(caller.still_waits()?)
    }

    /// Comes to the rows that had to wait until others have left their paths.
    pub(super) fn settle_later(&mut self) -> SinkResult<()> {
        for row in mem::take(&mut self.later) {
            let path = self.rows.layout.path(self.scope, row.identity())?;
            match self.ledger.collision_at(&row, &path) {
                Some(collision) => return Err(collision.into()),
                None => self.add(&row, &path)?,
            }
        }
        Ok(())
    }

    /// Removes what is to go, and puts index, parts and manifest.
    pub(super) fn commit(mut self, caller: &Caller) -> SinkResult<Receipt> {
        let lock = self.place.lock()?;
        self.guard(caller)?;
        let mut gone: Vec<String> = self.ledger.released().map(str::to_owned).collect();
        for (path, contents) in self.suspects.iter().filter(|(path, _)| !self.ledger.knows(path)) {
            if self.stands_with(path, contents)? {
                gone.push(path.to_string());
            }
        }
        if !gone.is_empty() {
            self.intend(&lock, std::iter::empty())?;
        }
        if gone.len() > FEW {
            self.loose = true;
            gone.iter().try_for_each(|path| self.place.remove_file(&lock, path))?;
        } else {
            gone.iter().try_for_each(|path| self.place.remove_durably(&lock, path))?;
        }
        let index = self.put_index(&lock)?;
        if self.loose {
            self.place.settle()?;
        }
        let shards = self.put_shards(&lock)?;
        let next = self.successor(index, shards);
        self.place.put_manifest(&lock, &next)?;
        self.place.remove(&lock, &next.obsolete);
        for path in self.place.unnamed(&next)? {
            self.place.remove_file(&lock, &path)?;
        }
        Ok(self.receipt)
    }

    fn stands_with(&self, path: &str, contents: &BTreeSet<Sha256>) -> Result<bool> {
        let Ok(found) = self.place.dir.symlink_metadata(path) else { return Ok(false) };
        let one_of = |sha256: &Sha256| {
            let file = FileEntry { path: path.to_owned(), bytes: found.len(), sha256: *sha256, rows: 1 };
            self.place.has_whole(&file)
        };
        contents.iter().try_fold(false, |stands, sha256| Ok(stands || one_of(sha256)?))
    }

    /// Writes the index, unless it is as it shall be.
    fn put_index(&mut self, lock: &Lock) -> SinkResult<Option<FileEntry>> {
        let Some(layout) = &self.rows.index else { return Ok(None) };
        let path = layout.path(self.scope, self.receipt.reached.generation)?;
        self.load_all()?;
        let (generation, at) = (self.receipt.reached.generation, self.receipt.reached.exported_at);
        let entries = self.ledger.entries();
        let (bytes, sha256) = index(self.scope, generation, at, entries, self.config.encoding)?;
        let rows = self.ledger.entries().count() as u64;
        let file = FileEntry { path, bytes: bytes.len() as u64, sha256, rows };
        if self.ledger.knows(&file.path) {
            let problem = format!("a row and the index meet in {}", file.path);
            return Err(Error::config("layout.index.pathTemplate", problem).into());
        }
        if !self.before.files().any(|before| before.path == file.path) {
            self.place.check_owner(&file.path)?;
        }
        if !self.before.files().any(|before| *before == file) || !self.place.has_whole(&file)? {
            self.place.put_durably(lock, &file.path, &bytes)?;
        }
        Ok(Some(file))
    }

    /// Puts the parts of the manifest that changed; returns all.
    fn put_shards(&self, lock: &Lock) -> Result<Vec<FileEntry>> {
        let mut parts: BTreeMap<u8, FileEntry> = self
            .before
            .shards()
            .iter()
            .filter_map(|part| Some((number_of(&part.path)?, part.clone())))
            .collect();
        for (number, entries) in self.ledger.changed() {
            let entries: Vec<&Entry> = entries.collect();
            if entries.is_empty() {
                parts.remove(&number);
                continue;
            }
            let bytes = write_entries(entries.iter().copied())?;
            let sha256 = Sha256::of(&bytes);
            // Named by its contents: the part before stays readable until the manifest names this one.
            let hash = sha256.to_string();
            let name = format!("{number:02x}-{}{ENDING}", hash.get(..16).unwrap_or(&hash));
            let rows = entries.len() as u64;
            let part = FileEntry { path: self.place.part(&name), bytes: bytes.len() as u64, sha256, rows };
            if parts.get(&number) != Some(&part) {
                self.place.put_durably(lock, &part.path, &bytes)?;
            }
            parts.insert(number, part);
        }
        Ok(parts.into_values().collect())
    }

    fn successor(&self, index: Option<FileEntry>, shards: Vec<FileEntry>) -> Manifest {
        let target = &self.receipt.reached;
        let current = Export {
            generation: target.generation,
            exported_at: target.exported_at,
            item_count: shards.iter().map(|part| part.rows).sum(),
            checksum: None,
            unknown: target.unknown.clone(),
            format: self.config.encoding.format(),
            compression: self.config.encoding.compression(),
            layout: self.config.shape(),
            columns: Vec::new(),
            files: index.into_iter().collect(),
            content: Some(self.rows.content),
            shards,
        };
        let mut next = Manifest::empty(self.scope, target.clone());
        next.current = Some(current);
        let ours = |file: &FileEntry| self.ledger.knows(&file.path);
        next.obsolete = self.before.no_longer_in(&next).into_iter().filter(|file| !ours(file)).collect();
        next
    }
}

/// The shard that a part of the manifest is about.
fn number_of(path: &str) -> Option<u8> {
    u8::from_str_radix(path.rsplit('/').next()?.get(..2)?, 16).ok()
}
