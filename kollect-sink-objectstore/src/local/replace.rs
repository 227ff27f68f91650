//! Replaces what a scope holds. It runs on threads that may block, and knows no streams.

use kollect_sink_core::{Complete, Error as SinkError, ErrorKind, Receipt, Result as SinkResult, Row, fence};

use super::config::{Config, Documents};
use super::place::{Place, Temporary};
use crate::error::{Error, Result};
use crate::format::{Header, Writer, Written};
use crate::manifest::{Export, FileEntry, Manifest};
use crate::put::Feed;

/// Replaces what the scope holds by the rows of `feed`.
pub(super) fn replace(
    config: &Config,
    documents: &Documents,
    export: &Complete,
    feed: &mut Feed<Row>,
) -> SinkResult<Receipt> {
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
    let written = write(config, documents, export, &document, spool, feed)?;
    let writing = Writing { config, documents, export, place: &place, before: &before };
    writing.commit(document, &written, feed)
}

fn is_whole(place: &Place, manifest: &Manifest) -> Result<bool> {
    let Some(current) = &manifest.current else { return Ok(false) };
    for file in &current.files {
        if !place.has_whole(file)? {
            return Ok(false);
        }
    }
    Ok(place.unnamed(manifest)?.is_empty())
}

/// Streams the rows into the temporary document, and checks that they are those that were announced.
fn write(
    config: &Config,
    documents: &Documents,
    export: &Complete,
    document: &Temporary,
    spool: Temporary,
    feed: &mut Feed<Row>,
) -> Result<Written> {
    let header = Header::of(export, &documents.hot_attributes);
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

/// A document that is written and not yet published.
struct Writing<'w> {
    config: &'w Config,
    documents: &'w Documents,
    export: &'w Complete,
    place: &'w Place,
    before: &'w Manifest,
}

impl Writing<'_> {
    /// Publishes the document and then the manifest, if nothing has moved since `before` was read.
    fn commit(self, document: Temporary, written: &Written, feed: &Feed<Row>) -> SinkResult<Receipt> {
        let Self { place, before, .. } = self;
        let target = self.export.target();
        let path = self.documents.layout.path(self.export.scope(), target.generation)?;
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
        let next = self.successor(file, written);
        place.put_manifest(&lock, &next)?;
        place.remove(&lock, &next.obsolete);
        place.remove_unnamed_rows(&lock, &next)?;
        let mut receipt = Receipt::starting_at(target);
        receipt.written = written.rows;
        receipt.bytes = written.bytes;
        Ok(receipt)
    }

    /// The manifest with the new document as the current export.
    fn successor(&self, file: FileEntry, written: &Written) -> Manifest {
        let Self { config, documents, before, .. } = self;
        let target = self.export.target();
        let layout = config.shape();
        // What another configuration wrote is not history of this one; what this path held is replaced.
        let earlier = before.current.iter().chain(&before.history).filter(|earlier| {
            earlier.layout == layout && earlier.files.iter().all(|old| old.path != file.path)
        });
        let (history, _) = documents.retention.split(target.exported_at, earlier.cloned().collect());
        let current = Export {
            generation: target.generation,
            exported_at: target.exported_at,
            item_count: written.rows,
            checksum: written.checksum,
            unknown: target.unknown.clone(),
            format: config.encoding.format(),
            compression: config.encoding.compression(),
            layout,
            columns: self.export.schema().columns().to_vec(),
            files: vec![file],
            content: None,
            shards: Vec::new(),
        };
        let mut next = Manifest::empty(self.export.scope(), target.clone());
        next.current = Some(current);
        next.history = history;
        next.obsolete = before.no_longer_in(&next);
        next
    }
}

fn lost() -> SinkError {
    SinkError::new(ErrorKind::StaleBase, "the folder lost its manifest")
}
