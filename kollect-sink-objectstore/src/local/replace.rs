//! Replaces and removes what a scope holds. It runs on threads that may block, and knows no streams.

use kollect_sink_core::{
    Checkpoint, Claim, Complete, Error as SinkError, ErrorKind, Receipt, Result as SinkResult, Scope, fence,
};

use super::config::Config;
use super::connect::Missing;
use super::place::{Place, Temporary};
use crate::error::{Error, Result};
use crate::format::{Header, Writer, Written};
use crate::manifest::{Export, FileEntry, Manifest};
use crate::put::{Caller, Feed};

/// What the folder remembers of a scope; without digest where files are missing.
pub(super) fn checkpoint(config: &Config, scope: &Scope) -> SinkResult<Option<Checkpoint>> {
    let Some(place) = Place::open(config, scope, Missing::Leave)? else { return Ok(None) };
    // Waits for a commit that a dropped future left under way.
    let _lock = place.lock_for_reading()?;
    Ok(place.manifest()?.map(|manifest| as_found(&place, &manifest)))
}

/// Takes the scope.
pub(super) fn claim(
    config: &Config,
    scope: &Scope,
    claim: &Claim,
    caller: &Caller,
) -> SinkResult<Checkpoint> {
    let place = Place::for_writing(config, scope)?;
    let lock = place.lock()?;
    place.sweep(&lock)?;
    let stored = place.manifest()?;
    let checkpoint = fence::claim(stored.as_ref().map(|stored| &stored.checkpoint), claim)?;
    let manifest = match stored {
        Some(stored) => Manifest { checkpoint, ..stored },
        None => Manifest::empty(scope, checkpoint),
    };
    caller.still_waits()?;
    place.put_manifest(&lock, &manifest)?;
    Ok(as_found(&place, &manifest))
}

/// Replaces what the scope holds by the rows of `feed`.
pub(super) fn replace(config: &Config, export: &Complete, feed: &mut Feed) -> SinkResult<Receipt> {
    let (scope, target) = (export.scope(), export.target());
    let place = Place::for_writing(config, scope)?;
    let (before, document, spool) = {
        let lock = place.lock()?;
        let before = place.manifest()?;
        fence::write(before.as_ref().map(|before| &before.checkpoint), target)?;
        place.sweep(&lock)?;
        (before, place.temporary(&lock)?, place.temporary(&lock)?)
    };
    let Some(before) = before else { return Err(lost()) };
    if before.checkpoint.holds_the_same_as(target) && is_whole(&place, &before)? {
        return Ok(Receipt::starting_at(&before.checkpoint));
    }
    let written = write(config, export, &document, spool, feed)?;
    commit(config, export, &place, &before, document, &written, feed)
}

/// Deletes what the scope holds; the checkpoint stays.
pub(super) fn remove(config: &Config, scope: &Scope, held: &Checkpoint, caller: &Caller) -> SinkResult<()> {
    let Some(place) = Place::open(config, scope, Missing::Leave)? else { return Ok(()) };
    if place.manifest()?.is_none() {
        return Ok(());
    }
    let lock = place.lock()?;
    let Some(before) = place.manifest()? else { return Ok(()) };
    place.sweep(&lock)?;
    let retired = fence::retire(Some(&before.checkpoint), held)?;
    caller.still_waits()?;
    place.remove_left_overs(&lock, &before);
    let Some(checkpoint) = retired else { return Ok(()) };
    let mut next = Manifest::empty(scope, checkpoint);
    next.obsolete = before.files().cloned().collect();
    place.put_manifest(&lock, &next)?;
    place.remove(&lock, &next.obsolete);
    Ok(())
}

fn as_found(place: &Place, manifest: &Manifest) -> Checkpoint {
    let mut checkpoint = manifest.checkpoint.clone();
    let files = manifest.current.iter().flat_map(|export| &export.files);
    if manifest.current.is_none() || !files.clone().all(|file| place.has(file)) {
        checkpoint.digest = None;
    }
    checkpoint
}

fn is_whole(place: &Place, manifest: &Manifest) -> Result<bool> {
    let Some(current) = &manifest.current else { return Ok(false) };
    for file in &current.files {
        if !place.has_whole(file)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Streams the rows into the temporary document, and checks that they are those that were announced.
fn write(
    config: &Config,
    export: &Complete,
    document: &Temporary,
    spool: Temporary,
    feed: &mut Feed,
) -> Result<Written> {
    let header = Header::of(export, &config.hot_attributes);
    let mut writer = Writer::new(config.encoding, &header, &document.file, || spool.file.try_clone())?;
    feed.drain_into(&mut writer)?;
    let written = writer.finish()?;
    let target = export.target();
    let same_sum = target.digest.is_none_or(|digest| digest == written.digest);
    if written.rows != target.rows || !same_sum {
        return Err(Error::Incomplete {
            delivered: format!("{} rows with digest {}", written.rows, written.digest),
            announced: format!("{} rows with digest {}", target.rows, target.digest.unwrap_or_default()),
        });
    }
    Ok(written)
}

/// Publishes the document and then the manifest, if nothing has moved since `before` was read.
fn commit(
    config: &Config,
    export: &Complete,
    place: &Place,
    before: &Manifest,
    document: Temporary,
    written: &Written,
    feed: &Feed,
) -> SinkResult<Receipt> {
    let target = export.target();
    let path = config.layout.path(export.scope(), target.generation)?;
    // Most of a sync's time is spent here, before anybody else has to wait.
    document.file.sync_all().map_err(Error::io(format!("write {path}")))?;
    let lock = place.lock()?;
    let now = place.manifest()?;
    if now.as_ref() != Some(before) {
        fence::write(now.as_ref().map(|now| &now.checkpoint), target)?;
        return Err(SinkError::new(ErrorKind::Conflict, "another write of this scope came in between"));
    }
    if !before.files().any(|file| file.path == path) {
        place.check_owner(&path)?;
    }
    feed.caller.still_waits()?;
    place.remove_left_overs(&lock, before);
    let file = FileEntry { path, bytes: written.bytes, sha256: written.sha256, rows: written.rows };
    place.publish(&lock, document, &file.path)?;
    let next = successor(config, export, before, file, written);
    place.put_manifest(&lock, &next)?;
    place.remove(&lock, &next.obsolete);
    let mut receipt = Receipt::starting_at(target);
    receipt.written = written.rows;
    receipt.bytes = written.bytes;
    Ok(receipt)
}

/// The manifest after `before`, with the new document as the current export.
fn successor(
    config: &Config,
    export: &Complete,
    before: &Manifest,
    file: FileEntry,
    written: &Written,
) -> Manifest {
    let target = export.target();
    let layout = config.shape();
    // What another configuration wrote is not history of this one; what this path held is replaced.
    let earlier =
        before.current.iter().chain(&before.history).filter(|earlier| {
            earlier.layout == layout && earlier.files.iter().all(|old| old.path != file.path)
        });
    let (history, _) = config.retention.split(target.exported_at, earlier.cloned().collect());
    let current = Export {
        generation: target.generation,
        exported_at: target.exported_at,
        item_count: written.rows,
        checksum: written.checksum,
        unknown: target.unknown.clone(),
        format: config.encoding.format(),
        compression: config.encoding.compression(),
        layout,
        columns: export.schema().columns().to_vec(),
        files: vec![file],
    };
    let mut next = Manifest::empty(export.scope(), target.clone());
    next.current = Some(current);
    next.history = history;
    next.obsolete = before.no_longer_in(&next);
    next
}

fn lost() -> SinkError {
    SinkError::new(ErrorKind::StaleBase, "the folder lost its manifest")
}
