//! Which row stands where, before and after a step: finds what has to be written and removed, and rows that meet
//! in one path. It holds the shards that a step touches, some 600 bytes a row, and no row's contents.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kollect_sink_core::{Digest, KeyRef, Row, RowKey, Unknown};

use super::entry::{Entry, shard_of};
use crate::error::{Error, Result};

/// What to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Its document is as it shall be, as far as is remembered.
    Kept,
    /// Its document is to be written where one of ours stands or stood.
    Ours,
    /// Its document is to be written where nothing of ours stands, as far as is loaded.
    Fresh,
    /// Another row stands there that this step has not come to yet: ask again at its end.
    Later,
}

#[derive(Default)]
pub(crate) struct Ledger {
    shards: BTreeMap<u8, Shard>,
    /// Who stands at a path, of the loaded shards.
    owners: HashMap<Digest, RowKey>,
    /// Paths that rows of ours have left in this step.
    released: BTreeSet<Box<str>>,
}

#[derive(Default)]
struct Shard {
    rows: BTreeMap<RowKey, Slot>,
    changed: bool,
}

struct Slot {
    entry: Entry,
    /// Whether the step has come to this row.
    settled: bool,
}

impl Ledger {
    pub(crate) fn has(&self, shard: u8) -> bool {
        self.shards.contains_key(&shard)
    }

    /// Takes what is remembered of a shard.
    pub(crate) fn load(&mut self, number: u8, entries: Vec<Entry>) {
        let mut shard = Shard::default();
        for entry in entries {
            let key = entry.identity.to_key();
            self.owners.insert(path_digest(&entry.path), key.clone());
            shard.rows.insert(key, Slot { entry, settled: false });
        }
        self.shards.insert(number, shard);
    }

    pub(crate) fn entry(&self, key: KeyRef<'_>) -> Option<&Entry> {
        self.slot(key).map(|slot| &slot.entry)
    }

    fn slot(&self, key: KeyRef<'_>) -> Option<&Slot> {
        self.shards.get(&shard_of(key))?.rows.get(&key.to_owned())
    }

    /// Whether anything of ours stands or stood at `path`, as far as is loaded.
    pub(crate) fn knows(&self, path: &str) -> bool {
        self.released.contains(path) || self.owners.contains_key(&path_digest(path))
    }

    /// What to do with `row`, which shall stand at `path`. Its shard is loaded.
    ///
    /// # Errors
    /// Where a row stands there that this step has come to already.
    pub(crate) fn place(&self, row: &Row, path: &str) -> Result<Place> {
        let key = row.identity().to_key();
        match self.owners.get(&path_digest(path)) {
            Some(owner) if *owner == key => {
                let same = |entry: &Entry| entry.digest == row.digest() && entry.form.is_none();
                Ok(if self.entry(row.key()).is_some_and(same) { Place::Kept } else { Place::Ours })
            }
            Some(owner) if self.slot(owner.as_ref()).is_some_and(|slot| slot.settled) => {
                Err(self.collision(row, owner, path))
            }
            Some(_) => Ok(Place::Later),
            None if self.released.contains(path) => Ok(Place::Ours),
            None => Ok(Place::Fresh),
        }
    }

    /// The error of a row that may not wait any longer.
    pub(crate) fn collision_at(&self, row: &Row, path: &str) -> Option<Error> {
        let owner = self.owners.get(&path_digest(path))?;
        Some(self.collision(row, owner, path))
    }

    fn collision(&self, row: &Row, owner: &RowKey, path: &str) -> Error {
        let other = match self.entry(owner.as_ref()) {
            Some(entry) => format!("{:?}", entry.identity),
            None => owner.to_string(),
        };
        let problem = format!(
            "{other} and {:?} meet in {path}; add what tells them apart, such as {{uid}} or {{targetName}}",
            row.identity()
        );
        Error::config("layout.pathTemplate", problem)
    }

    /// Notes that a row stands as it shall.
    pub(crate) fn keep(&mut self, key: KeyRef<'_>) {
        if let Some(slot) = self.shards.get_mut(&shard_of(key)).and_then(|s| s.rows.get_mut(&key.to_owned()))
        {
            slot.settled = true;
        }
    }

    /// Notes that a row's document is written, or is about to be.
    pub(crate) fn put(&mut self, entry: Entry) {
        let key = entry.identity.to_key();
        let path = path_digest(&entry.path);
        let shard = self.shards.entry(shard_of(key.as_ref())).or_default();
        shard.changed = true;
        let taken = entry.path.clone();
        let before = shard.rows.insert(key.clone(), Slot { entry, settled: true });
        if let Some(before) = before.filter(|before| before.entry.path != taken) {
            self.owners.remove(&path_digest(&before.entry.path));
            self.released.insert(before.entry.path);
        }
        self.released.remove(&taken);
        self.owners.insert(path, key);
    }

    /// Notes that a row is gone; whether there was one.
    pub(crate) fn remove(&mut self, key: KeyRef<'_>) -> bool {
        let Some(shard) = self.shards.get_mut(&shard_of(key)) else { return false };
        let Some(slot) = shard.rows.remove(&key.to_owned()) else { return false };
        shard.changed = true;
        let path = path_digest(&slot.entry.path);
        if self.owners.get(&path).is_some_and(|owner| owner.as_ref() == key) {
            self.owners.remove(&path);
            self.released.insert(slot.entry.path);
        }
        true
    }

    /// Ends a full pass: rows that it did not come to are gone, unless they are unknown. Returns how many went.
    pub(crate) fn sweep(&mut self, unknown: &Unknown) -> u64 {
        let mut gone = Vec::new();
        for shard in self.shards.values_mut() {
            for (key, slot) in shard.rows.iter_mut().filter(|(_, slot)| !slot.settled) {
                if unknown.covers(&slot.entry.identity.partition()) {
                    slot.settled = true;
                } else {
                    gone.push(key.clone());
                }
            }
        }
        for key in &gone {
            self.remove(key.as_ref());
        }
        gone.len() as u64
    }

    /// Paths that nothing of ours stands at any more.
    pub(crate) fn released(&self) -> impl Iterator<Item = &str> {
        self.released.iter().map(|path| &**path)
    }

    /// The shards that this step has changed, with their entries ascending by key.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (u8, impl Iterator<Item = &Entry>)> {
        let changed = self.shards.iter().filter(|(_, shard)| shard.changed);
        changed.map(|(number, shard)| (*number, shard.rows.values().map(|slot| &slot.entry)))
    }

    /// All entries that are loaded.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.shards.values().flat_map(|shard| shard.rows.values()).map(|slot| &slot.entry)
    }
}

fn path_digest(path: &str) -> Digest {
    Digest::of(&[path.as_bytes()])
}
